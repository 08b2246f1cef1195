"""Tables of addresses: how a generated kernel finds the arrays of all parameters without any of them being moved."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from operator import is_
from typing import TYPE_CHECKING

from torch import Tensor

from optimizers.machinery.native import CHUNK, Kernel
from optimizers.machinery.program import Numbers, Totals
from optimizers.machinery.trace import Trace

if TYPE_CHECKING:
    from optimizers.machinery.batch import Share


class UnfitError(Exception):
    """An array does not lie as a kernel needs it: the parameters are left to torch, tensor by tensor."""


class Columns:
    """The addresses of a lot's arrays, as they were last time and as they are now.

    Kernels trust their addresses. So each step asks every tensor where it is and how long it is, and a change of
    anything (a tensor given to `optimizer.state`, `tensor.data = …`, a moved parameter) is looked at anew.
    """

    def __init__(self) -> None:
        self._kept: dict[str, tuple[list[Tensor], array[int], list[int]]] = {}

    def of(self, name: str, tensors: list[Tensor], check: Callable[[Tensor, int], bool]) -> tuple[array[int], bool]:
        """The addresses of one array of all parameters, and whether they are the same object as last time.

        Args:
            name: of the array.
            tensors: one for each parameter.
            check: whether a tensor, that of this number, lies as a kernel needs it; asked where something changed.

        Raises:
            UnfitError: a tensor does not.
        """
        addresses, lengths = array("q", map(Tensor.data_ptr, tensors)), list(map(Tensor.numel, tensors))
        kept = self._kept.get(name)
        if (
            kept is not None
            and len(kept[0]) == len(tensors)
            and all(map(is_, kept[0], tensors))
            and kept[1] == addresses
            and kept[2] == lengths
        ):
            return kept[1], True
        self._kept.pop(name, None)
        if not all(check(tensor, index) for index, tensor in enumerate(tensors)):
            raise UnfitError
        self._kept[name] = (tensors, addresses, lengths)
        return addresses, False


class PointerLot:
    """Parameters of one device and dtype, with what their addresses were last time.

    Args:
        groups: the parameters of each group, all contiguous.

    Attributes:
        chunk: the most elements of a piece.
    """

    chunk = CHUNK

    def __init__(self, groups: Sequence[Sequence[Tensor]]) -> None:
        self._params = [p for params in groups for p in params]  # kept alive: lots are found by the parameters' ids
        self._sizes = [[p.numel() for p in params] for params in groups]
        self._columns = Columns()
        self._items: dict[tuple[int, ...], tuple[array[int], list[int]]] = {}

    def run(self, kernel: Kernel, members: Sequence[tuple[Share, Numbers]], totals: Totals) -> None:
        """Runs a kernel over all parameters.

        Args:
            kernel: the compiled program.
            members: the groups' shares, in the order of the groups given at the start, and their numbers.
            totals: where sums go.

        Raises:
            UnfitError: nothing was done.
        """
        slices = tuple(int(numbers.get("slice_p", 1)) for _, numbers in members)
        table = array("q")
        for column in self.columns(kernel.trace, slices, members):
            table.extend(column)
        items, edges = self.pieces(slices, members)
        hypers = array("d", [float(numbers[name]) for _, numbers in members for name in kernel.trace.hypers])
        sums = array("d", bytes(8 * max(1, edges[-1] * len(kernel.trace.totals))))
        kernel.run(items, table, sum(map(len, self._sizes)), hypers, sums)
        width = len(kernel.trace.totals)
        for index, total in enumerate(kernel.trace.totals):
            totals.add(total.name, sum(sums[index : edges[-1] * width : width]))

    def columns(self, trace: Trace, slices: tuple[int, ...], members: Sequence[tuple[Share, Numbers]]) -> list[array[int]]:
        """The addresses of a program's arrays, in its order; a column of the state is the same object if it is the same.

        Raises:
            UnfitError: an array of the state does not lie as its parameter does.
        """
        found: list[array[int]] = []
        for name in trace.arrays:
            if name == "p":
                found.append(array("q", [p.data_ptr() for share, _ in members for p in share.params]))
            elif name == "grad":
                found.append(array("q", [grad.data_ptr() for share, _ in members for grad in share.grads]))
            else:
                tensors: list[Tensor] = [state[name] for share, _ in members for state in share.states]
                column, same = self._columns.of(name, tensors, self._check(name, trace, slices))
                if not same:
                    self._items.clear()  # what is one number may have become many, or the other way round
                found.append(column)
        return found

    def _check(self, name: str, trace: Trace, slices: tuple[int, ...]) -> Callable[[Tensor, int], bool]:
        step = [slice_p for slice_p, sizes in zip(slices, self._sizes, strict=True) for _ in sizes]
        single = name == "p0"

        def fits(tensor: Tensor, index: int) -> bool:
            p = self._params[index]
            length = -(-p.numel() // step[index]) if trace.loads[name].domain == "sliced" else p.numel()
            return (
                tensor.device == p.device
                and tensor.dtype == p.dtype
                and tensor.is_contiguous()
                and (tensor.numel() == length or (single and tensor.dim() == 0))
            )

        return fits

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
