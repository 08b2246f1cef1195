"""Writing a trace as CUDA C++: one block of threads per piece of a tensor, one launch for all tensors.

The text needs no header, so NVRTC compiles it wherever a CUDA build of torch is. What the threads do is chosen for
memory bandwidth, which is all that such a kernel can be bound by:
- Neighbouring threads read neighbouring elements. The elements that one turn of the loop needs are all asked for before
  the first is used, so that many reads are under way at a time; this needs no alignment, so views of any buffer will do.
- Sums are taken per thread and over 32 threads in the elements' type (float for the small ones), a tree of a few dozen
  terms, and in double from there on, in a fixed order: two runs give the same bits. Each block leaves its sums.
- Every operation of torch rounds to the tensor's dtype, and so does every value here that is the result of one
  (`Node.inside` are not). Products and sums are not contracted unless torch's own kernels do (`-fmad=false`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from optimizers.machinery.emit import expression, in_order
from optimizers.machinery.scalars import constants_of
from optimizers.machinery.trace import Node, Trace

Element: TypeAlias = Literal["half", "bfloat16", "float", "double"]
"""How an element is kept in memory."""

THREADS = 256
"""Threads of a block."""

UNDER_WAY = 28
"""Values that a thread has asked for at a time, as floats: as many elements of all arrays as fit, and at most 4."""

BLOCKS = 4
"""Blocks that a multiprocessor shall hold: leaves 64 registers to a thread. Half as many where values are double."""

STORED: Mapping[Element, str] = {"half": "unsigned short", "bfloat16": "unsigned short", "float": "float", "double": "double"}
_SHORT: Mapping[Element, str] = {"half": "h", "bfloat16": "b", "float": "f", "double": "d"}

PRELUDE = """\
typedef long long i64;
typedef unsigned short u16;
#if defined(__CUDA_ARCH__)
__device__ __forceinline__ float wide_h(u16 a) { float r; asm("cvt.f32.f16 %0, %1;" : "=f"(r) : "h"(a)); return r; }
__device__ __forceinline__ u16 narrow_h(float a) { u16 r; asm("cvt.rn.f16.f32 %0, %1;" : "=h"(r) : "f"(a)); return r; }
#endif
__device__ __forceinline__ float wide_b(u16 a) { return __int_as_float((int)((unsigned)a << 16)); }
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
__device__ __forceinline__ u16 narrow_b(float a) { u16 r; asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(r) : "f"(a)); return r; }
#else
__device__ __forceinline__ u16 narrow_b(float a) {
    const unsigned bits = (unsigned)__float_as_int(a);
    return a != a ? (u16)0x7fc0 : (u16)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}
#endif
__device__ __forceinline__ float wide_f(float a) { return a; }
__device__ __forceinline__ float narrow_f(float a) { return a; }
__device__ __forceinline__ double wide_d(double a) { return a; }
__device__ __forceinline__ double narrow_d(double a) { return a; }
__device__ __forceinline__ float round_h(float a) { return wide_h(narrow_h(a)); }
__device__ __forceinline__ float round_b(float a) { return wide_b(narrow_b(a)); }
__device__ __forceinline__ float round_f(float a) { return a; }
__device__ __forceinline__ double round_d(double a) { return a; }
"""

_WORDS = """\
__device__ __forceinline__ {t} SQRT({t} a) {{ return sqrt{f}(a); }}
__device__ __forceinline__ {t} FABS({t} a) {{ return fabs{f}(a); }}
__device__ __forceinline__ {t} ATAN2({t} a, {t} b) {{ return atan2{f}(a, b); }}
__device__ __forceinline__ {t} FMA({t} a, {t} b, {t} c) {{ return fma{f}(a, b, c); }}
__device__ __forceinline__ {t} MAX({t} a, {t} b) {{ return a < b ? b : a; }}
__device__ __forceinline__ {t} SIGN({t} a) {{ return ({t})((a > 0) - (a < 0)); }}
__device__ __forceinline__ {t} LERP({t} a, {t} b, {t} w) {{
    return w < ({t})0.5 ? FMA(w, b - a, a) : FMA(a - b, ({t})1 - w, b);
}}
__device__ __forceinline__ {t} warp_sum({t} a) {{
    for (int o = 16; o > 0; o >>= 1) a += __shfl_down_sync(0xffffffffu, a, o);
    return a;
}}
"""


def wider(*elements: Element) -> Element:
    """What torch makes of operands of these types."""
    if "double" in elements:
        return "double"
    return elements[0] if len(set(elements)) == 1 else "float"


def working(element: Element) -> Element:
    """In what torch calculates with elements of this type."""
    return "double" if element == "double" else "float"


def prelude() -> str:
    """What every kernel's text begins with."""
    return PRELUDE + _WORDS.format(t="float", f="f") + _WORDS.format(t="double", f="")


