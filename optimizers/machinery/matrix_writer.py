"""What the C of matrix programs is made of: its words, and names, types and lines for a program's values."""

from __future__ import annotations

from collections.abc import Mapping

from optimizers.machinery.emit import expression
from optimizers.machinery.emit_cuda import Element, Writer
from optimizers.machinery.scalars import constants_of
from optimizers.machinery.schedule import Schedule
from optimizers.machinery.trace import Domain, Node, Trace

PRELUDE = """\
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
typedef int64_t i64;
typedef uint16_t u16;
#define INLINE static inline __attribute__((always_inline))
INLINE float wide_b(u16 a) { uint32_t bits = (uint32_t)a << 16; float r; memcpy(&r, &bits, 4); return r; }
INLINE u16 narrow_b(float a) {
    uint32_t bits;
    memcpy(&bits, &a, 4);
    return a != a ? (u16)0x7fc0 : (u16)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}
INLINE float wide_f(float a) { return a; }
INLINE float narrow_f(float a) { return a; }
INLINE double wide_d(double a) { return a; }
INLINE double narrow_d(double a) { return a; }
INLINE float round_b(float a) { return wide_b(narrow_b(a)); }
"""

_WORDS = """\
#define SQRT sqrt{f}
#define FABS fabs{f}
#define ATAN2 atan2{f}
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
#define FMA fma{f}
#else
#define FMA(a, b, c) ((a) * (b) + (c))
#endif
#define LERP(a, b, w) ((w) < ({t})0.5 ? FMA(w, (b) - (a), a) : FMA((a) - (b), ({t})1 - (w), b))
#define MAX(a, b) ((a) < (b) ? (b) : (a))
#define SIGN(a) (({t})(((a) > 0) - ((a) < 0)))
"""

_STORED: Mapping[Element, str] = {"bfloat16": "u16", "float": "float", "double": "double"}

PLACES: Mapping[Domain, str] = {
    "full": "i",
    "row": "b * rows + r",
    "column": "b * columns + j",
    "matrix": "b",
    "tensor": "0",
    "sliced": "k",
}
"""Where in its array an element of a domain lies."""


def prelude(real: str) -> str:
    """The lines that a kernel's text begins with; `real` is "float" or "double"."""
    return PRELUDE + _WORDS.format(f="f" if real == "float" else "", t=real)


class MatrixWriter(Writer):
    """Names, types and lines of a matrix program's nodes.

    Args:
        trace: the program.
        elements: how each of its arrays is kept.
        single: arrays that are a single number for some parameters.
    """

    def __init__(self, trace: Trace, elements: Mapping[str, Element], single: frozenset[str]) -> None:
        super().__init__(trace, elements)
        self.trace = trace
        self.schedule = Schedule(trace)
        self._single = single
        self._hypers = {name: index for index, name in enumerate(trace.hypers)}

    def stored(self, name: str) -> str:
        return _STORED[self._elements[name]]

    def constants(self) -> list[str]:
        """Lines that round the group's numbers to the elements' type."""
        return [f"const {self.real} {self.name(n)} = ({self.real}){self.number(n)};" for n in constants_of(self.trace)]

    def number(self, node: Node) -> str:
        """A number of the group, or of the tensor's sizes, as an expression in double."""
        operands = [self.number(operand) for operand in node.inputs]
        match node.op:
            case "constant":
                return f"({node.value!r})".replace("inf", "INFINITY")
            case "hyper":
                return f"h[{self._hypers[node.name]}]"
            case "size":
                return f"(double){node.name}"
            case "sqrt":
                return f"sqrt({operands[0]})"
            case "abs":
                return f"fabs({operands[0]})"
            case _:
                return expression(node, operands)

    def read_at(self, node: Node, sweep: int) -> str | None:
        """The expression that reads a value that is in memory at the start of a sweep; None for all others."""
        array = self.schedule.array_of(node, sweep)
        if array is not None:
            place = PLACES[node.domain]
            if node.domain == "sliced" and self.trace.loads[array].domain != "sliced":
                place = "k * slice"
            elif array in self._single:
                place = f"({place}) * one"
            return f"wide_{self.short(array)}({self.array(array)}[{place}])"
        if node.op == "sum" and node.domain != "tensor" and self.schedule.is_known(node, sweep):
            return f"k_{self.name(node)}[{PLACES[node.domain]}]"
        return None

    def store(self, array: str, node: Node) -> str:
        """The line that writes a value to an array."""
        return f"{self.array(array)}[{PLACES[node.domain]}] = narrow_{self.short(array)}({self.name(node)});"

    def short(self, array: str) -> str:
        """The ending of the words that convert an array's elements."""
        return {"bfloat16": "b", "float": "f", "double": "d"}[self._elements[array]]

    def completed(self, node: Node, total: str) -> str:
        """The line that makes a sum's value of what was added up in double."""
        real, element = self.real_of(node), self.type_of(node)
        value = f"(({real})({total}))"
        if element == "bfloat16" and not node.inside:
            value = f"round_b{value}"
        return f"const {real} {self.name(node)} = {value};"
