"""The options of the training scripts as shipped with Caddie, for when there is no checkout to read.

`resources/options/sd-scripts.json` holds facts only: names, types, defaults, choices and counts, no help texts. Options
that several scripts share are stored once; each script lists the positions of its own in its own order.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import cast

from core.options.model import Option, OptionKind, OptionSet
from core.paths import RESOURCES

SNAPSHOT_FILE = RESOURCES / "options" / "sd-scripts.json"
ACCELERATE_FILE = RESOURCES / "options" / "accelerate.json"


def load_snapshot(path: Path = SNAPSHOT_FILE) -> dict[str, OptionSet]:
    """Reads the shipped options.

    Returns:
        script name -> its options, in the order in which the file lists the scripts.

    Raises:
        OSError, ValueError, KeyError: the installation is damaged.
    """
    return dict(_load(path))


def snapshot_for(script: str) -> OptionSet | None:
    """The shipped options of one script, or None for a script the snapshot does not know."""
    return _load(SNAPSHOT_FILE).get(script)


def accelerate_options() -> OptionSet:
    """The options of `accelerate launch` (of the version that the file names)."""
    return _load(ACCELERATE_FILE)["accelerate launch"]


@lru_cache(maxsize=4)
def _load(path: Path) -> Mapping[str, OptionSet]:
    document = json.loads(path.read_text(encoding="utf-8"))
    commit = cast(str, document["commit"])
    records = [option_from_record(record) for record in document["options"]]
    scripts = cast("dict[str, list[int]]", document["scripts"])
    sets: dict[str, OptionSet] = {}
    for script, positions in scripts.items():
        options = {option.name: option for option in (records[position] for position in positions)}
        sets[script] = OptionSet(script, MappingProxyType(options), "snapshot", commit)
    return MappingProxyType(sets)


def option_from_record(record: Mapping[str, object]) -> Option:
    """Makes an option from the record of a file or of the reader's child. Raises KeyError, ValueError."""
    flags = tuple(cast("list[str]", record["flags"]))
    kind = OptionKind(cast(str, record.get("kind", "text")))
    default = cast("str | int | float | None", record.get("default"))
    if default is None and kind in (OptionKind.FLAG, OptionKind.OFF_FLAG):
        default = kind is OptionKind.OFF_FLAG
    choices = cast("list[str | int | float | None]", record.get("choices", []))
    return Option(
        name=cast(str, record.get("name") or name_from_flags(flags)),
        flags=flags,
        kind=kind,
        nargs=cast("int | None", record.get("nargs")),
        # argparse cannot be told None on a command line; leaving the option out says it.
        choices=tuple(choice for choice in choices if choice is not None),
        default=default,
        help=cast(str, record.get("help", "")),
    )


def record_from_option(option: Option) -> dict[str, object]:
    """The opposite of `option_from_record`, without what can be derived."""
    record: dict[str, object] = {"flags": list(option.flags)}
    if option.name != name_from_flags(option.flags):
        record["name"] = option.name
    if option.kind is not OptionKind.TEXT:
        record["kind"] = option.kind.value
    if option.nargs is not None:
        record["nargs"] = option.nargs
    if option.choices:
        record["choices"] = list(option.choices)
    implied = option.kind in (OptionKind.FLAG, OptionKind.OFF_FLAG) and option.default is (option.kind is OptionKind.OFF_FLAG)
    if option.default is not None and not implied:
        record["default"] = option.default
    if option.help:
        record["help"] = option.help
    return record


def name_from_flags(flags: tuple[str, ...]) -> str:
    """The dest that argparse derives: the first long flag, without dashes in front and with underscores inside."""
    long_flags = [flag for flag in flags if flag.startswith("--")]
    return (long_flags or list(flags))[0].lstrip("-").replace("-", "_")


def dump_snapshot(sets: Mapping[str, OptionSet], *, source: str, commit: str) -> str:
    """The text of a snapshot file with these options (help texts are left out: they are the scripts' authors')."""
    positions: dict[str, int] = {}
    scripts: dict[str, list[int]] = {}
    for script, options in sets.items():
        listed = scripts.setdefault(script, [])
        for option in options:
            record = record_from_option(option)
            record.pop("help", None)
            line = json.dumps(record, ensure_ascii=False)
            listed.append(positions.setdefault(line, len(positions)))
    option_lines = ",\n".join(f"  {line}" for line in positions)
    script_lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(listed)}" for name, listed in scripts.items())
    head = f' "source": {json.dumps(source)},\n "commit": {json.dumps(commit)}'
    return f'{{\n{head},\n "options": [\n{option_lines}\n ],\n "scripts": {{\n{script_lines}\n }}\n}}\n'
