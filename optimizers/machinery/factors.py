"""What Adafactor and CAME share: a matrix of averages kept as one factor for its rows and one for its columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def factor_shapes(shape: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The shapes of the row and the column factor of a tensor whose last two axes are the matrix."""
    return tuple(shape[:-1]), (*shape[:-2], shape[-1])


def inverse_root(x: Any, row: Any, column: Any) -> Any:
    """1 / sqrt(row * column / mean(row)) for every element: a new array of the parameter's shape."""
    return (row / x.mean_over_rows(row)).rsqrt_() * column.rsqrt()
