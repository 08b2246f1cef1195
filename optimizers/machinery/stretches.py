"""The state of many parameters in one buffer per array, quantised block by block: each parameter begins a new block.

bitsandbytes keeps one scale for `BLOCK` elements of a state and begins anew with each parameter. A stretch keeps to that,
so a kernel over neighbours does to each of them what a kernel of its own would do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

BLOCK = 256
"""Elements that bitsandbytes quantises with one scale."""

LARGE = 256 * 1024
"""Parameters from this size on have launches of their own: reading and writing them twice more would take longer."""

SHARE = 8
"""Scratch memory holds this part of the parameters, so that it stays a tenth of what a step needs anyway …"""

MOST = 4 * 1024 * 1024
"""… and no more elements than this: copies in between stay in a GPU's cache."""

KEPT = 32
"""Ways to cut a stretch that are kept; where the parameters that take part change at each step there are many."""

ARRAYS = ("state1", "state2", "absmax1", "absmax2")
"""The entries of a parameter's state that lie in buffers."""


@dataclass(slots=True, eq=False)
class Place:
    """Where a parameter's state lies.

    Attributes:
        p, state: the parameter and its entry of `optimizer.state`.
        stretch, index: the buffers, and which of their parameters this is.
        views: what the entry's arrays have to be; anything else was put there by somebody.
    """

    p: Tensor
    state: dict[str, Any]
    stretch: Stretch
    index: int
    views: tuple[tuple[str, Tensor], ...]

    def holds(self, p: Tensor, state: dict[str, Any]) -> bool:
        """Whether parameter and state are still those that lie here."""
        if self.p is not p or self.state is not state or p.dtype is not self.stretch.dtype or p.device != self.stretch.device:
            return False
        return all(state.get(name) is view for name, view in self.views)


@dataclass(slots=True)
class Chunk:
    """Neighbours that one kernel steps.

    Attributes:
        p, grad: scratch memory.
        p_views, grad_views: the parts of it that belong to each parameter, in its shape.
        arrays: the states' slices, by name.
        blocks, filled: the blocks that a parameter ends within, and how many of their elements are its own.
    """

    p: Tensor
    grad: Tensor
    p_views: list[Tensor]
    grad_views: list[Tensor]
    arrays: dict[str, Tensor]
    blocks: Tensor | None
    filled: Tensor | None


def copy(targets: list[Tensor], sources: list[Tensor]) -> None:
    """Copies many tensors with few launches."""
    torch._foreach_copy_(targets, sources)  # pyright: ignore[reportPrivateImportUsage]


def _code_of_nothing(qmap: Tensor | None) -> int:
    """The code that bitsandbytes takes for an element beyond a parameter's end: for 0, or next to it on CUDA."""
    if qmap is None:
        return 0
    signed = bool(qmap[0] < 0)
    return 128 if signed and qmap.device.type == "cuda" else int(qmap.abs().argmin())


