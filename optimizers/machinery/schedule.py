"""In which order a matrix program's values are computed: as few sweeps over the whole tensor as its sums demand.

A sum over the tensor is known after a sweep only, so what depends on it is computed in the next one. No value as large as
the tensor is kept between sweeps: it is computed again from the arrays, and one that was stored is read again.

Within a sweep the matrices of a tensor come one after the other, and so do the rows of a matrix. Hence the moments: at the
start everything is known that older sweeps found out; at a row's end its sums; at a matrix's end the sums over its rows,
and then those over its columns' numbers; at the tensor's end the sums over all of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from optimizers.machinery.trace import Domain, Node, Trace


class Moment(IntEnum):
    """When, within a sweep."""

    START = 0
    ROW_END = 1
    MATRIX_END = 2
    MATRIX_DONE = 3
    TENSOR_END = 4


class Time(NamedTuple):
    """When a value is known."""

    sweep: int
    moment: Moment


_MOMENTS: Mapping[Domain, tuple[Moment, ...]] = {
    "full": (Moment.START,),
    "sliced": (Moment.START,),
    "row": (Moment.START, Moment.ROW_END),
    "column": (Moment.START, Moment.MATRIX_END),
    "matrix": (Moment.START, Moment.MATRIX_END, Moment.MATRIX_DONE),
    "tensor": (Moment.START, Moment.TENSOR_END),
    "scalar": (Moment.START,),
}
"""When values of a domain can be computed."""

_SUMMED: Mapping[tuple[Domain, Domain], Moment] = {
    ("full", "row"): Moment.ROW_END,
    ("full", "column"): Moment.MATRIX_END,
    ("row", "matrix"): Moment.MATRIX_END,
    ("column", "matrix"): Moment.MATRIX_DONE,
}
"""When a sum from one domain to another is complete; all others are at the tensor's end."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """One turn over a tensor.

    Attributes:
        sums: the sum nodes that are added up in it.
        stores: the arrays that are written in it, with their values.
        nodes: all that has to be computed for these, operands first. What is known before is in it too, as a beginning.
        moments: when in the sweep each of them is known.
    """

    sums: tuple[Node, ...]
    stores: Mapping[str, Node]
    nodes: tuple[Node, ...]
    moments: Mapping[Node, Moment]


class Schedule:
    """The sweeps of a trace of a matrix program.

    Attributes:
        sweeps: in order.
        carried: sums per row, column or matrix that a later sweep needs: they have to be kept meanwhile.
        numbers: the values per tensor that are needed at all, operands first.
    """

    def __init__(self, trace: Trace) -> None:
        self._stored = trace.stores
        self._times: dict[Node, Time] = {}
        every = self._below(trace.roots())
        self._sums = {node: self._time(node).sweep for node in every if node.op == "sum"}
        self._stores = {name: self._time(node).sweep for name, node in trace.stores.items()}
        self._last = max([0, *self._sums.values(), *self._stores.values()])
        self.numbers = tuple(node for node in every if node.domain == "tensor")
        while self._put_off_store():
            pass
        self._put_off_sums(every)
        self.sweeps = tuple(self._sweep(index) for index in range(self._last + 1))
        self.carried = tuple(node for node, at in self._sums.items() if node.domain != "tensor" and self._is_used_after(node, at))

    def is_known(self, node: Node, sweep: int) -> bool:
        """Whether a value is there at the start of a sweep: in an array, or as an older sum."""
        return self.array_of(node, sweep) is not None or (node.op == "sum" and self._sums[node] < sweep)

    def array_of(self, node: Node, sweep: int) -> str | None:
        """The array that has this value at the start of a sweep."""
        for name, stored in self._stored.items():
            if stored is node and self._stores[name] < sweep:
                return name
        return node.name if node.op == "load" else None

    def _time(self, node: Node) -> Time:
        """The earliest time at which a value can be computed; of a sum: at which it is complete."""
        known = self._times.get(node)
        if known is None:
            latest = max((self._time(operand) for operand in node.inputs), default=Time(0, Moment.START))
            known = self._times[node] = _after(node, latest)
        return known

    def _below(self, roots: Iterable[Node], sweep: int = -1) -> list[Node]:
        """The roots and what they are computed from in a sweep, operands first; without a sweep: from the very beginning."""
        seen: dict[Node, None] = {}

        def visit(node: Node) -> None:
            if node not in seen:
                if not self._ends(node, sweep):
                    for operand in node.inputs:
                        visit(operand)
                seen[node] = None

        for root in roots:
            visit(root)
        return list(seen)

    def _ends(self, node: Node, sweep: int) -> bool:
        # Numbers of the tensor stay: they are computed once, at the end of a sweep.
        return sweep >= 0 and (node.domain == "tensor" or self.is_known(node, sweep))

    def _roots(self, sweep: int) -> list[Node]:
        stored = [node for name, node in self._stored.items() if self._stores[name] == sweep and node.domain != "tensor"]
        return [*stored, *(node.inputs[0] for node, at in self._sums.items() if at == sweep)]

    def _put_off_store(self) -> bool:
        """Puts off a store whose array is needed once more as it was; says whether there was one."""
        for sweep in range(self._last + 1):
            for node in self._below(self._roots(sweep), sweep):
                if node.op == "load" and self.array_of(node, sweep) == node.name and self._stores.get(node.name, sweep) < sweep:
                    self._stores[node.name] = sweep
                    return True
        return False

    def _put_off_sums(self, every: list[Node]) -> None:
        """Moves sums over the tensor that no element waits for to the last sweep that reads their arrays anyway."""
        users = [node for node in every if node.domain != "tensor" or node.op == "sum"]
        awaited = set(self._below(operand for node in users for operand in node.inputs))
        for node, at in self._sums.items():
            if node.domain != "tensor" or node in awaited or node.inputs[0].domain != "full":
                continue
            own = {load.name for load in self._below(node.inputs) if load.op == "load"}
            for sweep in range(self._last, at, -1):
                loads = [load for load in self._below(self._roots(sweep), sweep) if load.op == "load"]
                read = {load.name for load in loads if self.array_of(load, sweep) == load.name}
                if own <= read and all(self._stores.get(name, sweep) >= sweep for name in own):
                    self._sums[node] = sweep
                    break

    def _sweep(self, index: int) -> Sweep:
        nodes = self._below(self._roots(index), index)
        moments: dict[Node, Moment] = {}
        for node in nodes:
            if self._ends(node, index):
                moments[node] = Moment.START
            else:
                latest = max((moments[operand] for operand in node.inputs), default=Moment.START)
                moments[node] = _after(node, Time(index, latest)).moment
        return Sweep(
            tuple(node for node, at in self._sums.items() if at == index),
            {name: node for name, node in self._stored.items() if self._stores[name] == index and node.domain != "tensor"},
            tuple(nodes),
            moments,
        )

    def _is_used_after(self, node: Node, sweep: int) -> bool:
        return any(node in self._below(self._roots(later), later) for later in range(sweep + 1, self._last + 1))


def _after(node: Node, latest: Time) -> Time:
    """When a value is known whose last operand is known at a time."""
    if node.op == "sum":
        return Time(latest.sweep, _SUMMED.get((node.inputs[0].domain, node.domain), Moment.TENSOR_END))
    for moment in _MOMENTS[node.domain]:
        if moment >= latest.moment:
            return Time(latest.sweep, moment)
    return Time(latest.sweep + 1, Moment.START)
