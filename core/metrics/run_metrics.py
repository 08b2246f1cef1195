"""The numbers of a run as named curves, fed with the run's events as they come."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

import numpy as np

from core.metrics.series import Floats, Series
from core.metrics.smoothing import Smoothing
from core.runs.events import Event, Finished, Group, Sample, Saved, Started, Step, Warned


class Quantity(str, Enum):
    """What is measured. The value is the name in a CSV file."""

    LOSS = "loss"
    AVERAGE_LOSS = "average_loss"  # the script's own running mean
    LR = "lr"
    EFFECTIVE_LR = "effective_lr"
    D = "d"
    D_LR = "d*lr"
    GRAD_NORM = "grad_norm"
    SECONDS = "seconds"
    MEMORY = "memory"  # bytes
    EPOCH = "epoch"
    TIME = "time"  # seconds since the epoch


PER_GROUP = (Quantity.LR, Quantity.EFFECTIVE_LR, Quantity.D, Quantity.D_LR)


@dataclass(frozen=True, slots=True)
class SeriesKey:
    """Names one curve: a quantity and, where it has one, the parameter group."""

    quantity: Quantity
    group: str = ""

    @property
    def name(self) -> str:
        """`loss`, `d*lr/unet`, …: column name in a CSV file."""
        return f"{self.quantity.value}/{self.group}" if self.group else self.quantity.value


LOSS = SeriesKey(Quantity.LOSS)
_EMPTY = Series()


class MarkKind(str, Enum):
    """What is marked on the time line of a run."""

    RESUMED = "resumed"
    SAVED = "saved"
    SAMPLE = "sample"
    WARNED = "warned"
    NAN = "nan"


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened at a step. `detail` is a path or the raw message."""

    kind: MarkKind
    step: int
    detail: str = ""


