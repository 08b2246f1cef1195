"""Elementwise programs through torch on many parameters at once.

The state of all parameters of a lot lies in one buffer per array (each parameter's entry is a view of it), so a block
of it is a slice. Parameters and gradients stay where they are; a block of them is copied into scratch memory, which on
a CPU stays in the cache, and parameters are copied back.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import is_
from typing import Any, TypeAlias

import torch
from torch import Tensor

from optimizers.machinery.lanes import FlatLane
from optimizers.machinery.program import Hyper, Numbers, Program, flags_of
from optimizers.machinery.trace import Trace, trace

State: TypeAlias = dict[str, Any]
Sums: TypeAlias = dict[str, Tensor]

CPU_BLOCK = 128 * 1024
"""Elements of a block on the CPU: its handful of arrays stays in the second and third level caches."""

DEVICE_BLOCK = 4 * 1024 * 1024
"""Elements of a block elsewhere: launches are few, and temporaries stay small beside the state."""


@functools.cache
def _traced(program: Program, flags: tuple[tuple[str, bool], ...], sliced: bool) -> Trace:
    return trace(program, dict(flags), sliced=sliced)


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of the flat buffers.

    Attributes:
        first, last: its elements.
        pieces: what of which parameter it covers: (parameter, first, last element of it).
    """

    first: int
    last: int
    pieces: tuple[tuple[int, int, int], ...]


def blocks_of(sizes: Sequence[int], most: int, *, whole: bool) -> list[Block]:
    """Cuts parameters into blocks.

    Args:
        sizes: elements of each parameter.
        most: elements of a block.
        whole: whether no parameter may be cut; blocks can then be longer.
    """
    blocks: list[Block] = []
    pieces: list[tuple[int, int, int]] = []
    first = at = 0

    def close() -> None:
        nonlocal first
        if pieces:
            blocks.append(Block(first, at, tuple(pieces)))
            pieces.clear()
        first = at

    for index, size in enumerate(sizes):
        begin = 0
        while begin < size:
            room = most - (at - first)
            if whole:
                if pieces and size > room:
                    close()
                end = size
            else:
                end = min(size, begin + room)
            pieces.append((index, begin, end))
            at += end - begin
            begin = end
            if at - first >= most:
                close()
    close()
    return blocks


class FlatLot:
    """Parameters of one group, device and dtype.

    Args:
        params: the parameters, all contiguous.
    """

    def __init__(self, params: Sequence[Tensor]) -> None:
        self._sizes = [p.numel() for p in params]
        self._blocks: dict[bool, list[Block]] = {}
        self._buffers: dict[str, tuple[list[Tensor], Tensor]] = {}
        self._scratch: dict[str, Tensor] = {}

    def run(
        self,
        program: Program,
        params: Sequence[Tensor],
        grads: Sequence[Tensor],
        states: Sequence[State],
        numbers: Numbers,
    ) -> Sums:
        """Runs a program over all parameters; returns its sums, still on the device."""
        slice_p = int(numbers.get("slice_p", 1))
        traced = _traced(program, flags_of(numbers), slice_p > 1)
        buffers = {name: self._buffer(name, states) for name in traced.arrays if name not in {"p", "grad"}}
        flat = {
            name: [t.detach().view(-1) for t in tensors]
            for name, tensors in (("p", params), ("grad", grads))
            if name in traced.arrays
        }
        hyper, sums, sliced_at = Hyper(numbers), Sums(), 0
        for block in self._cut(params[0].device, whole=slice_p > 1):
            arrays, sliced = self._gather(flat, block, slice_p)
            length = sum(-(-(last - first) // slice_p) for _, first, last in block.pieces)
            for name, buffer in buffers.items():
                if buffer.dim() == 0:
                    arrays[name] = buffer
                elif slice_p > 1 and program.layout(name).startswith("sliced"):
                    arrays[name] = buffer[sliced_at : sliced_at + length]
                else:
                    arrays[name] = buffer[block.first : block.last]
            sliced_at += length
            lane = FlatLane(arrays, sliced)
            program.function(lane, hyper)
            for name, value in lane.sums.items():
                sums[name] = sums[name] + value if name in sums else value
            _scatter(flat, arrays, block, traced)
        return sums

    def _cut(self, device: torch.device, *, whole: bool) -> list[Block]:
        if whole not in self._blocks:
            most = CPU_BLOCK if device.type == "cpu" else DEVICE_BLOCK
            self._blocks[whole] = blocks_of(self._sizes, most, whole=whole)
        return self._blocks[whole]

    def _buffer(self, name: str, states: Sequence[State]) -> Tensor:
        """The flat buffer of one array, made anew where somebody has given the parameters other tensors."""
        tensors: list[Tensor] = [state[name] for state in states]
        kept = self._buffers.get(name)
        if kept is not None and len(kept[0]) == len(tensors) and all(map(is_, kept[0], tensors)):
            return kept[1]
        if tensors[0].dim() == 0 and self._sizes[0] > 1:
            self._buffers[name] = (tensors, tensors[0])
            return tensors[0]
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        views = [part.view(tensor.shape) for part, tensor in zip(flat.split([t.numel() for t in tensors]), tensors, strict=True)]
        for state, view in zip(states, views, strict=True):
            state[name] = view
        self._buffers[name] = (views, flat)
        return flat

    def _gather(
        self, flat: Mapping[str, list[Tensor]], block: Block, slice_p: int
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        arrays: dict[str, Tensor] = {}
        sliced: dict[str, Tensor] = {}
        for name, tensors in flat.items():
            pieces = [tensors[index][first:last] for index, first, last in block.pieces]
            if len(pieces) == 1:
                arrays[name] = pieces[0]
            else:
                arrays[name] = torch.cat(pieces, out=self._room(name, pieces[0], block.last - block.first))
            if slice_p > 1:
                sliced[name] = torch.cat([piece[::slice_p] for piece in pieces])
        return arrays, sliced

    def _room(self, name: str, like: Tensor, length: int) -> Tensor:
        room = self._scratch.get(name)
        if room is None or room.numel() < length or room.device != like.device or room.dtype != like.dtype:
            room = self._scratch[name] = torch.empty(length, device=like.device, dtype=like.dtype)
        return room[:length]


def _scatter(flat: Mapping[str, list[Tensor]], arrays: Mapping[str, Tensor], block: Block, traced: Trace) -> None:
    if len(block.pieces) == 1:
        return  # nothing was copied
    for name, tensors in flat.items():
        if name in traced.stores:
            targets = [tensors[index][first:last] for index, first, last in block.pieces]
            torch._foreach_copy_(targets, arrays[name].split([t.numel() for t in targets]))  # pyright: ignore[reportPrivateImportUsage]
