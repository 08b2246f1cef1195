"""Writing the schedule of a matrix program as C: one function that takes one tensor after the other.

The inner loop runs along a row, over contiguous elements. What varies from row to row is computed once per row; what
varies from column to column lies in scratch memory of one row's length. Sums of a row and of the tensor are kept in the
elements' type over short stretches and in double beyond; sums of columns likewise, over blocks of rows.

Tensors whose rows are very short have copies of the code for them: without loops that are longer than their content.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from optimizers.machinery.matrix_writer import PLACES, MatrixWriter, prelude
from optimizers.machinery.schedule import Moment
from optimizers.machinery.trace import Domain, Node

STRETCH = 1024
"""Elements of a row that are summed in the elements' own type before the sum goes on in double."""

BLOCK = 256
"""Rows whose columns are summed so."""

SHAPES: Sequence[tuple[int | None, int | None]] = ((3, 3), (None, 16))
"""Rows and columns that have their own copy of the code: 3x3 convolutions, and the wider side of a LoRA of rank 16."""


class SweepCode:
    """Writes the code of one sweep; `emit_cuda_matrix` has another frame for its parts."""

    def __init__(self, writer: MatrixWriter, index: int) -> None:
        self._writer = writer
        self._index = index
        self._sweep = writer.schedule.sweeps[index]

    def lines(self) -> list[str]:
        """The loop over the tensor's matrices, after that over the elements of sliced arrays."""
        inner = self._matrix()
        loop = ["for (i64 b = 0; b < batch; b++) {", *indented(inner), "}"] if inner else []
        return [*self._sliced(), *loop]

    def temporaries(self) -> list[Node]:
        """Values per column that the inner loop reads from scratch memory."""
        wanted = {operand for node in self._nodes("full") for operand in node.inputs if operand.domain == "column"}
        return [node for node in self._nodes("column") if node in wanted and self._read(node) is None]

    def column_sums(self) -> list[Node]:
        return self._sums("full", "column")

    # Parts of the loop over matrices.
    def _matrix(self) -> list[str]:
        sums = [*self._sums("row", "matrix"), *self._sums("column", "matrix")]
        return [
            *(f"double m_{self._name(node)} = 0;" for node in sums),
            *self._values(self._nodes("matrix", Moment.START)),
            *self._prepare_columns(),
            *self._rows(),
            *self._end_of_matrix(),
        ]

    def _prepare_columns(self) -> list[str]:
        temporaries = self.temporaries()
        lines: list[str] = []
        if temporaries:
            body = self._values(self._same_domain(temporaries))
            body += [f"w_{self._name(node)}[j] = {self._name(node)};" for node in temporaries]
            lines += ["for (i64 j = 0; j < columns; j++) {", *indented(body), "}"]
        for name in map(self._name, self.column_sums()):
            lines += [
                f"for (i64 j = 0; j < columns; j++) f_{name}[j] = 0;",
                f"if (rows > {BLOCK}) for (i64 j = 0; j < columns; j++) g_{name}[j] = 0;",
            ]
        return lines

    def _rows(self) -> list[str]:
        row = self._row()
        if not row:
            return []
        flush: list[str] = []
        end: list[str] = []
        for name in map(self._name, self.column_sums()):
            flush += [
                f"if (rows > {BLOCK}) for (i64 j = 0; j < columns; j++) {{",
                f"    g_{name}[j] += f_{name}[j];",
                f"    f_{name}[j] = 0;",
                "}",
            ]
            end.append(f"if (rows > {BLOCK}) for (i64 j = 0; j < columns; j++) f_{name}[j] = ({self._writer.real})g_{name}[j];")
        return [
            f"for (i64 top = 0; top < rows; top += {BLOCK}) {{",
            f"    const i64 bottom = top + {BLOCK} < rows ? top + {BLOCK} : rows;",
            "    for (i64 r = top; r < bottom; r++) {",
            *indented(row, 2),
            "    }",
            *indented(flush),
            "}",
            *end,
        ]

    def _row(self) -> list[str]:
        """The code for one row: what is known before it, its elements, its end."""
        own = self._sums("full", "row")
        targets = [
            *self._stored("row"),
            *(node.inputs[0] for target in ("matrix", "tensor") for node in self._sums("row", target)),
        ]
        at_end = [node for node in self._same_domain(targets) if self._sweep.moments[node] != Moment.START]
        return [
            *(f"double s_{self._name(node)} = 0;" for node in own),
            *self._values(self._nodes("row", Moment.START)),
            *self._elements(),
            *(self._writer.completed(node, f"s_{self._name(node)}") for node in own),
            *self._values([node for node in at_end if node not in own]),
            *self._stores("row"),
            *(f"k_{self._name(node)}[{PLACES['row']}] = {self._name(node)};" for node in own if self._is_carried(node)),
            *(f"m_{self._name(node)} += {self._name(node.inputs[0])};" for node in self._sums("row", "matrix")),
            *(f"d_{self._name(node)} += {self._name(node.inputs[0])};" for node in self._sums("row", "tensor")),
        ]

    def _elements(self) -> list[str]:
        """The inner loop."""
        nodes = self._nodes("full")
        if not nodes:
            return []
        outer = self._operands(nodes, "column")
        stretched = [*self._sums("full", "row"), *self._sums("full", "tensor")]
        body = [
            "const i64 i = base + j;",
            *self._values([node for node in outer if self._read(node) is not None]),
            *(f"const {self._real(n)} {self._name(n)} = w_{self._name(n)}[j];" for n in outer if self._read(n) is None),
            *self._values(nodes),
            *self._stores("full"),
            *(f"f_{self._name(node)}[j] += {self._name(node.inputs[0])};" for node in self.column_sums()),
            *(f"q_{self._name(node)} += {self._name(node.inputs[0])};" for node in stretched),
        ]
        return ["const i64 base = (b * rows + r) * columns;", *self._stretches("j", "columns", body, stretched)]

    def _end_of_matrix(self) -> list[str]:
        lines: list[str] = []
        rows, columns = self._sums("row", "matrix"), self._sums("column", "matrix")
        lines += [self._writer.completed(node, f"m_{self._name(node)}") for node in rows]
        lines += self._values([node for node in self._nodes("matrix", Moment.MATRIX_END) if node not in rows])
        targets = [*self._stored("column"), *(n.inputs[0] for n in [*columns, *self._sums("column", "tensor")])]
        carried = [node for node in self.column_sums() if self._is_carried(node)]
        own = [node for node in self._same_domain(targets) if node not in self.column_sums()]
        body = [
            *(self._writer.completed(node, f"f_{self._name(node)}[j]") for node in self.column_sums()),
            *self._values(own),
            *self._stores("column"),
            *(f"k_{self._name(node)}[{PLACES['column']}] = {self._name(node)};" for node in carried),
            *(f"m_{self._name(node)} += {self._name(node.inputs[0])};" for node in columns),
            *(f"d_{self._name(node)} += {self._name(node.inputs[0])};" for node in self._sums("column", "tensor")),
        ]
        if body:
            lines += ["for (i64 j = 0; j < columns; j++) {", *indented(body), "}"]
        lines += [self._writer.completed(node, f"m_{self._name(node)}") for node in columns]
        lines += self._values([node for node in self._nodes("matrix", Moment.MATRIX_DONE) if node not in columns])
        lines += [f"k_{self._name(node)}[b] = {self._name(node)};" for node in [*rows, *columns] if self._is_carried(node)]
        lines += [f"d_{self._name(node)} += {self._name(node.inputs[0])};" for node in self._sums("matrix", "tensor")]
        return lines

    def _sliced(self) -> list[str]:
        nodes, sums = self._nodes("sliced"), self._sums("sliced", "tensor")
        if not nodes:
            return []
        body = [
            *self._values(nodes),
            *self._stores("sliced"),
            *(f"q_{self._name(node)} += {self._name(node.inputs[0])};" for node in sums),
        ]
        count = "const i64 sliced = (batch * rows * columns + slice - 1) / slice;"
        return ["{", *indented([count, *self._stretches("k", "sliced", body, sums)]), "}"]

    def _stretches(self, index: str, count: str, body: list[str], sums: list[Node]) -> list[str]:
        """A loop over contiguous elements, whose sums go on in double every now and then."""
        if not sums:
            return [f"for (i64 {index} = 0; {index} < {count}; {index}++) {{", *indented(body), "}"]
        totals = {node: ("s" if node.domain == "row" else "d") for node in sums}
        return [
            f"for (i64 low = 0; low < {count}; low += {STRETCH}) {{",
            f"    const i64 high = low + {STRETCH} < {count} ? low + {STRETCH} : {count};",
            *(f"    {self._real(node)} q_{self._name(node)} = 0;" for node in sums),
            f"    for (i64 {index} = low; {index} < high; {index}++) {{",
            *indented(body, 2),
            "    }",
            *(f"    {total}_{self._name(node)} += q_{self._name(node)};" for node, total in totals.items()),
            "}",
        ]

    # Small words.
    def _name(self, node: Node) -> str:
        return self._writer.name(node)

    def _real(self, node: Node) -> str:
        return self._writer.real_of(node)

    def _read(self, node: Node) -> str | None:
        return self._writer.read_at(node, self._index)

    def _is_carried(self, node: Node) -> bool:
        return node in self._writer.schedule.carried

    def _nodes(self, domain: Domain, *moments: Moment) -> list[Node]:
        at = self._sweep.moments
        return [node for node in self._sweep.nodes if node.domain == domain and (not moments or at[node] in moments)]

    def _sums(self, source: Domain, target: str) -> list[Node]:
        return [node for node in self._sweep.sums if node.inputs[0].domain == source and node.domain == target]

    def _stored(self, domain: Domain) -> list[Node]:
        return [node for node in self._sweep.stores.values() if node.domain == domain]

    def _stores(self, domain: Domain) -> list[str]:
        return [self._writer.store(name, node) for name, node in self._sweep.stores.items() if node.domain == domain]

    def _values(self, nodes: Iterable[Node]) -> list[str]:
        """Lines that read or compute values."""
        lines: list[str] = []
        for node in nodes:
            read = self._read(node)
            lines.append(self._writer.line(node) if read is None else f"const {self._real(node)} {self._name(node)} = {read};")
        return lines

    def _operands(self, nodes: Iterable[Node], domain: Domain) -> list[Node]:
        """The values of another domain that these are computed from."""
        wanted = {operand for node in nodes if self._read(node) is None for operand in node.inputs if operand.domain == domain}
        return [node for node in self._sweep.nodes if node in wanted]

    def _same_domain(self, targets: Iterable[Node]) -> list[Node]:
        """The targets and what they are computed from within their domain, operands first."""
        wanted: set[Node] = set()

        def visit(node: Node) -> None:
            if node not in wanted:
                wanted.add(node)
                if self._read(node) is None and node.op != "sum":
                    for operand in node.inputs:
                        if operand.domain == node.domain:
                            visit(operand)

        for target in targets:
            visit(target)
        return [node for node in self._sweep.nodes if node in wanted]


