"""DAdaptAdan: Adan, Adam with a Nesterov momentum of gradient differences, whose step size D-Adaptation finds.

Papers: A. Defazio, K. Mishchenko, "Learning-Rate-Free Learning by D-Adaptation", arXiv:2301.07733; X. Xie et al.,
"Adan: Adaptive Nesterov Momentum Algorithm for Faster Optimizing Deep Models", arXiv:2208.06677.
Reference: dadaptation 3.2 (`dadaptation.DAdaptAdan`). Same arguments, defaults, `param_groups` and state.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from optimizers.machinery.adaptation import DAdaptation, Halves, grown
from optimizers.machinery.batch import Batch, Group, State
from optimizers.machinery.checks import check_betas, check_positive
from optimizers.machinery.program import Totals, program


@program()
def _estimate(x: Any, h: Any) -> None:
    """The moments, and what the estimate of d needs: squares of gradient and s over the denominator, the L1 norm of s."""
    difference = x.grad - x.pre_grad
    nesterov = x.grad + h.beta2 * difference
    x.exp_avg.mul_(h.beta1).add_(x.grad, alpha=h.dlr * (1 - h.beta1))
    x.exp_avg_diff.mul_(h.beta2).add_(difference, alpha=h.dlr * (1 - h.beta2))
    x.exp_avg_sq.mul_(h.beta3).add_(nesterov * nesterov, alpha=1 - h.beta3)
    denominator = x.exp_avg_sq.sqrt().add_(h.eps)
    x.add_sum("g_sq", (x.grad * x.grad).div_(denominator))
    x.s.mul_(h.beta3).add_(x.grad, alpha=h.dlr * (1 - h.beta3))
    x.add_sum("sksq_weighted", (x.s * x.s).div_(denominator))
    x.add_sum("sk_l1", x.s.abs())


@program()
def _move(x: Any, h: Any) -> None:
    """Adan's step, with the weight decay before it or, as a proximal step has it, after it."""
    update = (x.exp_avg + h.beta2 * x.exp_avg_diff).div_(x.exp_avg_sq.sqrt().add_(h.eps))
    if h.no_prox:
        x.p.mul_(1 - h.dlr * h.weight_decay)
        x.p.add_(update, alpha=-1)
    else:
        x.p.add_(update, alpha=-1)
        x.p.div_(1 + h.dlr * h.weight_decay)
    x.pre_grad.copy_(x.grad)


_halves = Halves(_estimate, _move)


def zeros_for(p: Tensor) -> State:
    """The state of a parameter before its first step; `pre_grad` is the gradient that the step comes with."""
    names = ("s", "exp_avg", "exp_avg_diff", "exp_avg_sq")
    return {"step": 0, **{name: torch.zeros_like(p) for name in names}}


def remember_first_gradients(batch: Batch) -> None:
    """The gradient before the first one is taken to be the first one."""
    for share in batch:
        for p, grad, state in zip(share.params, share.grads, share.states, strict=True):
            if state["step"] == 0:
                state["pre_grad"] = torch.empty_like(p).copy_(grad)


class DAdaptAdan(DAdaptation):
    """Adan with D-Adaptation (see the module).

    Args:
        params: parameters, or groups of them. Groups may differ in `weight_decay` and `eps`; everything else, the
            learning rate too, is taken from the first one.
        lr: factor on the estimated rate; 1.0 unless it is unstable.
        betas: decay of the first moment, of the gradients' differences, and of the second moment.
        eps: added to the denominator.
        weight_decay: per step and learning rate, decoupled.
        no_prox: weight decay as AdamW has it, before the step.
        log_every: writes to the log "optimizers" at each step that it divides; 0 for never.
        d0: first estimate.
        growth_rate: the most by which d grows in one step, as a factor.

    Raises:
        ValueError: a value is out of its range.
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1.0,
        betas: tuple[float, float, float] = (0.98, 0.92, 0.99),
        eps: float = 1e-8,
        weight_decay: float = 0.02,
        no_prox: bool = False,
        log_every: int = 0,
        d0: float = 1e-6,
        growth_rate: float = float("inf"),
    ) -> None:
        check_positive("d0", d0)
        check_positive("learning rate", lr)
        check_positive("epsilon", eps)
        check_betas(betas, 3)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "no_prox": no_prox,
            "d": d0,
            "k": 0,
            "gsq_weighted": 0.0,
            "log_every": log_every,
            "growth_rate": growth_rate,
        }
        super().__init__(params, defaults)

    @torch.no_grad()
    def restart_opt(self) -> None:
        """Forgets all moments, as Adan's restart strategy has it; d stays."""
        for group in self.param_groups:
            group["gsq_weighted"] = 0.0
            for p in group["params"]:
                if p.requires_grad:
                    self.state[p].update(zeros_for(p))

    def initial_state(self, p: Tensor, group: Group) -> State:
        return zeros_for(p)

    def update(self, batch: Batch) -> None:
        first = self.param_groups[0]
        beta1, beta2, beta3 = first["betas"]
        d, k, lr = first["d"], first["k"], first["lr"]
        dlr = d * lr

        def numbers(group: Group) -> dict[str, float]:
            return {
                "dlr": dlr,
                "beta1": beta1,
                "beta2": beta2,
                "beta3": beta3,
                "eps": group["eps"],
                "weight_decay": group["weight_decay"],
                "no_prox": bool(first["no_prox"]),
            }

        remember_first_gradients(batch)
        totals = Totals()
        rest = _halves.run(batch, numbers, totals, lambda: totals["sk_l1"] != 0)
        gsq_weighted = beta3 * first["gsq_weighted"] + totals["g_sq"] * (dlr**2) * (1 - beta3)
        sksq_weighted, sk_l1 = totals["sksq_weighted"], totals["sk_l1"]
        if sk_l1 == 0:
            return  # every gradient so far is zero, or the learning rate is
        d_hat = d
        if lr > 0:
            d_hat = (sksq_weighted / (1 - beta3) - gsq_weighted) / sk_l1
            d = grown(d, d_hat, first["growth_rate"])
        self.log(first, k, lr=lr, dlr=dlr, d_hat=d_hat, d=d, sksq_weighted=sksq_weighted, sk_l1=sk_l1, gsq_weighted=gsq_weighted)
        rest.sweep(_move, numbers)
        for state in batch.states():
            state["step"] += 1
        for group in self.param_groups:
            group.update(gsq_weighted=gsq_weighted, d=d, k=group["k"] + 1)
