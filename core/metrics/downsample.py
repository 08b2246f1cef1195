"""Fewer points, the same picture.

Of every pixel column the first, the lowest, the highest and the last point stay ("M4", Jugel et al., VLDB 2014): a line
drawn through them covers the pixels that the whole line covers, so a single spike of a loss never disappears.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from core.metrics.series import Floats

Indices: TypeAlias = NDArray[np.intp]


def thin(x: Floats, y: Floats, left: float, right: float, columns: int) -> tuple[Floats, Floats]:
    """The points that are needed to draw x from `left` to `right` in `columns` pixel columns.

    Args:
        x: increasing.
        y: as long; NaN and infinities are gaps. A column without any number gives one of them, so that the gap
            stays; a gap among numbers of the same column is narrower than a pixel and is dropped.
        left, right: the visible range, left < right.
        columns: at least 1.

    Returns:
        x and y of the points that stay, in order, with one neighbour on each side so that lines run off the edge. At most
        4 * columns + 2 points; all visible ones where there are no more than that.

    Raises:
        ValueError: no columns, or an empty range.
    """
    if columns < 1 or not left < right:
        raise ValueError(f"cannot draw {left}…{right} in {columns} columns")
    first = max(int(np.searchsorted(x, left, side="left")) - 1, 0)
    end = min(int(np.searchsorted(x, right, side="right")) + 1, len(x))
    inside = slice(first, end)
    if end - first <= 4 * columns:
        return x[inside], y[inside]
    kept = _kept_indices(x[inside], y[inside], left, right, columns)
    return x[inside][kept], y[inside][kept]


def _kept_indices(x: Floats, y: Floats, left: float, right: float, columns: int) -> Indices:
    column = np.floor((x - left) * (columns / (right - left)))
    # The neighbours outside have columns of their own; the right edge belongs to the last column inside.
    column = np.maximum(np.minimum(column, columns), -1)
    column[(column == columns) & (x <= right)] = columns - 1
    known: Indices = np.flatnonzero(np.isfinite(y))
    kept: list[Indices] = []
    if len(known):
        values = y[known]
        starts = _starts(column[known])
        lengths = np.diff(np.append(starts, len(known)))
        kept += [known[starts], known[starts + lengths - 1]]
        for extreme in (np.minimum, np.maximum):
            wanted = np.repeat(extreme.reduceat(values, starts), lengths)
            hits = np.flatnonzero(values == wanted)
            kept.append(known[hits[_starts(column[known][hits])]])
    starts = _starts(column)
    kept.append(starts[~np.isin(column[starts], column[known])])
    return np.unique(np.concatenate(kept))


def _starts(labels: Floats) -> Indices:
    """Where a new value begins in a row of labels."""
    return np.flatnonzero(np.concatenate(([True], labels[1:] != labels[:-1])))
