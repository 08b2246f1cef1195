"""Gathers what a run left behind, for the judge. Reads files only."""

from __future__ import annotations

import math
import shutil
import time
from pathlib import Path

from core.runs.console import Console
from core.runs.event_lines import decode_event
from core.runs.events import Event, Finished, Saved, Started, Step
from core.runs.folder import RunFolder
from core.runs.judge import Evidence
from core.runs.records import RunCommand, read_command
from core.text import Text

_CHUNK = 1 << 20
_TAIL_BYTES = 256 << 10
_TAIL_LINES = 400
_FULL = 1 << 20  # bytes; a disk with less refuses a log's next block
_WEIGHTS = (".safetensors", ".ckpt", ".pt", ".bin", ".pth")


class Seen:
    """Sums up events without keeping them: a run may have a million."""

    def __init__(self) -> None:
        self.steps = 0
        self.total: int | None = None
        self.last_loss: float | None = None
        self.first_nan: int | None = None
        self.finished: Finished | None = None
        self.saved: list[str] = []

    def add(self, event: Event | None) -> None:
        """Counts one event in; None and what ends nothing is passed over."""
        if isinstance(event, Step):
            self.steps = max(self.steps, event.step)
            loss = event.loss if event.loss is not None else event.average_loss
            if loss is not None:
                self.last_loss = loss
                if math.isnan(loss) and self.first_nan is None:
                    self.first_nan = event.step
        elif isinstance(event, Started) and event.total_steps is not None:
            self.total = event.total_steps
        elif isinstance(event, Finished):
            # Of several processes the first one knows why: the others only see that it is gone.
            self.finished = self.finished or event
        elif isinstance(event, Saved) and event.kind == "weights":
            self.saved.append(event.path)


def gather(
    run: RunFolder,
    *,
    exit_code: int | None,
    trouble: Text | None = None,
    ended_at: float | None = None,
    heard: Seen | None = None,
) -> Evidence:
    """Everything the folder tells about a run that is over.

    Args:
        run: the run.
        exit_code: of the launched command, None where nobody saw it.
        trouble: what the supervisor could not do.
        ended_at: seconds since the epoch; the log's last change if None.
        heard: the same events, heard without a file; believed where the file is gone (somebody deleted the folder).
    """
    # Without its command (missing, or damaged by an editor) a run still ended somehow.
    command = read_command(run.command_file) or RunCommand(argv=(), cwd="")
    seen = Seen()
    if heard is not None and not run.events_file.exists():
        seen = heard
    else:
        _read_events(run.events_file, seen)
    lines, console = _read_log(run.log_file, whole=not command.companion)
    if not command.companion:
        for step in console.take_steps():
            seen.add(step)
    progress = console.progress
    if progress is not None:
        seen.steps = max(seen.steps, progress.step)
        seen.total = progress.total if seen.total is None else seen.total
    record = run.processes()
    started = record.started_at
    finished = seen.finished
    return Evidence(
        exit_code=exit_code,
        how="" if finished is None else finished.how,
        raised="" if finished is None else finished.error,
        stop_requested=run.stop_requested(),
        steps=seen.steps,
        total_steps=seen.total if seen.total is not None else command.total_steps,
        last_loss=seen.last_loss,
        first_nan=seen.first_nan,
        lines=lines,
        files=_files(command, seen.saved, started or run.created_at),
        expects_files=command.output_dir is not None,
        trouble=trouble,
        disk_full=_is_full(run.path),
        started_at=started,
        ended_at=ended_at if ended_at is not None else _last_change(run),
    )


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < _FULL
    except OSError:
        return False


def _last_change(run: RunFolder) -> float:
    times = [path.stat().st_mtime for path in (run.log_file, run.events_file) if path.exists()]
    return max(times, default=time.time())


def _read_events(path: Path, seen: Seen) -> None:
    try:
        with open(path, "rb") as stream:
            for line in stream:
                seen.add(decode_event(line))
    except FileNotFoundError:
        return


def _read_log(path: Path, *, whole: bool) -> tuple[tuple[str, ...], Console]:
    """The last clean lines; the whole log is read where the bars are the only witnesses of the steps."""
    console = Console()
    lines: list[str] = []
    try:
        with open(path, "rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(0 if whole else max(0, size - _TAIL_BYTES))
            while data := stream.read(_CHUNK):
                lines = [*lines, *console.feed(data).splitlines()][-_TAIL_LINES:]
    except FileNotFoundError:
        return (), console
    lines = [*lines, *console.finish().splitlines()][-_TAIL_LINES:]
    return tuple(lines), console


def _files(command: RunCommand, saved: list[str], since: float) -> tuple[str, ...]:
    """Weights that are there: what the companion saw saved, else what is new in the output folder."""
    base = Path(command.cwd)
    found = list(dict.fromkeys(str(base / path) for path in saved if (base / path).is_file()))
    if found or command.output_dir is None:
        return tuple(found)
    prefix = command.output_name or ""
    new: list[tuple[float, str]] = []
    try:
        for path in Path(command.output_dir).iterdir():
            changed = path.stat().st_mtime
            # Two seconds: the coarsest clock of a file system in use (FAT).
            if path.suffix in _WEIGHTS and path.name.startswith(prefix) and changed >= since - 2:
                new.append((changed, str(path)))
    except OSError:
        return ()
    return tuple(path for _, path in sorted(new))
