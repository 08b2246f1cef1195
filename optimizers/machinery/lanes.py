"""Lanes that run a program through torch: one tensor after the other, or many as one flat block."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from optimizers.machinery.program import Totals


class TensorLane:
    """One parameter. What a program does here are the reference's own operations in its own order.

    Args:
        p: the parameter's values, any shape.
        grad: its gradient, same shape.
        state: the parameter's entry of `optimizer.state`.
        totals: where sums go.
        slice_p: distance of the elements that sliced arrays hold.
    """

    __slots__ = ("_state", "_totals", "grad", "p", "slice_p")

    def __init__(self, p: Tensor, grad: Tensor, state: Mapping[str, Any], totals: Totals, slice_p: int = 1) -> None:
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


class FlatLane:
    """Many parameters as flat arrays of equal length: for programs that look at each element alone.

    Sums stay on the device until `Totals` are asked for: `sums` holds one number per total.
    """

    __slots__ = ("_arrays", "_sliced", "sums")

    def __init__(self, arrays: Mapping[str, Tensor], sliced: Mapping[str, Tensor]) -> None:
        self._arrays = arrays
        self._sliced = sliced
        self.sums: dict[str, Tensor] = {}

    def __getattr__(self, name: str) -> Tensor:
        try:
            return self._arrays[name]
        except KeyError:
            raise AttributeError(name) from None

    def sliced(self, value: Tensor) -> Tensor:
        """The elements of `p` or `grad` that sliced arrays hold."""
        name = next(name for name in ("p", "grad") if self._arrays.get(name) is value)
        return self._sliced.get(name, value)

    def add_dot(self, name: str, a: Tensor, b: Tensor, weight: float = 1.0) -> None:
        """Adds `weight * <a, b>`; not through a dot product, whose float32 rounding grows with the block."""
        self.add_sum(name, a * b, weight)

    def add_sum(self, name: str, value: Tensor, weight: float = 1.0) -> None:
        """Adds `weight * sum(value)`, in float64 beyond rows of a few thousand elements."""
        total = _sum(value) * weight
        self.sums[name] = self.sums[name] + total if name in self.sums else total


def _sum(value: Tensor) -> Tensor:
    """The sum as float64 scalar. torch's own float32 sum works in a cascade, so a block of it is accurate enough."""
    if value.dtype in {torch.float32, torch.float64}:
        return value.sum().double()
    return value.sum(dtype=torch.float32).double()