class Stretch:
    """The states of some parameters of one device and dtype, one behind the other.

    Args:
        params: the parameters.
        states: their entries of `optimizer.state`; their arrays become views of this stretch's buffers.
    """

    def __init__(self, params: Sequence[Tensor], states: Sequence[dict[str, Any]]) -> None:
        first = states[0]
        self.qmaps: tuple[Tensor | None, Tensor | None] = (first.get("qmap1"), first.get("qmap2"))
        self.device, self.dtype = params[0].device, params[0].dtype
        self.quantised: bool = first["state1"].dtype == torch.uint8
        self._sizes = [p.numel() for p in params]
        self._shapes = [p.shape for p in params]
        self._edges = [0]
        for size in self._sizes:
            self._edges.append(self._edges[-1] + (-(-size // BLOCK) * BLOCK if self.quantised else size))
        total = self._edges[-1]
        largest = max(after - before for before, after in pairwise(self._edges))
        most = min(total // SHARE, MOST) if self.device.type != "cpu" else 0  # a CPU has no launches to save
        length = min(total, max(most, LARGE, largest))
        self._p = torch.empty(length, dtype=self.dtype, device=self.device)
        self._grad = torch.empty_like(self._p)
        self._nothing = tuple(_code_of_nothing(qmap) for qmap in self.qmaps)
        self._arrays = {name: self._gathered(name, states) for name in ARRAYS if name in first}
        self._chunks: dict[tuple[int, int], list[tuple[int, int, Chunk]]] = {}
        for state in states:
            state.update({name: qmap for name, qmap in zip(("qmap1", "qmap2"), self.qmaps, strict=True) if qmap is not None})

    def place(self, index: int, p: Tensor, state: dict[str, Any]) -> Place:
        """That of one of the parameters this was made of."""
        return Place(p, state, self, index, tuple((name, state[name]) for name in self._arrays))

    def _edges_of(self, name: str) -> list[int]:
        return [edge // BLOCK for edge in self._edges] if name.startswith("absmax") else self._edges

    def _gathered(self, name: str, states: Sequence[dict[str, Any]]) -> Tensor:
        """The buffer of one array; the states' entries become views of it."""
        edges, tensors = self._edges_of(name), [state[name] for state in states]
        buffer = torch.zeros(edges[-1], dtype=tensors[0].dtype, device=self.device)
        views = [buffer[at : at + t.numel()].view(t.shape) for at, t in zip(edges[:-1], tensors, strict=True)]
        copy(views, tensors)
        for state, view in zip(states, views, strict=True):
            state[name] = view
        return buffer

    def chunks(self, first: int, last: int) -> list[tuple[int, int, Chunk]]:
        """The parameters from first to before last in parts that fit into the scratch memory."""
        known = self._chunks.get((first, last))
        if known is None:
            if len(self._chunks) >= KEPT:
                self._chunks.clear()
            known = self._chunks[first, last] = []
            begin = first
            for end in range(first + 1, last + 1):
                if end == last or self._edges[end + 1] - self._edges[begin] > len(self._p):
                    known.append((begin, end, self._chunk(begin, end)))
                    begin = end
        return known

    def _chunk(self, begin: int, end: int) -> Chunk:
        low, high = self._edges[begin], self._edges[end]
        arrays: dict[str, Tensor] = {}
        for name, buffer in self._arrays.items():
            edges = self._edges_of(name)
            arrays[name] = buffer[edges[begin] : edges[end]]

        def views(scratch: Tensor) -> list[Tensor]:
            starts = [edge - low for edge in self._edges[begin:end]]
            parts = zip(starts, self._sizes[begin:end], self._shapes[begin:end], strict=True)
            return [scratch[at : at + size].view(shape) for at, size, shape in parts]

        sizes = list(zip(self._edges[begin:end], self._sizes[begin:end], strict=True))
        ends = [((edge - low + size) // BLOCK, size % BLOCK) for edge, size in sizes if self.quantised and size % BLOCK]
        blocks = torch.tensor([block for block, _ in ends], device=self.device) if ends else None
        filled = torch.tensor([count for _, count in ends], device=self.device) if ends else None
        return Chunk(self._p[: high - low], self._grad[: high - low], views(self._p), views(self._grad), arrays, blocks, filled)

    def clear(self, chunk: Chunk) -> None:
        """Makes what lies behind a parameter count for nothing in its last block, as what is not there does in the reference."""
        if chunk.blocks is None or chunk.filled is None:
            return
        behind = torch.arange(BLOCK, device=self.device) >= chunk.filled[:, None]
        nothing: dict[str, float] = dict(zip(("state1", "state2"), self._nothing, strict=True))
        for array, value in [
            (chunk.grad, 0.0),
            *((chunk.arrays[name], nothing[name]) for name in nothing if name in chunk.arrays),
        ]:
            rows = array.view(-1, BLOCK)
            rows.index_copy_(0, chunk.blocks, rows.index_select(0, chunk.blocks).masked_fill_(behind, value))
