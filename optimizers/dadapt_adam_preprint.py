"""DAdaptAdamPreprint: D-Adaptation for Adam as the first versions of the paper had it.

Paper: A. Defazio, K. Mishchenko, "Learning-Rate-Free Learning by D-Adaptation", arXiv:2301.07733 (version 1).
Reference: dadaptation 3.2 (`dadaptation.experimental.DAdaptAdamPreprint`). Same arguments, defaults, `param_groups`
and state.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from optimizers.machinery.adaptation import DAdaptation, Halves, grown
from optimizers.machinery.batch import Batch, Group, State
from optimizers.machinery.checks import check_betas, check_positive
from optimizers.machinery.distributed import reduce_sums
from optimizers.machinery.program import Totals, program


@program()
def _estimate(x: Any, h: Any) -> None:
    """The moments, and what the estimate of d needs: squares of gradient and s over the denominator, the L1 norm of s."""
    if h.coupled_decay:
        x.grad.add_(x.p, alpha=h.weight_decay)
    if h.learns:
        square = x.grad * x.grad
        x.exp_avg.mul_(h.beta1).add_(x.grad, alpha=h.dlr * (1 - h.beta1))
        x.exp_avg_sq.mul_(h.beta2).add_(square, alpha=1 - h.beta2)
        denominator = x.exp_avg_sq.sqrt().add_(h.eps)
        x.add_sum("g_sq", square.div_(denominator))
        x.s.mul_(h.beta2).add_(x.grad, alpha=h.dlr * (1 - h.beta2))
        x.add_sum("sksq_weighted", (x.s * x.s).div_(denominator))
        x.add_sum("sk_l1", x.s.abs())


@program()
def _move(x: Any, h: Any) -> None:
    """Adam's step. Its length is in `exp_avg` already, as the d of the time when each gradient came."""
    denominator = x.exp_avg_sq.sqrt().add_(h.eps)
    if h.decoupled_decay:
        x.p.add_(x.p, alpha=-h.weight_decay * h.dlr)
    x.p.addcdiv_(x.exp_avg, denominator, value=-1)


_halves = Halves(_estimate, _move)


class DAdaptAdamPreprint(DAdaptation):
    """Adam with the first form of D-Adaptation (see the module).

    Args:
        params: parameters, or groups of them. Groups may differ in `weight_decay` and `eps`; everything else is taken
            from the first one. Learning rates are equal, or 0 for a group that learns nothing (its first moment, once
            it has one, goes on moving it).
        lr: factor on the estimated rate; 1.0 unless it is unstable.
        betas: decay of the first and second moment.
        eps: added to the denominator.
        weight_decay: per step and learning rate (decoupled) or added to the gradient.
        log_every: writes to the log "optimizers" at each step that it divides; 0 for never.
        decouple: weight decay as AdamW has it.
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
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        log_every: int = 0,
        decouple: bool = False,
        d0: float = 1e-6,
        growth_rate: float = float("inf"),
        fsdp_in_use: bool = False,
    ) -> None:
        check_positive("d0", d0)
        check_positive("learning rate", lr)
        check_positive("epsilon", eps)
        check_betas(betas)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "d": d0,
            "k": 0,
            "gsq_weighted": 0.0,
            "log_every": log_every,
            "decouple": decouple,
            "growth_rate": growth_rate,
            "fsdp_in_use": fsdp_in_use,
        }
        super().__init__(params, defaults)

    def initial_state(self, p: Tensor, group: Group) -> State:
        return {
            "step": 0,
            "s": torch.zeros_like(p),
            "exp_avg": torch.zeros_like(p),
            "exp_avg_sq": torch.zeros_like(p),
        }

    def update(self, batch: Batch) -> None:
        first = self.param_groups[0]
        lr = self.one_learning_rate()
        beta1, beta2 = first["betas"]
        d, k = first["d"], first["k"]
        dlr = d * lr

        def numbers(group: Group) -> dict[str, float]:
            decays, learns = group["weight_decay"] != 0, group["lr"] > 0
            return {
                "dlr": dlr,
                "beta1": beta1,
                "beta2": beta2,
                "eps": group["eps"],
                "weight_decay": group["weight_decay"],
                "learns": learns,
                "coupled_decay": decays and not first["decouple"],
                "decoupled_decay": decays and bool(first["decouple"]) and learns,
            }

        totals = Totals()
        rest = _halves.run(batch, numbers, totals, lambda: totals["sk_l1"] != 0)
        gsq_weighted = beta2 * first["gsq_weighted"] + totals["g_sq"] * (dlr**2) * (1 - beta2)
        sksq, gsq, sk_l1 = totals["sksq_weighted"], gsq_weighted, totals["sk_l1"]
        if first["fsdp_in_use"] or batch.is_sharded():
            sksq, gsq, sk_l1 = reduce_sums(batch, sksq, gsq, sk_l1)
        if sk_l1 == 0:
            return  # every gradient is zero, or the learning rate is
        d_hat = d
        if lr > 0:
            d_hat = (sksq / (1 - beta2) - gsq) / sk_l1
            d = grown(d, d_hat, first["growth_rate"])
        self.log(first, k, dlr=dlr, d_hat=d_hat, d=d, sksq_weighted=sksq, gsq_weighted=gsq, sk_l1=sk_l1)
        rest.sweep(_move, numbers)
        for state in batch.states():
            state["step"] += 1
        for group in self.param_groups:
            group.update(gsq_weighted=gsq_weighted, d=d, k=group["k"] + 1)
