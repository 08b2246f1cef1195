"""Matrix programs through torch on many parameters at once: those of the same shape as one stack.

A reduction over the axes of a stack is the reduction of each of its tensors, in the same order: on the CPU the results
are those of one tensor after the other, bit for bit.

The state of a lot lies in one buffer per array, whose slices are the parameters' entries. Parameters and gradients stay
where they are; a stack of them is copied into scratch memory, and parameters are copied back where they were changed.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from operator import is_
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch import Tensor

from optimizers.machinery.lanes import sum_of
from optimizers.machinery.matrix import kept_axes, matrix_of
from optimizers.machinery.program import Hyper, Numbers, Program
from optimizers.machinery.words import RoundingWords

if TYPE_CHECKING:
    from optimizers.machinery.batch import Share

State: TypeAlias = dict[str, Any]
Sums: TypeAlias = dict[str, Tensor]

CPU_STACK = 256 * 1024
"""Elements of a stack on the CPU: its handful of arrays stays in the second and third level caches."""

DEVICE_STACK = 4 * 1024 * 1024
"""Elements of a stack elsewhere: launches are few, and temporaries stay small beside the state."""


class Scratch:
    """Memory for copies, used again by all lots of a step."""

    def __init__(self) -> None:
        self._rooms: dict[tuple[str, torch.device, torch.dtype], Tensor] = {}

    def room(self, name: str, like: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Room of this shape, with what was left in it."""
        key, length = (name, like.device, like.dtype), math.prod(shape)
        room = self._rooms.get(key)
        if room is None or room.numel() < length:
            room = self._rooms[key] = torch.empty(length, device=like.device, dtype=like.dtype)
        return room[:length].view(shape)


class StackLane(RoundingWords):
    """Parameters of one shape, stacked along a new first axis. See `lanes.MatrixLane` for the words.

    A number per parameter has the stack's number of axes, all but the first of length 1.

    Args:
        program: the program.
        p: the parameters' stack.
        grad: their gradients'.
        arrays: the state's arrays as stacks.
        names: all entries of the state.
        slice_p: distance of the elements that sliced arrays hold.
    """

    __slots__ = ("_arrays", "_every", "_names", "columns_axes", "grad", "kept", "p", "rows_axes", "slice_p", "sums", "transposed")

    def __init__(
        self, program: Program, p: Tensor, grad: Tensor, arrays: dict[str, Tensor], names: Collection[str], slice_p: int
    ) -> None:
        assert program.axes is not None
        self.p = p
        self.grad = grad
        self.slice_p = slice_p
        self._arrays = arrays
        self._names = names
        self._every = tuple(range(1, p.dim()))
        self.rows_axes, self.columns_axes, self.transposed = matrix_of(tuple(p.shape[1:]), program.axes)
        self.sums: Sums = {}
        self.kept: dict[str, Tensor] = {}

    def __getattr__(self, name: str) -> Tensor:
        try:
            return self._arrays[name]
        except KeyError:
            raise AttributeError(name) from None

    def has(self, name: str) -> bool:
        return name in self._names

    @property
    def rows(self) -> int:
        return math.prod(self.p.shape[axis] for axis in self.rows_axes)

    @property
    def columns(self) -> int:
        return math.prod(self.p.shape[axis] for axis in self.columns_axes)

    @property
    def numel(self) -> int:
        return math.prod(self.p.shape[1:])

    def upcast(self, value: Tensor) -> Tensor:
        return value.float() if value.dtype in {torch.float16, torch.bfloat16} else value

    def sliced(self, value: Tensor) -> Tensor:
        return value.flatten(1)[:, :: self.slice_p]

    def mean_over_columns(self, value: Tensor) -> Tensor:
        return value.mean(dim=self.columns_axes, keepdim=True)

    def mean_over_rows(self, value: Tensor) -> Tensor:
        return value.mean(dim=self.rows_axes, keepdim=True)

    def mean_before_rows(self, value: Tensor) -> Tensor:
        return value.mean(dim=self.rows_axes[0] - 1, keepdim=True)

    def norm_over_columns(self, value: Tensor) -> Tensor:
        return _norm(value, self.columns_axes)

    def norm_over_rows(self, value: Tensor) -> Tensor:
        return _norm(value, self.rows_axes)

    def mean(self, value: Tensor) -> Tensor:
        return self.sum(value) / math.prod(value.shape[1:])

    def sum(self, value: Tensor) -> Tensor:
        return value.flatten(1).sum(dim=1).view(self._one_each)

    def norm(self, value: Tensor) -> Tensor:
        return torch.linalg.vector_norm(value.flatten(1), dim=1).view(self._one_each)

    def rms(self, value: Tensor) -> Tensor:
        return self.norm(value) / (math.prod(value.shape[1:]) ** 0.5)

    def dot(self, a: Tensor, b: Tensor) -> Tensor:
        return self.sum(a * b)

    def at_least(self, value: Tensor, least: float, times: float = 1.0) -> Tensor:
        # The product of two numbers of the group is rounded once, as in Python.
        return torch.where(value > least, value * times, least * times)

    def add_(self, target: Tensor, other: Tensor, alpha: Any) -> Tensor:
        # One rounding in either, as on one tensor.
        return target.addcmul_(other, alpha) if isinstance(alpha, Tensor) else target.add_(other, alpha=alpha)

    def keep(self, name: str, value: Tensor) -> None:
        self.kept[name] = value.view(-1)

    def add_dot(self, name: str, a: Tensor, b: Tensor, weight: float = 1.0) -> None:
        """Adds `weight * <a, b>` to a total."""
        self.add_sum(name, a * b, weight)

    def add_sum(self, name: str, value: Tensor, weight: float = 1.0) -> None:
        """Adds `weight * sum(value)` to a total, which stays on the device for now."""
        total = sum_of(value) * weight
        self.sums[name] = self.sums[name] + total if name in self.sums else total

    def report(self, name: str, value: Tensor, weight: Any = 1.0) -> None:
        """Adds the parameters' numbers, each rounded to its dtype, to a total."""
        self.add_sum(name, value, weight)

    @property
    def _one_each(self) -> tuple[int, ...]:
        return (-1, *(1 for _ in self._every))


