"""Writing the schedule of a matrix program as CUDA C++: one block of threads per tensor, one launch for all tensors.

The threads of a block lie over a matrix as a grid, at most 32 of them along a row, so that neighbours read neighbouring
elements. They take a few dozen columns at a time, and all rows of these: what varies from column to column is computed
once for them, and sums of columns grow in registers. Sums of rows are put together by shuffles and grow in scratch memory
from one batch of columns to the next. What belongs to the end of a row, a matrix or a column follows in loops of its own.

Very small matrices (3x3 convolutions) get a thread each. Every sum is taken in one fixed order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from optimizers.machinery.cuda_scratch import ALONE, MANY, THREADS, scratch_pointers
from optimizers.machinery.emit_cuda import prelude
from optimizers.machinery.emit_matrix import SweepCode, indented, numbers_after
from optimizers.machinery.matrix_writer import PLACES, MatrixWriter
from optimizers.machinery.scalars import constants_of
from optimizers.machinery.schedule import Moment
from optimizers.machinery.trace import Domain, Node

WARPS = THREADS // 32

WIDE = 4
"""Elements of a row that a thread has under way."""

BLOCKS = 2
"""Blocks that a multiprocessor shall hold: leaves 64 registers to a thread; half as many where values are double."""

_PASSING: Mapping[Domain, str] = {"row": "r", "column": "j"}
"""Where a sum lies that no later sweep reads."""

_WORDS = (
    f"#define WARPS {WARPS}\n"
    + """\
