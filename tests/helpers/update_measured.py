"""Puts the benchmark's figures into the catalogue: resources/catalogue/_measured.toml, which the Pick table shows.

`python main.py bench optimizers --json figures.json`, then `python tests/helpers/update_measured.py figures.json`. The
file is written anew from one run, so that all its figures can be compared; nothing of the former one stays. An optimizer
gets no figure where it was not measured, or where the row is about a variant that sd-scripts does not build.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import toml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from core.catalogue.catalogue import Catalogue  # noqa: E402 - the project is not installed
from core.catalogue.loader import CATALOGUE_FOLDER, load_catalogue  # noqa: E402
from core.catalogue.measured import FILE  # noqa: E402
from core.catalogue.spec import OptimizerSpec  # noqa: E402
from core.cli.bench import FORMAT  # noqa: E402
from core.files import write_atomically  # noqa: E402

HEAD = """\
# What the benchmark measured. Written by tests/helpers/update_measured.py; figures are never typed in by hand.
# state_bytes: for each parameter. step_cost: time of a step as a multiple of torch's AdamW in the same run.

"""


def measured_toml(document: Mapping[str, Any], catalogue: Catalogue, *, references_only: bool = False) -> str:
    """The text of the file.

    Args:
        document: what `bench optimizers --json` wrote.
        catalogue: whose ids get figures.
        references_only: without the fast implementations.

    Raises:
        ValueError: the document is of another format or of a run that ended early, or it says nothing about any optimizer of the catalogue.
    """
    if document.get("format") != FORMAT:
        raise ValueError(f"format {document.get('format')!r} of the figures is not {FORMAT}")
    if document["problem"] is not None:
        raise ValueError(f"the run did not come to its end: {document['problem']}")
    start = document["start"]
    entries = {spec.id: sides for spec, sides in _entries(document, catalogue, references_only)}
    if not entries:
        raise ValueError("no optimizer of the catalogue was measured")
    where = {
        "date": document["date"],
        "command": document["command"],
        **{name: start[name] for name in ("device", "device_name", "threads", "torch", "set", "tensors", "parameters")},
    }
    ordered = {spec.id: entries[spec.id] for spec in catalogue if spec.id in entries}
    return HEAD + toml.dumps({"where": where, "optimizers": ordered})


def _entries(
    document: Mapping[str, Any], catalogue: Catalogue, references_only: bool
) -> Iterator[tuple[OptimizerSpec, dict[str, dict[str, object]]]]:
    parameters = document["start"]["parameters"]
    for row in document["rows"]:
        spec = catalogue.get(row["name"])
        if spec is None or row["variant"]:
            continue
        if not _is_class_of(spec, row["reference"]["path"]):
            raise ValueError(f"{row['reference']['path']} is not what sd-scripts builds for {spec.id}: {spec.class_path}")
        kept = {"reference": "reference"} if references_only else {"reference": "reference", "fast": "ours"}
        sides = {name: _side(row[who], parameters) for name, who in kept.items() if row.get(who, {}).get("status") == "measured"}
        if sides:
            yield spec, sides


def _is_class_of(spec: OptimizerSpec, path: str) -> bool:
    """Whether two dotted paths mean one class; packages offer theirs under a shorter one too."""
    (package, *_, name), (other_package, *_, other_name) = spec.class_path.split("."), path.split(".")
    return (package, name) == (other_package, other_name)


def _side(side: Mapping[str, Any], parameters: int) -> dict[str, object]:
    version = {"version": side["version"]} if side["version"] else {}
    return {
        "package": side["package"],
        **version,
        "state_bytes": round(side["state_bytes"] / parameters, 2),
        "step_cost": float(f"{side['relative_cost']:.3g}"),
    }


def main(arguments: list[str]) -> int:
    """Writes the file from the figures that are named."""
    names = [argument for argument in arguments if not argument.startswith("-")]
    if len(names) != 1 or set(arguments) - {*names, "--references-only"}:
        print("usage: update_measured.py FIGURES.json [--references-only]", file=sys.stderr)
        return 2
    document = json.loads(Path(names[0]).read_text(encoding="utf-8"))
    try:
        text = measured_toml(document, load_catalogue(), references_only="--references-only" in arguments)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    write_atomically(CATALOGUE_FOLDER / FILE, text)
    measured = [spec.id for spec in load_catalogue() if spec.measured is not None]
    missing = [spec.id for spec in load_catalogue() if spec.measured is None]
    print(f"{FILE}: {len(measured)} optimizers; not measured: {', '.join(missing) or 'none'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
