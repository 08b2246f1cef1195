"""Running compiled matrix programs on the CPU: one call for all tensors, found through a table of addresses."""

from __future__ import annotations

import ctypes
import functools
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import torch
from torch import Tensor

from optimizers.machinery.compiler import load
from optimizers.machinery.emit_cuda import Element
from optimizers.machinery.emit_matrix import emit_matrix
from optimizers.machinery.matrix_writer import MatrixWriter
from optimizers.machinery.native import REALS, run_parts
from optimizers.machinery.pointers import Columns, UnfitError
from optimizers.machinery.program import Numbers, Program, Totals, flags_of
from optimizers.machinery.trace import Trace
from optimizers.machinery.trace_matrix import Form, form_of, sizes_of, trace_matrix

if TYPE_CHECKING:
    from optimizers.machinery.batch import Kind, Share

ITEM = 7
"""Numbers that describe a tensor: its place in the table, batch, rows, columns, group, slice_p, 1 where p0 is no single number."""

PARTS = 8
"""Pieces of work per thread: the threads of a busy machine do not end together."""

ELEMENTS: Mapping[torch.dtype, Element] = {torch.bfloat16: "bfloat16", torch.float32: "float", torch.float64: "double"}
"""The dtypes that arrays of the state may have; parameters and gradients are float32 or float64."""

Flags: TypeAlias = tuple[tuple[str, bool], ...]
Members: TypeAlias = "Sequence[tuple[Share, Numbers]]"
_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True)
class MatrixKernel:
    """A compiled matrix program."""

    trace: Trace
    function: Any

    def run(
        self, items: array[int], edges: Sequence[int], table: array[int], tensors: int, hypers: array[float], sums: array[float]
    ) -> None:
        """Runs all tensors.

        Args:
            items: `ITEM` numbers for each.
            edges: where parts begin that can be run at the same time, and the end.
            table: addresses of the arrays, all tensors of the first array, then of the next (`trace.arrays`' order).
            tensors: how many there are.
            hypers: the numbers of `trace.hypers`, a row per group.
            sums: room for the totals, a row per tensor; written.

        Raises:
            MemoryError: there is no memory for a few rows.
        """
        shared = (
            items.buffer_info()[0],
            table.buffer_info()[0],
            tensors,
            hypers.buffer_info()[0],
            len(self.trace.hypers),
            sums.buffer_info()[0],
            len(self.trace.totals),
        )
        threads = torch.get_num_threads()
        if threads <= 1 or len(edges) <= 2:
            failed = [self.function(edges[0], edges[-1], *shared)]
        else:
            failed = run_parts(self.function, edges, shared)
        if any(failed):
            raise MemoryError("no memory for a row of an optimizer's factors")


def writer_for(
    program: Program, flags: Flags, form: Form, sliced: bool, elements: tuple[tuple[str, Element], ...]
) -> MatrixWriter | None:
    """What writes the code of a program for parameters of a form; None where kernels do not know what it does.

    Args:
        program: the program.
        flags: the booleans of the group.
        form: see there.
        sliced: whether sliced arrays hold fewer elements than the parameter.
        elements: how the arrays are kept.
    """
    kept: dict[str, Element] = dict(elements)
    if kept["p"] == "double" and "float" in kept.values():
        return None
    try:
        traced = trace_matrix(program, dict(flags), form, sliced=sliced)
    except ValueError:
        return None
    single = frozenset(name for name in traced.arrays if program.layout(name) == "sliced or one")
    arrays: dict[str, Element] = {name: kept.get(name, kept["p"]) for name in traced.arrays}
    return MatrixWriter(traced, arrays, single)


@functools.cache
def _kernel(
    program: Program, flags: Flags, form: Form, sliced: bool, elements: tuple[tuple[str, Element], ...]
) -> MatrixKernel | None:
    writer = writer_for(program, flags, form, sliced, elements)
    if writer is None:
        return None
    function = load(emit_matrix(writer)).kernel
    integer, pointer = ctypes.c_int64, ctypes.c_void_p
    function.argtypes = [integer, integer, pointer, pointer, integer, pointer, integer, pointer, integer]
    function.restype = ctypes.c_int
    return MatrixKernel(writer.trace, function)