def indented(lines: Iterable[str], levels: int = 1) -> list[str]:
    return [f"{'    ' * levels}{line}" for line in lines]


def numbers_after(writer: MatrixWriter, done: set[Node], sweep: int) -> list[str]:
    """Lines that compute the values per tensor that can be known now; sums of older sweeps and of this one are complete."""
    lines: list[str] = []
    complete = {node for earlier in writer.schedule.sweeps[: sweep + 1] for node in earlier.sums}
    for node in writer.schedule.numbers:
        ready = node in complete if node.op == "sum" else all(o.domain == "scalar" or o in done for o in node.inputs)
        if node in done or not ready:
            continue
        done.add(node)
        if node.op == "sum":
            lines.append(writer.completed(node, f"d_{writer.name(node)}"))
        elif node.op == "load":
            array = node.name
            lines.append(
                f"const {writer.real_of(node)} {writer.name(node)} = wide_{writer.short(array)}({writer.array(array)}[0]);"
            )
        else:
            lines.append(writer.line(node))
    return lines


def _scratch(writer: MatrixWriter, sweeps: Sequence[SweepCode]) -> list[tuple[str, str, str]]:
    """Names, types and lengths of the arrays that a tensor needs meanwhile; those of doubles first."""
    lengths = {"row": "batch * rows", "column": "batch * columns", "matrix": "batch"}
    sums = dict.fromkeys(node for sweep in sweeps for node in sweep.column_sums())
    temporaries = dict.fromkeys(node for sweep in sweeps for node in sweep.temporaries())
    return [
        *((f"g_{writer.name(node)}", "double", "columns") for node in sums),
        *((f"f_{writer.name(node)}", writer.real_of(node), "columns") for node in sums),
        *((f"w_{writer.name(node)}", writer.real_of(node), "columns") for node in temporaries),
        *((f"k_{writer.name(node)}", writer.real_of(node), lengths[node.domain]) for node in writer.schedule.carried),
    ]


