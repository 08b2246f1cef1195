"""Adafactor: a second moment kept as row and column factors, updates clipped by their size, steps relative to the weights'.

Paper: N. Shazeer, M. Stern, "Adafactor: Adaptive Learning Rates with Sublinear Memory Cost", arXiv:1804.04235.
Reference: transformers 5.23 (`transformers.optimization.Adafactor`). Same arguments, defaults, `param_groups` and state.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from optimizers.machinery.batch import Batch, Group, State
from optimizers.machinery.factors import factor_shapes, inverse_root
from optimizers.machinery.optimizer import FastOptimizer
from optimizers.machinery.program import program


@program(axes="last two", exp_avg_sq_row="row", exp_avg_sq_col="column", RMS="one")
def _step(x: Any, h: Any) -> None:
    """The whole step of one parameter."""
    grad, p = x.upcast(x.grad), x.upcast(x.p)
    size = x.rms(p)
    x.keep("RMS", size)
    # The rate is a number per parameter: relative to its weights' size.
    lr = x.at_least(size, h.eps_scale, times=h.rate) if h.scale_parameter else h.rate
    square = (grad**2).add_(h.eps)
    if x.has("exp_avg_sq_row"):
        x.exp_avg_sq_row.mul_(h.beta2).add_(x.mean_over_columns(square), alpha=1.0 - h.beta2)
        x.exp_avg_sq_col.mul_(h.beta2).add_(x.mean_over_rows(square), alpha=1.0 - h.beta2)
        update = inverse_root(x, x.exp_avg_sq_row, x.exp_avg_sq_col).mul_(grad)
    else:
        x.exp_avg_sq.mul_(h.beta2).add_(square, alpha=1.0 - h.beta2)
        update = x.exp_avg_sq.rsqrt().mul_(grad)
    update.div_((x.rms(update) / h.clip_threshold).clamp_(min=1.0))
    update.mul_(lr)
    if h.momentum:
        update = x.exp_avg.mul_(h.beta1).add_(update, alpha=1 - h.beta1)
    if h.decays:
        x.add_(p, p, alpha=-h.weight_decay * lr)
    p.sub_(update)
    if p is not x.p:
        x.p.copy_(p)


class Adafactor(FastOptimizer):
    """Adafactor (see the module).

    Matrices are the last two axes of a parameter; what has fewer keeps a whole second moment. The arithmetic of float16
    and bfloat16 parameters is float32; they are stepped one after the other whatever the backend.

    Args:
        params: parameters, or groups of them.
        lr: learning rate; only without `relative_step`.
        eps: added to the squared gradient; the least size of a parameter that steps are relative to.
        clip_threshold: the largest root mean square of an update.
        decay_rate: exponent of the step in the second moment's decay: 1 - step ** decay_rate.
        beta1: decay of the average update; None keeps none.
        weight_decay: decoupled, per step and learning rate.
        scale_parameter: whether the rate is multiplied with the root mean square of the parameter.
        relative_step: whether the rate is min(0.01, 1 / sqrt(step)).
        warmup_init: whether that begins with 1e-6 * step in place of 0.01.

    Raises:
        ValueError: the arguments contradict each other.
    """

    def __init__(
        self,
        params: Any,
        lr: float | None = None,
        eps: tuple[float, float] = (1e-30, 1e-3),
        clip_threshold: float = 1.0,
        decay_rate: float = -0.8,
        beta1: float | None = None,
        weight_decay: float = 0.0,
        scale_parameter: bool = True,
        relative_step: bool = True,
        warmup_init: bool = False,
    ) -> None:
        if lr is not None and relative_step:
            raise ValueError("Cannot combine manual `lr` and `relative_step=True` options")
        if warmup_init and not relative_step:
            raise ValueError("`warmup_init=True` requires `relative_step=True`")
        defaults = {
            "lr": lr,
            "eps": eps,
            "clip_threshold": clip_threshold,
            "decay_rate": decay_rate,
            "beta1": beta1,
            "weight_decay": weight_decay,
            "scale_parameter": scale_parameter,
            "relative_step": relative_step,
            "warmup_init": warmup_init,
        }
        super().__init__(params, defaults)

    @staticmethod
    def _get_lr(param_group: Group, param_state: State) -> Any:
        """The rate of a parameter at its last step; transformers' AdafactorSchedule calls it by this name."""
        rate = _rate(param_group, param_state["step"])
        return max(param_group["eps"][1], param_state["RMS"]) * rate if param_group["scale_parameter"] else 1.0 * rate

    def initial_state(self, p: Tensor, group: Group) -> State:
        grad = p.grad
        assert grad is not None
        if grad.dtype in {torch.float16, torch.bfloat16}:
            grad = grad.float()
        state: State = {"step": 0}
        if group["beta1"] is not None:
            state["exp_avg"] = torch.zeros_like(grad)
        if grad.dim() >= 2:
            row, column = factor_shapes(grad.shape)
            state["exp_avg_sq_row"] = grad.new_zeros(row)
            state["exp_avg_sq_col"] = grad.new_zeros(column)
        else:
            state["exp_avg_sq"] = torch.zeros_like(grad)
        state["RMS"] = 0
        return state

    def update(self, batch: Batch) -> None:
        for share in batch:
            for grad, state in zip(share.grads, share.states, strict=True):
                state["step"] += 1
                _follow(state, grad)
        batch.sweep(_step, _numbers, by="step")


def _rate(group: Group, step: int) -> float:
    """The learning rate of a step, before it is scaled with the parameter's size."""
    if not group["relative_step"]:
        return group["lr"]
    least = 1e-6 * step if group["warmup_init"] else 1e-2
    return min(least, 1.0 / math.sqrt(step))


def _follow(state: State, grad: Tensor) -> None:
    """Moves a loaded state to the gradient's device and dtype, as the reference does at every step."""
    dtype = torch.float32 if grad.dtype in {torch.float16, torch.bfloat16} else grad.dtype
    for name in ("exp_avg", "exp_avg_sq", "exp_avg_sq_row", "exp_avg_sq_col"):
        kept = state.get(name)
        if kept is not None and (kept.dtype != dtype or kept.device != grad.device):
            state[name] = kept.to(device=grad.device, dtype=dtype)


def _numbers(group: Group, step: int) -> dict[str, float]:
    momentum = group["beta1"] is not None
    return {
        "rate": _rate(group, step),
        "beta1": group["beta1"] if momentum else 0.0,
        "beta2": 1.0 - math.pow(step, group["decay_rate"]),
        "eps": group["eps"][0],
        "eps_scale": group["eps"][1],
        "clip_threshold": group["clip_threshold"],
        "weight_decay": group["weight_decay"],
        "momentum": momentum,
        "decays": group["weight_decay"] != 0,
        "scale_parameter": bool(group["scale_parameter"]),
    }