def kernel_for(program: Program, members: Members, make: Callable[..., _Made | None] = _kernel) -> _Made | None:
    """The compiled form of a program for parameters of one form and dtype; None where kernels do not know what it does.

    Args:
        program: the program.
        members: shares of parameters of one form, and their numbers.
        make: compiles; its arguments are those of `writer_for`.

    Raises:
        CompileError: it cannot be compiled here.
        UnfitError: an array of the state has a dtype that kernels do not know.
    """
    assert program.axes is not None
    share, numbers = members[0]
    state = share.states[0]
    arrays = {"p": share.params[0], "grad": share.grads[0], **{k: v for k, v in state.items() if isinstance(v, Tensor)}}
    if any(value.dtype not in ELEMENTS for name, value in arrays.items() if program.layout(name) != "one"):
        raise UnfitError
    elements = tuple((name, ELEMENTS[v.dtype]) for name, v in arrays.items() if program.layout(name) != "one")
    form = form_of(tuple(share.params[0].shape), tuple(state), program.axes, share.params[0].dtype)
    assert form is not None
    return make(program, flags_of(numbers), form, numbers.get("slice_p", 1) > 1, elements)


def by_form(program: Program, parts: Members, fits: Callable[[Kind], bool]) -> tuple[list[Members], list[tuple[Share, Numbers]]]:
    """The parameters that one kernel can step together, and those that none can.

    Args:
        program: the program.
        parts: shares of parameters, and their numbers.
        fits: whether there are kernels for parameters of a kind.
    """
    assert program.axes is not None
    forms: dict[tuple[object, ...], list[tuple[Share, Numbers]]] = {}
    rest: list[tuple[Share, Numbers]] = []
    for share, numbers in parts:
        for kind, same_kind in share.by_kind():
            if kind.dtype not in REALS or not kind.regular or not fits(kind):
                rest.append((same_kind, numbers))
                continue
            for form, part in same_kind.by_form(program.axes):
                if form is None:
                    rest.append((part, numbers))
                else:
                    key = (kind.device, kind.dtype, form, flags_of(numbers), numbers.get("slice_p", 1) > 1)
                    forms.setdefault(key, []).append((part, numbers))
    return list(forms.values()), rest


