"""Reads one run's folder into a line of the history. What cannot be read is said, and the rest is shown all the same."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from core.errors import CaddieError
from core.history import notes
from core.history.record import SOURCES, RunRecord, Source
from core.job.model import Job
from core.runs.folder import RunFolder
from core.runs.outcome import Ending, Outcome
from core.text import Text, same

if TYPE_CHECKING:  # numpy: a list of known runs is there without it
    from core.history.ends import Ends

ORIGIN: Final = "origin.json"
"""In the folder of a run that was imported: `{"source": …, "path": …}`."""

WATCHED: Final = ("job.toml", "command.json", "outcome.json", "events.jsonl", "process.json", notes.FILE, ORIGIN)

_NAMES_ONLY: Final = frozenset(
    ["seed", "output_dir", "output_name", "logging_dir", "log_prefix", "log_tracker_name", "wandb_run_name"]
)
"""Options in which runs may differ and still be repetitions of one another."""


def stamp_of(folder: Path) -> str:
    """What tells whether a folder has changed: times and sizes of its files. No order of times is used: clocks are set back.

    Raises:
        FileNotFoundError: the folder is gone.
    """
    with os.scandir(folder) as entries:
        found = {entry.name: entry.stat() for entry in entries if entry.name in WATCHED}
    return " ".join(f"{name}:{info.st_mtime_ns}:{info.st_size}" for name, info in sorted(found.items()))


def read_record(folder: Path) -> RunRecord:
    """Reads a run.

    Raises:
        FileNotFoundError: the folder is gone, before or while it was read.
    """
    try:
        record = _read(folder)
    except OSError as error:
        if not folder.is_dir():
            raise FileNotFoundError(str(folder)) from error
        return _unreadable(folder, same(error.strerror or str(error)))
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        # A file of the folder holds what nobody foresaw. The run is there, and must not hide the others or be hidden.
        return _unreadable(folder, same(f"{type(error).__name__}: {error}"))
    if not folder.is_dir():
        raise FileNotFoundError(str(folder))
    return record


def _read(folder: Path) -> RunRecord:
    run = RunFolder(folder)
    damage: list[Text] = []
    outcome = run.outcome()  # a damaged one is judged anew from what the run left, and so mended
    ending = run.under_way() if outcome is None else outcome.ending
    record = RunRecord(folder=folder, name=run.name, created_at=run.created_at, ending=ending)
    try:
        _ = run.command
    except CaddieError as error:
        damage.append(error.text)
    origin = _origin(folder, damage)
    record = replace(record, source=origin.source, origin=origin.path)
    try:
        if origin.source == "caddie" or run.job.options:  # TensorBoard's files do not say what was trained with
            record = _with_job(record, run.job)
    except CaddieError as error:
        damage.append(error.text)
    record = _with_ends(record, _ends(run, outcome), outcome)
    try:
        said = notes.read_notes(folder)
        record = replace(record, tags=said.tags, notes=said.notes)
    except ValueError:
        damage.append(_damaged(folder / notes.FILE))
    return replace(record, damage=_together(damage))


def _unreadable(folder: Path, reason: Text) -> RunRecord:
    return RunRecord(folder=folder, name=folder.name, created_at=_time_of(folder), ending=Ending.LOST, damage=reason)


def _time_of(folder: Path) -> float:
    """When the folder was made, as its name says, else as the disk says."""
    with contextlib.suppress(OSError, ValueError, OverflowError):
        return RunFolder(folder).created_at
    return 0.0


def _with_job(record: RunRecord, job: Job) -> RunRecord:
    options = job.options
    rate = next((number for name in ("learning_rate", "unet_lr") if (number := _number(options.get(name))) is not None), None)
    named = next(
        (name for key in ("lr_scheduler_type", "lr_scheduler") if isinstance(name := options.get(key), str) and name), ""
    )
    old = "AdamW8bit" if options.get("use_8bit_adam") else "Lion" if options.get("use_lion_optimizer") else "AdamW"
    seed = options.get("seed")
    return replace(
        record,
        engine=job.engine,
        script=job.script,
        optimizer=job.optimizer_type or old,
        arguments=job.argument_items,
        rate=rate,
        scheduler=named or "constant",
        seed=seed if isinstance(seed, int) else None,
        alike=alike(job),
    )


def alike(job: Job) -> str:
    """A word that jobs share which differ in nothing but their seed and the names of what they write."""
    settings = {name: value for name, value in job.options.items() if name not in _NAMES_ONLY}
    whole = [job.engine, job.script, sorted(settings.items()), sorted(job.builtin.items()), sorted(job.accelerate.items())]
    whole += [job.environment, job.hand_loss]
    return hashlib.sha256(json.dumps(whole, sort_keys=True, default=repr).encode()).hexdigest()[:16]


def _ends(run: RunFolder, outcome: Outcome | None) -> Ends:
    from core.history.ends import Ends, ends_of, read_ends

    try:
        return read_ends(run.events_file)
    except FileNotFoundError:
        pass
    if outcome is None:
        return Ends()  # without the companion the numbers come from the whole log, which is read once, at the end
    from core.metrics.reading import read_metrics

    try:
        return ends_of(read_metrics(run))
    except CaddieError:
        return Ends()  # the damage is told where the command is read


def _with_ends(record: RunRecord, ends: Ends, outcome: Outcome | None) -> RunRecord:
    pace = ends.seconds_per_step
    return replace(
        record,
        steps=max(ends.steps, outcome.steps if outcome is not None else 0),
        total=None if outcome is None else outcome.total_steps,
        loss=ends.loss,
        validation_loss=ends.validation_loss,
        d_lr=ends.d_lr,
        steps_per_second=1 / pace if pace else None,
        memory=ends.memory,
        duration=_duration(ends, outcome),
    )


def _duration(ends: Ends, outcome: Outcome | None) -> float | None:
    """From start to end as the outcome tells, else from the first to the last event. Never negative."""
    spans = [(ends.first_time, ends.last_time)]
    if outcome is not None:
        spans.insert(0, (outcome.started_at, outcome.ended_at))
    whole = (end - begin for begin, end in spans if begin is not None and end is not None)
    return next((seconds for seconds in whole if seconds >= 0), None)


@dataclass(frozen=True, slots=True)
class _Origin:
    source: Source
    path: str


def _origin(folder: Path, damage: list[Text]) -> _Origin:
    path = folder / ORIGIN
    try:
        content: object = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return _Origin("caddie", "")
    except ValueError:
        content = None
    values: Mapping[str, Any] = cast("Mapping[str, Any]", content) if isinstance(content, dict) else {}
    source, origin = values.get("source"), values.get("path")
    if source not in SOURCES or not isinstance(origin, str):
        damage.append(_damaged(path))
        return _Origin("caddie", "")
    return _Origin(source, origin)


def _damaged(path: Path) -> Text:
    return Text(f"{path.name} is damaged.", f"{path.name} が破損しています。")


def _together(damage: list[Text]) -> Text | None:
    if not damage:
        return None
    return Text(" ".join(text.en for text in damage), "".join(text.ja for text in damage))


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
