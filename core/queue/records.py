"""The files of a queue: `queue.json`, `driver.json`, and for each entry `entry.json` beside its `job.toml`.

A file that is damaged is never taken for something that may be started.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from core.environment.model import Environment
from core.files import write_atomically
from core.queue.model import Control, Entry, State
from core.text import Text

VERSION: Final = 1
_TRIES: Final = 4
_PAUSE: Final = 0.05
"""Seconds: Windows lets nobody read a file in the moment in which it is replaced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverNote:
    """What the driver says of itself. That it is alive is told by its lock, not by this."""

    pid: int = 0
    waits_for: tuple[str, ...] = ()
    trouble: Text | None = None


class _Damaged(Exception):
    """A file whose content cannot be what was written."""


def write_entry(path: Path, entry: Entry) -> None:
    """Writes entry.json.

    Raises:
        OSError: no space, no permission, …
    """
    place = entry.environment
    _write(
        path,
        {
            "name": entry.name,
            "optimizer": entry.optimizer,
            "engine": entry.engine,
            "steps": entry.steps,
            "state": entry.state.value,
            "environment": None
            if place is None
            else {
                "id": place.id,
                "name": place.name,
                "python": str(place.python),
                "sd_scripts": None if place.sd_scripts is None else str(place.sd_scripts),
                "layout": place.layout,
            },
            "base": None if entry.base is None else str(entry.base),
            "preflight": entry.preflight,
            "alone": entry.alone,
            "run": None if entry.run is None else str(entry.run),
            "lane": entry.lane,
            "tries": entry.tries,
            "former": [str(folder) for folder in entry.former],
            "problem": _from_text(entry.problem),
            "added_at": entry.added_at,
            "ended_at": entry.ended_at,
        },
    )


def read_entry(path: Path, entry_id: str) -> Entry | None:
    """Reads entry.json; a damaged one gives an entry that is held and says so. None where there is none."""
    try:
        record = _read(path)
        return None if record is None else _entry(record, entry_id)
    except (_Damaged, OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        reason = str(error) or type(error).__name__
        return Entry(
            id=entry_id,
            name=entry_id,
            state=State.HELD,
            damaged=True,
            problem=Text(
                f"The entry's file cannot be read ({reason}). Its job is whole: add that file again, and remove this entry. {path}",
                f"キューの項目のファイルを読み取れません ({reason})。ジョブ自体は残っています。job.toml をもう一度追加して、"
                f"この項目を削除してください。{path}",
            ),
        )


def _entry(record: Mapping[str, Any], entry_id: str) -> Entry:
    place = cast("dict[str, Any] | None", record["environment"])
    return Entry(
        id=entry_id,
        name=_text(record["name"]),
        optimizer=_text(record["optimizer"]),
        engine=_text(record["engine"]),
        steps=None if record["steps"] is None else int(record["steps"]),
        state=State(record["state"]),
        environment=None
        if place is None
        else Environment(
            id=_text(place["id"]),
            name=_text(place["name"]),
            python=Path(_text(place["python"])),
            sd_scripts=None if place["sd_scripts"] is None else Path(_text(place["sd_scripts"])),
            layout=_text(place["layout"]),
        ),
        base=_path(record["base"]),
        preflight=bool(record["preflight"]),
        alone=bool(record["alone"]),
        run=_path(record["run"]),
        lane=None if record["lane"] is None else _text(record["lane"]),
        tries=int(record["tries"]),
        former=tuple(Path(_text(item)) for item in record["former"]),
        problem=_to_text(record["problem"]),
        added_at=float(record["added_at"]),
        ended_at=None if record["ended_at"] is None else float(record["ended_at"]),
    )


def write_control(path: Path, control: Control) -> None:
    """Writes queue.json.

    Raises:
        OSError: no space, no permission, …
    """
    lanes = None if control.lanes is None else list(control.lanes)
    _write(
        path,
        {"order": list(control.order), "paused": control.paused, "stop_after": control.stop_after, "lanes": lanes},
    )


def read_control(path: Path) -> Control:
    """Reads queue.json; a damaged one pauses the queue, since nobody knows what was wanted."""
    try:
        record = _read(path)
        if record is None:
            return Control()
        lanes = record["lanes"]
        return Control(
            order=tuple(_text(item) for item in record["order"]),
            paused=bool(record["paused"]),
            stop_after=None if record["stop_after"] is None else _text(record["stop_after"]),
            lanes=None if lanes is None else tuple(_text(item) for item in lanes),
        )
    except (_Damaged, OSError, KeyError, TypeError, ValueError) as error:
        reason = str(error) or type(error).__name__
        return Control(
            paused=True,
            problem=Text(
                f"The order of the queue cannot be read ({reason}): it is paused, in the order in which the jobs were added.",
                f"キューの順番を読み取れません ({reason})。追加された順に並べ、一時停止しています。",
            ),
        )


def write_note(path: Path, note: DriverNote) -> None:
    """Writes driver.json.

    Raises:
        OSError: no space, no permission, …
    """
    _write(path, {"pid": note.pid, "waits_for": list(note.waits_for), "trouble": _from_text(note.trouble)})


def read_note(path: Path) -> DriverNote | None:
    """Reads driver.json; None where there is none or it cannot be read."""
    try:
        record = _read(path)
        if record is None:
            return None
        waits_for = tuple(_text(item) for item in record["waits_for"])
        return DriverNote(pid=int(record["pid"]), waits_for=waits_for, trouble=_to_text(record["trouble"]))
    except (_Damaged, OSError, KeyError, TypeError, ValueError):
        return None


def _write(path: Path, record: Mapping[str, object]) -> None:
    write_atomically(path, json.dumps({"version": VERSION, **record}, ensure_ascii=False, indent=2) + "\n")


def _read(path: Path) -> dict[str, Any] | None:
    """The JSON object in a file; None where there is no file."""
    for attempt in range(_TRIES):
        try:
            content = path.read_text(encoding="utf-8")
            break
        except FileNotFoundError:
            return None
        except PermissionError:
            if attempt == _TRIES - 1:
                raise
            time.sleep(_PAUSE)
    else:
        raise AssertionError
    value: object = json.loads(content)
    if not isinstance(value, dict):
        raise _Damaged("no JSON object")
    record = cast("dict[str, Any]", value)
    if record["version"] != VERSION:
        raise _Damaged(f"version {record['version']!r}")
    return record


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise _Damaged(f"{value!r} is no text")
    return value


def _path(value: object) -> Path | None:
    return None if value is None else Path(_text(value))


def _from_text(text: Text | None) -> dict[str, str] | None:
    return None if text is None else {"en": text.en, "ja": text.ja}


def _to_text(record: Mapping[str, Any] | None) -> Text | None:
    return None if record is None else Text(_text(record["en"]), _text(record["ja"]))
