"""What a line covers in each pixel column, for curves with many points a pixel.

Columns stand on a grid that is fixed in x: column k is [k * width, (k + 1) * width). So a curve does not shimmer when it
is moved sideways, and what was found for a column holds until the width or the numbers change.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from core.metrics.column import Floats
from core.metrics.pyramid import Pyramid


@dataclass(frozen=True, slots=True)
class Trace:
    """A long curve, ready to be drawn.

    Attributes:
        x: never decreasing.
        y: as long; what is not finite is a gap.
        pyramid: of `y`, up to date.
    """

    x: Floats
    y: Floats
    pyramid: Pyramid


@dataclass(frozen=True, slots=True)
class Envelope:
    """Columns `first_column`, `first_column` + 1, …, each `width` wide.

    Attributes:
        low, high: extremes of the values in a column, NaN where it has no finite one.
        begin, end: the first and the last value in a column, NaN where it has none or that one is not finite.
        counts: points in a column, finite or not.
    """

    first_column: int
    width: float
    low: Floats
    high: Floats
    begin: Floats
    end: Floats
    counts: Floats

    def __len__(self) -> int:
        return len(self.low)

    def part(self, first: int, beyond: int) -> Envelope:
        """The columns from `first` to before `beyond`, all of which are there."""
        inside = slice(first - self.first_column, beyond - self.first_column)
        return Envelope(first, self.width, *(getattr(self, name)[inside] for name in _ARRAYS))

    def logarithms(self) -> Envelope:
        """The same with the powers of ten; what has none is a gap."""

        def power(values: Floats) -> Floats:
            result: Floats = np.full(len(values), np.nan)
            np.log10(values, out=result, where=values > 0)
            return result

        return replace(self, low=power(self.low), high=power(self.high), begin=power(self.begin), end=power(self.end))

    def joined(self) -> tuple[Floats, Floats]:
        """Lowest and highest point of the drawn line in each column, the lines between columns included.

        NaN where there is nothing to draw: before the first point, after the last, and where values are not finite.
        """
        low, high = np.array(self.low), np.array(self.high)
        filled = np.flatnonzero(self.counts > 0)
        if len(filled) < 2:
            return low, high
        left, right = filled[:-1], filled[1:]
        ends, begins = self.end[left], self.begin[right]
        rise = (begins - ends) / (right - left)  # a column
        # Neighbours meet half way; in empty columns between them the line is drawn as it runs.
        _widen(low, high, left, ends + rise / 2)
        _widen(low, high, right, begins - rise / 2)
        inner = np.flatnonzero(self.counts[: filled[-1]] == 0)
        inner = inner[inner > filled[0]]
        before = np.searchsorted(filled, inner) - 1
        line = ends[before] + rise[before] * (inner - left[before])
        half = np.abs(rise[before]) / 2
        low[inner], high[inner] = line - half, line + half
        return low, high


_ARRAYS = tuple(field.name for field in fields(Envelope) if field.name not in ("first_column", "width"))


def _widen(low: Floats, high: Floats, places: np.ndarray, values: Floats) -> None:
    known = np.isfinite(values) & np.isfinite(low[places])
    at, value = places[known], values[known]
    np.minimum.at(low, at, value)
    np.maximum.at(high, at, value)


def envelope(trace: Trace, width: float, first: int, beyond: int) -> Envelope:
    """Looks at the columns from `first` to before `beyond`.

    Args:
        trace: the curve.
        width: of a column, in units of x.
        first, beyond: numbers of columns.

    Raises:
        ValueError: no columns, or no width.
    """
    if not (beyond > first and width > 0 and math.isfinite(width)):
        raise ValueError(f"no columns: {first}…{beyond} of {width}")
    y = trace.y
    edges = np.searchsorted(trace.x, np.arange(first, beyond + 1) * width, side="left")
    starts, ends = edges[:-1], edges[1:]
    low, high = trace.pyramid.extremes(y, starts, ends)
    counts = (ends - starts).astype(np.float64)
    begin: Floats = np.full(len(starts), np.nan)
    end: Floats = np.full(len(starts), np.nan)
    filled = counts > 0
    begin[filled], end[filled] = y[starts[filled]], y[ends[filled] - 1]
    for values in (begin, end):
        values[~np.isfinite(values)] = np.nan
    return Envelope(first, width, low, high, begin, end, counts)


@dataclass(frozen=True, slots=True)
class Bars:
    """What is drawn of a curve: a bar from `low` to `high` in each column, NaN for none.

    Attributes:
        first_column: the grid's number of the first column.
        width: of a column, in units of x.
        low, high: see `Envelope.joined`.
        falls: whether the curve leaves a column lower than it came in.
    """

    first_column: int
    width: float
    low: Floats
    high: Floats
    falls: NDArray[np.bool_]

    def part(self, first: int, beyond: int) -> Bars:
        """The columns from `first` to before `beyond`, all of which are there."""
        inside = slice(first - self.first_column, beyond - self.first_column)
        return Bars(first, self.width, self.low[inside], self.high[inside], self.falls[inside])


class EnvelopeView:
    """The columns on the screen, of which only those are looked at that were not there a moment ago.

    Args:
        logarithmic: whether heights are powers of ten.
        margin: how much more is looked at than is asked for when the view moves, as a part of it; then nothing is to be
            done for some moves. Curves that have other margins do it at other times.
    """

    def __init__(self, *, logarithmic: bool = False, margin: float = 0.25) -> None:
        self._logarithmic = logarithmic
        self._margin = margin
        self._known: Envelope | None = None
        self._bars: Bars | None = None

    def columns(self, trace: Trace, width: float, first: int, beyond: int) -> Bars:
        """What covers the columns from `first` to before `beyond`; `trace` is the same as before, with all its numbers."""
        known, bars = self._known, self._bars
        if known is None or bars is None or abs(known.width - width) > 1e-9 * width:
            return self._look(envelope(trace, width, first, beyond)).part(first, beyond)
        from_, to = known.first_column, known.first_column + len(known)
        if from_ <= first and beyond <= to:
            return bars.part(first, beyond)
        more = math.ceil(self._margin * (beyond - first))
        start, end = first - more * (first < from_), beyond + more * (beyond > to)
        if start >= to or end <= from_:
            return self._look(envelope(trace, known.width, start, end)).part(first, beyond)
        pieces = [known.part(max(start, from_), min(end, to))]
        if start < from_:
            pieces.insert(0, envelope(trace, known.width, start, from_))
        if end > to:
            pieces.append(envelope(trace, known.width, to, end))
        arrays = [np.concatenate([getattr(piece, name) for piece in pieces]) for name in _ARRAYS]
        return self._look(Envelope(start, known.width, *arrays)).part(first, beyond)

    def _look(self, known: Envelope) -> Bars:
        self._known = known
        drawn = known.logarithms() if self._logarithmic else known
        self._bars = Bars(known.first_column, known.width, *drawn.joined(), drawn.begin > drawn.end)
        return self._bars
