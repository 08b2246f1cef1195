"""Tables of addresses: how a generated kernel finds the arrays of all parameters without any of them being moved."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from operator import is_
from typing import TYPE_CHECKING

from torch import Tensor

from optimizers.machinery.native import CHUNK, Kernel
from optimizers.machinery.program import Numbers, Totals

if TYPE_CHECKING:
    from optimizers.machinery.batch import Share


class PointerLot:
    """Parameters of one device and dtype, with what their addresses were last time.

    Gradients are new tensors in each step and parameters may be moved (`p.data = …`), so these two columns are written
    at every step; a column of the state is kept as long as its tensors are the same objects.

    Args:
        groups: the parameters of each group, all contiguous.

    Attributes:
        chunk: the most elements of a piece.
    """

    chunk = CHUNK

    def __init__(self, groups: Sequence[Sequence[Tensor]]) -> None:
        self._sizes = [[p.numel() for p in params] for params in groups]
        self._columns: dict[str, tuple[list[Tensor], array[int]]] = {}
        self._items: dict[tuple[int, ...], tuple[array[int], list[int]]] = {}

    def run(self, kernel: Kernel, members: Sequence[tuple[Share, Numbers]], totals: Totals) -> None:
        """Runs a kernel over all parameters.

        Args:
            kernel: the compiled program.
            members: the groups' shares, in the order of the groups given at the start, and their numbers.
            totals: where sums go.
        """
        table = array("q")
        for name in kernel.trace.arrays:
            table.extend(self.column(name, members))
        slices = tuple(int(numbers.get("slice_p", 1)) for _, numbers in members)
        items, edges = self.pieces(slices, members)
        hypers = array("d", [float(numbers[name]) for _, numbers in members for name in kernel.trace.hypers])
        sums = array("d", bytes(8 * max(1, edges[-1] * len(kernel.trace.totals))))
        kernel.run(items, table, sum(map(len, self._sizes)), hypers, sums)
        width = len(kernel.trace.totals)
        for index, total in enumerate(kernel.trace.totals):
            totals.add(total.name, sum(sums[index : edges[-1] * width : width]))

    def column(self, name: str, members: Sequence[tuple[Share, Numbers]]) -> array[int]:
        """The addresses of one array of all parameters; the same object as before where none can have changed."""
        if name == "p":
            return array("q", [p.data_ptr() for share, _ in members for p in share.params])
        if name == "grad":
            return array("q", [grad.data_ptr() for share, _ in members for grad in share.grads])
        tensors: list[Tensor] = [state[name] for share, _ in members for state in share.states]
        kept = self._columns.get(name)
        if kept is None or len(kept[0]) != len(tensors) or not all(map(is_, kept[0], tensors)):
            _check(name, tensors, members)
            kept = self._columns[name] = (tensors, array("q", [tensor.data_ptr() for tensor in tensors]))
        return kept[1]

    def pieces(self, slices: tuple[int, ...], members: Sequence[tuple[Share, Numbers]]) -> tuple[array[int], list[int]]:
        """The pieces of work (see `native.ITEM`), and where each group's begin; the last edge is their number."""
        kept = self._items.get(slices)
        if kept is not None:
            return kept
        items, edges, tensor = array("q"), [0], 0
        for row, ((share, _), slice_p) in enumerate(zip(members, slices, strict=True)):
            chunk = max(self.chunk // slice_p, 1) * slice_p
            for size, state in zip(self._sizes[row], share.states, strict=True):
                p0 = state.get("p0")
                whole = int(not (isinstance(p0, Tensor) and p0.dim() == 0))
                for first in range(0, size, chunk):
                    items.extend((tensor, first, min(first + chunk, size), row, slice_p, whole))
                tensor += 1
            edges.append(len(items) // 6)
        self._items[slices] = (items, edges)
        return items, edges


def _check(name: str, tensors: Sequence[Tensor], members: Sequence[tuple[Share, Numbers]]) -> None:
    """Kernels trust their addresses: a state that does not lie as its parameter does is refused here.

    Raises:
        RuntimeError: an array of the state is on another device, of another dtype or has gaps.
    """
    params = [p for share, _ in members for p in share.params]
    for tensor, p in zip(tensors, params, strict=True):
        if tensor.device != p.device or tensor.dtype != p.dtype or not tensor.is_contiguous():
            raise RuntimeError(
                f"the optimizer's state {name!r} of a parameter of shape {tuple(p.shape)} is {tensor.dtype} on {tensor.device}, "
                f"the parameter {p.dtype} on {p.device}: load the state with load_state_dict, or move it with the parameter"
            )
