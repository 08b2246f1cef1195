"""DAdaptSGD: SGD with momentum whose step size D-Adaptation finds, by dual averaging from the starting point.

Paper: A. Defazio, K. Mishchenko, "Learning-Rate-Free Learning by D-Adaptation", arXiv:2301.07733 (algorithm 4).
Reference: dadaptation 3.2 (`dadaptation.DAdaptSGD`). Same arguments, defaults, `param_groups` and state.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from optimizers.machinery.adaptation import DAdaptation, Halves, grown
from optimizers.machinery.batch import Batch, Group, State
from optimizers.machinery.checks import check_positive
from optimizers.machinery.distributed import reduce_sums
from optimizers.machinery.program import Totals, program


@program()
def _measure(x: Any, h: Any) -> None:
    """The squared norm of the first gradient, to which all steps are relative."""
    x.add_sum("g_sq", x.grad * x.grad)


@program()
def _estimate(x: Any, h: Any) -> None:
    """The weighted sum of all gradients, and what the estimate of d needs: <g, s> before the step and |s|^2 after it."""
    if h.decays:
        x.grad.add_(x.p, alpha=h.weight_decay)
    if h.learns:
        x.add_dot("numerator", x.grad, x.s, weight=h.dlr)
        x.s.add_(x.grad, alpha=h.dlr)
        x.add_sum("sk_sq", x.s * x.s)


@program()
def _move(x: Any, h: Any) -> None:
    """From the starting point along s; momentum as an average of the points reached so."""
    x.z.copy_(x.x0 - x.s)
    x.p.mul_(1 - h.weight_of_new).add_(x.z, alpha=h.weight_of_new)


_halves = Halves(_estimate, _move)


class DAdaptSGD(DAdaptation):
    """SGD with D-Adaptation (see the module).

    Args:
        params: parameters, or groups of them. All numbers, the weight decay too, are taken from the first one.
            Learning rates are equal, or 0 for a group that learns nothing.
        lr: factor on the estimated rate; 1.0 unless it is unstable.
        momentum: between 0 and 1 (excluded).
        weight_decay: added to the gradient.
        log_every: writes to the log "optimizers" at each step that it divides; 0 for never.
        d0: first estimate.
        growth_rate: the most by which d grows in one step, as a factor.
        fsdp_in_use: sums are taken over all processes.

    Raises:
        ValueError: a value is out of its range.
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1.0,
        momentum: float = 0.0,
        weight_decay: float = 0,
        log_every: int = 0,
        d0: float = 1e-6,
        growth_rate: float = float("inf"),
        fsdp_in_use: bool = False,
    ) -> None:
        check_positive("d0", d0)
        check_positive("learning rate", lr)
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "weight_decay": weight_decay,
            "k": 0,
            "log_every": log_every,
            "numerator_weighted": 0.0,
            "d": d0,
            "growth_rate": growth_rate,
            "fsdp_in_use": fsdp_in_use,
        }
        super().__init__(params, defaults)

    def initial_state(self, p: Tensor, group: Group) -> State:
        return {"z": p.detach().clone(), "s": torch.zeros_like(p), "x0": p.detach().clone()}

    def update(self, batch: Batch) -> None:
        first = self.param_groups[0]
        lr = self.one_learning_rate()
        d, k = first["d"], first["k"]
        sharded = first["fsdp_in_use"] or batch.is_sharded()
        g0_norm = self._first_norm(batch, sharded=sharded) if k == 0 else first["g0_norm"]
        # Without a learning rate or a gradient there is nothing to go by. The reference breaks off with an error here.
        dlr = 0.0 if g0_norm == 0 else d * lr / g0_norm

        def numbers(group: Group) -> dict[str, float]:
            return {
                "dlr": dlr,
                "weight_decay": first["weight_decay"],
                "weight_of_new": 1 - first["momentum"],
                "decays": first["weight_decay"] != 0,
                "learns": group["lr"] > 0,
            }

        totals = Totals()
        totals.add("numerator", first["numerator_weighted"])
        rest = _halves.run(batch, numbers, totals, lambda: totals["sk_sq"] != 0)
        numerator = all_numerator = totals["numerator"]
        sk_sq = totals["sk_sq"]
        if sharded:
            sk_sq, all_numerator = reduce_sums(batch, sk_sq, numerator)
        if sk_sq == 0:
            return
        d_hat = 2 * all_numerator / math.sqrt(sk_sq)
        d = grown(d, d_hat, first["growth_rate"])
        self.log(first, k, dlr=dlr, d_hat=d_hat, d=d, sk_norm=math.sqrt(sk_sq), numerator_weighted=all_numerator, g0_norm=g0_norm)
        rest.sweep(_move, numbers)
        for group in self.param_groups:
            group.update(numerator_weighted=numerator, d=d, g0_norm=g0_norm, k=k + 1)

    def _first_norm(self, batch: Batch, *, sharded: bool) -> float:
        totals = batch.sweep(_measure, lambda group: {} if group["lr"] > 0 else None)
        square = reduce_sums(batch, totals["g_sq"])[0] if sharded else totals["g_sq"]
        return math.sqrt(square)
