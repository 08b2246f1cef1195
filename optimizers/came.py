"""CAME: Adafactor's factored second moment, with a step that is the smaller the less it agrees with its own average.

Paper: Y. Luo et al., "CAME: Confidence-guided Adaptive Memory Efficient Optimization", arXiv:2307.02047.
Reference: came-pytorch 0.1.3 (`came_pytorch.CAME`). Same arguments, defaults, `param_groups` and state.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from optimizers.machinery.batch import Batch, Group, State
from optimizers.machinery.factors import factor_shapes, inverse_root
from optimizers.machinery.optimizer import FastOptimizer
from optimizers.machinery.program import program

_FACTORS = ("exp_avg_sq_row", "exp_avg_sq_col", "exp_avg_res_row", "exp_avg_res_col")


@program(
    axes="last two",
    exp_avg_sq_row="row",
    exp_avg_sq_col="column",
    exp_avg_res_row="row",
    exp_avg_res_col="column",
    RMS="one",
)
def _step(x: Any, h: Any) -> None:
    """The whole step of one parameter."""
    factored = x.has("exp_avg_sq_row")
    grad = x.upcast(x.grad)
    x.keep("RMS", x.rms(x.p))
    square = (grad**2).add_(h.eps)
    if factored:
        x.exp_avg_sq_row.mul_(h.beta2).add_(x.mean_over_columns(square), alpha=1.0 - h.beta2)
        x.exp_avg_sq_col.mul_(h.beta2).add_(x.mean_over_rows(square), alpha=1.0 - h.beta2)
        update = inverse_root(x, x.exp_avg_sq_row, x.exp_avg_sq_col).mul_(grad)
    else:
        x.exp_avg_sq.mul_(h.beta2).add_(square, alpha=1.0 - h.beta2)
        update = x.exp_avg_sq.rsqrt().mul_(grad)
    update.div_((x.rms(update) / h.clip_threshold).clamp_(min=1.0))
    x.exp_avg.mul_(h.beta1).add_(update, alpha=1 - h.beta1)
    if factored:
        # Instability: how far the update is from its average. Where it is large, the step is small.
        instability = (update - x.exp_avg).square_().add_(h.eps_instability)
        x.exp_avg_res_row.mul_(h.beta3).add_(x.mean_over_columns(instability), alpha=1.0 - h.beta3)
        x.exp_avg_res_col.mul_(h.beta3).add_(x.mean_over_rows(instability), alpha=1.0 - h.beta3)
        update = inverse_root(x, x.exp_avg_res_row, x.exp_avg_res_col).mul_(x.exp_avg)
    else:
        update = x.exp_avg.clone()
    if h.decays:
        x.p.add_(x.p, alpha=-h.weight_decay * h.lr)
    update.mul_(h.lr)
    x.p.sub_(update)


class CAME(FastOptimizer):
    """CAME (see the module).

    Matrices are the last two axes of a parameter; what has fewer keeps a whole second moment and no instability. The
    state of float16 and bfloat16 parameters is float32; they are stepped one after the other whatever the backend.

    Args:
        params: parameters, or groups of them.
        lr: learning rate.
        eps: added to the squared gradient, and to the instability.
        clip_threshold: the largest root mean square of an update, before averaging.
        betas: decay of the average update, of the squared gradient and of the instability.
        weight_decay: decoupled, per step and learning rate.

    Raises:
        AssertionError: the learning rate is not above 0, or one of `betas` is not between 0 and 1.
    """

    def __init__(
        self,
        params: Any,
        lr: float | None = None,
        eps: tuple[float, float] = (1e-30, 1e-16),
        clip_threshold: float = 1.0,
        betas: tuple[float, float, float] = (0.9, 0.999, 0.9999),
        weight_decay: float = 0.0,
    ) -> None:
        if lr is None or not lr > 0.0:
            raise AssertionError(f"the learning rate has to be above 0, and is {lr}")
        if not all(0.0 <= beta <= 1.0 for beta in betas):
            raise AssertionError(f"betas have to be from 0 to 1, and are {betas}")
        defaults = {"lr": lr, "eps": eps, "clip_threshold": clip_threshold, "betas": betas, "weight_decay": weight_decay}
        super().__init__(params, defaults)

    @property
    def supports_memory_efficient_fp16(self) -> bool:
        return True

    @property
    def supports_flat_params(self) -> bool:
        return False

    def initial_state(self, p: Tensor, group: Group) -> State:
        grad = p.grad
        assert grad is not None
        if grad.dtype in {torch.float16, torch.bfloat16}:
            grad = grad.float()
        state: State = {"step": 0, "exp_avg": torch.zeros_like(grad)}
        if grad.dim() >= 2:
            row, column = factor_shapes(grad.shape)
            state.update({name: grad.new_zeros(row if name.endswith("row") else column) for name in _FACTORS})
        else:
            state["exp_avg_sq"] = torch.zeros_like(grad)
        state["RMS"] = 0
        return state

    def update(self, batch: Batch) -> None:
        for state in batch.states():
            state["step"] += 1
        batch.sweep(_step, _numbers)


def _numbers(group: Group) -> dict[str, float]:
    beta1, beta2, beta3 = group["betas"]
    return {
        "lr": group["lr"],
        "eps": group["eps"][0],
        "eps_instability": group["eps"][1],
        "clip_threshold": group["clip_threshold"],
        "beta1": beta1,
        "beta2": beta2,
        "beta3": beta3,
        "weight_decay": group["weight_decay"],
        "decays": group["weight_decay"] != 0,
    }
