"""What the D-Adaptation family shares beside the algorithm: one pass over memory instead of two, limits, messages.

A step has two halves. The estimate goes over all parameters and gives the next d; the move changes the parameters with
the d that was known before, and is left out where a sum of the estimate's is zero.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from torch import Tensor

from optimizers.machinery.batch import Batch, Group, HyperOf
from optimizers.machinery.optimizer import FastOptimizer
from optimizers.machinery.program import Program, Totals

logger = logging.getLogger("optimizers")


class Halves:
    """An estimate, and a move that uses nothing of what the estimate finds out about all parameters together.

    Args:
        estimate, move: the programs.
    """

    def __init__(self, estimate: Program, move: Program) -> None:
        self.estimate = estimate
        self.move = move

        def both(x: Any, h: Any) -> None:
            estimate.function(x, h)
            move.function(x, h)

        self.both = Program(f"{estimate.name}_and{move.name}", both, {**estimate.layouts, **move.layouts})

    def run(self, batch: Batch, hyper: HyperOf, totals: Totals, moves: Callable[[], bool]) -> Batch:
        """Estimates everywhere, and moves what is known to be moved.

        As soon as the first parameters (one, as a rule) have shown that all will be moved, the others are estimated and
        moved at once, while they are in the cache. Each parameter sees the same operations in the same order as in two
        passes. Where looking at a total means waiting for a device, it is done once, after the whole estimate.

        Args:
            batch: the step.
            hyper: the numbers of a group, for both halves.
            totals: what the estimate adds to.
            moves: whether `totals`, as far as they are known, are proof that the move will not be left out.

        Returns:
            The parameters that have yet to be moved.
        """
        rest = batch
        while len(rest) and not moves():
            count = max(len(batch) - len(rest), 1) if batch.is_on_cpu() else len(rest)
            some, rest = rest.cut(count)
            some.sweep(self.estimate, hyper, totals=totals)
        rest.sweep(self.both, hyper, totals=totals)
        return batch.cut(len(batch) - len(rest))[0]


class DAdaptation(FastOptimizer):
    """What is the same in all classes of dadaptation."""

    @property
    def supports_memory_efficient_fp16(self) -> bool:
        return False

    @property
    def supports_flat_params(self) -> bool:
        return True

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes over a state. The reference keeps some numbers of `param_groups` as tensors: here they are numbers."""
        super().load_state_dict(state_dict)
        for group in self.param_groups:
            for name in ("d", "numerator_weighted", "gsq_weighted"):
                if isinstance(group.get(name), Tensor):
                    group[name] = group[name].item()

    @staticmethod
    def log(group: Group, k: int, **values: float) -> None:
        """Tells the log about this step where `log_every` asks for it."""
        if group["log_every"] > 0 and k % group["log_every"] == 0:
            logger.info("k: %d %s", k, " ".join(f"{name}: {value:.6g}" for name, value in values.items()))


def grown(d: float, d_hat: float, growth_rate: float) -> float:
    """The next d: never less than the last, and at most `growth_rate` times as much. A NaN changes nothing."""
    return max(d, min(d_hat, d * growth_rate))
