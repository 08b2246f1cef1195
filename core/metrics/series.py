"""A curve that grows: x and y in numpy buffers that double, so that appending a step costs nothing to speak of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

_FIRST_CAPACITY = 256
_CONSOLE_DIGITS = 3  # significant digits of the numbers in sd-scripts' progress bar


class Series:
    """Values by step, sorted, one a step. NaN is a value like any other; a step that is absent is unknown.

    Steps are whole numbers, kept as float64 because that is what everything that draws wants (exact to 2**53).
    """

    __slots__ = ("_revision", "_size", "_x", "_y")

    def __init__(self) -> None:
        self._x: Floats = np.empty(_FIRST_CAPACITY)
        self._y: Floats = np.empty(_FIRST_CAPACITY)
        self._size = 0
        self._revision = 0

    def __len__(self) -> int:
        return self._size

    @property
    def x(self) -> Floats:
        """Steps, increasing. A read-only view: valid until the next change."""
        return _read_only(self._x[: self._size])

    @property
    def y(self) -> Floats:
        """Values, as long as `x`. A read-only view: valid until the next change."""
        return _read_only(self._y[: self._size])

    @property
    def revision(self) -> int:
        """Grows with every change; equal means nothing has to be drawn again."""
        return self._revision

    @property
    def last_step(self) -> int | None:
        """The highest step, or None."""
        return int(self._x[self._size - 1]) if self._size else None

    @property
    def last(self) -> float | None:
        """The value at the highest step, or None."""
        return float(self._y[self._size - 1]) if self._size else None

    def at(self, step: float) -> float | None:
        """The value of exactly that step, or None."""
        index = int(np.searchsorted(self._x[: self._size], step))
        if index < self._size and self._x[index] == step:
            return float(self._y[index])
        return None

    def put(self, step: int, value: float) -> None:
        """Sets the value of one step.

        The same step can be told twice (by the event file and by the console). Where both tell the same number with
        different precision the exact one stays, else the later one.
        """
        if not self._size or step > self._x[self._size - 1]:
            self._reserve(1)
            self._x[self._size] = step
            self._y[self._size] = value
            self._size += 1
            self._revision += 1
            return
        index = int(np.searchsorted(self._x[: self._size], step))
        if self._x[index] == step:
            merged = _more_exact(float(self._y[index]), value)
            if merged != self._y[index]:
                self._y[index] = merged
                self._revision += 1
            return
        self._reserve(1)
        self._x[index + 1 : self._size + 1] = np.array(self._x[index : self._size])
        self._y[index + 1 : self._size + 1] = np.array(self._y[index : self._size])
        self._x[index], self._y[index] = step, value
        self._size += 1
        self._revision += 1

    def extend(self, steps: Sequence[int], values: Sequence[float]) -> None:
        """Sets many steps: one copy where they go on after the last one in order, else one by one."""
        if not steps:
            return
        more = np.asarray(steps, dtype=np.float64)
        in_order = bool(np.all(more[1:] > more[:-1])) and (not self._size or more[0] > self._x[self._size - 1])
        if not in_order:
            for step, value in zip(steps, values, strict=True):
                self.put(step, value)
            return
        self._reserve(len(more))
        end = self._size + len(more)
        self._x[self._size : end] = more
        self._y[self._size : end] = values
        self._size = end
        self._revision += 1

    def copy(self) -> Series:
        """A series of its own with the same values."""
        other = Series()
        other._x, other._y = np.array(self.x), np.array(self.y)
        other._size, other._revision = self._size, self._revision
        return other

    def forget_from(self, step: int) -> None:
        """Removes that step and all after it: the training went back to an earlier state."""
        kept = int(np.searchsorted(self._x[: self._size], step))
        if kept < self._size:
            self._size = kept
            self._revision += 1

    def _reserve(self, count: int) -> None:
        needed = self._size + count
        if needed <= len(self._x):
            return
        capacity = max(needed, 2 * len(self._x))
        for name in ("_x", "_y"):
            bigger = np.empty(capacity)
            bigger[: self._size] = getattr(self, name)[: self._size]
            setattr(self, name, bigger)


def _read_only(view: Floats) -> Floats:
    view.flags.writeable = False
    return view


def _more_exact(old: float, new: float) -> float:
    """`new`, unless it is only `old` rounded as the console rounds."""
    if old != new and float(f"{old:.{_CONSOLE_DIGITS}g}") == new:
        return old
    return new
