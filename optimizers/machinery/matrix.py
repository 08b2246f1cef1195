"""Which axes of a tensor are its rows and columns, for programs that keep factors instead of whole matrices."""

from __future__ import annotations

import functools
from typing import Literal, NamedTuple

from torch import Tensor

Axes = Literal["last two", "first and rest", "two largest"]
"""
- last two: rows are the axis before the last, columns the last; the leading axes are a batch of matrices (CAME, Adafactor).
- first and rest: rows are the first axis, columns all others together (EmoFact).
- two largest: columns are the largest axis, rows the next; of equally large ones the later is the larger (ProdigyPlus).
"""


class Matrix(NamedTuple):
    """How a tensor is read as matrices.

    Attributes:
        rows, columns: the axes along which rows and columns are counted, as negative numbers; empty below two axes.
        transposed: the columns' axis lies before the rows' in memory.
    """

    rows: tuple[int, ...]
    columns: tuple[int, ...]
    transposed: bool


@functools.cache
def matrix_of(shape: tuple[int, ...], axes: Axes) -> Matrix:
    """How a tensor of this shape is read under a policy."""
    count = len(shape)
    if count < 2:
        return Matrix((), (), transposed=False)
    if axes == "last two":
        return Matrix((-2,), (-1,), transposed=False)
    if axes == "first and rest":
        return Matrix((-count,), tuple(range(1 - count, 0)), transposed=False)
    order = sorted(range(count), key=lambda axis: (shape[axis], axis))
    rows, columns = order[-2] - count, order[-1] - count
    return Matrix((rows,), (columns,), transposed=columns < rows)


def kept_axes(factor: Tensor, dims: int, missing: tuple[int, ...]) -> Tensor:
    """A factor with an axis of length 1 where it has none, so that it broadcasts against its matrix. Always a view.

    Args:
        factor: a row or column factor: with all axes of the matrix, or without the one it was averaged over.
        dims: axes that it has to have.
        missing: the axis it was averaged over.
    """
    return factor if factor.dim() == dims else factor.unsqueeze(missing[0])
