"""How many numbers the kernel of a matrix program keeps beside the arrays while it steps a tensor, and where.

A sum per row, column or matrix that a later sweep reads is kept for all matrices of the tensor. All others are needed for
the matrix at hand only: their place serves the next matrix and the next sweep too. So a step of CAME on a LoRA borrows a
sixteenth of the parameters' memory, and on 3x3 convolutions about as much.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from optimizers.machinery.matrix_writer import MatrixWriter
from optimizers.machinery.schedule import Schedule
from optimizers.machinery.trace import Domain, Node

THREADS = 512
"""Threads of a block: with 16 rows or 16 columns, a LoRA's rank, none of them is idle."""

ALONE = 64
"""Elements of the largest matrix that one thread steps alone."""

MANY = 32
"""Matrices of a tensor, at least, that are stepped so."""


_KEPT: Mapping[Domain, str] = {"row": "batch * rows", "column": "batch * columns", "matrix": "batch"}


@dataclass(frozen=True, slots=True)
class Scratch:
    """The sums that lie in scratch memory, in its order.

    Attributes:
        kept: those that later sweeps read: a number for each row, column or matrix of the tensor.
        passing: by sweep, those that are done with at the end of a matrix.
    """

    kept: tuple[Node, ...]
    passing: tuple[tuple[Node, ...], ...]

    def numbers(self, batch: int, rows: int, columns: int) -> int:
        """How many numbers it takes for a tensor of so many matrices of so many rows and columns."""
        lengths: dict[Domain, int] = {"row": rows, "column": columns, "matrix": 1}
        at_once = min(batch, THREADS) if is_alone(batch, rows, columns) else 1
        kept = sum(lengths[node.domain] for node in self.kept)
        passing = max((sum(lengths[node.domain] for node in nodes) for nodes in self.passing), default=0)
        return batch * kept + at_once * passing


def is_alone(batch: int, rows: int, columns: int) -> bool:
    """Whether each matrix of a tensor has one thread: the kernel decides in the same way."""
    return rows * columns <= ALONE and batch >= MANY


def scratch_of(schedule: Schedule) -> Scratch:
    """What the sums of a schedule need."""
    carried = frozenset(schedule.carried)
    return Scratch(
        tuple(node for sweep in schedule.sweeps for node in sweep.sums if node in carried),
        tuple(
            tuple(node for node in sweep.sums if node.domain in {"row", "column"} and node not in carried)
            for sweep in schedule.sweeps
        ),
    )


def scratch_pointers(writer: MatrixWriter) -> list[str]:
    """The lines that say where each of them lies, in the memory of the tensor that `work` points to."""
    scratch, lines = scratch_of(writer.schedule), list[str]()
    for node in scratch.kept:
        lines += [f"{writer.real} *k_{writer.name(node)} = work;", f"work += {_KEPT[node.domain]};"]
    if not any(scratch.passing):
        return lines
    # All sweeps have the others in one place; a thread that steps matrices alone has a place of its own.
    needs = [" + ".join(f"{node.domain}s" for node in nodes) for nodes in scratch.passing if nodes]
    lines += [f"int each = {needs[0]};", *(f"each = each < {need} ? {need} : each;" for need in needs[1:])]
    lines.append("work += alone ? threadIdx.x * each : 0;")
    for nodes in scratch.passing:
        place = "work"
        for node in nodes:
            lines.append(f"{writer.real} *k_{writer.name(node)} = {place};")
            place += f" + {node.domain}s"
    return lines
