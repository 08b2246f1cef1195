"""What a line covers in each pixel column, for curves with many points a pixel.

Columns stand on a grid that is fixed in x: column k is [k * width, (k + 1) * width). So a curve does not shimmer when it
is moved sideways, and what was found for a column holds until the width or the numbers change.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

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


class EnvelopeView:
    """The columns on the screen, of which only those are looked at that were not there a moment ago."""

    def __init__(self) -> None:
        self._known: Envelope | None = None

    def forget(self) -> None:
        """The numbers have changed."""
        self._known = None

    def columns(self, trace: Trace, width: float, first: int, beyond: int) -> Envelope:
        """As `envelope`, from what is known where the width is the same."""
        known = self._known
        if known is None or abs(known.width - width) > 1e-9 * width:
            self._known = envelope(trace, width, first, beyond)
            return self._known
        from_, to = known.first_column, known.first_column + len(known)
        if first >= to or beyond <= from_:
            self._known = envelope(trace, known.width, first, beyond)
            return self._known
        pieces = [known.part(max(first, from_), min(beyond, to))]
        if first < from_:
            pieces.insert(0, envelope(trace, known.width, first, from_))
        if beyond > to:
            pieces.append(envelope(trace, known.width, to, beyond))
        if len(pieces) > 1:
            arrays = [np.concatenate([getattr(piece, name) for piece in pieces]) for name in _ARRAYS]
            self._known = Envelope(first, known.width, *arrays)
        else:
            self._known = pieces[0]
        return self._known
