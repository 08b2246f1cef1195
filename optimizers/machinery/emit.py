"""Writing a trace as C: one function that goes once over all elements of all tensors.

The same text serves the CPU's compilers and, with another frame around it, CUDA's (`emit_cuda`). Numbers of the group
are computed in double, as Python computes them for the reference, and rounded once to the elements' type, as torch does.
Sums are kept in the elements' type over short stretches and in double beyond.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from optimizers.machinery.trace import Node, Trace

STRETCH = 256
"""Elements that are summed in the elements' own type before the sum goes on in double."""

_INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
_CALLS = {
    "sqrt": "SQRT({})",
    "abs": "FABS({})",
    "max": "MAX({}, {})",
    "choose": "({} > {} ? {} : {})",
    "atan2": "ATAN2({}, {})",
    "sign": "SIGN({})",
    "neg": "-{}",
    "as": "{}",
    "fma": "FMA({}, {}, {})",
    "lerp": "LERP({}, {}, {})",
}

PRELUDE = """\
#include <math.h>
#include <stdint.h>
typedef {real} real;
#define SQRT {sqrt}
#define FABS {fabs}
#define ATAN2 {atan2}
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
#define FMA {fma}
#else
#define FMA(a, b, c) ((a) * (b) + (c))
#endif
#define LERP(a, b, w) ((w) < (real)0.5 ? FMA(w, (b) - (a), a) : FMA((a) - (b), (real)1 - (w), b))
#define MAX(a, b) ((a) < (b) ? (b) : (a))
#define SIGN(a) ((real)(((a) > 0) - ((a) < 0)))
"""


def prelude(real: str) -> str:
    """The lines that a kernel's text begins with; `real` is "float" or "double"."""
    suffix = "f" if real == "float" else ""
    return PRELUDE.format(real=real, sqrt="sqrt" + suffix, fabs="fabs" + suffix, fma="fma" + suffix, atan2="atan2" + suffix)


def expression(node: Node, operands: Sequence[str]) -> str:
    """An operation in C, or in the macros of a prelude."""
    if node.op in _INFIX:
        return f"({operands[0]} {_INFIX[node.op]} {operands[1]})"
    return "(" + _CALLS[node.op].format(*operands) + ")"


class _Writer:
    """Gives each node a C name and writes the lines that compute it, each once."""

    def __init__(self, trace: Trace, arrays: tuple[str, ...]) -> None:
        self._arrays = {name: f"a{index}" for index, name in enumerate(arrays)}
        self._names: dict[Node, str] = {}
        self._hypers = {name: index for index, name in enumerate(trace.hypers)}

    def scalar(self, node: Node) -> str:
        """A number of the group, as a C expression in double."""
        if node.op == "constant":
            return f"({node.value!r})".replace("inf", "INFINITY")
        if node.op == "hyper":
            return f"h[{self._hypers[node.name]}]"
        return expression(node, [self.scalar(operand) for operand in node.inputs]).replace("FABS", "fabs").replace("SQRT", "sqrt")

    def constants(self, roots: Iterable[Node]) -> list[str]:
        """Lines that round the group's numbers to the elements' type, before the loop."""
        lines: list[str] = []
        for node in in_order(roots):
            for operand in node.inputs if node.domain != "scalar" else ():
                if operand.domain == "scalar" and operand not in self._names:
                    self._names[operand] = f"c{len(self._names)}"
                    lines.append(f"const real {self._names[operand]} = (real){self.scalar(operand)};")
        return lines

    def body(self, roots: Iterable[Node], index: str, single: frozenset[str]) -> list[str]:
        """Lines that compute nodes for one element.

        Args:
            roots: what is wanted.
            index: the element's index in arrays of the loop's own domain.
            single: arrays that may be a single number: read at `index * one`.
        """
        lines: list[str] = []
        for node in in_order(roots):
            if node.domain == "scalar" or node in self._names:
                continue
            name = self._names[node] = f"t{len(self._names)}"
            if node.op == "load":
                place = f"{index} * one" if node.name in single else index
                if node.domain == "sliced" and node.name in {"p", "grad"}:
                    place = f"{index} * slice"
                lines.append(f"const real {name} = {self._arrays[node.name]}[{place}];")
            else:
                lines.append(f"const real {name} = {expression(node, [self._names[o] for o in node.inputs])};")
        return lines

    def name(self, node: Node) -> str:
        """The C name of a node that has been written."""
        return self._names[node]

    def array(self, name: str) -> str:
        """The C name of an array."""
        return self._arrays[name]


