"""Tracing: running a program on symbols instead of tensors, to learn what it computes.

A `Symbol` answers to the tensor methods that the programs use and writes down a graph of `Node`s. In-place methods
give the symbol a new node, as they give a tensor new values; what an array's symbol stands for at the end is what a
kernel has to store.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from optimizers.machinery.program import Layout, Program

Domain = Literal["scalar", "tensor", "matrix", "row", "column", "full", "sliced"]
Operand: TypeAlias = "Symbol | float"
_WIDEST_FIRST: tuple[Domain, ...] = ("sliced", "full", "row", "column", "matrix", "tensor")


@dataclass(frozen=True, eq=False, slots=True)
class Node:
    """One value of a program.

    Attributes:
        op: "load", "hyper", "constant", "size", "sum", "as" (rounded to an array's dtype), or an elementwise operation.
        domain: "scalar" (one number per group, computed in double), "full" (one per element of the parameter) or
            "sliced" (one per element of a sliced array); in matrix programs (`trace_matrix`) also "row", "column",
            "matrix" and "tensor" (one number per row, ..., per parameter).
        inputs: the operands.
        name: of the array (load, as), the number (hyper) or the size ("batch", "rows", "columns").
        value: of a constant.
        inside: whether it is a value inside one of torch's operations, which rounds to the tensor's dtype at its end
            only. That matters for float16 and bfloat16, whose operations work in float32.
    """

    op: str
    domain: Domain
    inputs: tuple[Node, ...] = ()
    name: str = ""
    value: float = 0.0
    inside: bool = False


@dataclass(frozen=True, slots=True)
class Total:
    """`weight * sum(node)`, over all elements of the node's domain."""

    name: str
    node: Node
    weight: Node


@dataclass(slots=True)
class Trace:
    """What a program does.

    Attributes:
        loads: the arrays that are read, by name, with the node of their value before the program.
        stores: the arrays that are changed, with the node of their value after it.
        totals: the sums it adds to, in order.
        hypers: the group's numbers it uses, in the order of a kernel's table.
    """

    loads: dict[str, Node] = field(default_factory=dict[str, Node])
    stores: dict[str, Node] = field(default_factory=dict[str, Node])
    totals: list[Total] = field(default_factory=list[Total])
    hypers: tuple[str, ...] = ()

    @property
    def arrays(self) -> tuple[str, ...]:
        """All arrays a kernel needs, `p` and `grad` first."""
        names = dict.fromkeys([*self.loads, *self.stores])
        first = [name for name in ("p", "grad") if name in names]
        return (*first, *(name for name in names if name not in first))

    def roots(self) -> Iterator[Node]:
        """The nodes from which everything else can be reached."""
        yield from self.stores.values()
        for total in self.totals:
            yield total.node
            yield total.weight


def _constant(value: float) -> Node:
    return Node("constant", "scalar", value=float(value))


def node_of(value: Operand) -> Node:
    """The node of a symbol or of a plain number."""
    return value.node if isinstance(value, Symbol) else _constant(value)


def _wider(*nodes: Node) -> Domain:
    domains: set[Domain] = {node.domain for node in nodes if node.domain != "scalar"}
    if "sliced" in domains and domains - {"sliced", "tensor"}:
        raise ValueError("a program mixes sliced and full arrays in one operation")
    if domains >= {"row", "column"}:
        return "full"
    for domain in _WIDEST_FIRST:
        if domain in domains:
            return domain
    return "scalar"


def apply(op: str, *operands: Operand, inside: bool = False) -> Symbol:
    """The symbol of an elementwise operation; `inside`: of a part of one (see `Node`)."""
    nodes = tuple(node_of(value) for value in operands)
    return Symbol(Node(op, _wider(*nodes), nodes, inside=inside))


class Symbol:
    """Stands for a tensor or a number. Only what programs use is here; a missing method is an AttributeError."""

    __slots__ = ("node",)

    def __init__(self, node: Node) -> None:
        self.node = node

    def _become(self, other: Symbol) -> Symbol:
        if other.node.domain != self.node.domain:
            raise ValueError(f"an operation in place would turn a {self.node.domain} value into a {other.node.domain} one")
        self.node = other.node
        return self

    # Operators make new values.
    def __add__(self, other: Operand) -> Symbol:
        return apply("add", self, other)

    def __radd__(self, other: float) -> Symbol:
        return apply("add", other, self)

    def __sub__(self, other: Operand) -> Symbol:
        return apply("sub", self, other)

    def __rsub__(self, other: float) -> Symbol:
        return apply("sub", other, self)

    def __mul__(self, other: Operand) -> Symbol:
        return apply("mul", self, other)

    def __rmul__(self, other: float) -> Symbol:
        return apply("mul", other, self)

    def __truediv__(self, other: Operand) -> Symbol:
        return apply("div", self, other)

    def __rtruediv__(self, other: float) -> Symbol:
        return apply("div", other, self)

    def __pow__(self, exponent: int) -> Symbol:
        if exponent != 2:
            raise ValueError("only squares are used")
        return apply("mul", self, self)

    def __neg__(self) -> Symbol:
        return apply("neg", self)

    def __bool__(self) -> bool:
        raise TypeError("a program may branch on booleans of `h` only: numbers are not known when it is compiled")

    # Out of place. "fma" (one rounding) where torch's own kernels have it: in `add(alpha)`, `addcmul` and `lerp`.
    def add(self, other: Operand, *, alpha: Operand = 1.0) -> Symbol:
        return self + other if alpha == 1.0 else apply("fma", alpha, other, self)

    def sub(self, other: Operand, *, alpha: Operand = 1.0) -> Symbol:
        return self - other if alpha == 1.0 else apply("fma", -alpha, other, self)

    def mul(self, other: Operand) -> Symbol:
        return self * other

    def div(self, other: Operand) -> Symbol:
        return self / other

    def addcmul(self, a: Symbol, b: Symbol, *, value: Operand = 1.0) -> Symbol:
        return apply("fma", apply("mul", value, a, inside=True), b, self)

    def addcdiv(self, a: Symbol, b: Symbol, *, value: Operand = 1.0) -> Symbol:
        return self + apply("div", apply("mul", value, a, inside=True), b, inside=True)

    def lerp(self, end: Symbol, weight: Operand) -> Symbol:
        return apply("lerp", self, end, weight)

    def square(self) -> Symbol:
        return self * self

    def neg(self) -> Symbol:
        return -self

    def abs(self) -> Symbol:
        return apply("abs", self)

    def sqrt(self) -> Symbol:
        return apply("sqrt", self)

    def rsqrt(self) -> Symbol:
        return apply("div", 1.0, apply("sqrt", self, inside=True))

    def sign(self) -> Symbol:
        return apply("sign", self)

    def clamp_min(self, least: Operand) -> Symbol:
        return apply("max", self, least)

    def clamp(self, *, min: Operand, max: Operand | None = None) -> Symbol:  # noqa: A002 (torch's own names)
        least = apply("max", self, min)
        return least if max is None else -apply("max", -least, apply("neg", max))

    def atan2(self, other: Symbol) -> Symbol:
        return apply("atan2", self, other)

    def clone(self) -> Symbol:
        return Symbol(self.node)

    # In place.
    def add_(self, other: Operand, *, alpha: Operand = 1.0) -> Symbol:
        return self._become(self.add(other, alpha=alpha))

    def sub_(self, other: Operand, *, alpha: Operand = 1.0) -> Symbol:
        return self._become(self.sub(other, alpha=alpha))

    def mul_(self, other: Operand) -> Symbol:
        return self._become(self * other)

    def div_(self, other: Operand) -> Symbol:
        return self._become(self / other)

    def addcmul_(self, a: Symbol, b: Symbol, *, value: Operand = 1.0) -> Symbol:
        return self._become(self.addcmul(a, b, value=value))

    def addcdiv_(self, a: Symbol, b: Symbol, *, value: Operand = 1.0) -> Symbol:
        return self._become(self.addcdiv(a, b, value=value))

    def lerp_(self, end: Symbol, weight: Operand) -> Symbol:
        return self._become(self.lerp(end, weight))

    def copy_(self, other: Symbol) -> Symbol:
        return self._become(other)

    def square_(self) -> Symbol:
        return self._become(self * self)

    def neg_(self) -> Symbol:
        return self._become(-self)

    def abs_(self) -> Symbol:
        return self._become(self.abs())

    def sqrt_(self) -> Symbol:
        return self._become(self.sqrt())

    def rsqrt_(self) -> Symbol:
        return self._become(self.rsqrt())

    def sign_(self) -> Symbol:
        return self._become(self.sign())

    def clamp_min_(self, least: Operand) -> Symbol:
        return self._become(self.clamp_min(least))

    def clamp_(self, *, min: Operand, max: Operand | None = None) -> Symbol:  # noqa: A002 (torch's own names)
        return self._become(self.clamp(min=min, max=max))

    def atan2_(self, other: Symbol) -> Symbol:
        return self._become(self.atan2(other))


class TraceLane:
    def __init__(self, program: Program, sliced: bool) -> None:
        self._program = program
        self._sliced = sliced
        self.symbols: dict[str, Symbol] = {}
        self.trace = Trace()

    def _load(self, name: str, layout: Layout) -> Node:
        domain: Domain = "sliced" if layout.startswith("sliced") and self._sliced else "full"
        return Node("load", domain, name=name)

    def __getattr__(self, name: str) -> Symbol:
        symbols = self.__dict__["symbols"]
        if name not in symbols:
            node = self._load(name, self._program.layout(name))
            self.trace.loads[name] = node
            symbols[name] = Symbol(node)
        return symbols[name]

    def sliced(self, value: Symbol) -> Symbol:
        if not self._sliced:
            return Symbol(value.node)
        if value.node not in self.trace.loads.values():
            raise ValueError("only p and grad as they came can be sliced")
        return Symbol(Node("load", "sliced", name=value.node.name))

    def add_dot(self, name: str, a: Symbol, b: Symbol, weight: Operand = 1.0) -> None:
        self.add_sum(name, apply("mul", a, b, inside=True), weight)

    def add_sum(self, name: str, value: Symbol, weight: Operand = 1.0) -> None:
        self.trace.totals.append(Total(name, value.node, node_of(weight)))

    def add_change(self, name: str, before: Symbol, after: Symbol) -> None:
        self.add_sum(name, after)
        self.add_sum(name, before, -1.0)


class TraceHyper:
    def __init__(self, flags: Mapping[str, bool], used: dict[str, Symbol]) -> None:
        self._flags = flags
        self._used = used

    def __getattr__(self, name: str) -> Symbol | bool:
        if name in self._flags:
            return self._flags[name]
        return self._used.setdefault(name, Symbol(Node("hyper", "scalar", name=name)))


def trace(program: Program, flags: Mapping[str, bool], *, sliced: bool = False) -> Trace:
    """What a program does with these booleans.

    Args:
        program: the program.
        flags: the booleans of the group.
        sliced: whether sliced arrays hold fewer elements than the parameter (`slice_p` above 1).

    Raises:
        ValueError: the program does something that cannot be compiled.
    """
    return traced(TraceLane(program, sliced), program, flags)


def traced(lane: TraceLane, program: Program, flags: Mapping[str, bool]) -> Trace:
    """What a program does in a lane."""
    hypers: dict[str, Symbol] = {}
    program.function(lane, TraceHyper(flags, hypers))
    for name, symbol in lane.symbols.items():
        if symbol.node is not lane.trace.loads[name]:
            lane.trace.stores[name] = symbol.node
    lane.trace.hypers = tuple(sorted(hypers))
    return lane.trace
