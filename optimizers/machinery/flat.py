"""Elementwise programs through torch on many parameters at once.

Parameters stay where they are. Small ones are put together: their state lies in one buffer per block (each parameter's
entry is a view of it), and their values and gradients are copied into one piece and back, which on a CPU stays in the
cache. Large ones are stepped alone, and very large ones piece by piece.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from operator import is_
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch import Tensor
from torch._utils import _flatten_dense_tensors, _unflatten_dense_tensors

from optimizers.machinery.fused_adam import fused
from optimizers.machinery.program import Numbers, Program
from optimizers.machinery.tape import Call, Instruction, Player, Tape, Value, record

if TYPE_CHECKING:
    from optimizers.machinery.batch import Kind

State: TypeAlias = dict[str, Any]
Sums: TypeAlias = dict[str, Tensor]
Lists: TypeAlias = Callable[[str], list[Tensor]]


@dataclass(frozen=True, slots=True)
class Sizes:
    """How parameters are cut, in elements.

    Attributes:
        alone: from this size on a parameter is stepped alone.
        block: the most that is put together, and the most of one parameter that is done at once.
    """

    alone: int
    block: int


CPU = Sizes(alone=16 * 1024, block=64 * 1024)
"""A block's handful of arrays stays in a core's cache; a call on 16 K elements costs a few times what calling does."""

MOST_TOGETHER = 4 * 1024
"""Measured on a CPU, LoRA of SD1.5 (5 K to 160 K elements each): putting together and cutting cost more than they save."""

DEVICE = Sizes(alone=1024 * 1024, block=4 * 1024 * 1024)
"""Launches are few, and temporaries stay small beside the state."""


@dataclass(frozen=True, slots=True)
class Block:
    """What is done at once.

    Attributes:
        places: which parameters.
        first, last: elements of it, where it is a piece of one parameter.
    """

    places: tuple[int, ...]
    first: int = 0
    last: int | None = None


def blocks_of(sizes: Sequence[int], limits: Sizes, *, whole: bool) -> list[Block]:
    """Puts small parameters together and cuts large ones.

    Args:
        sizes: elements of each parameter.
        limits: how much goes into a block.
        whole: whether no parameter may be cut.
    """
    blocks: list[Block] = []
    together: list[int] = []
    filled = 0
    for place, size in enumerate(sizes):
        if size >= limits.alone:
            count = 1 if whole else -(-size // limits.block)
            edges = [size * part // count for part in range(count + 1)]
            pieces = pairwise(edges) if count > 1 else [(0, None)]
            blocks += [Block((place,), first, last) for first, last in pieces]
        elif size:
            if filled + size > limits.block:
                blocks.append(Block(tuple(together)))
                together, filled = [], 0
            together.append(place)
            filled += size
    if together:
        blocks.append(Block(tuple(together)))
    return blocks


def most_that_pays(program: Program, numbers: Numbers, kind: Kind) -> int | None:
    """The largest parameter that is not better left to torch tensor by tensor; None where all are better off here.

    That is so on devices, where launches count, and where torch's fused Adam does several calls of the program at once.

    Args:
        program: the arithmetic.
        numbers: of the group.
        kind: of the parameters.
    """
    if kind.device.type != "cpu" or any(not isinstance(call, Call) for call in _calls(record(program, numbers), kind)):
        return None
    return MOST_TOGETHER


def _calls(tape: Tape, kind: Kind | Tensor) -> Sequence[Call | Instruction]:
    fits = kind.device.type == "cpu" and kind.dtype in {torch.float32, torch.float64}
    return fused(tape) if fits else tape.calls


class FlatLot:
    """Parameters of one group, device and dtype.

    Args:
        params: the parameters, all contiguous.
    """

    def __init__(self, params: Sequence[Tensor]) -> None:
        self._sizes = [p.numel() for p in params]
        self._blocks: dict[bool, list[Block]] = {}
        self._buffers: dict[tuple[Block, str], tuple[list[Tensor], Tensor]] = {}

    def run(
        self,
        program: Program,
        params: Sequence[Tensor],
        grads: Sequence[Tensor],
        states: Sequence[State],
        numbers: Numbers,
    ) -> Sums:
        """Runs a program over all parameters; returns its sums, still on the device."""
        tape, slice_p = record(program, numbers), int(numbers.get("slice_p", 1))
        where = params[0].device
        player = Player(_calls(tape, params[0]), [one.result for one in tape.sums])
        done: list[list[Tensor]] = [[] for _ in tape.sums]
        for block in self._cut(where, whole=slice_p > 1):
            sizes = [self._sizes[place] for place in block.places]
            lists = partial(_tensors, block, params, grads, states)
            values = {array: self._array(block, str(array.array), lists, states) for array in player.used}
            words = {"sum": _sum, "dot": _sum_of_products if len(sizes) > 1 else _dot, "sliced": partial(_sliced, slice_p, sizes)}
            player.play(values, words, partial(_settled, player, values, lists))
            for sums, one in zip(done, tape.sums, strict=True):
                sums.append(values[one.result])
            if len(sizes) > 1:
                for array in player.changed:
                    if array.array in {"p", "grad"}:
                        _scatter(values[array], lists(array.array))
        return _added(tape, done)

    def _cut(self, device: torch.device, *, whole: bool) -> list[Block]:
        if whole not in self._blocks:
            self._blocks[whole] = blocks_of(self._sizes, CPU if device.type == "cpu" else DEVICE, whole=whole)
        return self._blocks[whole]

    def _array(self, block: Block, name: str, lists: Lists, states: Sequence[State]) -> Tensor:
        """An array of a block as one tensor."""
        tensors = lists(name)
        if len(tensors) == 1:
            return tensors[0]
        if all(tensor.dim() == 0 for tensor in tensors) and any(self._sizes[place] > 1 for place in block.places):
            return tensors[0]  # one number that stands for all elements, the same for all (`Share.by_single`)
        if name in {"p", "grad"}:
            return _flatten_dense_tensors(tensors)
        kept = self._buffers.get((block, name))
        if kept is not None and all(map(is_, kept[0], tensors)):
            return kept[1]
        # Somebody has given the parameters other tensors, or they have not been put together yet.
        flat = _flatten_dense_tensors(tensors)
        views = list(_unflatten_dense_tensors(flat, tensors))
        for place, view in zip(block.places, views, strict=True):
            states[place][name] = view
        self._buffers[block, name] = (views, flat)
        return flat


def _tensors(block: Block, params: Sequence[Tensor], grads: Sequence[Tensor], states: Sequence[State], name: str) -> list[Tensor]:
    """An array's tensors in a block, one for each parameter."""
    if name == "p":
        own = [params[place] for place in block.places]
    elif name == "grad":
        own = [grads[place] for place in block.places]
    else:
        own = [states[place][name] for place in block.places]
    return own if block.last is None or own[0].dim() == 0 else [own[0].view(-1)[block.first : block.last]]


