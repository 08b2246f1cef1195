"""DAdaptAdanIP: Adan with the inner-product form of D-Adaptation, a tighter bound and so a larger step.

Papers: A. Defazio, K. Mishchenko, "Learning-Rate-Free Learning by D-Adaptation", arXiv:2301.07733; X. Xie et al.,
"Adan: Adaptive Nesterov Momentum Algorithm for Faster Optimizing Deep Models", arXiv:2208.06677.
Reference: dadaptation 3.2 (`dadaptation.experimental.DAdaptAdanIP`). Same arguments, defaults, `param_groups` and state.

The reference's state has two names the wrong way round: `exp_avg_diff` is the second moment, `exp_avg_sq` the moment of
the gradients' differences. Saved states are read by name, so they are so here as well.
"""

from __future__ import annotations

from functools import reduce
from typing import Any

import torch
from torch import Tensor

from optimizers.dadapt_adan import remember_first_gradients, zeros_for
from optimizers.machinery.adaptation import DAdaptation, Halves, grown
from optimizers.machinery.batch import Batch, Group, State
from optimizers.machinery.checks import check_betas, check_positive
from optimizers.machinery.program import Totals, program


@program()
def _estimate(x: Any, h: Any) -> None:
    """The moments, and what the estimate of d needs: <g, s / denominator> before the step and the L1 norm of s after it."""
    second_moment, differences = x.exp_avg_diff, x.exp_avg_sq
    difference = x.grad - x.pre_grad
    nesterov = x.grad + h.beta2 * difference
    x.add_dot("numerator", x.grad, x.s.div(second_moment.sqrt().add_(h.eps)), weight=h.dlr)
    x.exp_avg.mul_(h.beta1).add_(x.grad, alpha=h.dlr1)
    differences.mul_(h.beta2).add_(difference, alpha=h.dlr2)
    second_moment.mul_(h.beta3).add_(nesterov * nesterov, alpha=1 - h.beta3)
    x.s.mul_(h.beta3).add_(x.grad, alpha=h.dlr3)
    x.add_sum("sk_l1", x.s.abs())


@program()
def _move(x: Any, h: Any) -> None:
    """Adan's step, with the weight decay before it or, as a proximal step has it, after it."""
    second_moment, differences = x.exp_avg_diff, x.exp_avg_sq
    update = (x.exp_avg + h.beta2 * differences).div_(second_moment.sqrt().add_(h.eps))
    if h.no_prox:
        x.p.mul_(h.kept)
        x.p.add_(update, alpha=-1)
    else:
        x.p.add_(update, alpha=-1)
        x.p.div_(h.divisor)
    x.pre_grad.copy_(x.grad)


_halves = Halves(_estimate, _move)


class DAdaptAdanIP(DAdaptation):
    """Adan with the inner-product form of D-Adaptation (see the module).

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
        self.d0 = d0
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "no_prox": no_prox,
            "d": d0,
            "k": 0,
            "numerator_weighted": 0.0,
            "log_every": log_every,
            "growth_rate": growth_rate,
        }
        super().__init__(params, defaults)

    @torch.no_grad()
    def restart_opt(self) -> None:
        """Forgets all moments, as Adan's restart strategy has it; d stays."""
        for group in self.param_groups:
            group["numerator_weighted"] = 0.0
            for p in group["params"]:
                if p.requires_grad:
                    self.state[p].update(zeros_for(p))

    def initial_state(self, p: Tensor, group: Group) -> State:
        return zeros_for(p)

    def state_dict(self) -> dict[str, Any]:
        """The state, with tensors where the reference has them: it goes on with the roundings of its own."""
        saved = super().state_dict()
        params = [p for group in self.param_groups for p in group["params"]]
        dtype = reduce(torch.promote_types, (p.dtype for p in params))
        for group in saved["param_groups"]:
            d = self._as_reference(group["d"], dtype)
            group["d"] = d.to(params[0].device) if isinstance(d, Tensor) else d
            if group["k"]:
                group["numerator_weighted"] = torch.tensor(group["numerator_weighted"], dtype=dtype, device=params[0].device)
        return saved

    def update(self, batch: Batch) -> None:
        first = self.param_groups[0]
        beta1, beta2, beta3 = first["betas"]
        k, lr = first["k"], first["lr"]
        dtype = _dtype_of(batch)
        d = self._as_reference(first["d"], dtype)
        dlr = d * lr

        def numbers(group: Group) -> dict[str, float]:
            decay = dlr * group["weight_decay"]
            return {
                "dlr": torch.as_tensor(dlr, dtype=dtype).item(),
                "dlr1": float(dlr * (1 - beta1)),
                "dlr2": float(dlr * (1 - beta2)),
                "dlr3": float(dlr * (1 - beta3)),
                "kept": float(1 - decay),
                "divisor": float(1 + decay),
                "beta1": beta1,
                "beta2": beta2,
                "beta3": beta3,
                "eps": group["eps"],
                "no_prox": bool(first["no_prox"]),
            }

        remember_first_gradients(batch)
        totals = _Totals(dtype)
        rest = _halves.run(batch, numbers, totals, lambda: totals["sk_l1"] != 0)
        numerator = torch.as_tensor(totals["numerator"], dtype=dtype)
        numerator = beta3 * torch.as_tensor(first["numerator_weighted"], dtype=dtype) + (1 - beta3) * numerator
        sk_l1 = totals["sk_l1"]
        if sk_l1 == 0:
            return  # every gradient so far is zero, or the learning rate is
        d_hat = d
        if lr > 0:
            d_hat = 2 * (beta3 / (1 - beta3)) * numerator / sk_l1
            d = grown(d, d_hat, first["growth_rate"])
        self.log(first, k, lr=lr, dlr=dlr, d_hat=d_hat, d=d, sk_l1=sk_l1, numerator_weighted=numerator)
        rest.sweep(_move, numbers)
        for state in batch.states():
            state["step"] += 1
        for group in self.param_groups:
            group.update(numerator_weighted=float(numerator), d=float(d), k=group["k"] + 1)

    def _as_reference(self, d: float, dtype: torch.dtype) -> Any:
        """The number that the reference goes on with.

        Its d is a Python number at first and, once it has grown, a tensor of the parameters' dtype, so its products
        are rounded to that dtype. In `param_groups` it is a number for us; one that the dtype can hold was such a tensor.
        """
        rounded = torch.tensor(d, dtype=dtype)
        return rounded if d != self.defaults["d"] and rounded.item() == d else d


class _Totals(Totals):
    """Sums; the numerator's is rounded to a dtype at each addition, as the reference's, which is a tensor.

    Args:
        dtype: of the parameters.
    """

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self._dtype = dtype

    def add(self, name: str, value: float) -> None:
        if name == "numerator":
            self[name] = (torch.tensor(self[name], dtype=self._dtype) + torch.tensor(value, dtype=self._dtype)).item()
        else:
            super().add(name, value)


def _dtype_of(batch: Batch) -> torch.dtype:
    dtypes = {p.dtype for share in batch for p in share.params}
    return reduce(torch.promote_types, dtypes) if dtypes else torch.float32