class Writer:
    """Gives each node of a trace a name and a type, and writes the lines that compute it.

    Args:
        trace: the program.
        elements: how each of its arrays is kept.
    """

    def __init__(self, trace: Trace, elements: Mapping[str, Element]) -> None:
        self.real = working(wider(*elements.values()))
        self._arrays = {name: f"a{index}" for index, name in enumerate(trace.arrays)}
        self._elements = elements
        self._names: dict[Node, str] = {node: f"c{index}" for index, node in enumerate(constants_of(trace))}
        self._types: dict[Node, Element] = {}

    def array(self, name: str) -> str:
        """The name of an array's pointer."""
        return self._arrays[name]

    def stored(self, name: str) -> str:
        """How an array's elements are kept in memory."""
        return STORED[self._elements[name]]

    def read(self, node: Node, place: str) -> str:
        """The expression that loads a node's value."""
        return f"wide_{_SHORT[self._elements[node.name]]}({self.array(node.name)}[{place}])"

    def write(self, name: str, node: Node, place: str) -> str:
        """The line that stores a node's value in an array."""
        return f"{self.array(name)}[{place}] = narrow_{_SHORT[self._elements[name]]}({self.name(node)});"

    def real_of(self, node: Node) -> str:
        """The type of a node's value in a register."""
        return working(self.type_of(node))

    def type_of(self, node: Node) -> Element:
        """The dtype that torch would give a node's value; of a number, the one that changes nothing."""
        kept = self._types.get(node)
        if kept is None:
            if node.op in {"load", "as"}:
                kept = self._elements[node.name]
            else:
                operands: list[Element] = [self.type_of(operand) for operand in node.inputs if operand.domain != "scalar"]
                kept = wider(*operands)
            self._types[node] = kept
        return kept

    def name(self, node: Node) -> str:
        """The name of a node's value."""
        if node not in self._names:
            self._names[node] = f"t{len(self._names)}"
        return self._names[node]

    def line(self, node: Node) -> str:
        """The line that computes a node from its operands."""
        element = self.type_of(node)
        real = working(element)
        operands = [self._cast(operand, real) for operand in node.inputs]
        value = expression(node, operands)
        if not node.inside and element in {"half", "bfloat16"}:
            value = f"round_{_SHORT[element]}{value}"  # the value has its parentheses
        return f"const {real} {self.name(node)} = {value};"

    def _cast(self, node: Node, real: str) -> str:
        own = self.real if node.domain == "scalar" else working(self.type_of(node))
        return self.name(node) if own == real else f"({real}){self.name(node)}"


