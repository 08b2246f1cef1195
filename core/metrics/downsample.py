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


def flatten(x: Floats, y: Floats, rows: int) -> tuple[Floats, Floats]:
    """Drops the inner points of level stretches: those that stand in the same half pixel as both neighbours.

    Args:
        x, y: a curve; NaN is a gap.
        rows: pixel rows over its height.

    Returns:
        The points that stay; their lines are nowhere more than half a pixel off.
    """
    finite = np.isfinite(y)
    if len(y) < 3 or not finite.any():
        return x, y
    low, high = float(y[finite].min()), float(y[finite].max())
    scale = 2 * max(rows, 1) / (high - low) if high > low else 0.0
    row = np.full(len(y), -1.0)
    row[finite] = np.round((y[finite] - low) * scale)
    differs = row[1:] != row[:-1]
    kept = np.concatenate(([True], differs)) | np.concatenate((differs, [True]))
    return x[kept], y[kept]


def _kept_indices(x: Floats, y: Floats, left: float, right: float, columns: int) -> Indices:
    column = np.floor((x - left) * (columns / (right - left)))
    # The neighbours outside have columns of their own; the right edge belongs to the last column inside.
    column = np.maximum(np.minimum(column, columns), -1)
    column[(column == columns) & (x <= right)] = columns - 1
    known: Indices = np.flatnonzero(np.isfinite(y))
    kept = np.zeros(len(x), dtype=np.bool_)
    begins = _starts(column)
    if not len(known):
        return begins
    values, of_known = y[known], column[known]
    starts = _starts(of_known)
    lengths = np.diff(np.append(starts, len(known)))
    kept[known[starts]] = True
    kept[known[starts + lengths - 1]] = True
    for extreme in (np.minimum, np.maximum):
        wanted = np.repeat(extreme.reduceat(values, starts), lengths)
        hits = np.flatnonzero(values == wanted)
        kept[known[hits[_starts(of_known[hits])]]] = True
    kept[begins[~np.isin(column[begins], of_known[starts])]] = True  # columns that are all gap
    return np.flatnonzero(kept)


def _starts(labels: Floats) -> Indices:
    """Where a new value begins in a row of labels."""
    return np.flatnonzero(np.concatenate(([True], labels[1:] != labels[:-1])))
