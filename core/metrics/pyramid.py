"""The lowest and highest value of any stretch of a long row of numbers, without looking at each of them.

Level 0 holds the extremes of blocks of 16 values, each further level those of four blocks of the level below. Only whole
blocks are kept, so that a row that grows only adds to the levels; the rest is looked at as it is.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.metrics.column import Column, Floats

BLOCK = 16
FAN = 4
_FEW = 20_000
"""Values that are looked at one by one rather than by levels."""
Indices = NDArray[np.intp]


class Pyramid:
    """Extremes of a row of numbers. What is not finite counts for nothing; a stretch without any number has NaN.

    Args:
        scratch: folder for levels that become long (see `Column`).
        positive: values of 0 and less count for nothing either, as on a logarithmic axis.
    """

    __slots__ = ("_epoch", "_highs", "_known", "_lows", "_positive", "_scratch")

    def __init__(self, *, scratch: Path | None = None, positive: bool = False) -> None:
        self._positive = positive
        self._epoch = 0
        self._lows: list[Column] = []
        self._highs: list[Column] = []
        self._known = 0
        self._scratch = scratch

    def __len__(self) -> int:
        return self._known

    @property
    def epoch(self) -> int:
        """Grows when values were forgotten; while it is equal, values were only added."""
        return self._epoch

    @property
    def levels(self) -> list[tuple[Floats, Floats]]:
        """Lowest and highest values, level by level."""
        return [(low.numbers, high.numbers) for low, high in zip(self._lows, self._highs, strict=True)]

    @classmethod
    def restored(cls, levels: list[tuple[Floats, Floats]], count: int, *, scratch: Path | None = None) -> Pyramid:
        """What `levels` gave before, of `count` values.

        Raises:
            ValueError: the levels do not belong to that many values.
        """
        self = cls(scratch=scratch)
        size = count // BLOCK
        for lows, highs in levels:
            if not len(lows) == len(highs) == size:
                raise ValueError("levels of another length")
            self._lows.append(Column(lows, scratch=scratch))
            self._highs.append(Column(highs, scratch=scratch))
            size //= FAN
        if size or (not levels and count >= BLOCK):
            raise ValueError("levels are missing")
        self._known = count
        return self

    def truncate(self, count: int) -> None:
        """Forgets all values from `count` on."""
        self._epoch += 1
        self._known = min(self._known, count)
        size = count // BLOCK
        for low, high in zip(self._lows, self._highs, strict=True):
            low.truncate(size)
            high.truncate(size)
            size //= FAN
        while self._lows and not len(self._lows[-1]):
            self._lows.pop()
            self._highs.pop()

    def update(self, values: Floats) -> None:
        """Takes in what was added to `values`; what was there before (see `truncate`) is the same."""
        self._known = len(values)
        done = len(self._lows[0]) * BLOCK if self._lows else 0
        whole = len(values) // BLOCK * BLOCK
        if whole <= done:
            return
        fresh = np.asarray(values[done:whole])
        counts = self._counting(fresh)
        if not counts.all():
            fresh = np.where(counts, fresh, np.nan)
        self._put(0, _folded(np.fmin, fresh, BLOCK), _folded(np.fmax, fresh, BLOCK))
        level = 0
        while len(self._lows[level]) >= FAN:
            below, above = len(self._lows[level]), len(self._lows[level + 1]) if level + 1 < len(self._lows) else 0
            part = slice(above * FAN, below // FAN * FAN)
            lows, highs = self._lows[level].numbers[part], self._highs[level].numbers[part]
            if not len(lows):
                return
            level += 1
            self._put(level, _folded(np.fmin, lows, FAN), _folded(np.fmax, highs, FAN))

    def _counting(self, values: Floats) -> NDArray[np.bool_]:
        counts = np.isfinite(values)
        return counts & (values > 0) if self._positive else counts

    def _put(self, level: int, lows: Floats, highs: Floats) -> None:
        if level == len(self._lows):
            self._lows.append(Column(scratch=self._scratch))
            self._highs.append(Column(scratch=self._scratch))
        self._lows[level].append(lows)
        self._highs[level].append(highs)

    def extremes(self, values: Floats, starts: Indices, ends: Indices) -> tuple[Floats, Floats]:
        """Lowest and highest value of `values[start:end]` for each of the stretches; NaN where it has no number.

        Args:
            values: the row that `update` got last.
            starts, ends: as many, 0 <= start, end <= len(values).
        """
        lows: Floats = np.full(len(starts), np.nan)
        highs: Floats = np.full(len(starts), np.nan)
        begin, end = np.asarray(starts), np.asarray(ends)
        if not len(begin) or int(end.max()) - int(begin.min()) <= _FEW:
            self._look_at_all(values, begin, end, (lows, highs))
            return lows, highs
        begin, end = self._ragged((values, values), begin, end, BLOCK, (lows, highs), last=not self._lows)
        for number, level in enumerate(self.levels):
            if not (begin < end).any():
                break
            begin, end = self._ragged(level, begin, end, FAN, (lows, highs), last=number == len(self._lows) - 1)
        return lows, highs

    def _look_at_all(self, values: Floats, begin: Indices, end: Indices, found: tuple[Floats, Floats]) -> None:
        filled = np.flatnonzero(end > begin)
        if not len(filled):
            return
        first = int(begin[filled].min())
        near = np.asarray(values[first : int(end.max())])
        counts = self._counting(near)
        pairs = np.column_stack((begin[filled], end[filled])).ravel() - first
        for kept, function, nothing in zip(found, (np.minimum, np.maximum), (np.inf, -np.inf), strict=True):
            row = np.append(np.where(counts, near, nothing), nothing)  # one more, where the last stretch may end
            result = function.reduceat(row, pairs)[::2]
            kept[filled] = np.where(np.isfinite(result), result, np.nan)

    def _ragged(
        self, level: tuple[Floats, Floats], begin: Indices, end: Indices, fan: int, found: tuple[Floats, Floats], *, last: bool
    ) -> tuple[Indices, Indices]:
        """Looks at what is no whole block of the next level; returns the blocks that are left."""
        end = np.maximum(begin, end)
        first, beyond = -(-begin // fan), end // fan
        alone = first >= beyond
        if last:
            alone = np.ones_like(alone)
        head = np.where(alone, end, first * fan)
        tail = np.where(alone, end, beyond * fan)
        self._look(level, begin, head, found)
        self._look(level, tail, end, found)
        return np.where(alone, 0, first), np.where(alone, 0, beyond)

    def _look(self, level: tuple[Floats, Floats], begin: Indices, end: Indices, found: tuple[Floats, Floats]) -> None:
        width = int((end - begin).max(initial=0))
        if width <= 0:
            return
        places = begin[:, None] + np.arange(width)
        inside = places < end[:, None]
        places = np.where(inside, places, 0)
        low, high = level[0][places], level[1][places]
        low[~inside | ~self._counting(low)] = np.inf
        high[~inside | ~self._counting(high)] = -np.inf
        lowest, highest = np.min(low, axis=1), np.max(high, axis=1)
        known = np.isfinite(lowest)
        np.fmin(found[0], lowest, out=found[0], where=known)
        np.fmax(found[1], highest, out=found[1], where=known)


def _folded(function: np.ufunc, values: Floats, fan: int) -> Floats:
    """The extreme of each block of `fan` values; pairs of strides, which numpy does many times faster than short rows."""
    while fan > 1:
        values = function(values[0::2], values[1::2])
        fan //= 2
    return values