def _loop(writer: Writer, trace: Trace, domain: str, single: frozenset[str]) -> list[str]:
    """The loop over one domain's elements of a piece: first loads, then arithmetic, stores and sums."""
    stores = {name: node for name, node in trace.stores.items() if node.domain == domain}
    totals = [(index, total.node) for index, total in enumerate(trace.totals) if total.node.domain == domain]
    nodes = [n for n in in_order([*stores.values(), *(node for _, node in totals)]) if n.domain != "scalar"]
    if not nodes:
        return []
    loads = [node for node in nodes if node.op == "load"]
    words = sum(2 if writer.real_of(node) == "double" else 1 for node in loads)
    at_once = min(max(UNDER_WAY // words, 1), 4)
    turns = [
        "#pragma unroll",
        f"for (int u = 0; u < {at_once}; u++) {{",
        f"    const int i = low + u * {THREADS};",
        f"    if (i < {domain}) {{",
    ]
    return [
        "#pragma unroll 1",
        f"for (int low = threadIdx.x; low < {domain}; low += {THREADS * at_once}) {{",
        *(f"    {writer.real_of(node)} {writer.name(node)}s[{at_once}];" for node in loads),
        *(f"    {line}" for line in turns),
        *(f"            {writer.name(node)}s[u] = {writer.read(node, _place(trace, node, single))};" for node in loads),
        "        }",
        "    }",
        *(f"    {line}" for line in turns),
        *(f"            const {writer.real_of(node)} {writer.name(node)} = {writer.name(node)}s[u];" for node in loads),
        *(f"            {writer.line(node)}" for node in nodes if node.op != "load"),
        *(f"            {writer.write(name, node, 'i')}" for name, node in stores.items()),
        *(f"            part{index} += {writer.name(node)};" for index, node in totals),
        "        }",
        "    }",
        "}",
    ]


def _place(trace: Trace, node: Node, single: frozenset[str]) -> str:
    """The index of a load's element: pointers stand at the piece's first element of the array."""
    if node.domain != trace.loads[node.name].domain:
        return "i * slice"  # p or grad, of which only every so many-th element is looked at
    return "i * one" if node.name in single else "i"


def _pointers(writer: Writer, trace: Trace, single: frozenset[str]) -> list[str]:
    lines: list[str] = []
    for index, name in enumerate(trace.arrays):
        stored = ("" if name in trace.stores else "const ") + writer.stored(name)
        begin = "first / slice" if trace.loads[name].domain == "sliced" else "first"
        if name in single:
            begin = f"({begin}) * one"
        lines.append(f"{stored} *a{index} = ({stored} *)table[{index} * tensors + item[0]] + {begin};")
    return lines


def _sums(writer: Writer, trace: Trace) -> list[str]:
    """The lines that bring the threads' sums together; nothing where there are none."""
    count = len(trace.totals)
    if not count:
        return []
    return [
        f"__shared__ double sums[{count}][{THREADS // 32}];",
        *(f"part{k} = warp_sum(part{k});" for k in range(count)),
        "if (threadIdx.x % 32 == 0) {",
        *(f"    sums[{k}][threadIdx.x / 32] = part{k};" for k in range(count)),
        "}",
        "__syncthreads();",
        f"if (threadIdx.x < {count}) {{",
        "    double sum = 0;",
        f"    for (int w = 0; w < {THREADS // 32}; w++) sum += sums[threadIdx.x][w];",
        f"    partial[(i64)blockIdx.x * {count} + threadIdx.x] = sum * weights[item[3] * {count} + threadIdx.x];",
        "}",
    ]


def emit_cuda(trace: Trace, elements: Mapping[str, Element], *, single: frozenset[str] = frozenset()) -> str:
    """The text of `kernel`: see `cuda.Kernel` for its arguments.

    Args:
        trace: what to compute.
        elements: how each of its arrays is kept.
        single: arrays that are a single number for some parameters.
    """
    writer = Writer(trace, elements)
    width = len(constants_of(trace))
    full, sliced = _loop(writer, trace, "full", single), _loop(writer, trace, "sliced", single)
    # A thread may change elements of p and grad that another one's sliced loop has yet to read.
    meet = ["__syncthreads();"] if full and sliced else []
    body = [
        "const i64 *item = items + 6 * (i64)blockIdx.x;",
        "const i64 first = item[1];",
        "const int slice = (int)item[4], one = (int)item[5], full = (int)(item[2] - first);",
        "const int sliced = (full + slice - 1) / slice;",
        f"const {writer.real} *c = constants + item[3] * {width};",
        *(f"const {writer.real} c{index} = c[{index}];" for index in range(width)),
        *_pointers(writer, trace, single),
        *(f"{writer.real_of(total.node)} part{index} = 0;" for index, total in enumerate(trace.totals)),
        *sliced,
        *meet,
        *full,
        *_sums(writer, trace),
    ]
    return "\n".join(
        [
            prelude(),
            f'extern "C" __global__ void __launch_bounds__({THREADS}, {BLOCKS if writer.real == "float" else BLOCKS // 2})',
            f"kernel(const i64 *items, const i64 *table, i64 tensors, const {writer.real} *constants, const double *weights,",
            "       double *partial) {",
            *(f"    {line}" for line in body),
            "}",
            "",
        ]
    )
