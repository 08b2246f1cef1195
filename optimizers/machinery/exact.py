"""Running a program on one parameter after the other: the reference's own operations, and what nothing else can step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from optimizers.machinery.lanes import MatrixLane, TensorLane
from optimizers.machinery.program import Hyper, Numbers, Program, Totals

if TYPE_CHECKING:
    from optimizers.machinery.batch import Share


def one_by_one(program: Program, share: Share, numbers: Numbers, totals: Totals) -> None:
    """Runs a program on each parameter of a share.

    Args:
        program: the arithmetic.
        share: the parameters.
        numbers: of their group.
        totals: where sums go.
    """
    slice_p = int(numbers.get("slice_p", 1))
    hyper = Hyper(numbers)
    for p, grad, state in zip(share.params, share.grads, share.states, strict=True):
        if program.axes is not None:
            lane = MatrixLane(program, p, grad, state, totals, slice_p)
        else:
            lane = TensorLane(p, grad, state, totals, slice_p)
        program.function(lane, hyper)


def all_one_by_one(program: Program, members: Sequence[tuple[Share, Numbers]], totals: Totals) -> None:
    """The same for several shares."""
    for share, numbers in members:
        one_by_one(program, share, numbers, totals)