def _tensor(writer: MatrixWriter, sweeps: Sequence[SweepCode], scratch: Sequence[tuple[str, str, str]]) -> list[str]:
    """The body of the function that steps one tensor."""
    trace = writer.trace
    lines = writer.constants()
    for index, name in enumerate(trace.arrays):
        kind = ("" if name in trace.stores else "const ") + writer.stored(name)
        lines.append(f"{kind} *restrict a{index} = ({kind} *)(intptr_t)table[{index} * tensors + tensor];")
    for name, kind, length in scratch:
        lines += [f"{kind} *restrict {name} = ({kind} *)work;", f"work += sizeof({kind}) * ({length});"]
    lines += [f"double d_{writer.name(node)} = 0;" for node in writer.schedule.numbers if node.op == "sum"]
    done: set[Node] = set()
    lines += numbers_after(writer, done, -1)
    for index, sweep in enumerate(sweeps):
        lines += [*sweep.lines(), *numbers_after(writer, done, index)]
    for name, node in trace.stores.items():
        if node.domain == "tensor":
            lines.append(f"{writer.array(name)}[0] = narrow_{writer.short(name)}({writer.name(node)});")
    for index, total in enumerate(trace.totals):
        in_double = total.node.op == "sum" and writer.type_of(total.node) != "bfloat16"
        value = f"d_{writer.name(total.node)}" if in_double else writer.name(total.node)
        weight = writer.number(total.weight) if total.weight.domain == "scalar" else writer.name(total.weight)
        lines.append(f"partial[{index}] = (double){value} * {weight};")
    return lines


