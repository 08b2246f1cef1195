"""Tracing matrix programs: the words of `lanes.MatrixLane` on symbols.

Means and norms become sums from one domain to a narrower one ("sum" nodes: one number per row, per column, per matrix or
per tensor) and arithmetic on those. Rows and columns are those of memory here: the last index runs along a row.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch

from optimizers.machinery.matrix import Axes, matrix_of
from optimizers.machinery.program import Layout, Program
from optimizers.machinery.trace import Domain, Node, Operand, Symbol, Total, Trace, TraceLane, apply, node_of, traced

_ACROSS: Mapping[tuple[Domain, str], Domain] = {
    ("full", "columns"): "row",
    ("full", "rows"): "column",
    ("row", "rows"): "matrix",
    ("column", "columns"): "matrix",
}
"""What a sum over an axis leaves of a domain. What does not vary along the axis stays as it is."""

_COUNTS: Mapping[Domain, tuple[str, ...]] = {
    "full": ("batch", "rows", "columns"),
    "row": ("batch", "rows"),
    "column": ("batch", "columns"),
    "matrix": ("batch",),
    "tensor": (),
}
"""The sizes whose product is the number of a domain's elements."""


@dataclass(frozen=True, slots=True)
class Form:
    """What decides, beside the booleans of the group, about the code of a matrix program.

    Attributes:
        names: the entries of its state.
        transposed: its columns lie before its rows in memory.
        single_precision: it is float32.
        flat: it has no rows and columns, or one of each in every matrix: then every factor is as long as the parameter,
            and all of them are one long row.
    """

    names: frozenset[str]
    transposed: bool
    single_precision: bool
    flat: bool


def sizes_of(shape: tuple[int, ...], axes: Axes) -> tuple[int, int, int] | None:
    """Batch, rows and columns of a tensor as it lies in memory; None where they are interleaved with other axes."""
    matrix = matrix_of(shape, axes)
    if not matrix.rows:
        return (1, 1, math.prod(shape))
    first, second = (matrix.columns, matrix.rows) if matrix.transposed else (matrix.rows, matrix.columns)
    before, between, after = (
        shape[: first[0]],
        shape[first[-1] + 1 or len(shape) : second[0]],
        shape[second[-1] + 1 or len(shape) :],
    )
    if math.prod(between) != 1 or math.prod(after) != 1:
        return None
    return (math.prod(before), math.prod(shape[axis] for axis in first), math.prod(shape[axis] for axis in second))