def _norm(value: Tensor, axes: tuple[int, ...]) -> Tensor:
    if value.device.type == "cpu":  # where torch's own is several times as slow as this
        return value.square().sum(dim=axes, keepdim=True).sqrt_()
    return torch.linalg.vector_norm(value, dim=axes, keepdim=True)


class StackLot:
    """Parameters of one shape, group, device and dtype, with the same entries in their states.

    Args:
        params: the parameters, all contiguous.
    """

    def __init__(self, params: Sequence[Tensor]) -> None:
        first = params[0]
        self._shape = tuple(first.shape) or (1,)
        most = CPU_STACK if first.device.type == "cpu" else DEVICE_STACK
        step = max(1, most // max(1, first.numel()))
        self._blocks = [(at, min(at + step, len(params))) for at in range(0, len(params), step)]
        self._buffers: dict[str, tuple[list[Tensor], Tensor]] = {}
        self._kept: dict[str, tuple[list[Tensor], Tensor]] = {}

    def run(self, program: Program, share: Share, numbers: Numbers, scratch: Scratch) -> Sums | None:
        """Runs a program over all parameters.

        Returns:
            Its sums, still on the device; None, and nothing was done, where the states' arrays are not of one kind.
        """
        arrays: dict[str, Tensor] = {}
        for name, value in share.states[0].items():
            if isinstance(value, Tensor) and program.layout(name) != "one":
                buffer = self._buffer(name, share.states)
                if buffer is None:
                    return None
                arrays[name] = self._presented(program, name, buffer)
        sums, hyper, slice_p = Sums(), Hyper(numbers), int(numbers.get("slice_p", 1))
        for first, last in self._blocks:
            p = self._stacked("p", share.params[first:last], scratch)
            grad = self._stacked("grad", share.grads[first:last], scratch)
            versions = p._version, grad._version
            parts = {name: array[first:last] for name, array in arrays.items()}
            lane = StackLane(program, p, grad, parts, share.states[0].keys(), slice_p)
            program.function(lane, hyper)
            if p._version != versions[0]:
                self._put_back(share.params[first:last], p)
            if grad._version != versions[1]:
                self._put_back(share.grads[first:last], grad)
            for name, value in lane.sums.items():
                sums[name] = sums[name] + value if name in sums else value
            for name, value in lane.kept.items():
                self._keep(name, value, first, len(share.states))
        for name, (views, _) in self._kept.items():
            for state, view in zip(share.states, views, strict=True):
                state[name] = view
        return sums

    def _stacked(self, name: str, tensors: Sequence[Tensor], scratch: Scratch) -> Tensor:
        """A stack of some tensors; of a single one the tensor itself."""
        shape = (len(tensors), *self._shape)
        if len(tensors) == 1:
            return tensors[0].detach().view(shape)
        room = scratch.room(name, tensors[0], shape)
        torch.stack([tensor.detach() for tensor in tensors], out=room.view(len(tensors), *tensors[0].shape))
        return room

    def _put_back(self, tensors: Sequence[Tensor], stack: Tensor) -> None:
        if len(tensors) > 1:
            targets = [tensor.detach().view(self._shape) for tensor in tensors]
            torch._foreach_copy_(targets, list(stack.unbind()))  # pyright: ignore[reportPrivateImportUsage]

    def _presented(self, program: Program, name: str, buffer: Tensor) -> Tensor:
        """A state's array so that it broadcasts against the stack."""
        layout = program.layout(name)
        if layout.startswith("sliced"):
            return buffer.view(len(buffer), -1)
        if layout == "full":
            return buffer.view(-1, *self._shape)
        assert program.axes is not None
        rows, columns, _ = matrix_of(self._shape, program.axes)
        return kept_axes(buffer, len(self._shape) + 1, columns if layout == "row" else rows)

    def _buffer(self, name: str, states: Sequence[State]) -> Tensor | None:
        """The stack of one array, made anew where somebody has given the parameters other tensors."""
        tensors: list[Tensor] = [state[name] for state in states]
        known = self._buffers.get(name)
        if known is not None and len(known[0]) == len(tensors) and all(map(is_, known[0], tensors)):
            return known[1]
        first = tensors[0]
        kind = (first.dtype, first.device, first.shape)
        if any((tensor.dtype, tensor.device, tensor.shape) != kind for tensor in tensors):
            return None  # stacking would change what they are
        buffer = torch.stack(tensors)
        views = list(buffer.unbind())
        for state, view in zip(states, views, strict=True):
            state[name] = view
        self._buffers[name] = (views, buffer)
        return buffer

    def _keep(self, name: str, value: Tensor, first: int, count: int) -> None:
        known = self._kept.get(name)
        if known is None or known[1].dtype != value.dtype:
            buffer = torch.zeros(count, device=value.device, dtype=value.dtype)
            known = self._kept[name] = (list(buffer.unbind()), buffer)
        known[1][first : first + len(value)] = value
