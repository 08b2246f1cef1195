"""Prodigy: Adam whose step size is estimated from how far the parameters have come.

Paper: K. Mishchenko, A. Defazio, "Prodigy: An Expeditiously Adaptive Parameter-Free Learner", arXiv:2306.06101.
Reference: prodigyopt 1.1.2 (`prodigyopt.Prodigy`). Same arguments, defaults, `param_groups` and state.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from optimizers.machinery.batch import Batch, Group, State
from optimizers.machinery.checks import check_betas, check_positive
from optimizers.machinery.distributed import reduce_sums
from optimizers.machinery.optimizer import FastOptimizer
from optimizers.machinery.program import program


@program()
def _add_decay(x: Any, h: Any) -> None:
    """Coupled weight decay, where `_estimate` does not do it on the way: on slices, and in groups that do not learn."""
    x.grad.add_(x.p, alpha=h.weight_decay)


@program(s="sliced", p0="sliced or one")
def _estimate(x: Any, h: Any) -> None:
    """The moments, and what the estimate of d needs: <g, p0 - p> and the L1 norm of s."""
    if h.coupled_decay:
        x.grad.add_(x.p, alpha=h.weight_decay)
    grad = x.sliced(x.grad)
    x.add_dot("numerator", grad, x.p0 - x.sliced(x.p), weight=h.d / h.d0 * h.dlr)
    if h.momentum:
        x.exp_avg.mul_(h.beta1).add_(x.grad, alpha=h.d * (1 - h.beta1))
    x.exp_avg_sq.mul_(h.beta2).addcmul_(x.grad, x.grad, value=h.d * h.d * (1 - h.beta2))
    x.s.mul_(h.beta3).add_(grad, alpha=h.d / h.d0 * (h.d if h.safeguard_warmup else h.dlr))
    x.add_sum("denominator", x.s.abs())


@program()
def _move(x: Any, h: Any) -> None:
    """Adam's step. The new d is in its denominator, the old one in its length."""
    denominator = x.exp_avg_sq.sqrt().add_(h.d * h.eps)
    if h.decoupled_decay:
        x.p.add_(x.p, alpha=-h.weight_decay * h.dlr)
    if h.momentum:
        x.p.addcdiv_(x.exp_avg, denominator, value=-h.dlr)
    else:
        x.p.addcdiv_(x.grad, denominator, value=-h.dlr * h.d)


