"""DAdaptLion: Lion, steps of one length in the momentum's signs, whose length D-Adaptation finds.

Papers: A. Defazio, K. Mishchenko, "Learning-Rate-Free Learning by D-Adaptation", arXiv:2301.07733; X. Chen et al.,
"Symbolic Discovery of Optimization Algorithms", arXiv:2302.06675.
Reference: dadaptation 3.2 (`dadaptation.DAdaptLion`). Same arguments, defaults, `param_groups` and state.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from optimizers.machinery.adaptation import DAdaptation
from optimizers.machinery.batch import Batch, Group, State
from optimizers.machinery.checks import check_betas
from optimizers.machinery.distributed import reduce_sums
from optimizers.machinery.program import program


@program()
def _step(x: Any, h: Any) -> None:
    """Lion's step, and what the estimate of d needs: <update, s> before the step and the L1 norm of s after it."""
    x.p.mul_(1 - h.dlr * h.weight_decay)
    update = x.exp_avg.clone().mul_(h.beta1).add_(x.grad, alpha=1 - h.beta1).sign_()
    x.p.add_(update, alpha=-h.dlr)
    x.exp_avg.mul_(h.beta2).add_(x.grad, alpha=(1 - h.beta2) * h.dlr)
    x.add_dot("numerator", update, x.s, weight=h.dlr)
    x.s.mul_(h.sqrt_beta2).add_(update, alpha=(1 - h.sqrt_beta2) * h.dlr)
    x.add_sum("sk_l1", x.s.abs())


class DAdaptLion(DAdaptation):
    """Lion with D-Adaptation (see the module).

    Args:
        params: parameters, or groups of them. Groups may differ in `weight_decay`; everything else is taken from the
            first one. Learning rates are equal, or 0: such a group moves like all others.
        lr: factor on the estimated rate; 1.0 unless it is unstable.
        betas: how much of the momentum is in the step, and the momentum's decay.
        weight_decay: per step and learning rate, decoupled.
        log_every: writes to the log "optimizers" at each step that it divides; 0 for never.
        d0: first estimate.
        fsdp_in_use: sums are taken over all processes.

    Raises:
        ValueError: a value is out of its range.
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1.0,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
        log_every: int = 0,
        d0: float = 1e-6,
        fsdp_in_use: bool = False,
    ) -> None:
        if not lr >= 0.0:
            raise ValueError(f"Invalid learning rate value: {lr}")
        check_betas(betas)
        defaults = {
            "lr": lr,
            "betas": betas,
            "weight_decay": weight_decay,
            "d": d0,
            "k": 0,
            "log_every": log_every,
            "numerator_weighted": 0.0,
            "fsdp_in_use": fsdp_in_use,
        }
        super().__init__(params, defaults)

    def initial_state(self, p: Tensor, group: Group) -> State:
        return {"exp_avg": torch.zeros_like(p), "s": torch.zeros_like(p)}

    def update(self, batch: Batch) -> None:
        first = self.param_groups[0]
        lr = self.one_learning_rate()
        beta1, beta2 = first["betas"]
        sqrt_beta2 = beta2**0.5
        d, k = first["d"], first["k"]
        dlr = d * lr

        def numbers(group: Group) -> dict[str, float]:
            return {
                "dlr": dlr,
                "beta1": beta1,
                "beta2": beta2,
                "sqrt_beta2": sqrt_beta2,
                "weight_decay": group["weight_decay"],
            }

        totals = batch.sweep(_step, numbers)
        numerator = sqrt_beta2 * first["numerator_weighted"] + (1 - sqrt_beta2) * totals["numerator"]
        all_numerator, sk_l1 = numerator, totals["sk_l1"]
        if first["fsdp_in_use"]:
            all_numerator, sk_l1 = reduce_sums(batch, numerator, sk_l1)
        if sk_l1 == 0:
            return  # every gradient so far is zero, or the learning rate is
        d_hat = d
        if lr > 0:
            d_hat = all_numerator / ((1 - sqrt_beta2) * sk_l1)
            d = max(d, d_hat)
        self.log(first, k, lr=lr, dlr=dlr, d_hat=d_hat, d=d, sk_l1=sk_l1, numerator_weighted=all_numerator)
        for group in self.param_groups:
            group.update(numerator_weighted=numerator, d=d, k=group["k"] + 1)
