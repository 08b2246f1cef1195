"""A curve that grows: x and y in columns, so that appending a step costs nothing to speak of."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from core.metrics.column import Column, Floats
from core.metrics.envelope import Trace
from core.metrics.pyramid import Pyramid

__all__ = ["Floats", "Series"]

_CONSOLE_DIGITS = 3  # significant digits of the numbers in sd-scripts' progress bar


class Series:
    """Values by step, sorted, one a step. NaN is a value like any other; a step that is absent is unknown.

    Steps are whole numbers, kept as float64 because that is what everything that draws wants (exact to 2**53).

    Args:
        clock: a series that is always told a step before this one is; while both have the same steps, they are kept once.
        scratch: folder for the file of a long curve (see `Column`).
    """

    __slots__ = ("__weakref__", "_borrowers", "_clock", "_epoch", "_pyramid", "_revision", "_scratch", "_x", "_y")

    def __init__(self, *, clock: Series | None = None, scratch: Path | None = None) -> None:
        self._scratch = scratch
        self._clock = clock
        self._borrowers: weakref.WeakSet[Series] = weakref.WeakSet()
        if clock is not None:
            clock._borrowers.add(self)
        self._x = Column(scratch=scratch)  # empty while the clock's are used
        self._y = Column(scratch=scratch)
        self._pyramid: Pyramid | None = None
        self._revision = 0
        self._epoch = 0

    @classmethod
    def restored(
        cls, x: Floats | None, y: Floats, pyramid: Pyramid, *, clock: Series | None = None, scratch: Path | None = None
    ) -> Series:
        """A series with these numbers, which may be read-only; without `x` it has the first steps of the clock."""
        self = cls(clock=clock if x is None else None, scratch=scratch)
        if x is not None:
            self._x = Column(x, scratch=scratch)
        self._y = Column(y, scratch=scratch)
        self._pyramid = pyramid
        self._revision = 1 if len(y) else 0
        return self

    def __len__(self) -> int:
        return len(self._y)

    @property
    def x(self) -> Floats:
        """Steps, increasing. A read-only view: valid until the next change."""
        return self._x.numbers if self._clock is None else self._clock._x.numbers[: len(self._y)]

    @property
    def y(self) -> Floats:
        """Values, as long as `x`. A read-only view: valid until the next change."""
        return self._y.numbers

    @property
    def shares_steps(self) -> bool:
        """Whether its steps are the first ones of its clock, and kept there."""
        return self._clock is not None

    @property
    def revision(self) -> int:
        """Grows with every change; equal means nothing has to be drawn again."""
        return self._revision

    @property
    def epoch(self) -> int:
        """Grows when what was there changes; while it is equal, values were only added."""
        return self._epoch

    @property
    def last_step(self) -> int | None:
        """The highest step, or None."""
        return int(self.x[-1]) if len(self) else None

    @property
    def last(self) -> float | None:
        """The value at the highest step, or None."""
        return float(self.y[-1]) if len(self) else None

    @property
    def pyramid(self) -> Pyramid:
        """Extremes of the values, up to date."""
        if self._pyramid is None:
            self._pyramid = Pyramid(scratch=self._scratch)
        if len(self._pyramid) != len(self):
            self._pyramid.update(self.y)
        return self._pyramid

    def trace(self) -> Trace:
        """For drawing: valid until the next change."""
        return Trace(self.x, self.y, self.pyramid)

    def at(self, step: float) -> float | None:
        """The value of exactly that step, or None."""
        x = self.x
        index = int(np.searchsorted(x, step))
        return float(self.y[index]) if index < len(x) and x[index] == step else None

    def put(self, step: int, value: float) -> None:
        """Sets the value of one step.

        The same step can be told twice (by the event file and by the console). Where both tell the same number with
        different precision the exact one stays, else the later one.
        """
        x = self.x
        if not len(x) or step > x[-1]:
            self._append(np.array([step], dtype=np.float64), np.array([value], dtype=np.float64))
            return
        index = int(np.searchsorted(x, step))
        if x[index] == step:
            old = float(self.y[index])
            merged = _more_exact(old, value)
            if merged != old:
                self._changed(index)
                self._y.replace(index, merged)
            return
        self._own_steps()
        for borrower in tuple(self._borrowers):
            borrower._own_steps()
        self._changed(index)
        self._x.insert(index, step)
        self._y.insert(index, value)

    def extend(self, steps: Sequence[int] | Floats, values: Sequence[float] | Floats) -> None:
        """Sets many steps: one copy where they go on after the last one in order, else one by one."""
        if not len(steps):
            return
        more = np.asarray(steps, dtype=np.float64)
        last = self.last_step
        if bool(np.all(more[1:] > more[:-1])) and (last is None or more[0] > last):
            self._append(more, np.asarray(values, dtype=np.float64))
            return
        for step, value in zip(more.tolist(), np.asarray(values, dtype=np.float64).tolist(), strict=True):
            self.put(int(step), value)

    def copy(self) -> Series:
        """A series of its own with the same values."""
        other = Series()
        other._x, other._y = Column(np.array(self.x)), Column(np.array(self.y))
        other._revision = self._revision
        return other

    def forget_from(self, step: int) -> None:
        """Removes that step and all after it: the training went back to an earlier state."""
        kept = int(np.searchsorted(self.x, step))
        if kept >= len(self):
            return
        for borrower in tuple(self._borrowers):
            if len(borrower) > kept:
                borrower._own_steps()
        self._changed(kept)
        if self._clock is None:
            self._x.truncate(kept)
        self._y.truncate(kept)

    def _append(self, steps: Floats, values: Floats) -> None:
        count = len(self)
        if self._clock is not None:
            theirs = self._clock._x.numbers[count : count + len(steps)]
            if not np.array_equal(theirs, steps):
                self._own_steps()
        if self._clock is None:
            self._x.append(steps)
        self._y.append(values)
        self._revision += 1

    def _changed(self, index: int) -> None:
        self._revision += 1
        self._epoch += 1
        if self._pyramid is not None:
            self._pyramid.truncate(index)

    def _own_steps(self) -> None:
        if self._clock is not None:
            self._x.append(self.x)
            self._clock._borrowers.discard(self)
            self._clock = None


def _more_exact(old: float, new: float) -> float:
    """`new`, unless it is only `old` rounded as the console rounds."""
    if old != new and float(f"{old:.{_CONSOLE_DIGITS}g}") == new:
        return old
    return new
