"""Opens the curves of a run: from the cache what is there, from the event file the rest, many lines at a time."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from core.metrics import cache
from core.metrics.quantities import Quantity, SeriesKey
from core.metrics.run_metrics import MarkKind, RunMetrics
from core.metrics.step_columns import columns_of_records
from core.paths import user_data_dir
from core.runs.event_lines import decode_event
from core.runs.folder import RunFolder
from core.runs.follow import Follower, Resumed

_CHUNK = 1 << 18
"""Bytes that are taken apart at once: 3 ms in which no other thread of Python gets its turn."""


def cache_folder() -> Path:
    """Where caches and scratch files lie; may be deleted while nothing runs."""
    return user_data_dir() / "cache" / "curves"


def open_metrics(
    run: RunFolder, *, log_tail: int | None = None, check: Callable[[], None] | None = None
) -> tuple[RunMetrics, Follower]:
    """What is told of a run so far, and a follower that goes on from there.

    Without the companion nothing is read yet: the follower tells it all, in pieces.

    Args:
        run: the run.
        log_tail: see `Follower`.
        check: called between two parts of a long file; what it raises ends the reading.

    Raises:
        CaddieError: its command.json is damaged.
        OSError: a file cannot be read.
    """
    folder = cache_folder()
    if not run.command.companion:
        return RunMetrics(scratch=folder), Follower(run, log_tail=log_tail)
    metrics, offset = read_events(run.events_file, folder, check=check)
    return metrics, Follower(run, log_tail=log_tail, resumed=_resumed(metrics, offset))


def read_metrics(run: RunFolder, *, check: Callable[[], None] | None = None) -> RunMetrics:
    """All that is told of a run so far, from whichever source it has.

    Raises:
        CaddieError: its command.json is damaged.
        OSError: a file cannot be read.
    """
    metrics, follower = open_metrics(run, log_tail=0, check=check)
    while True:
        update = follower.poll()
        metrics.feed(update.events)
        if not update.behind:
            return metrics
        if check is not None:
            check()


def read_events(events: Path, folder: Path, *, check: Callable[[], None] | None = None) -> tuple[RunMetrics, int]:
    """The curves of an event file, and how many of its bytes (whole lines) are in them; a cache is kept.

    Args:
        events: events.jsonl of a run; may be missing.
        folder: of the caches.
        check: called between two parts; what it raises ends the reading.
    """
    kept = cache.load(events, folder, scratch=folder)
    metrics, offset = (kept.metrics, kept.offset) if kept is not None else (RunMetrics(scratch=folder), 0)
    start = offset
    try:
        with open(events, "rb") as stream:
            stream.seek(offset)
            while data := stream.read(_CHUNK):
                if check is not None:
                    check()
                end = data.rfind(b"\n") + 1
                if not end:
                    data += stream.readline()
                    end = data.rfind(b"\n") + 1
                    if not end:
                        break  # the last line is not whole yet
                feed_lines(metrics, data[:end])
                offset += end
                stream.seek(offset)
    except (FileNotFoundError, PermissionError):
        return metrics, offset
    if offset - start > offset // 4:
        cache.save(cache.snapshot(metrics), events, offset, folder)
    return metrics, offset


def feed_lines(metrics: RunMetrics, data: bytes) -> None:
    """Whole lines of events, as if each had been decoded by itself."""
    lines = data.split(b"\n")
    batch: list[bytes] = []
    for line in lines:
        if line.startswith(b'{"event": "step"'):
            batch.append(line)
            continue
        _feed_steps(metrics, batch)
        batch = []
        if line.strip():
            event = decode_event(line)
            if event is not None:
                metrics.feed([event])
    _feed_steps(metrics, batch)


def _feed_steps(metrics: RunMetrics, lines: list[bytes]) -> None:
    if not lines:
        return
    try:
        records: Any = json.loads(b"[" + b",".join(lines) + b"]")
    except (ValueError, RecursionError):
        records = None
    if isinstance(records, list) and len(cast("list[Any]", records)) == len(lines):
        records = cast("list[Any]", records)
        if set(map(type, records)) == {dict}:
            columns = columns_of_records(cast("list[dict[str, Any]]", records))
            if columns is not None:
                metrics.take(columns)
                return
    decoded = (decode_event(line) for line in lines)
    metrics.feed(event for event in decoded if event is not None)


def _resumed(metrics: RunMetrics, offset: int) -> Resumed:
    """What a follower would know that had read that far."""
    return Resumed(
        offset=offset,
        step=metrics.last_step,
        time=metrics.get(SeriesKey(Quantity.TIME)).last or 0.0,
        seconds=metrics.get(SeriesKey(Quantity.SECONDS)).last,
        total=metrics.total_steps,
        pictures=frozenset(mark.detail for mark in metrics.marks if mark.kind is MarkKind.SAMPLE),
        companion_failed=any(
            mark.kind is MarkKind.WARNED and mark.detail.startswith("companion-failed") for mark in metrics.marks
        ),
    )
