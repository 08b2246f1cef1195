"""What a user says about a run: tags and notes, in a file of the run's folder."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final, cast

from core.errors import CaddieError
from core.locks import locked
from core.text import Text

FILE: Final = "notes.json"
LOCK: Final = ".notes.lock"
"""Beside the run folders; empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunNotes:
    """Tags (short, without commas, each once) and free text."""

    tags: tuple[str, ...] = ()
    notes: str = ""


def read_notes(folder: Path) -> RunNotes:
    """What the user said.

    Raises:
        ValueError: the file is there and damaged.
    """
    try:
        text = (folder / FILE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return RunNotes()
    except OSError as error:
        raise ValueError(str(error)) from error
    content: object = json.loads(text)
    if not isinstance(content, dict):
        raise ValueError("no object")  # noqa: TRY004 - damage of a file, not of a call
    found = cast("dict[str, object]", content)
    tags, notes = found.get("tags", []), found.get("notes", "")
    if not isinstance(tags, list) or not isinstance(notes, str):
        raise ValueError("tags or notes of another kind")  # noqa: TRY004
    return RunNotes(tags=clean_tags(str(tag) for tag in cast("list[object]", tags)), notes=notes)


def write_notes(folder: Path, *, tags: Iterable[str] | None = None, notes: str | None = None) -> RunNotes:
    """Changes what is given and leaves the rest as it is on the disk now: another window may have changed that.

    Raises:
        CaddieError: the run is gone, the disk is full, or the file that is there is damaged (it is not overwritten).
    """
    from core.runs.records import replace_file  # late: psutil, and the window's table needs only `clean_tags`

    if not folder.is_dir():
        raise CaddieError(Text(f"The run {folder.name} is not there any more.", f"実行 {folder.name} はもうありません。"))
    try:
        # Two edits at once, of one window or of two: the second has to read what the first wrote.
        with locked(folder.parent / LOCK):
            found = read_notes(folder)
            if tags is not None:
                found = replace(found, tags=clean_tags(tags))
            if notes is not None:
                found = replace(found, notes=notes.strip())
            replace_file(folder / FILE, json.dumps(asdict(found), ensure_ascii=False, indent=2) + "\n")
    except ValueError as error:
        raise CaddieError(
            Text(
                f"{folder / FILE} is damaged. Mend or delete it first.",
                f"{folder / FILE} が破損しています。修正するか削除してから、もう一度行ってください。",
            )
        ) from error
    except OSError as error:
        reason = error.strerror or str(error)
        path = folder / FILE
        raise CaddieError(Text(f"{path} could not be written: {reason}", f"{path} に書き込めませんでした: {reason}")) from error
    return found


def clean_tags(words: Iterable[str]) -> tuple[str, ...]:
    """Each tag once, without blanks around it; a comma (also 、) separates two."""
    parts = (part.strip() for word in words for part in word.replace("、", ",").replace("，", ",").split(","))
    return tuple(dict.fromkeys(part for part in parts if part))