def emit_matrix(writer: MatrixWriter) -> str:
    """The text of `int kernel(...)`: see `matrices.MatrixKernel` for its arguments."""
    sweeps = [SweepCode(writer, index) for index in range(len(writer.schedule.sweeps))]
    scratch = _scratch(writer, sweeps)
    body = _tensor(writer, sweeps, scratch)
    room = " + ".join(["0", *(f"(i64)sizeof({kind}) * ({length})" for _, kind, length in scratch)])
    names = "table, tensors, item[0], h + item[4] * hypers, item[5], item[6], partial + n * totals, work, item[1]"
    choices = [
        "if ("
        + " && ".join(f"item[{place}] == {size}" for place, size in ((2, rows), (3, columns)) if size is not None)
        + f") tensor({names}, {rows or 'item[2]'}, {columns or 'item[3]'});"
        for rows, columns in (SHAPES if scratch else ())
    ]
    return "\n".join(
        [
            prelude(writer.real),
            "INLINE void tensor(const i64 *table, i64 tensors, i64 tensor, const double *h, const i64 slice, const i64 one,",
            "                   double *partial, char *work, const i64 batch, const i64 rows, const i64 columns) {",
            *indented(body),
            "}",
            "int kernel(i64 begin, i64 end, const i64 *items, const i64 *table, i64 tensors,",
            "           const double *h, i64 hypers, double *partial, i64 totals) {",
            "    i64 most = 0;",
            "    for (i64 n = begin; n < end; n++) {",
            "        const i64 batch = items[7 * n + 1], rows = items[7 * n + 2], columns = items[7 * n + 3];",
            f"        const i64 room = {room};",
            "        if (room > most) most = room;",
            "        (void)batch; (void)rows; (void)columns;",
            "    }",
            "    char *work = most ? malloc(most) : 0;",
            "    if (most && !work) return 1;",
            "    for (i64 n = begin; n < end; n++) {",
            "        const i64 *item = items + 7 * n;",
            *indented([f"{'' if place == 0 else 'else '}{line}" for place, line in enumerate(choices)], 2),
            f"        {'else ' if choices else ''}tensor({names}, item[2], item[3]);",
            "    }",
            "    free(work);",
            "    return 0;",
            "}",
            "",
        ]
    )
