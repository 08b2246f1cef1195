"""The numbers of a run as named curves, fed with the run's events as they come."""

from __future__ import annotations

import math
import weakref
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import MappingProxyType

import numpy as np

from core.metrics.quantities import PER_GROUP, Quantity, SeriesKey
from core.metrics.series import Floats, Series
from core.metrics.smoothing import Smoothing
from core.metrics.step_columns import StepColumns, columns_of
from core.runs.events import Event, Finished, Sample, Saved, Started, Step, Validated, Warned, Wished

LOSS = SeriesKey(Quantity.LOSS)
_TIME = SeriesKey(Quantity.TIME)
VALIDATION_LOSS = SeriesKey(Quantity.VALIDATION_LOSS)
_EMPTY = Series()


__all__ = ["LOSS", "PER_GROUP", "VALIDATION_LOSS", "Facts", "Mark", "MarkKind", "Quantity", "RunMetrics", "SeriesKey"]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of a run beside its curves (see `RunMetrics`)."""

    marks: tuple[Mark, ...] = ()
    groups: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    nan_steps: tuple[int, ...] = ()
    restarted: bool = False
    begun: bool = False
    optimizer: str = ""
    total_steps: int | None = None
    hands_loss: bool | None = None
    finished: Finished | None = None


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

    def facts(self) -> Facts:
        """All but the curves."""
        return Facts(
            marks=tuple(self._marks),
            groups=tuple(self._groups),
            sources=tuple(sorted(self._sources)),
            nan_steps=tuple(sorted(self._nan_steps)),
            restarted=self._restarted,
            begun=self._first_step_seen,
            optimizer=self.optimizer,
            total_steps=self.total_steps,
            hands_loss=self.hands_loss,
            finished=self.finished,
        )

    @classmethod
    def restored(cls, facts: Facts, series: Mapping[SeriesKey, Series], *, scratch: Path | None = None) -> RunMetrics:
        """What `facts` and the curves were taken from; `series` begins with the clock."""
        self = cls(scratch=scratch)
        self._series = dict(series)
        self._marks, self._groups = list(facts.marks), list(facts.groups)
        self._nan_steps, self._sources = set(facts.nan_steps), set(facts.sources)
        self._restarted, self._first_step_seen = facts.restarted, facts.begun
        self._revision = 1
        self.optimizer, self.total_steps = facts.optimizer, facts.total_steps
        self.hands_loss, self.finished = facts.hands_loss, facts.finished
        return self

    def copy(self) -> RunMetrics:
        """A copy that stays as it is while this one is fed on: for a worker that writes a file."""
        other = RunMetrics.restored(self.facts(), {key: series.copy() for key, series in self._series.items()})
        other._revision = self._revision
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
                self._made(VALIDATION_LOSS).put(event.step, event.loss)
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
        if batch:
            self.take(columns_of(batch))

    def take(self, columns: StepColumns) -> None:
        """Takes in steps column by column: a run of 100,000 steps is opened in a moment, not in ten seconds."""
        self._revision += 1
        if self._restarted:
            self._restarted = False
            self._go_back_to(columns.first)
        if not self._first_step_seen:
            self._first_step_seen = True
            if columns.first > 1:
                self._marks.append(Mark(MarkKind.RESUMED, columns.first))
        for key, steps, values in columns.told:
            self._made(key).extend(steps, values)
            if key == LOSS:
                self._watch(steps, values)
        self._groups += [name for name in columns.groups if name not in self._groups]

    def _watch(self, steps: Floats, losses: Floats) -> None:
        finite = np.isfinite(losses)
        if self._nan_steps or not finite.all():
            for step, loss in zip(steps.tolist(), losses.tolist(), strict=True):
                self._watch_loss(int(step), loss)

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