class Prodigy(FastOptimizer):
    """Prodigy (see the module).

    Args:
        params: parameters, or groups of them. Groups may differ in `weight_decay`, `eps`, `d0`, `safeguard_warmup` and
            `slice_p`; everything else is taken from the first one. Learning rates are equal, or 0 for a frozen group.
        lr: factor on the estimated rate; 1.0 unless it is unstable.
        betas: decay of the first and second moment.
        beta3: decay of the estimate's sums; the square root of the second of `betas` where None.
        eps: added to the denominator, times d.
        weight_decay: per step and learning rate (decoupled) or added to the gradient.
        decouple: weight decay as AdamW has it.
        use_bias_correction: Adam's bias correction.
        safeguard_warmup: keeps the learning rate out of the estimate's denominator.
        d0: first estimate.
        d_coef: factor on the estimate.
        growth_rate: the most by which d grows in one step, as a factor.
        fsdp_in_use: sums are taken over all processes.
        slice_p: the estimate looks at each `slice_p`-th element only, which saves memory.

    Raises:
        ValueError: a value is out of its range.
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1.0,
        betas: tuple[float, float] = (0.9, 0.999),
        beta3: float | None = None,
        eps: float = 1e-8,
        weight_decay: float = 0,
        decouple: bool = True,
        use_bias_correction: bool = False,
        safeguard_warmup: bool = False,
        d0: float = 1e-6,
        d_coef: float = 1.0,
        growth_rate: float = float("inf"),
        fsdp_in_use: bool = False,
        slice_p: int = 1,
    ) -> None:
        check_positive("d0", d0)
        check_positive("learning rate", lr)
        check_positive("eps", eps)
        check_betas(betas)
        self.d0 = d0
        defaults = {
            "lr": lr,
            "betas": betas,
            "beta3": beta3,
            "eps": eps,
            "weight_decay": weight_decay,
            "d": d0,
            "d0": d0,
            "d_max": d0,
            "d_numerator": 0.0,
            "d_coef": d_coef,
            "k": 0,
            "growth_rate": growth_rate,
            "use_bias_correction": use_bias_correction,
            "decouple": decouple,
            "safeguard_warmup": safeguard_warmup,
            "fsdp_in_use": fsdp_in_use,
            "slice_p": slice_p,
        }
        super().__init__(params, defaults)

    @property
    def supports_memory_efficient_fp16(self) -> bool:
        return False

    @property
    def supports_flat_params(self) -> bool:
        return True

    def initial_state(self, p: Tensor, group: Group) -> State:
        slice_p = group["slice_p"]
        state: State = {"step": 0, "s": torch.zeros_like(p.flatten()[::slice_p])}
        # Parameters that begin as zeros (every lora_up) need no copy of their beginning.
        state["p0"] = p.flatten()[::slice_p].detach().clone() if p.any() else torch.tensor(0, device=p.device, dtype=p.dtype)
        if self.param_groups[0]["betas"][0] > 0:
            state["exp_avg"] = torch.zeros_like(p).detach()
        state["exp_avg_sq"] = torch.zeros_like(p).detach()
        return state

    def update(self, batch: Batch) -> None:
        first = self.param_groups[0]
        lr = self.one_learning_rate()
        beta1, beta2 = first["betas"]
        beta3 = math.sqrt(beta2) if first["beta3"] is None else first["beta3"]
        d, k = first["d"], first["k"]
        correction = (1 - beta2 ** (k + 1)) ** 0.5 / (1 - beta1 ** (k + 1)) if first["use_bias_correction"] else 1
        dlr = d * lr * correction

        def coupled(group: Group) -> bool:
            return group["weight_decay"] != 0 and not first["decouple"]

        def on_the_way(group: Group) -> bool:
            return group["lr"] > 0 and group["slice_p"] == 1

        def numbers(group: Group) -> dict[str, float]:
            return {
                "d": d,
                "dlr": dlr,
                "d0": group["d0"],
                "beta1": beta1,
                "beta2": beta2,
                "beta3": beta3,
                "eps": group["eps"],
                "weight_decay": group["weight_decay"],
                "slice_p": group["slice_p"],
                "momentum": beta1 > 0,
                "coupled_decay": coupled(group) and on_the_way(group),
                "decoupled_decay": group["weight_decay"] != 0 and bool(first["decouple"]),
                "safeguard_warmup": bool(group["safeguard_warmup"]),
            }

        batch.sweep(_add_decay, lambda group: numbers(group) if coupled(group) and not on_the_way(group) else None)
        totals = batch.sweep(_estimate, lambda group: numbers(group) if group["lr"] > 0 else None)
        numerator, denominator = totals["numerator"], totals["denominator"]
        if first["fsdp_in_use"] or batch.is_sharded():
            numerator, denominator = reduce_sums(batch, numerator, denominator)
        elif denominator == 0:
            return  # every gradient is zero, or the learning rate is
        numerator += first["d_numerator"] * beta3
        d_hat, d_max = d, first["d_max"]
        if lr > 0:
            d_hat = first["d_coef"] * numerator / denominator
            if d == first["d0"]:
                d = max(d, d_hat)
            d_max = max(d_max, d_hat)
            d = min(d_max, d * first["growth_rate"])
        for group in self.param_groups:
            group.update(d_numerator=numerator, d_denom=denominator, d=d, d_max=d_max, d_hat=d_hat)
        batch.sweep(_move, numbers)
        for state in batch.states():
            state["step"] += 1
        for group in self.param_groups:
            group["k"] += 1