class RunMetrics:
    """Curves and marks of one run.

    Duplicates are merged by step. When a source that has already started starts again at a step that was already
    done, the training has gone back to an older state: what came after that step is forgotten, as the weights were.
    """

    def __init__(self) -> None:
        self._series: dict[SeriesKey, Series] = {}
        self._marks: list[Mark] = []
        self._groups: list[str] = []
        self._sources: set[str] = set()
        self._restarted = False
        self._first_step_seen = False
        self._pending: dict[SeriesKey, tuple[list[int], list[float]]] = {}
        self._nan_steps: set[int] = set()
        self._revision = 0
        self.optimizer = ""
        self.total_steps: int | None = None
        self.finished: Finished | None = None

    @property
    def series(self) -> Mapping[SeriesKey, Series]:
        """All curves that have at least one value."""
        return MappingProxyType(self._series)

    @property
    def groups(self) -> tuple[str, ...]:
        """Parameter groups in the order they were first seen."""
        return tuple(self._groups)

    @property
    def marks(self) -> tuple[Mark, ...]:
        """What happened, in the order it was told. Only the first of a row of NaN steps is marked."""
        return tuple(self._marks)

    @property
    def revision(self) -> int:
        """Grows when anything changes."""
        return self._revision

    @property
    def last_step(self) -> int:
        """The highest step that was reported, 0 before the first."""
        return self.get(SeriesKey(Quantity.TIME)).last_step or 0

    @property
    def nan_count(self) -> int:
        """How many steps had a loss that is not a finite number."""
        return len(self._nan_steps)

    def get(self, key: SeriesKey) -> Series:
        """The curve of that name, empty where nothing is known of it."""
        return self._series.get(key, _EMPTY)

    def of(self, quantity: Quantity) -> dict[str, Series]:
        """The curves of one quantity by parameter group ("" where it has none), in the order of the groups."""
        names = ("", *self._groups)
        keys = (SeriesKey(quantity, name) for name in names)
        return {key.group: self._series[key] for key in keys if key in self._series}

    def smoothed(self, key: SeriesKey, smoothing: Smoothing) -> Floats:
        """The smoothed values of a curve, one for each of its steps."""
        return smoothing.apply(self.get(key).y)

    def adds_nothing(self, key: SeriesKey) -> bool:
        """Whether an effective learning rate is, value by value, the d*lr or lr of its group, so that one curve says all."""
        if key.quantity is not Quantity.EFFECTIVE_LR:
            return False
        own = self.get(key)
        others = (self.get(SeriesKey(quantity, key.group)) for quantity in (Quantity.D_LR, Quantity.LR))
        return any(same_curve(own, other) for other in others)

    def feed(self, events: Iterable[Event]) -> None:
        """Takes in more events, in the order they were written."""
        for event in events:
            self._revision += 1
            match event:
                case Step():
                    self._step(event)
                case Started():
                    self._flush()
                    self._started(event)
                case Saved():
                    self._marks.append(Mark(MarkKind.SAVED, event.step, event.path))
                case Sample():
                    self._marks.append(Mark(MarkKind.SAMPLE, event.step, event.path))
                case Warned():
                    self._marks.append(Mark(MarkKind.WARNED, event.step, f"{event.key}: {event.detail}".rstrip(": ")))
                case Finished():
                    self.finished = event
        self._flush()

    def _started(self, event: Started) -> None:
        self.optimizer = event.optimizer or self.optimizer
        self.total_steps = event.total_steps if event.total_steps is not None else self.total_steps
        self._restarted = event.source in self._sources
        self._sources.add(event.source)
        self.finished = None

    def _step(self, event: Step) -> None:
        if self._restarted:
            self._restarted = False
            self._go_back_to(event.step)
        if not self._first_step_seen:
            self._first_step_seen = True
            if event.step > 1:
                self._marks.append(Mark(MarkKind.RESUMED, event.step))
        self._note(SeriesKey(Quantity.TIME), event.step, event.time)
        self._note(LOSS, event.step, event.loss)
        self._note(SeriesKey(Quantity.AVERAGE_LOSS), event.step, event.average_loss)
        self._note(SeriesKey(Quantity.GRAD_NORM), event.step, event.grad_norm)
        self._note(SeriesKey(Quantity.SECONDS), event.step, event.seconds)
        self._note(SeriesKey(Quantity.MEMORY), event.step, event.memory)
        self._note(SeriesKey(Quantity.EPOCH), event.step, event.epoch)
        for group in event.groups:
            self._group(event.step, group)
        if event.loss is not None:
            self._watch_loss(event.step, event.loss)

    def _group(self, step: int, group: Group) -> None:
        if group.name not in self._groups:
            self._groups.append(group.name)
        self._note(SeriesKey(Quantity.LR, group.name), step, group.lr)
        self._note(SeriesKey(Quantity.EFFECTIVE_LR, group.name), step, group.effective_lr)
        self._note(SeriesKey(Quantity.D, group.name), step, group.d)
        self._note(SeriesKey(Quantity.D_LR, group.name), step, group.d_lr)

    def _watch_loss(self, step: int, loss: float) -> None:
        if math.isfinite(loss):
            self._nan_steps.discard(step)  # another source knew the number
            return
        if step not in self._nan_steps and step - 1 not in self._nan_steps:
            self._marks.append(Mark(MarkKind.NAN, step))
        self._nan_steps.add(step)

    def _go_back_to(self, step: int) -> None:
        if step > self.last_step:
            return
        for series in self._series.values():
            series.forget_from(step)
        self._marks = [mark for mark in self._marks if mark.step < step]
        self._marks.append(Mark(MarkKind.RESUMED, step))
        self._nan_steps = {nan for nan in self._nan_steps if nan < step}

    def _note(self, key: SeriesKey, step: int, value: float | None) -> None:
        if value is None:
            return
        waiting = self._pending.get(key)
        if waiting is None:
            waiting = self._pending[key] = ([], [])
        waiting[0].append(step)
        waiting[1].append(value)

    def _flush(self) -> None:
        for key, (steps, values) in self._pending.items():
            self._series.setdefault(key, Series()).extend(steps, values)
        self._pending.clear()


def same_curve(one: Series, other: Series) -> bool:
    """Whether two curves have the same values at the same steps (NaN equals NaN)."""
    return bool(len(one)) and np.array_equal(one.x, other.x) and np.array_equal(one.y, other.y, equal_nan=True)
