"""Reading and writing the files of dataset configs, TOML and JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from core.dataset.config import document_faults
from core.dataset.document import DatasetConfig, from_document
from core.dataset.sections import Values, sections_of
from core.dataset.source import Source, parse, read_source
from core.errors import CaddieError, Problems
from core.files import write_atomically
from core.text import Text


def load_config(path: Path) -> DatasetConfig:
    """Reads a file, TOML or JSON.

    Raises:
        CaddieError: it cannot be read, or holds what cannot be edited table by table; with the reason.
    """
    try:
        source = read_source(path)
    except (OSError, UnicodeDecodeError) as error:
        raise CaddieError(Text(f"{path} cannot be read: {error}", f"{path} を読めません: {error}")) from error
    return config_of(source)


def save_config(config: DatasetConfig, path: Path) -> None:
    """Writes a file: UTF-8 without a byte order mark, as sd-scripts needs it; JSON where its name ends so.

    Raises:
        CaddieError: it cannot be written; the old file is untouched.
    """
    text = config.text
    if path.suffix.lower() == ".json":
        text = json.dumps(config.document(), indent=2) + "\n"  # ASCII: sd-scripts reads it in the system's encoding
    try:
        write_atomically(path, text)
    except OSError as error:
        raise CaddieError(Text(f"{path} cannot be written: {error}", f"{path} に書き込めません: {error}")) from error


def config_of(source: Source | str) -> DatasetConfig:
    """The config that a text says.

    Raises:
        CaddieError: it is no TOML, or holds what cannot be edited table by table; with the reason.
    """
    source = Source(source) if isinstance(source, str) else source
    parsed = parse(source)
    problem = parsed.problem if parsed.document is None or not parsed.stops else None
    if parsed.document is None or problem is not None:
        assert problem is not None
        raise CaddieError(problem)
    broken = [fault.whole for fault in document_faults(parsed.document) if fault.code == "structure"]
    if broken:
        raise Problems(Text("It cannot be edited:", "編集できません:"), broken)
    if source.is_json:
        return from_document(parsed.document)
    config = DatasetConfig(sections_of(source.text.replace("\r\n", "\n")))
    # `subsets = [{…}]` in one line: written anew as tables, which is the same to sd-scripts.
    as_tables = not any(_INLINE.get(section.kind, set()) & set(section.values) for section in config.sections)
    return config if as_tables and config.document() == _usual(parsed.document) else from_document(parsed.document)


_INLINE = {"file": {"general", "datasets"}, "other": {"general", "datasets"}, "dataset": {"subsets"}}
"""Tables that stand as a value in a table of another kind."""


def _usual(document: Values) -> dict[str, Any]:
    """Without empty lists, which say nothing."""
    found = {name: value for name, value in document.items() if name != "datasets" or value}
    datasets = cast("list[Values]", found.get("datasets", []))
    if datasets:
        found["datasets"] = [{name: one for name, one in dataset.items() if name != "subsets" or one} for dataset in datasets]
    return found