def _settled(player: Player, values: Mapping[Value, Tensor], lists: Lists, name: str) -> list[Tensor]:
    """An array's tensors, one for each parameter, with what calls have done to a copy of them."""
    tensors = lists(name)
    for array in player.changed:
        if array.array == name and name in {"p", "grad"} and len(tensors) > 1:
            _scatter(values[array], tensors)
    return tensors


def _scatter(flat: Tensor, tensors: list[Tensor]) -> None:
    torch._foreach_copy_(tensors, list(_unflatten_dense_tensors(flat, tensors)))  # pyright: ignore[reportPrivateImportUsage]


def _sliced(slice_p: int, sizes: Sequence[int], value: Tensor) -> Tensor:
    """Every `slice_p`-th element of each parameter."""
    if len(sizes) == 1 or slice_p == 1:
        return value.reshape(-1)[::slice_p]
    return torch.cat([part[::slice_p] for part in value.split(list(sizes))])


def _sum(value: Tensor) -> Tensor:
    """The sum. torch's own float32 sum works in a cascade, so a block of it is accurate enough."""
    return value.sum() if value.dtype in {torch.float32, torch.float64} else value.sum(dtype=torch.float32)


def _sum_of_products(a: Tensor, b: Tensor) -> Tensor:
    """The inner product of many parameters; not through a dot product, whose float32 rounding grows with the length."""
    return _sum(a * b)


def _dot(a: Tensor, b: Tensor) -> Tensor:
    """The inner product of one parameter, as the reference has it."""
    if a.dtype in {torch.float32, torch.float64} and a.numel() <= CPU.block:
        return torch.dot(a.reshape(-1), b.reshape(-1))
    return _sum_of_products(a, b)


def _added(tape: Tape, done: Sequence[Sequence[Tensor]]) -> Sums:
    """The blocks' sums, in float64 where the device has it."""
    sums = Sums()
    for one, parts in zip(tape.sums, done, strict=True):
        if parts:
            stacked = torch.stack(list(parts))
            total = (stacked if stacked.device.type == "mps" else stacked.double()).sum() * one.weight
            sums[one.name] = sums[one.name] + total if one.name in sums else total
    return sums
