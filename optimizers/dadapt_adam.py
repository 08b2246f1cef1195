"""DAdaptAdam: Adam whose step size is a lower bound, raised step by step, on the distance to the solution.

Paper: A. Defazio, K. Mishchenko, "Learning-Rate-Free Learning by D-Adaptation", arXiv:2301.07733 (algorithm 5).
Reference: dadaptation 3.2 (`dadaptation.DAdaptAdam`). Same arguments, defaults, `param_groups` and state.
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
    """The moments, and what the estimate of d needs: <g, s / denominator> before the step and the L1 norm of s after it."""
    if h.coupled_decay:
        x.grad.add_(x.p, alpha=h.weight_decay)
    if h.learns:
        dlr = h.layer_scale * h.dlr
        denominator = x.exp_avg_sq.sqrt().add_(h.eps)
        x.add_dot("numerator", x.grad, x.s.div(denominator), weight=dlr)
        x.exp_avg.mul_(h.beta1).add_(x.grad, alpha=dlr * (1 - h.beta1))
        x.exp_avg_sq.mul_(h.beta2).addcmul_(x.grad, x.grad, value=1 - h.beta2)
        x.s.mul_(h.sqrt_beta2).add_(x.grad, alpha=h.dlr * (1 - h.sqrt_beta2))
        x.add_sum("sk_l1", x.s.abs(), weight=h.layer_scale)


@program()
def _move(x: Any, h: Any) -> None:
    """Adam's step. Its length is in `exp_avg` already, as the d of the time when each gradient came."""
    denominator = x.exp_avg_sq.sqrt().add_(h.eps)
    if h.decoupled_decay:
        x.p.add_(x.p, alpha=-h.weight_decay * h.dlr)
    x.p.addcdiv_(x.exp_avg, denominator, value=-1)


_halves = Halves(_estimate, _move)


class DAdaptAdam(DAdaptation):
    """Adam with D-Adaptation (see the module).

    Args:
        params: parameters, or groups of them. Groups may differ in `weight_decay`, `eps` and `layer_scale` (a factor on
            the learning rate, 1 by default); everything else is taken from the first one. Learning rates are equal, or
            0 for a group that learns nothing (its first moment, once it has one, goes on moving it).
        lr: factor on the estimated rate; 1.0 unless it is unstable.
        betas: decay of the first and second moment.
        eps: added to the denominator.
        weight_decay: per step and learning rate (decoupled) or added to the gradient.
        log_every: writes to the log "optimizers" at each step that it divides; 0 for never.
        decouple: weight decay as AdamW has it.
        use_bias_correction: Adam's bias correction.
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
        use_bias_correction: bool = False,
        d0: float = 1e-6,
        growth_rate: float = float("inf"),
        fsdp_in_use: bool = False,
    ) -> None:
        check_positive("d0", d0)
        check_positive("learning rate", lr)
        check_positive("epsilon", eps)
        check_betas(betas)
        self.d0 = d0
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "d": d0,
            "k": 0,
            "layer_scale": 1.0,
            "numerator_weighted": 0.0,
            "log_every": log_every,
            "growth_rate": growth_rate,
            "use_bias_correction": use_bias_correction,
            "decouple": decouple,
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
        sqrt_beta2 = beta2**0.5
        d, k = first["d"], first["k"]
        correction = (1 - beta2 ** (k + 1)) ** 0.5 / (1 - beta1 ** (k + 1)) if first["use_bias_correction"] else 1
        dlr = d * lr * correction

        def numbers(group: Group) -> dict[str, float]:
            decays = group["weight_decay"] != 0
            return {
                "dlr": dlr,
                "beta1": beta1,
                "beta2": beta2,
                "sqrt_beta2": sqrt_beta2,
                "eps": group["eps"],
                "weight_decay": group["weight_decay"],
                "layer_scale": group["layer_scale"],
                "learns": group["lr"] > 0,
                "coupled_decay": decays and not first["decouple"],
                "decoupled_decay": decays and bool(first["decouple"]),
            }

        totals = Totals()
        scaled_up = all(group["layer_scale"] >= 0 for group in self.param_groups)
        rest = _halves.run(batch, numbers, totals, lambda: scaled_up and totals["sk_l1"] != 0)
        numerator = sqrt_beta2 * first["numerator_weighted"] + (1 - sqrt_beta2) * totals["numerator"]
        all_numerator, sk_l1 = numerator, totals["sk_l1"]
        if first["fsdp_in_use"] or batch.is_sharded():
            all_numerator, sk_l1 = reduce_sums(batch, numerator, sk_l1)
        if sk_l1 == 0:
            return  # every gradient is zero, or the learning rate is
        d_hat = d
        if lr > 0:
            d_hat = all_numerator / ((1 - sqrt_beta2) * sk_l1)
            d = grown(d, d_hat, first["growth_rate"])
        self.log(first, k, lr=lr, dlr=dlr, d_hat=d_hat, d=d, sk_l1=sk_l1, numerator_weighted=all_numerator)
        rest.sweep(_move, numbers)
        for state in batch.states():
            state["step"] += 1
        for group in self.param_groups:
            group.update(numerator_weighted=numerator, d=d, k=group["k"] + 1)
