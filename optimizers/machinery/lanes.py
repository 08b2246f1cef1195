"""Lanes that run a program through torch, one tensor after the other.

Many tensors at once: as flat blocks in `flat.py`, as stacks of one shape in `stacks.py`.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from optimizers.machinery.matrix import kept_axes, matrix_of
from optimizers.machinery.program import Program, Totals
from optimizers.machinery.words import RoundingWords


class TensorLane:
    """One parameter. What a program does here are the reference's own operations in its own order.

    Args:
        p: the parameter's values, any shape.
        grad: its gradient, same shape.
        state: the parameter's entry of `optimizer.state`.
        totals: where sums go.
        slice_p: distance of the elements that sliced arrays hold.
    """

    __slots__ = ("__dict__", "_state", "_totals", "grad", "p", "slice_p")

    def __init__(self, p: Tensor, grad: Tensor, state: dict[str, Any], totals: Totals, slice_p: int = 1) -> None:
        if type(self) is TensorLane:
            self.__dict__.update(state)  # found much faster than through __getattr__
        self.p = p
        self.grad = grad
        self._state = state
        self._totals = totals
        self.slice_p = slice_p

    def __getattr__(self, name: str) -> Tensor:
        try:
            return self._state[name]
        except KeyError:
            raise AttributeError(name) from None

    def sliced(self, value: Tensor) -> Tensor:
        """Every `slice_p`-th element of the flattened tensor."""
        return value.flatten()[:: self.slice_p]

    def add_dot(self, name: str, a: Tensor, b: Tensor, weight: float = 1.0) -> None:
        """Adds `weight * <a, b>` to a total."""
        self._totals.add(name, weight * torch.dot(a.flatten(), b.flatten()).item())

    def add_sum(self, name: str, value: Tensor, weight: float = 1.0) -> None:
        """Adds `weight * sum(value)` to a total."""
        self._totals.add(name, weight * value.sum().item())

    def add_change(self, name: str, before: Tensor, after: Tensor) -> None:
        """Adds `sum(after) - sum(before)` to a total."""
        self._totals.add(name, after.sum().item() - before.sum().item())


class MatrixLane(RoundingWords, TensorLane):
    """One parameter of a matrix program: see `program.py` for the words.

    Args:
        program: the program; the others as in `TensorLane`.
    """

    __slots__ = ("_program", "columns_axes", "rows_axes", "transposed")

    def __init__(
        self, program: Program, p: Tensor, grad: Tensor, state: dict[str, Any], totals: Totals, slice_p: int = 1
    ) -> None:
        super().__init__(p, grad, state, totals, slice_p)
        assert program.axes is not None
        self._program = program
        self.rows_axes, self.columns_axes, self.transposed = matrix_of(tuple(p.shape), program.axes)

    def __getattr__(self, name: str) -> Tensor:
        value = super().__getattr__(name)
        layout = self._program.layout(name)
        if layout == "row":
            return kept_axes(value, self.p.dim(), self.columns_axes)
        return kept_axes(value, self.p.dim(), self.rows_axes) if layout == "column" else value

    def has(self, name: str) -> bool:
        """Whether the parameter's state has this entry."""
        return name in self._state

    @property
    def rows(self) -> int:
        return math.prod(self.p.shape[axis] for axis in self.rows_axes)

    @property
    def columns(self) -> int:
        return math.prod(self.p.shape[axis] for axis in self.columns_axes)

    @property
    def numel(self) -> int:
        return self.p.numel()

    def upcast(self, value: Tensor) -> Tensor:
        """The value in float32 where it is float16 or bfloat16, else the value itself."""
        return value.float() if value.dtype in {torch.float16, torch.bfloat16} else value

    def mean_over_columns(self, value: Tensor) -> Tensor:
        """The mean of each row; with an axis of length 1 for the columns."""
        return value.mean(dim=self.columns_axes, keepdim=True)

    def mean_over_rows(self, value: Tensor) -> Tensor:
        """The mean of each column, or of a row factor; with an axis of length 1 for the rows."""
        return value.mean(dim=self.rows_axes, keepdim=True)

    def mean_before_rows(self, value: Tensor) -> Tensor:
        """The mean of a row factor over the axis before the rows' one (which ProdigyPlus takes for the rows')."""
        return value.mean(dim=self.rows_axes[0] - 1, keepdim=True)

    def norm_over_columns(self, value: Tensor) -> Tensor:
        """The Euclidean norm of each row."""
        return value.norm(dim=self.columns_axes, keepdim=True)

    def norm_over_rows(self, value: Tensor) -> Tensor:
        """The Euclidean norm of each column."""
        return value.norm(dim=self.rows_axes, keepdim=True)

    def mean(self, value: Tensor) -> Tensor:
        """The mean of all elements."""
        return value.mean()

    def sum(self, value: Tensor) -> Tensor:
        """The sum of all elements."""
        return value.sum()

    def norm(self, value: Tensor) -> Tensor:
        """The Euclidean norm of all elements."""
        return value.norm(2)

    def rms(self, value: Tensor) -> Tensor:
        """The root of the mean square of all elements."""
        return value.norm(2) / (value.numel() ** 0.5)

    def dot(self, a: Tensor, b: Tensor) -> Tensor:
        """The inner product of two arrays."""
        return torch.dot(a.flatten(), b.flatten())

    def at_least(self, value: Tensor, least: float, times: float = 1.0) -> Any:
        """Python's `max(least, value) * times` of a number per parameter: NaN gives `least * times`."""
        return max(least, value) * times

    def add_(self, target: Tensor, other: Tensor, alpha: Any) -> Tensor:
        """`target.add_(other, alpha=alpha)` where alpha may be a number per parameter."""
        return target.add_(other, alpha=alpha)

    def keep(self, name: str, value: Any) -> None:
        """Makes a number per parameter an entry of the state."""
        self._state[name] = value

    def get(self, name: str, default: Any) -> Any:
        """An entry of the state, or the default where there is none yet."""
        return self._state.get(name, default)

    def report(self, name: str, value: Tensor, weight: Any = 1.0) -> None:
        """Hands out `weight * value`, one number per parameter: see `program.Totals.reports`."""
        self._totals.report(name, value, weight)


def sum_of(value: Tensor) -> Tensor:
    """The sum as float64 scalar. torch's own float32 sum works in a cascade, so a block of it is accurate enough."""
    if value.dtype in {torch.float32, torch.float64}:
        return value.sum().double()
    return value.sum(dtype=torch.float32).double()