def in_order(roots: Iterable[Node]) -> list[Node]:
    """All nodes below the roots, operands first."""
    seen: dict[Node, None] = {}

    def visit(node: Node) -> None:
        if node not in seen:
            for operand in node.inputs:
                visit(operand)
            seen[node] = None

    for root in roots:
        visit(root)
    return list(seen)


def _loop(writer: _Writer, trace: Trace, domain: str, first: str, last: str, single: frozenset[str]) -> list[str]:
    """The loop over one domain's elements: loads, arithmetic, stores, sums."""
    stores = {name: node for name, node in trace.stores.items() if node.domain == domain}
    totals = [(index, total.node) for index, total in enumerate(trace.totals) if total.node.domain == domain]
    if not stores and not totals:
        return []
    lines = writer.body([*stores.values(), *(node for _, node in totals)], "i", single)
    lines += [f"{writer.array(name)}[i] = {writer.name(node)};" for name, node in stores.items()]
    lines += [f"part{index} += {writer.name(node)};" for index, node in totals]
    parts = [f"real part{index} = 0;" for index, _ in totals]
    sums = [f"total{index} += part{index};" for index, _ in totals]
    return [
        f"for (int64_t low = {first}; low < {last}; low += {STRETCH}) {{",
        f"    const int64_t high = low + {STRETCH} < {last} ? low + {STRETCH} : {last};",
        *(f"    {line}" for line in parts),
        "    for (int64_t i = low; i < high; i++) {",
        *(f"        {line}" for line in lines),
        "    }",
        *(f"    {line}" for line in sums),
        "}",
    ]


def emit_c(trace: Trace, real: str, *, single: frozenset[str] = frozenset()) -> str:
    """The text of `void kernel(...)`: see `native.Kernel` for its arguments.

    Args:
        trace: what to compute.
        real: "float" or "double".
        single: arrays that are a single number for some parameters.
    """
    arrays = trace.arrays
    writer = _Writer(trace, arrays)
    constants = writer.constants(trace.roots())
    body = [
        *constants,
        *_loop(writer, trace, "sliced", "(first + slice - 1) / slice", "(last + slice - 1) / slice", single),
        *_loop(writer, trace, "full", "first", "last", single),
        *(f"partial[{k}] = total{k} * {writer.scalar(total.weight)};" for k, total in enumerate(trace.totals)),
    ]
    stored = set(trace.stores)
    pointers = [
        f"{'' if name in stored else 'const '}real *restrict a{index} = (real *)(intptr_t)table[{index} * tensors + tensor];"
        for index, name in enumerate(arrays)
    ]
    totals = [f"double total{k} = 0;" for k in range(len(trace.totals))]
    parameters = "const int64_t *table, int64_t tensors, int64_t tensor, int64_t first, int64_t last, int64_t slice, const double *h, double *partial"
    names = "table, tensors, item[0], item[1], item[2], item[4], h + item[3] * hypers, partial + i * totals"
    return "\n".join(
        [
            prelude(real),
            f"static inline __attribute__((always_inline)) void element({parameters}, const int64_t one) {{",
            *(f"    {line}" for line in [*pointers, *totals, *body]),
            "}",
            "void kernel(int64_t begin, int64_t end, const int64_t *items, const int64_t *table, int64_t tensors,",
            "            const double *h, int64_t hypers, double *partial, int64_t totals) {",
            "    for (int64_t i = begin; i < end; i++) {",
            "        const int64_t *item = items + 6 * i;",
            f"        if (item[5]) element({names}, 1);",
            f"        else element({names}, 0);" if single else f"        else element({names}, 1);",
            "    }",
            "}",
            "",
        ]
    )
