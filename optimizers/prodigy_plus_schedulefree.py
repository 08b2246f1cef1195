"""Prodigy+ScheduleFree: Prodigy's step size, schedule-free averaging, factored second moments, StableAdamW's clipping.

Papers: Prodigy arXiv:2306.06101; schedule-free arXiv:2405.15682 and arXiv:2507.09846; Adafactor arXiv:1804.04235;
StableAdamW arXiv:2304.13013; the optional parts name theirs where they stand (`prodigy_plus_step.py`).
Reference: prodigy-plus-schedule-free 2.0.1 (`prodigyplus.ProdigyPlusScheduleFree`). Same arguments, defaults,
`param_groups` and state. The requirements of sd-scripts install 1.9.2: that version has other arguments, other numbers
and another state; a run that was begun with it cannot go on here, as it cannot with 2.0.1 itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import takewhile
from statistics import harmonic_mean
from typing import Any

import torch
from torch import Tensor

from optimizers.machinery.backend import Backend
from optimizers.machinery.batch import Batch, Group, Plans, Share, State
from optimizers.machinery.matrix import matrix_of
from optimizers.machinery.optimizer import FastOptimizer
from optimizers.prodigy_plus_arguments import check_arguments, settle_arguments
from optimizers.prodigy_plus_estimate import RunningSums, adapt_all, add_sums
from optimizers.prodigy_plus_kohya import FusedBackwardHook
from optimizers.prodigy_plus_step import SLICE, adapts, numbers_of, step

VERSION = (2, 0, 0)
"""What the reference 2.0.1 writes into `param_groups` as its version."""

LEAST_FACTORED = 32
"""Matrices whose largest side is shorter keep their whole second moment."""

_log = logging.getLogger(__name__)
_SHARED_KEYS = ("d", "d_prev", "d_numerator", "d_denom", "prev_d_numerator", "max_d_numerator")


class ProdigyPlusScheduleFree(FastOptimizer):
    """Prodigy+ScheduleFree (see the module).

    Call `train()` before training and `eval()` before sampling or saving: while training, the parameters are where
    gradients are taken; after `eval()`, their average, which is the result. `step()` after `eval()` raises.

    Groups may have their own values of all arguments but `split_groups` and `split_groups_mean`, which are the first
    group's. `use_speed` and `use_orthograd` are computed tensor by tensor whatever the backend.

    Args:
        params: parameters, or groups of them.
        lr: factor on the estimated rate.
        betas: the interpolation between average and iterate (or Adam's first moment without schedule-free), and the
            decay of the second moment.
        beta3: decay of the estimate's sums; the square root of the second of `betas` where None.
        weight_decay: decoupled, per step and learning rate.
        weight_decay_by_lr: False: per step only.
        d0: first estimate.
        d_coef: factor on the estimate.
        d_limiter: the estimate grows by at most a factor of 2 ** 0.25 a step (before `d_coef`).
        prodigy_steps: from this step on the estimate stays as it is and its memory is given back; 0 is never.
        schedulefree_c: above 0: how fast the average follows (arXiv:2507.09846).
        eps: added to the denominator, times d; None: Adam-atan2 (arXiv:2407.05872).
        split_groups: an estimate for each group; of no effect with a single group.
        split_groups_mean: groups are stepped with the harmonic mean of their estimates.
        factored: second moments as a row and a column over the two largest axes, where one is at least 32 long.
        factored_fp32: rows and columns in float32; False: in the gradient's dtype.
        use_bias_correction: RAdam's, which is also a warm-up.
        use_stableadamw: updates are scaled down to a root mean square of 1.
        use_schedulefree: False: Adam's first moment instead, which wants a learning rate schedule.
        use_speed: another estimate of d, from the directions of movement.
        stochastic_rounding: of bfloat16 parameters; draws from torch's generator.
        fused_back_pass: `step()` does nothing: `step_param` is called for each parameter as its gradient arrives.
        use_cautious: arXiv:2411.16085.
        use_grams: arXiv:2412.17107.
        use_adopt: arXiv:2411.02853.
        use_orthograd: arXiv:2501.04697.
        use_focus: arXiv:2501.12243; switches `factored` off.

    Raises:
        ValueError: a value is out of its range.
    """

    parameters_to_process: int | None = None
    _warned: tuple[str, ...] = ()

    def __init__(
        self,
        params: Any,
        lr: float = 1.0,
        betas: tuple[float, float] = (0.9, 0.99),
        beta3: float | None = None,
        weight_decay: float = 0.0,
        weight_decay_by_lr: bool = True,
        d0: float = 1e-6,
        d_coef: float = 1.0,
        d_limiter: bool = True,
        prodigy_steps: int = 0,
        schedulefree_c: float = 0,
        eps: float | None = 1e-8,
        split_groups: bool = True,
        split_groups_mean: bool = False,
        factored: bool = True,
        factored_fp32: bool = True,
        use_bias_correction: bool = False,
        use_stableadamw: bool = True,
        use_schedulefree: bool = True,
        use_speed: bool = False,
        stochastic_rounding: bool = True,
        fused_back_pass: bool = False,
        use_cautious: bool = False,
        use_grams: bool = False,
        use_adopt: bool = False,
        use_orthograd: bool = False,
        use_focus: bool = False,
    ) -> None:
        defaults = {name: value for name, value in locals().items() if name not in {"self", "params", "__class__"}}
        check_arguments(defaults)
        settle_arguments(defaults)
        defaults |= {
            "optimiser_version": VERSION,
            "effective_lr": lr,
            "d": d0,
            "d_prev": d0,
            "d_denom": 0,
            "d_numerator": 0,
            "prev_d_numerator": 0,
            "max_d_numerator": 0,
            "shared_d": None,
            "train_mode": True,
            "k": 1,
        }
        self._hook = FusedBackwardHook()
        self._sums = RunningSums()
        super().__init__(params, defaults)
        split = bool(split_groups) and len(self.param_groups) > 1
        if split_groups and not split:
            _log.info("a single group of parameters: split_groups has no effect")
        for group in self.param_groups if split else self.param_groups[:1]:
            group["split_groups"] = split
            add_sums(group)
        self._hook.install()

    @property
    def supports_memory_efficient_fp16(self) -> bool:
        return False

    @property
    def supports_flat_params(self) -> bool:
        return True

    def supports_fused_back_pass(self) -> bool:
        """Asked by OneTrainer."""
        return True

    def add_param_group(self, param_group: Group) -> None:
        """Adds parameters. Between two steps they share the estimate if there is one for all, else begin their own."""
        super().add_param_group(param_group)
        first, group = self.param_groups[0], self.param_groups[-1]
        if "running_d_numerator" in first and group is not first:
            group["split_groups"] = first["split_groups"]
            if group["split_groups"]:
                add_sums(group)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Makes an optimizer of a copy, a pickle or a loaded state."""
        super().__setstate__(state)
        self._hook = self.__dict__.get("_hook") or FusedBackwardHook()
        self._sums = RunningSums()

    def train(self) -> None:
        """Puts the parameters where gradients are taken."""
        self._set_mode(train=True)

    def eval(self) -> None:
        """Puts the parameters at their average: for sampling and saving.

        Raises:
            ZeroDivisionError: beta1 is 0; then the average cannot be told from the parameters.
        """
        self._set_mode(train=False)

    @torch.no_grad()
    def _set_mode(self, *, train: bool) -> None:
        for group in self.param_groups:
            if not group["use_schedulefree"] or group["train_mode"] == train:
                continue
            beta1 = group["betas"][0]
            if beta1 == 0 and not train:
                raise ZeroDivisionError("eval() needs a first beta above 0: with 0 the average is not part of the parameters")
            weight = 1 - beta1 if train else 1 - 1 / beta1
            for p in group["params"]:
                z = self.state[p].get("z")  # an entry for each parameter, as the reference leaves it
                if z is not None:
                    p.lerp_(end=z.to(device=p.device), weight=weight)
            group["train_mode"] = train

    def initial_state(self, p: Tensor, group: Group) -> State:
        grad = p.grad
        assert grad is not None
        self._say_dtypes(p, grad)
        state: State = {}
        if group["factored"] and not group["use_focus"] and grad.dim() > 1 and max(grad.shape) >= LEAST_FACTORED:
            axes = matrix_of(grad.shape, "two largest")
            rows, columns = axes.rows[0] + grad.dim(), axes.columns[0] + grad.dim()
            dtype = torch.float32 if group["factored_fp32"] else grad.dtype
            for name, mean_over in (("exp_avg_sq_row", columns), ("exp_avg_sq_col", rows)):
                shape = [1 if axis == mean_over else size for axis, size in enumerate(grad.shape)]
                state[name] = torch.zeros(shape, dtype=dtype, device=p.device)
            state["exp_avg_sq_metadata"] = (columns, rows)
        else:
            state["exp_avg_sq"] = torch.zeros_like(grad)
        dtype = torch.bfloat16 if grad.dtype == torch.float32 else grad.dtype
        sliced = p.detach().ravel()[::SLICE]
        # Parameters that begin as zeros (every lora_up) need no copy of their beginning.
        state["p0"] = sliced.to(dtype, copy=True) if p.any() else torch.tensor(0.0, dtype=dtype, device=p.device)
        if not group["use_speed"]:
            state["s"] = torch.zeros_like(sliced, dtype=dtype)
        if group["use_schedulefree"]:
            state["z"] = p.detach().clone(memory_format=torch.preserve_format)
        else:
            state["exp_avg"] = torch.zeros_like(grad)
        return state

    def _say_dtypes(self, p: Tensor, grad: Tensor) -> None:
        if not {p.dtype, grad.dtype} <= {torch.float32, torch.bfloat16}:
            self._say("dtype", f"made for float32 and bfloat16: {p.dtype} is computed in float32")

    def _say(self, what: str, text: str) -> None:
        if what not in self._warned:
            self._warned += (what,)
            _log.warning("%s: %s", type(self).__name__, text)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Performs one step: see `FastOptimizer.step`. Groups from the first with `fused_back_pass` on are left out.

        Raises:
            RuntimeError: after `eval()`, before `train()`; a gradient is sparse, or a parameter is complex.
        """
        self._hook.remove()
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        groups = list(takewhile(lambda group: not group["fused_back_pass"], self.param_groups))
        if self.parameters_to_process or len(groups) < len(self.param_groups):
            # In the middle of a step that step_param began: it ends at the parameter where its count does.
            for group in groups:
                for p in group["params"]:
                    self.step_param(p, group)
        elif groups:
            self._begin()
            with torch.no_grad():
                self.update(self._batch())
            self._done(sum(len(group["params"]) for group in groups))
        return loss

    @torch.no_grad()
    def step_param(self, p: Tensor, group: Group) -> None:
        """Steps one parameter: for fused backward passes, after its gradient has arrived.

        A step is over when this was called as often as there are parameters, those without a gradient included.
        """
        self._begin()
        if p.grad is not None:
            self.update(self._batch_of(p, group))
        self._done(1)

    def step_parameter(self, p: Tensor, group: Group, i: int) -> None:
        """`step_param` as OneTrainer calls it."""
        self.step_param(p, group)

    def _begin(self) -> None:
        if not self.parameters_to_process:
            self.parameters_to_process = sum(len(group["params"]) for group in self.param_groups)
            version = self.param_groups[0].get("optimiser_version")
            if version is None or tuple(version) != VERSION:
                self._say(
                    "version", f"the state is of version {version or '1.9.2 or older'}, this is 2.0: it will not go on as it was"
                )

    def _done(self, count: int) -> None:
        assert self.parameters_to_process is not None
        self.parameters_to_process -= count
        if self.parameters_to_process == 0:
            self._end()

    def _batch_of(self, p: Tensor, group: Group) -> Batch:
        """One parameter as a step's whole batch."""
        if self._plans is None:
            self._plans = Plans()
        share = self._share({**group, "params": [p]})
        share.group = group
        return Batch([share], self.backend, self._plans)

    def update(self, batch: Batch) -> None:
        """The parameters' step, with the d of the last one; what it adds to the next d goes into the running sums."""
        shares = [share for share in batch if share.params]
        numbers: dict[int, dict[str, float]] = {}
        for share in shares:
            if share.group["use_schedulefree"] and not share.group["train_mode"]:
                raise RuntimeError("not in train mode: call train() before step()")
            numbers[id(share.group)] = numbers_of(share.group)
            if not adapts(share.group):
                self._forget(share)
        ways: dict[Backend | None, list[Share]] = {}
        for share in shares:
            ways.setdefault(_way(share.group), []).append(share)
        for part in (batch.part(members, way) for way, members in ways.items()):
            for share, totals in zip(part, part.sweep_each(step, lambda group: numbers[id(group)]), strict=True):
                self._sums.add(share.group if share.group["split_groups"] else self.param_groups[0], totals)

    def _forget(self, share: Share) -> None:
        """Gives back the memory of an estimate that is over."""
        held = [state for state in share.states if "s" in state or "p0" in state]
        for state in held:
            state.pop("s", None)
            state.pop("p0", None)
        if held:
            self._plans = None

    def _end(self) -> None:
        """What follows after the last parameter: the next step's d."""
        first = self.param_groups[0]
        for place, group in enumerate(self.param_groups):
            if group["prodigy_steps"] > 0 and group["k"] == group["prodigy_steps"]:
                _log.info("group %d: the step size stays as it is after %d steps", place, group["k"])
        if first["split_groups"]:
            adapt_all(self.param_groups, self._sums)
            if first["split_groups_mean"]:
                mean = harmonic_mean(group["d"] for group in self.param_groups)
                for group in self.param_groups:
                    group["shared_d"] = mean
        else:
            adapt_all([first], self._sums)
            for group in self.param_groups:
                group.update({key: first[key] for key in _SHARED_KEYS})
        for group in self.param_groups:
            if not group["use_schedulefree"]:
                group["effective_lr"] = group["lr"]
            group["weight_sum"] = group.get("running_weight_sum", 0)
            group["k"] += 1


def _way(group: Group) -> Backend | None:
    """The only backend that can step a group's parameters; None where any can."""
    return "exact" if group["use_speed"] or group["use_orthograd"] else None  # these wait for each tensor's numbers
