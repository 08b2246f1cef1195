"""DAdaptAdaGrad: AdaGrad, by dual averaging from the starting point, whose step size D-Adaptation finds.

Paper: A. Defazio, K. Mishchenko, "Learning-Rate-Free Learning by D-Adaptation", arXiv:2301.07733 (algorithm 2).
Reference: dadaptation 3.2 (`dadaptation.DAdaptAdaGrad`). Same arguments, defaults, `param_groups` and state.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from optimizers.machinery.adaptation import DAdaptation, Halves, grown
from optimizers.machinery.batch import Batch, Group, State
from optimizers.machinery.checks import check_positive
from optimizers.machinery.program import Totals, program

FIRST_ALPHA = 1e-6
"""What the sums of squared gradients begin with."""

CERTAIN = 1e-6
"""This share of the L1 norm of all s rules out that the whole of it is zero: running sums are not that wrong."""


@program()
def _estimate(x: Any, h: Any) -> None:
    """The sums of gradients and of their squares, and what the estimate of d needs: how three norms have changed."""
    if h.decays:
        x.grad.add_(x.p, alpha=h.weight_decay)
    sksq_before = (x.sk * x.sk).div(x.alphak.sqrt() + h.eps)
    sk_before = x.sk.abs()
    x.alphak.add_(x.grad * x.grad)
    denominator = x.alphak.sqrt() + h.eps
    x.add_sum("g_sq", (x.grad * x.grad).div(denominator))
    x.sk.add_(x.grad, alpha=h.dlr)
    x.add_change("sksq_weighted", sksq_before, (x.sk * x.sk).div(denominator))
    x.add_change("skl1", sk_before, x.sk.abs())
    x.add_sum("sk_l1", x.sk.abs())


@program()
def _move(x: Any, h: Any) -> None:
    """From the starting point along s; momentum as an average of the points reached so."""
    z = x.x0 - x.sk.div(x.alphak.sqrt() + h.eps)
    if h.momentum:
        x.p.mul_(1 - h.weight_of_new).add_(z, alpha=h.weight_of_new)
    else:
        x.p.copy_(z)


_halves = Halves(_estimate, _move)


class DAdaptAdaGrad(DAdaptation):
    """AdaGrad with D-Adaptation (see the module).

    Args:
        params: parameters, or groups of them. Groups may differ in `weight_decay` and `eps`; everything else, the
            learning rate too, is taken from the first one.
        lr: factor on the estimated rate; 1.0 unless it is unstable.
        momentum: between 0 and 1 (excluded).
        log_every: writes to the log "optimizers" at each step that it divides; 0 for never.
        weight_decay: added to the gradient.
        eps: added to the denominator.
        d0: first estimate.
        growth_rate: the most by which d grows in one step, as a factor.

    Raises:
        ValueError: a value is out of its range.
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1.0,
        momentum: float = 0,
        log_every: int = 0,
        weight_decay: float = 0.0,
        eps: float = 1e-6,
        d0: float = 1e-6,
        growth_rate: float = float("inf"),
    ) -> None:
        check_positive("d0", d0)
        check_positive("learning rate", lr)
        if momentum < 0:
            raise ValueError(f"Invalid momentum value: {momentum}")
        check_positive("epsilon", eps)
        self.d0 = d0
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "eps": eps,
            "weight_decay": weight_decay,
            "gsq_weighted": 0.0,
            "log_every": log_every,
            "d": d0,
            "growth_rate": growth_rate,
            "k": 0,
            "sksq_weighted": 0.0,
            "skl1": 0.0,
        }
        super().__init__(params, defaults)

    def initial_state(self, p: Tensor, group: Group) -> State:
        return {"alphak": torch.full_like(p, FIRST_ALPHA), "sk": torch.zeros_like(p), "x0": p.detach().clone()}

    def update(self, batch: Batch) -> None:
        if batch.is_sharded():
            raise RuntimeError("DAdaptAdaGrad does not support sharded parameters (FSDP): use DAdaptAdam instead")
        first = self.param_groups[0]
        d, k, lr = first["d"], first["k"], first["lr"]
        dlr = d * lr

        def numbers(group: Group) -> dict[str, float]:
            return {
                "dlr": dlr,
                "eps": group["eps"],
                "weight_decay": group["weight_decay"],
                "weight_of_new": 1 - first["momentum"],
                "decays": group["weight_decay"] != 0,
                "momentum": first["momentum"] != 0,
            }

        totals = Totals()
        rest = _halves.run(batch, numbers, totals, lambda: totals["sk_l1"] > CERTAIN * abs(first["skl1"]))
        sksq_weighted = first["sksq_weighted"] + totals["sksq_weighted"]
        skl1 = first["skl1"] + totals["skl1"]
        if skl1 == 0:
            return  # every gradient so far is zero, or the learning rate is
        gsq_weighted = first["gsq_weighted"] + dlr * dlr * totals["g_sq"]
        d_hat = d
        if lr > 0:
            d_hat = (sksq_weighted - gsq_weighted) / skl1
            d = grown(d, d_hat, first["growth_rate"])
        self.log(first, k, d_hat=d_hat, d=d, sksq_weighted=sksq_weighted, skl1=skl1, gsq_weighted=gsq_weighted, lr=lr)
        rest.sweep(_move, numbers)
        for group in self.param_groups:
            group.update(gsq_weighted=gsq_weighted, skl1=skl1, sksq_weighted=sksq_weighted, d=d, k=group["k"] + 1)
