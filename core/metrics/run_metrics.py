"""The numbers of a run as named curves, fed with the run's events as they come."""

from __future__ import annotations

import math
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import MappingProxyType

import numpy as np

from core.metrics.series import Floats, Series
from core.metrics.smoothing import Smoothing
from core.runs.events import Event, Finished, Group, Sample, Saved, Started, Step, Validated, Warned, Wished


class Quantity(str, Enum):
    """What is measured. The value is the name in a CSV file."""

    LOSS = "loss"
    AVERAGE_LOSS = "average_loss"  # the script's own running mean
    VALIDATION_LOSS = "validation_loss"  # on images that are held out
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
_TIME = SeriesKey(Quantity.TIME)
VALIDATION_LOSS = SeriesKey(Quantity.VALIDATION_LOSS)
_AVERAGE = SeriesKey(Quantity.AVERAGE_LOSS)
_GRAD_NORM = SeriesKey(Quantity.GRAD_NORM)
_SECONDS = SeriesKey(Quantity.SECONDS)
_MEMORY = SeriesKey(Quantity.MEMORY)
_EPOCH = SeriesKey(Quantity.EPOCH)
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

    Args:
        scratch: folder for the files of long curves; None keeps all in memory.
    """

    def __init__(self, *, scratch: Path | None = None) -> None:
        self.scratch = scratch
        self._twins = Twins()
        self._series: dict[SeriesKey, Series] = {}
        self._marks: list[Mark] = []
        self._groups: list[str] = []
        self._sources: set[str] = set()
        self._restarted = False
        self._first_step_seen = False
        self._nan_steps: set[int] = set()
        self._revision = 0
        self.optimizer = ""
        self.total_steps: int | None = None
        self.hands_loss: bool | None = None
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
        return self.get(_TIME).last_step or 0

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

    def copy(self) -> RunMetrics:
        """A copy that stays as it is while this one is fed on: for a worker that writes a file."""
        other = RunMetrics()
        other._series = {key: series.copy() for key, series in self._series.items()}
        other._marks, other._groups = list(self._marks), list(self._groups)
        other._nan_steps, other._sources = set(self._nan_steps), set(self._sources)
        other._restarted, other._first_step_seen = self._restarted, self._first_step_seen
        other._revision = self._revision
        other.optimizer, other.total_steps, other.finished = self.optimizer, self.total_steps, self.finished
        other.hands_loss = self.hands_loss
        return other

    def adds_nothing(self, key: SeriesKey) -> bool:
        """Whether an effective learning rate is, value by value, the d*lr or lr of its group, so that one curve says all."""
        if key.quantity is not Quantity.EFFECTIVE_LR:
            return False
        return any(self.same(key, SeriesKey(quantity, key.group)) for quantity in (Quantity.D_LR, Quantity.LR))

    def same(self, one: SeriesKey, other: SeriesKey) -> bool:
        """Whether two curves have the same values at the same steps; only what is new is compared."""
        return self._twins.same(self.get(one), self.get(other))

    def feed(self, events: Iterable[Event]) -> None:
        """Takes in more events, in the order they were written."""
        batch: list[Step] = []
        for event in events:
            self._revision += 1
            if isinstance(event, Step):
                batch.append(event)
                continue
            if isinstance(event, Started | Validated):  # what came before has to be known first
                self._steps(batch)
                batch.clear()
            self._happened(event)
        self._steps(batch)

    def _happened(self, event: Started | Sample | Validated | Saved | Warned | Wished | Finished) -> None:
        match event:
            case Started():
                self._started(event)
            case Saved():
                self._marks.append(Mark(MarkKind.SAVED, event.step, event.path))
            case Sample():
                self._marks.append(Mark(MarkKind.SAMPLE, event.step, event.path))
            case Validated():
                self._extend(VALIDATION_LOSS, [(event.step, event.loss)])
            case Warned():
                self._marks.append(Mark(MarkKind.WARNED, event.step, f"{event.key}: {event.detail}".rstrip(": ")))
            case Wished():
                pass  # what came of it is told by what was saved or drawn
            case Finished():
                self.finished = event

    def _started(self, event: Started) -> None:
        self.optimizer = event.optimizer or self.optimizer
        self.hands_loss = event.hands_loss
        self.total_steps = event.total_steps if event.total_steps is not None else self.total_steps
        self._restarted = event.source in self._sources
        self._sources.add(event.source)
        self.finished = None

    def _steps(self, batch: list[Step]) -> None:
        """Takes in steps column by column: a run of 100,000 steps is opened in a moment, not in ten seconds."""
        if not batch:
            return
        if self._restarted:
            self._restarted = False
            self._go_back_to(batch[0].step)
        if not self._first_step_seen:
            self._first_step_seen = True
            if batch[0].step > 1:
                self._marks.append(Mark(MarkKind.RESUMED, batch[0].step))
        self._extend(_TIME, [(step.step, step.time) for step in batch])
        self._extend(LOSS, [(step.step, step.loss) for step in batch])
        self._extend(_AVERAGE, [(step.step, step.average_loss) for step in batch])
        self._extend(_GRAD_NORM, [(step.step, step.grad_norm) for step in batch])
        self._extend(_SECONDS, [(step.step, step.seconds) for step in batch])
        self._extend(_MEMORY, [(step.step, step.memory) for step in batch])
        self._extend(_EPOCH, [(step.step, step.epoch) for step in batch])
        by_group: dict[str, list[tuple[int, Group]]] = {}
        for step in batch:
            for group in step.groups:
                by_group.setdefault(group.name, []).append((step.step, group))
        for name, told in by_group.items():
            if name not in self._groups:
                self._groups.append(name)
            self._extend(SeriesKey(Quantity.LR, name), [(step, group.lr) for step, group in told])
            self._extend(SeriesKey(Quantity.EFFECTIVE_LR, name), [(step, group.effective_lr) for step, group in told])
            self._extend(SeriesKey(Quantity.D, name), [(step, group.d) for step, group in told])
            self._extend(SeriesKey(Quantity.D_LR, name), [(step, group.d_lr) for step, group in told])
        for step in batch:
            if step.loss is not None and (self._nan_steps or not math.isfinite(step.loss)):
                self._watch_loss(step.step, step.loss)

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
        for series in reversed(self._series.values()):  # the clock last: others share its steps
            series.forget_from(step)
        self._marks = [mark for mark in self._marks if mark.step < step]
        self._marks.append(Mark(MarkKind.RESUMED, step))
        self._nan_steps = {nan for nan in self._nan_steps if nan < step}

    def _extend(self, key: SeriesKey, pairs: Sequence[tuple[int, float | None]]) -> None:
        steps = [step for step, value in pairs if value is not None]
        if steps:
            values = [value for _, value in pairs if value is not None]
            self._made(key).extend(steps, values)

    def _made(self, key: SeriesKey) -> Series:
        series = self._series.get(key)
        if series is None:
            clock = None if key == _TIME else self._series.get(_TIME)
            series = self._series[key] = Series(clock=clock, scratch=self.scratch)
        return series


class Twins:
    """Which curves are the same, value by value, found out piece by piece as they grow."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], tuple[weakref.ref[Series], weakref.ref[Series], tuple[int, int], int]] = {}

    def same(self, one: Series, other: Series) -> bool:
        """Whether both have the same values at the same steps (NaN equals NaN), and any."""
        if not len(one) or len(one) != len(other):
            return False
        known = self._known.get((id(one), id(other)))
        epochs = (one.epoch, other.epoch)
        alike = 0  # how many are known to be alike; -1: they differ
        if known is not None and known[0]() is one and known[1]() is other and known[2] == epochs:
            alike = known[3]
        if 0 <= alike < len(one):
            same = np.array_equal(one.x[alike:], other.x[alike:]) and np.array_equal(
                one.y[alike:], other.y[alike:], equal_nan=True
            )
            alike = len(one) if same else -1
            self._known[id(one), id(other)] = (weakref.ref(one), weakref.ref(other), epochs, alike)
        return alike >= 0
