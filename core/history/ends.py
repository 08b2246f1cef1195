"""The last numbers of a run from the end of its event file: a run of a million steps costs as much as one of a thousand."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

import numpy as np

from core.metrics.run_metrics import LOSS, VALIDATION_LOSS, Quantity, RunMetrics, SeriesKey
from core.metrics.smoothing import Smoothing
from core.runs.event_lines import as_number

SMOOTHING: Final = Smoothing(window=50.0)
"""Of the loss at the end: the debiased exponential mean that the plots begin with."""

REACH: Final = 500
"""Steps that are looked at: the next older one weighs (49/51)**500 = 2e-9 of the last."""

_FIRST = 256 << 10
_CHUNK = 4 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """Numbers at the end of a run; None where nobody told them. Units as in `core.history.record.RunRecord`."""

    steps: int = 0
    loss: float | None = None
    validation_loss: float | None = None
    d_lr: float | None = None
    seconds_per_step: float | None = None
    memory: float | None = None
    first_time: float | None = None
    last_time: float | None = None


@dataclass(slots=True)
class _Tail:
    steps: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    last_time: float | None = None

    def add(self, event: dict[str, Any]) -> None:
        time = as_number(event.get("time"))
        self.last_time = time if time is not None else self.last_time
        step = event.get("step")
        if event.get("event") != "step" or not isinstance(step, int):
            return
        while self.steps and self.steps[-1]["step"] >= step:
            self.steps.pop()  # the training has gone back to an older state, or tells a step again
        self.steps.append(event)


def read_ends(path: Path) -> Ends:
    """Reads the ends of an events.jsonl.

    Raises:
        OSError: it is not there or cannot be read.
    """
    with open(path, "rb") as stream:
        size = stream.seek(0, 2)
        first_time = _first_time(stream)
        tail, reach = _Tail(), _FIRST
        while True:
            tail = _read_tail(stream, max(0, size - reach))
            if reach >= size or len(tail.steps) > REACH:
                break
            reach *= 4
        validation = _last_validation(stream)
    return _summed_up(tail, first_time, validation)


def ends_of(metrics: RunMetrics) -> Ends:
    """The same numbers of a run whose curves have been read (one without the companion)."""
    seconds = metrics.get(SeriesKey(Quantity.SECONDS)).y
    memory = metrics.get(SeriesKey(Quantity.MEMORY)).y
    times = metrics.get(SeriesKey(Quantity.TIME)).y
    losses = metrics.get(LOSS).y if len(metrics.get(LOSS)) else metrics.get(SeriesKey(Quantity.AVERAGE_LOSS)).y
    d_lrs = [series.last for series in metrics.of(Quantity.D_LR).values() if series.last is not None]
    return Ends(
        steps=metrics.last_step,
        loss=smoothed_end(losses),
        validation_loss=metrics.get(VALIDATION_LOSS).last,
        d_lr=max(d_lrs, default=None),
        seconds_per_step=_usual(seconds[-REACH:].tolist()) or _usual(np.diff(times[-REACH:]).tolist()),
        memory=float(memory.max()) if len(memory) else None,
        first_time=float(times[0]) if len(times) else None,
        last_time=float(times[-1]) if len(times) else None,
    )


def smoothed_end(losses: Any) -> float | None:
    """The smoothed loss after the last step; NaN where that one is not finite, None where there is none."""
    values = np.asarray(losses, dtype=np.float64)
    return float(SMOOTHING.apply(values)[-1]) if len(values) else None


def _summed_up(tail: _Tail, first_time: float | None, validation: float | None) -> Ends:
    steps = tail.steps
    if not steps:
        return Ends(validation_loss=validation, first_time=first_time, last_time=tail.last_time)
    losses = [number for step in steps if (number := as_number(step.get("loss"))) is not None]
    if not losses:
        losses = [number for step in steps if (number := as_number(step.get("average_loss"))) is not None]
    seconds = [number for step in steps if (number := as_number(step.get("seconds"))) is not None]
    memory = [number for step in steps if (number := as_number(step.get("memory"))) is not None]
    groups = cast("list[Any]", steps[-1].get("groups") or [])
    rates = [as_number(cast("dict[str, Any]", group).get("d_lr")) for group in groups if isinstance(group, dict)]
    return Ends(
        steps=steps[-1]["step"],
        loss=smoothed_end(losses[-REACH:]),
        validation_loss=validation,
        d_lr=max((rate for rate in rates if rate is not None), default=None),
        seconds_per_step=_usual(seconds[-REACH:]),
        memory=max(memory, default=None),
        first_time=first_time,
        last_time=tail.last_time,
    )


def _usual(seconds: list[float]) -> float | None:
    """The median: what a step takes between two saves. A clock that was set back makes one step negative, no more."""
    whole = [value for value in seconds if math.isfinite(value) and value > 0]
    return float(np.median(whole)) if whole else None


def _read_tail(stream: BinaryIO, start: int) -> _Tail:
    stream.seek(start)
    lines = stream.read().split(b"\n")
    tail = _Tail()
    for line in lines[1 if start else 0 :]:  # the first one is cut
        event = _event(line)
        if event is not None:
            tail.add(event)
    return tail


def _first_time(stream: BinaryIO) -> float | None:
    stream.seek(0)
    event = _event(stream.readline(_FIRST))
    return None if event is None else as_number(event.get("time"))


def _last_validation(stream: BinaryIO) -> float | None:
    """Looks backwards for the last line of a validation: there may be one an epoch, or none at all."""
    end = stream.seek(0, 2)
    rest = b""
    while end > 0:
        start = max(0, end - _CHUNK)
        stream.seek(start)
        block = stream.read(end - start) + rest
        at = len(block)
        while (at := block.rfind(b'"validated"', 0, at)) >= 0:
            begin = block.rfind(b"\n", 0, at) + 1
            if begin == 0 and start > 0:
                break  # its line begins in the block before
            event = _event(block[begin:].split(b"\n", 1)[0])
            loss = None if event is None or event.get("event") != "validated" else as_number(event.get("loss"))
            if loss is not None:
                return loss
        rest, end = block.split(b"\n", 1)[0], start
    return None


def _event(line: bytes) -> dict[str, Any] | None:
    try:
        record: object = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", record) if isinstance(record, dict) else None