class MatrixLot:
    """Parameters of one form and dtype, of one or more groups.

    Args:
        program: a matrix program; the lot serves others with the same axes too.
        members: the groups' shares; all parameters and gradients are contiguous.
    """

    def __init__(self, program: Program, members: Members) -> None:
        assert program.axes is not None
        shapes = [tuple(p.shape) for share, _ in members for p in share.params]
        sizes = [sizes_of(shape, program.axes) for shape in shapes]
        self._sizes = [size for size in sizes if size is not None]
        self._params = [p for share, _ in members for p in share.params]  # kept alive: lots are found by their ids
        self._columns = Columns()
        self._numbers: dict[str, list[Tensor]] = {}
        self._items: dict[tuple[int, ...], tuple[array[int], list[int]]] = {}

    def run(self, kernel: MatrixKernel, program: Program, members: Members, totals: Totals) -> None:
        """Runs a kernel over all parameters.

        Args:
            kernel: the compiled program.
            program: what it was compiled from.
            members: the groups' shares, as they were given at the start, and their numbers.
            totals: where sums go.

        Raises:
            UnfitError: nothing was done.
        """
        table = array("q")
        for column in self.columns(kernel.trace, program, members):
            table.extend(column)
        items, edges = self.items(members)
        hypers = array("d", [float(numbers[name]) for _, numbers in members for name in kernel.trace.hypers])
        count, width = len(self._sizes), len(kernel.trace.totals)
        sums = array("d", bytes(8 * max(1, count * width)))
        kernel.run(items, edges, table, count, hypers, sums)
        for index, total in enumerate(kernel.trace.totals):
            totals.add(total.name, sum(sums[index : count * width : width]))

    def columns(self, trace: Trace, program: Program, members: Members) -> list[array[int]]:
        """The addresses of a program's arrays, in its order; a column of the state is the same object if it is the same.

        Raises:
            UnfitError: an array of the state does not lie as its parameter does.
        """
        return [
            self._numbers_column(name, members) if program.layout(name) == "one" else self._column(name, members, trace)
            for name in trace.arrays
        ]

    def _column(self, name: str, members: Members, trace: Trace) -> array[int]:
        """The addresses of one array of all parameters."""
        if name == "p":
            return array("q", [p.data_ptr() for share, _ in members for p in share.params])
        if name == "grad":
            return array("q", [grad.data_ptr() for share, _ in members for grad in share.grads])
        tensors: list[Tensor] = [state[name] for share, _ in members for state in share.states]
        column, same = self._columns.of(name, tensors, self._check(name, tensors[0].dtype, trace, members))
        if not same:
            self._items.clear()  # what is one number may have become many, or the other way round
        return column

    def _check(self, name: str, dtype: torch.dtype, trace: Trace, members: Members) -> Callable[[Tensor, int], bool]:
        slices = [int(numbers.get("slice_p", 1)) for share, numbers in members for _ in share.params]
        domain = trace.loads[name].domain

        def fits(tensor: Tensor, index: int) -> bool:
            batch, rows, columns = self._sizes[index]
            length = {
                "row": batch * rows,
                "column": batch * columns,
                "sliced": -(-batch * rows * columns // slices[index]),
            }.get(domain, batch * rows * columns)
            single = name == "p0" and tensor.dim() == 0
            return (
                tensor.device == self._params[index].device
                and tensor.dtype == dtype
                and tensor.is_contiguous()
                and (tensor.numel() == length or single)
            )

        return fits

    def _numbers_column(self, name: str, members: Members) -> array[int]:
        """The addresses of a number per parameter, which becomes an entry of its state if it is none yet.

        What a state has stays where it is: with other parameters together at every step, each lot's own room for the
        numbers of all would be kept alive by the few that are still in use.
        """
        states = [state for share, _ in members for state in share.states]
        known = self._numbers.get(name, [])
        if len(known) != len(states) or any(state.get(name) is not number for state, number in zip(states, known, strict=True)):
            seen: set[int] = set()
            missing = [state for state in states if not self._is_number_alone(state.get(name), seen)]
            for state, number in zip(missing, self._params[0].new_zeros(len(missing)).unbind(), strict=True):
                if isinstance(state.get(name), Tensor):
                    number.copy_(state[name])
                state[name] = number
            known = self._numbers[name] = [state[name] for state in states]
        return self._columns.of(name, known, lambda number, _: self._is_number_alone(number, set()))[0]

    def _is_number_alone(self, value: object, seen: set[int]) -> bool:
        """Whether a kernel can write to an entry of a state; in no place that another parameter's entry has."""
        like = self._params[0]
        if not isinstance(value, Tensor) or value.dim() or value.dtype != like.dtype or value.device != like.device:
            return False
        alone = value.data_ptr() not in seen
        seen.add(value.data_ptr())
        return alone

    def items(self, members: Members) -> tuple[array[int], list[int]]:
        """The items (see `ITEM`), the largest first, and the edges of parts of about the same number of elements."""
        slices = tuple(int(numbers.get("slice_p", 1)) for _, numbers in members)
        kept = self._items.get(slices)
        if kept is not None:
            return kept
        rows: list[tuple[int, ...]] = []
        for group, (share, _) in enumerate(members):
            for state in share.states:
                p0 = state.get("p0")
                whole = int(not (isinstance(p0, Tensor) and p0.dim() == 0))
                rows.append((len(rows), *self._sizes[len(rows)], group, slices[group], whole))
        rows.sort(key=lambda row: -row[1] * row[2] * row[3])
        ends = list(accumulate(row[1] * row[2] * row[3] for row in rows))
        edges, parts = [0], PARTS * torch.get_num_threads()
        for index, end in enumerate(ends):
            if end * parts >= ends[-1] * len(edges) and index + 1 < len(rows):
                edges.append(index + 1)
        kept = self._items[slices] = (array("q", [number for row in rows for number in row]), [*edges, len(rows)])
        return kept