class MatrixTraceLane(TraceLane):
    """A lane of symbols for a matrix program. See `lanes.MatrixLane` for the words."""

    def __init__(self, program: Program, sliced: bool, form: Form) -> None:
        super().__init__(program, sliced)
        self._form = form
        self.transposed = form.transposed

    def _load(self, name: str, layout: Layout) -> Node:
        if name not in {"p", "grad"} and name not in self._form.names:
            raise AttributeError(name)
        domain: Domain = "sliced" if layout.startswith("sliced") and self._sliced else "full"
        if layout == "one":
            domain = "tensor"
        elif layout in {"row", "column"} and not self._form.flat:
            domain = "row" if (layout == "row") != self.transposed else "column"
        return Node("load", domain, name=name)

    def has(self, name: str) -> bool:
        return name in self._form.names

    @property
    def rows(self) -> Symbol:
        return self._size("columns" if self.transposed else "rows")

    @property
    def columns(self) -> Symbol:
        return self._size("rows" if self.transposed else "columns")

    @property
    def numel(self) -> Symbol:
        return self._count("full")

    def upcast(self, value: Symbol) -> Symbol:
        return value  # parameters of kernels are float32 or float64

    def widened(self, value: Symbol) -> Symbol:
        if not self._form.single_precision:
            raise ValueError("float64 would be rounded to float32")
        return value

    def working_copy(self, value: Symbol) -> Symbol:
        return Symbol(self.widened(value).node)

    def as_kept(self, name: str) -> Symbol:
        symbol: Symbol = getattr(self, name)
        symbol.node = Node("as", symbol.node.domain, (symbol.node,), name=name)
        return symbol

    def put(self, name: str, value: Symbol, *, stochastic: bool) -> None:
        target = getattr(self, name)
        if target is not value:
            if stochastic:
                raise ValueError("kernels do not round at random")
            target.copy_(value)

    def mean_before_rows(self, value: Symbol) -> Symbol:
        # Between the rows' axis and the columns' are axes of length 1 at most, and a row factor has one in the columns' place.
        if not self.transposed:
            raise ValueError("what lies before the rows is the batch")
        return Symbol(value.node)

    def mean_over_columns(self, value: Symbol) -> Symbol:
        return self._mean_over(value, "rows" if self.transposed else "columns")

    def mean_over_rows(self, value: Symbol) -> Symbol:
        return self._mean_over(value, "columns" if self.transposed else "rows")

    def norm_over_columns(self, value: Symbol) -> Symbol:
        return self._sum_over(_square(value), "rows" if self.transposed else "columns").sqrt()

    def norm_over_rows(self, value: Symbol) -> Symbol:
        return self._sum_over(_square(value), "columns" if self.transposed else "rows").sqrt()

    def mean(self, value: Symbol) -> Symbol:
        return self.sum(value) / self._count(value.node.domain)

    def sum(self, value: Symbol) -> Symbol:
        return _sum(value, "tensor")

    def norm(self, value: Symbol) -> Symbol:
        return self.sum(_square(value)).sqrt()

    def rms(self, value: Symbol) -> Symbol:
        return self.norm(value) / self._count(value.node.domain).sqrt()

    def dot(self, a: Symbol, b: Symbol) -> Symbol:
        return self.sum(apply("mul", a, b, inside=True))

    def at_least(self, value: Symbol, least: Operand, times: Operand = 1.0) -> Symbol:
        return apply("choose", value, least, value * times, apply("mul", least, times))

    def add_(self, target: Symbol, other: Symbol, alpha: Operand) -> Symbol:
        return target.add_(other, alpha=alpha)

    def keep(self, name: str, value: Symbol) -> None:
        if value.node.domain != "tensor":
            raise ValueError(f"{name} is not one number per parameter")
        self.trace.stores[name] = value.node

    def add_sum(self, name: str, value: Symbol, weight: Operand = 1.0) -> None:
        self.trace.totals.append(Total(name, _sum(value, "tensor").node, node_of(weight)))

    def report(self, name: str, value: Symbol, weight: Operand = 1.0) -> None:
        """Adds `weight * value` to a total."""
        self.add_sum(name, value, weight)

    def _size(self, name: str) -> Symbol:
        return Symbol(node_of(1.0) if self._form.flat else Node("size", "scalar", name=name))

    def _count(self, domain: Domain) -> Symbol:
        sizes = [Symbol(Node("size", "scalar", name=name)) for name in _COUNTS[domain]]
        return math.prod(sizes[1:], start=sizes[0]) if sizes else Symbol(node_of(1.0))

    def _mean_over(self, value: Symbol, axis: str) -> Symbol:
        total = self._sum_over(value, axis)
        return total if total.node is value.node else total / Symbol(Node("size", "scalar", name=axis))

    def _sum_over(self, value: Symbol, axis: str) -> Symbol:
        domain = None if self._form.flat else _ACROSS.get((value.node.domain, axis))
        return Symbol(value.node) if domain is None else _sum(value, domain)


def _square(value: Symbol) -> Symbol:
    return apply("mul", value, value, inside=True)


def _sum(value: Symbol, domain: Domain) -> Symbol:
    if value.node.domain in {domain, "scalar"}:
        return Symbol(value.node)
    return Symbol(Node("sum", domain, (value.node,)))


def trace_matrix(program: Program, flags: Mapping[str, bool], form: Form, *, sliced: bool = False) -> Trace:
    """What a matrix program does with these booleans, on a parameter of this form.

    Raises:
        ValueError: the program does something that cannot be compiled.
    """
    try:
        return traced(MatrixTraceLane(program, sliced, form), program, flags)
    except (AttributeError, TypeError) as error:
        raise ValueError(f"{program.name} uses what kernels do not know: {error}") from error


@functools.cache
def form_of(shape: tuple[int, ...], names: tuple[str, ...], axes: Axes, dtype: torch.dtype) -> Form | None:
    """What decides about the code for a parameter of this shape and dtype with these entries in its state.

    Returns:
        The form; None: see `sizes_of`.
    """
    sizes = sizes_of(shape, axes)
    if sizes is None:
        return None
    flat = len(shape) < 2 or sizes[1] == sizes[2] == 1
    return Form(frozenset(names), matrix_of(shape, axes).transposed, dtype == torch.float32, flat)
