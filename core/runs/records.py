"""The small JSON files of a run folder: command, processes, stop request, outcome."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

from core.files import write_atomically
from core.runs.outcome import Ending, Outcome
from core.runs.processes import ProcessId
from core.text import Text

_RENAME_TRIES = 20
_RENAME_PAUSE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCommand:
    """What a run starts.

    Attributes:
        argv: the whole command; the first item is the interpreter.
        cwd: the checkout.
        environment: variables that are set on top of the inherited ones.
        unset: inherited variables that are taken away.
        path_first: folders put before PATH.
        name: what a person calls the run.
        companion: whether the companion reports the metrics.
        total_steps: steps asked for, where the job says so; None where the script works it out.
        output_dir, output_name, logging_dir: as the script sees them, absolute; None where not given.
        created_at: seconds since the epoch.
    """

    argv: tuple[str, ...]
    cwd: str
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    unset: tuple[str, ...] = ()
    path_first: tuple[str, ...] = ()
    name: str = ""
    companion: bool = True
    total_steps: int | None = None
    output_dir: str | None = None
    output_name: str | None = None
    logging_dir: str | None = None
    created_at: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StopTimes:
    """How long each way of stopping is given before the next, in seconds.

    Attributes:
        ask: the companion ends the script at the next step (a step may be slow).
        save: the same where a save was asked for before the end, which must not be cut: as long as one may take on a slow disk.
        interrupt: Ctrl-C to the group.
        terminate: SIGTERM to the whole tree.
        leftovers: what still runs after the script has ended by itself.
    """

    ask: float = 60.0
    interrupt: float = 10.0
    terminate: float = 5.0
    leftovers: float = 5.0
    save: float = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessRecord:
    """Who is at work on a run.

    Attributes:
        starter: the process that made the folder.
        supervisor: the process that watches, once it is there.
        child: the launched command, once it is there.
        host: the window that trains it itself, in a thread; such a run has no supervisor and no child.
        seen: descendants that were seen alive, so that orphans are found again.
        started_at: when the child started, seconds since the epoch.
        updated_at: when this was written.
    """

    starter: ProcessId | None = None
    supervisor: ProcessId | None = None
    child: ProcessId | None = None
    host: ProcessId | None = None
    seen: tuple[ProcessId, ...] = ()
    started_at: float | None = None
    updated_at: float = 0.0

    @property
    def roots(self) -> tuple[ProcessId, ...]:
        """The launched command and what was seen under it."""
        return (*(() if self.child is None else (self.child,)), *self.seen)


def replace_file(path: Path, content: str) -> None:
    """Writes atomically, and again where another program (a reader, a virus scanner) holds the file for a moment.

    Raises:
        FileNotFoundError: its folder is not there: whoever deletes a run wants no folder back with one file in it.
        OSError: it stays impossible.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path.parent))
    for _ in range(_RENAME_TRIES):
        with contextlib.suppress(PermissionError):
            write_atomically(path, content)
            return
        time.sleep(_RENAME_PAUSE)
    write_atomically(path, content)


def _dump(record: object) -> str:
    return json.dumps(record, ensure_ascii=False, indent=2) + "\n"


def _load(path: Path) -> dict[str, Any] | None:
    """The JSON object in a file; None where there is none or it cannot be read (yet)."""
    try:
        value: object = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def write_command(path: Path, command: RunCommand) -> None:
    """Writes command.json."""
    replace_file(path, _dump(asdict(command)))


def read_command(path: Path) -> RunCommand | None:
    """Reads command.json; None where it is missing or damaged."""
    record = _load(path)
    if record is None:
        return None
    with contextlib.suppress(TypeError, ValueError):
        for name in ("argv", "unset", "path_first"):
            record[name] = tuple(record.get(name, ()))
        known = {name: record[name] for name in RunCommand.__dataclass_fields__ if name in record}
        command = RunCommand(**known)
        texts = (
            command.cwd,
            command.name,
            *command.argv,
            *(text for text in (command.output_dir, command.output_name, command.logging_dir) if text is not None),
        )
        return command if all(isinstance(text, str) for text in texts) else None  # pyright: ignore[reportUnnecessaryIsInstance]
    return None


def write_processes(path: Path, record: ProcessRecord) -> None:
    """Writes process.json."""
    replace_file(path, _dump(asdict(record)))


def read_processes(path: Path) -> ProcessRecord | None:
    """Reads process.json; None where it is missing or damaged."""
    record = _load(path)
    if record is None:
        return None
    with contextlib.suppress(TypeError, KeyError, ValueError, OverflowError):
        return ProcessRecord(
            starter=_process(record.get("starter")),
            supervisor=_process(record.get("supervisor")),
            child=_process(record.get("child")),
            host=_process(record.get("host")),
            seen=tuple(found for item in record.get("seen", ()) if (found := _process(item)) is not None),
            started_at=None if record.get("started_at") is None else float(record["started_at"]),
            updated_at=float(record.get("updated_at", 0.0)),
        )
    return None


def _process(item: Any) -> ProcessId | None:
    if item is None:
        return None
    uptime = item.get("uptime")
    return ProcessId(
        int(item["pid"]), float(item["created"]), None if uptime is None else float(uptime), str(item.get("boot", ""))
    )


def write_outcome(path: Path, outcome: Outcome) -> None:
    """Writes outcome.json."""
    record = asdict(outcome)
    record["ending"] = outcome.ending.value
    replace_file(path, _dump(record))


def read_outcome(path: Path) -> Outcome | None:
    """Reads outcome.json; None where it is not there (yet) or damaged."""
    record = _load(path)
    if record is None:
        return None
    with contextlib.suppress(TypeError, KeyError, ValueError):
        known = {name: record[name] for name in Outcome.__dataclass_fields__ if name in record}
        known["ending"] = Ending(known["ending"])
        known["sentence"] = Text(**known["sentence"])
        for name in ("explanation", "advice"):
            known[name] = Text(**known[name]) if known.get(name) else None
        for name in ("tail", "files"):
            known[name] = tuple(known.get(name, ()))
        return Outcome(**known)
    return None


def write_stop_request(path: Path, *, now: bool, at: float) -> None:
    """Writes stop.request. `now` leaves the asking out."""
    replace_file(path, _dump({"now": now, "time": at}))


def stop_is_urgent(path: Path) -> bool:
    """Whether a stop request says not to ask first."""
    record = _load(path)
    return bool(record and record.get("now"))