#if defined(__CUDA_ARCH__)
#define INFINITY __int_as_float(0x7f800000)
#endif
template <typename T> __device__ __forceinline__ T row_sum(T a, int lanes) {
    for (int o = lanes / 2; o > 0; o /= 2) a += __shfl_xor_sync(0xffffffffu, a, o);
    return a;
}
template <typename T> __device__ __forceinline__ T column_sum(T a, int lanes) {
    for (int o = lanes; o < 32; o *= 2) a += __shfl_xor_sync(0xffffffffu, a, o);
    return a;
}
template <typename T> __device__ __forceinline__ double block_sum(T a, double *room) {
    a = row_sum(a, 32);
    if (threadIdx.x % 32 == 0) room[threadIdx.x / 32] = a;
    __syncthreads();
    if (threadIdx.x == 0) {
        for (int w = 1; w < WARPS; w++) room[0] += room[w];
    }
    __syncthreads();
    const double sum = room[0];
    __syncthreads();
    return sum;
}
"""
)


class _CudaSweep(SweepCode):
    """Writes the code of one sweep."""

    def lines(self) -> list[str]:
        sliced = self._sliced()
        # A thread may change elements of p and grad that another one's sliced loop has yet to read.
        meet = ["__syncthreads();"] if sliced else []
        return [*sliced, *meet, *(self._linear() if self._is_linear() else self._matrices())]

    def _is_linear(self) -> bool:
        """Whether rows and columns have no part in it: then a tensor is one long row."""
        return not any(node.domain in {"row", "column", "matrix"} for node in self._sweep.nodes)

    def _linear(self) -> list[str]:
        nodes = self._nodes("full")
        if not nodes:
            return []
        sums = self._sums("full", "tensor")
        body = [
            *self._values_of_loaded(nodes, "u"),
            *self._stores("full"),
            *(f"e_{self._name(node)} += {self._name(node.inputs[0])};" for node in sums),
        ]
        return [
            "#pragma unroll 1",
            f"for (int low = threadIdx.x; low < batch * rows * columns; low += {THREADS * WIDE}) {{",
            *indented(self._room_for_loads(nodes)),
            *indented(self._turns("low", str(THREADS), "batch * rows * columns", self._loads(nodes, "u"))),
            *indented(self._turns("low", str(THREADS), "batch * rows * columns", body)),
            "}",
        ]

    def _sliced(self) -> list[str]:
        nodes, sums = self._nodes("sliced"), self._sums("sliced", "tensor")
        if not nodes:
            return []
        body = [
            *self._values(nodes),
            *self._stores("sliced"),
            *(f"e_{self._name(node)} += {self._name(node.inputs[0])};" for node in sums),
        ]
        count = "(batch * rows * columns + slice - 1) / slice"
        return [f"for (int k = threadIdx.x; k < {count}; k += {THREADS}) {{", *indented(body), "}"]

    # The loop over matrices.
    def _matrices(self) -> list[str]:
        sums = [*self._sums("row", "matrix"), *self._sums("column", "matrix")]
        inner = [
            *(f"{self._real(node.inputs[0])} m_{self._name(node)} = 0;" for node in sums),
            *self._values(self._nodes("matrix", Moment.START)),
            *self._elements(),
            *self._row_ends(),
            *self._matrix_sums("row"),
            *self._values([n for n in self._nodes("matrix", Moment.MATRIX_END) if n not in sums]),
            *self._column_ends(),
            *self._matrix_sums("column"),
            *self._values([n for n in self._nodes("matrix", Moment.MATRIX_DONE) if n not in sums]),
            *self._matrix_ends(),
            # The next matrix has its sums where these are read.
            *(["if (!alone) __syncthreads();"] if self._sums("full", "row") or self.column_sums() else []),
        ]
        return [
            f"for (int b = alone ? threadIdx.x : 0; b < batch; b += alone ? {THREADS} : 1) {{",
            *indented(inner),
            "}",
        ]

    def _elements(self) -> list[str]:
        """The loops over batches of columns and, for each, over all rows."""
        nodes = self._nodes("full")
        if not nodes:
            return []
        outer = self._same_domain(self._operands(nodes, "column"))
        rows, columns = self._sums("full", "row"), self.column_sums()
        prepare = [*self._values(outer), *(f"w_{self._name(node)}[u] = {self._name(node)};" for node in outer)]
        body = [
            *(f"const {self._real(node)} {self._name(node)} = w_{self._name(node)}[u];" for node in outer),
            *self._values_of_loaded(nodes, "u"),
            *self._stores("full"),
            *(f"f_{self._name(node)}[u] += {self._name(node.inputs[0])};" for node in columns),
            *(f"s_{self._name(node)} += {self._name(node.inputs[0])};" for node in rows),
            *(f"e_{self._name(node)} += {self._name(node.inputs[0])};" for node in self._sums("full", "tensor")),
        ]
        row = [
            *self._values(self._nodes("row", Moment.START)),
            "const int base = (b * rows + r) * columns;",
            *self._room_for_loads(nodes),
            *self._turns("left + tx", "wide", "columns", self._loads(nodes, "u"), "j"),
            *self._turns("left + tx", "wide", "columns", body, "j"),
        ]
        return [
            f"for (int left = 0; left < columns; left += {WIDE} * wide) {{",
            *(f"    {self._real(node)} w_{self._name(node)}[{WIDE}];" for node in outer),
            *(f"    {self._real(node)} f_{self._name(node)}[{WIDE}] = {{0}};" for node in columns),
            *(indented(self._turns("left + tx", "wide", "columns", prepare, "j")) if outer else []),
            "    for (int top = 0; top < rows; top += high) {",
            "        const int r = top + ty;",
            *(f"        {self._real(node)} s_{self._name(node)} = 0;" for node in rows),
            "        if (r < rows) {",
            *indented(row, 3),
            "        }",
            *indented(self._row_sums(rows), 2),
            "    }",
            *indented(self._column_sums(columns)),
            "}",
            "if (!alone) __syncthreads();",
        ]

    def _row_sums(self, sums: Sequence[Node]) -> list[str]:
        lines: list[str] = []
        for node in sums:
            name, place = self._name(node), self._kept(node)
            lines += [
                f"s_{name} = row_sum(s_{name}, wide);",
                f"if (r < rows && tx == 0) {place} = left == 0 ? s_{name} : {place} + s_{name};",
            ]
        return lines

    def _column_sums(self, sums: Sequence[Node]) -> list[str]:
        """Puts the sums of a batch of columns together: within a warp, then over all warps."""
        if not sums:
            return []
        names = [self._name(node) for node in sums]
        places = [self._kept(node) for node in sums]
        one = [f"{place} = f_{name}[u];" for name, place in zip(names, places, strict=True)]
        share = [
            line
            for index, name in enumerate(names)
            for line in (
                f"f_{name}[u] = column_sum(f_{name}[u], wide);",
                f"if (threadIdx.x % 32 < wide) area[{index}][u][threadIdx.x / 32][tx] = f_{name}[u];",
            )
        ]
        whole = [
            line
            for index, place in enumerate(places)
            for line in (
                f"{self._writer.real} sum{index} = 0;",
                f"for (int w = 0; w < {WARPS}; w++) sum{index} += area[{index}][n / wide][w][n % wide];",
                f"{place} = sum{index};",
            )
        ]
        return [
            "if (alone) {",
            *indented(self._turns("left + tx", "wide", "columns", one, "j")),
            "} else {",
            "    #pragma unroll",
            f"    for (int u = 0; u < {WIDE}; u++) {{",
            *indented(share, 2),
            "    }",
            "    __syncthreads();",
            f"    for (int n = threadIdx.x; n < {WIDE} * wide; n += {THREADS}) {{",
            "        const int j = left + n;",
            "        if (j < columns) {",
            *indented(whole, 3),
            "        }",
            "    }",
            "    __syncthreads();",
            "}",
        ]

    def _row_ends(self) -> list[str]:
        return self._ends("row", "r", "rows")

    def _column_ends(self) -> list[str]:
        return self._ends("column", "j", "columns")

    def _ends(self, domain: Domain, index: str, count: str) -> list[str]:
        """The loop over what is known at the end of each row or column."""
        onward = [*self._sums(domain, "matrix"), *self._sums(domain, "tensor")]
        targets = [*self._stored(domain), *(node.inputs[0] for node in onward)]
        if not targets:
            return []
        own = set(self._sums("full", domain))
        lines: list[str] = []
        for node in self._same_domain(targets):
            if node in own:
                lines.append(self._writer.completed(node, self._kept(node)))
            else:
                lines += self._values([node])
        lines += self._stores(domain)
        lines += [
            f"{'m' if node.domain == 'matrix' else 'e'}_{self._name(node)} += {self._name(node.inputs[0])};" for node in onward
        ]
        begin, step = "alone ? 0 : threadIdx.x", f"alone ? 1 : {THREADS}"
        return [f"for (int {index} = {begin}; {index} < {count}; {index} += {step}) {{", *indented(lines), "}"]

    def _matrix_sums(self, domain: Domain) -> list[str]:
        lines: list[str] = []
        for node in self._sums(domain, "matrix"):
            name = self._name(node)
            lines.append(f"const double n_{name} = alone ? (double)m_{name} : block_sum(m_{name}, room);")
            lines.append(self._writer.completed(node, f"n_{name}"))
        return lines

    def _matrix_ends(self) -> list[str]:
        kept = [node for source in ("row", "column") for node in self._sums(source, "matrix") if self._is_carried(node)]
        lines = [f"k_{self._name(node)}[b] = {self._name(node)};" for node in kept]
        lines += [f"e_{self._name(node)} += {self._name(node.inputs[0])};" for node in self._sums("matrix", "tensor")]
        return ["if (alone || threadIdx.x == 0) {", *indented(lines), "}"] if lines else []

    def _kept(self, node: Node) -> str:
        """Where a sum per row or column lies."""
        places = PLACES if self._is_carried(node) else _PASSING
        return f"k_{self._name(node)}[{places[node.domain]}]"

    # Elements that are under way.
    def _loaded(self, nodes: Sequence[Node]) -> list[Node]:
        return [node for node in nodes if self._read(node) is not None]

    def _room_for_loads(self, nodes: Sequence[Node]) -> list[str]:
        return [f"{self._real(node)} l_{self._name(node)}[{WIDE}];" for node in self._loaded(nodes)]

    def _loads(self, nodes: Sequence[Node], index: str) -> list[str]:
        return [f"l_{self._name(node)}[{index}] = {self._read(node)};" for node in self._loaded(nodes)]

    def _values_of_loaded(self, nodes: Sequence[Node], index: str) -> list[str]:
        return [
            self._writer.line(node)
            if self._read(node) is None
            else f"const {self._real(node)} {self._name(node)} = l_{self._name(node)}[{index}];"
            for node in nodes
        ]

    def _turns(self, begin: str, step: str, count: str, body: Sequence[str], index: str = "i") -> list[str]:
        """An unrolled loop over the elements that a thread has under way."""
        element = ["const int i = base + j;"] if index == "j" and any("[i]" in line for line in body) else []
        return [
            "#pragma unroll",
            f"for (int u = 0; u < {WIDE}; u++) {{",
            f"    const int {index} = {begin} + u * {step};",
            f"    if ({index} < {count}) {{",
            *indented([*element, *body], 2),
            "    }",
            "}",
        ]


def _tensor(writer: MatrixWriter, sweeps: Sequence[_CudaSweep]) -> list[str]:
    """The body of the function that steps one tensor."""
    trace, real = writer.trace, writer.real
    constants = constants_of(trace)
    lines = [f"const {real} {writer.name(node)} = constants[{index}];" for index, node in enumerate(constants)]
    for index, name in enumerate(trace.arrays):
        kind = ("" if name in trace.stores else "const ") + writer.stored(name)
        lines.append(f"{kind} *a{index} = ({kind} *)table[{index} * tensors + item[0]];")
    lines += scratch_pointers(writer)
    done: set[Node] = set()
    lines += numbers_after(writer, done, -1)
    for index, sweep in enumerate(sweeps):
        sums = [node for node in writer.schedule.sweeps[index].sums if node.domain == "tensor"]
        lines += [f"{writer.real_of(node.inputs[0])} e_{writer.name(node)} = 0;" for node in sums]
        lines += sweep.lines()
        lines += [f"const double d_{writer.name(node)} = block_sum(e_{writer.name(node)}, room);" for node in sums]
        lines += numbers_after(writer, done, index)
        lines.append("__syncthreads();")
    return [*lines, "if (threadIdx.x == 0) {", *indented(_results(writer)), "}"]


def _results(writer: MatrixWriter) -> list[str]:
    """What is one number per tensor: entries of the state, and totals."""
    trace = writer.trace
    lines = [
        f"{writer.array(name)}[0] = narrow_{writer.short(name)}({writer.name(node)});"
        for name, node in trace.stores.items()
        if node.domain == "tensor"
    ]
    for index, total in enumerate(trace.totals):
        in_double = total.node.op == "sum" and writer.type_of(total.node) != "bfloat16"
        value = f"d_{writer.name(total.node)}" if in_double else writer.name(total.node)
        weight = writer.number(total.weight) if total.weight.domain == "scalar" else writer.name(total.weight)
        lines.append(f"partial[(i64)blockIdx.x * {len(trace.totals)} + {index}] = (double){value} * {weight};")
    return lines


def emit_cuda_matrix(writer: MatrixWriter) -> str:
    """The text of `kernel`: see `cuda_matrices.MatrixKernel` for its arguments."""
    trace, real = writer.trace, writer.real
    sweeps = [_CudaSweep(writer, index) for index in range(len(writer.schedule.sweeps))]
    constants = constants_of(trace)
    most = max(1, *(len(sweep.column_sums()) for sweep in sweeps))
    given = "item, table, tensors, h, constants, area, room, work + item[7], partial"
    parameters = (
        f"const i64 *item, const i64 *table, i64 tensors, const double *h, const {real} *constants, "
        f"{real} (*area)[{WIDE}][WARPS][32], double *room, {real} *work, double *partial"
    )
    geometry = [
        "const int batch = (int)item[1], rows = (int)item[2], columns = (int)item[3];",
        "const int slice = (int)item[5], one = (int)item[6];",
        f"const bool alone = rows * columns <= {ALONE} && batch >= {MANY};",
        "int wide = 1;",
        "if (!alone) while (wide < 32 && wide < columns) wide *= 2;",
        f"const int high = alone ? 1 : {THREADS} / wide;",
        "const int tx = alone ? 0 : threadIdx.x % wide, ty = alone ? 0 : threadIdx.x / wide;",
    ]
    main = [
        f"__shared__ {real} area[{most}][{WIDE}][WARPS][32];",
        "__shared__ double room[WARPS];",
        f"__shared__ {real} constants[{max(1, len(constants))}];",
        "const i64 *item = items + 8 * (i64)blockIdx.x;",
        f"const double *h = numbers + item[4] * {len(trace.hypers)};",
        "if (threadIdx.x == 0) {",
        "    const int batch = (int)item[1], rows = (int)item[2], columns = (int)item[3];",
        *(f"    constants[{index}] = ({real}){writer.number(node)};" for index, node in enumerate(constants)),
        "}",
        "__syncthreads();",
        f"tensor({given});",
    ]
    return "\n".join(
        [
            prelude() + _WORDS,
            f"__device__ __forceinline__ void tensor({parameters}) {{",
            *indented([*geometry, *_tensor(writer, sweeps)]),
            "}",
            f'extern "C" __global__ void __launch_bounds__({THREADS}, {BLOCKS if real == "float" else BLOCKS // 2})',
            "kernel(const i64 *items, const i64 *table, i64 tensors, const double *numbers,",
            f"       {real} *work, double *partial) {{",
            *indented(main),
            "}",
            "",
        ]
    )
