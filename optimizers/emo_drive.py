"""What the emo optimizers share: how a loss drives the length of their steps, and what they do before each step.

Three moving averages of the loss (short, medium, long) give one number between -1 and 1, the trend: above 0 while the
loss falls. A trend between a quarter and a half in size lengthens the steps up to six times, one above three quarters
shortens them to less than a quarter, and everything else leaves them alone. Without a loss, which is how sd-scripts
calls an optimizer, the averages stay 0 and the steps as they are.

Source: muooon, EmoNavi (https://github.com/muooon/EmoNavi), version 3.6.1, commit 741166a. There is no paper.
Two implementations are in use, and a state of one does not go on as the other would:

- pytorch_optimizer 4.1.0 (`--optimizer_type=pytorch_optimizer.EmoNavi`): `optimizers.EmoNavi`, `EmoFact`, `EmoLynx`.
- the author's own files: the classes of the same names in `optimizers.emo_author`.

What differs, beside arguments and defaults (beta2 is 0.995 with the author, 0.999 in the package, 0.99 in its EmoLynx):

| | pytorch_optimizer | the author |
| --- | --- | --- |
| averages of the loss | updated once per parameter group: two groups are twice as quick | once per step |
| a loss | a tensor or a number | a tensor |
| moving averages | `lerp` | `mul`, `add` |
| weight decay | before the shadow; coupled or not, with or without the learning rate | after the shadow, decoupled |
| shadow, when mixed in (EmoNavi) | then moves towards the parameter by `shadow_weight` | stays as it is |
| EmoFact below two axes | sign of a mean gradient | sign of the gradient |
| beside it | `step` in the groups | `should_stop`, `scalar_hist`, `writer` |
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from optimizers.machinery.batch import Batch, Group
from optimizers.machinery.checks import check_betas, check_not_negative
from optimizers.machinery.optimizer import FastOptimizer
from optimizers.machinery.program import Numbers, Program

_SPEEDS = {"short": 0.3, "medium": 0.05, "long": 0.01}
_LEAST = 1e-5
"""A loss nearer to 0 than this counts as this when trends are taken relative to it."""


@dataclass(frozen=True, slots=True)
class Drive:
    """What a loss asks of a step.

    Attributes:
        trend: between -1 and 1; above 0 while the loss falls.
        factor: on the learning rate.
        ratio: how much of the parameter the shadow replaces; 0 where none.
    """

    trend: float
    factor: float
    ratio: float

    @property
    def trust(self) -> float:
        """1 in calm, 0 in the largest turmoil; the sign is the trend's."""
        return math.copysign(1.0 - abs(self.trend), self.trend)


def follow_loss(averages: dict[str, float], loss: float) -> None:
    """Moves the averages towards a loss; the first one is what they begin with."""
    for name, speed in _SPEEDS.items():
        averages[name] = speed * loss + (1 - speed) * averages.get(name, loss)


def long_trend(averages: dict[str, float]) -> float:
    """How far the short average lies below the long one, relative to the long one, as a number between -1 and 1."""
    return math.tanh((averages["long"] - averages["short"]) / max(averages["long"], _LEAST))


def trend_of(averages: dict[str, float]) -> float:
    """The trend, relative to the long or to the medium average.

    The comparison that chooses between them multiplies each quotient by its own divisor: both sides are the same
    number but for rounding. It is kept as it is, since what it chooses has to be what the references choose.
    """
    gap = averages["long"] - averages["short"]
    long, medium = max(averages["long"], _LEAST), max(averages["medium"], _LEAST)
    by_long, by_medium = gap / long, gap / medium
    if abs(by_long) >= 0.05 and abs(by_medium) * medium < abs(by_long) * long:
        return math.tanh(by_medium)
    return math.tanh(by_long)


def drive_of(trend: float, *, use_shadow: bool) -> Drive:
    """What a trend asks of a step."""
    size = abs(trend)
    ratio = 1.0 - size if use_shadow and size > 0.625 else 0.0
    factor = 1.0
    if 0.25 < size < 0.5:
        factor = 8.0 * (1.0 - size) * (1.0 + 0.1 * math.copysign(1.0 - size, trend))
    elif size > 0.75:
        factor = 1.0 - size
    return Drive(trend, factor, ratio)


def number_of(loss: Any) -> float:
    """A loss as a number.

    Raises:
        TypeError: it is none.
        RuntimeError: it is a tensor of several elements (torch's own words).
    """
    value = loss.item() if hasattr(loss, "item") else loss
    if not isinstance(value, Real):
        raise TypeError(f"the closure has to return the loss as a number or a tensor of one element, not {type(loss).__name__}")
    return float(value)


def check_rates(lr: float | Tensor, betas: Sequence[float], **others: float) -> None:
    """Raises ValueError for a beta outside [0, 1) or anything else below 0."""
    check_betas(betas)
    for name, value in {"learning rate": lr, **others}.items():
        check_not_negative(name, value)


class LossDriven(FastOptimizer):
    """An optimizer whose steps depend on the loss. Subclasses name their program and say what a group's numbers are."""

    program: Program
    carried: tuple[str, ...] = ()
    """Attributes that a copy of the optimizer needs; torch's own copies defaults, state and groups alone."""
    _loss: float = 0.0

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Performs one step.

        Args:
            closure: returns the loss, as a number or a tensor of one element; called once, with gradients enabled. It
                need not compute anything: `step(lambda: loss)` after the backward pass is enough. Without it the loss
                counts as 0 and drives nothing.

        Returns:
            What the closure returned, else what `loss_number` makes of no closure.

        Raises:
            TypeError: the closure returned something that is no loss.
            RuntimeError: a gradient is sparse, or a parameter is complex.
        """
        self._loss = 0.0
        if closure is None:
            super().step()
            return self.nothing

        def told() -> Any:
            loss = closure()
            self._loss = self.loss_number(loss)
            return loss

        return super().step(told)

    nothing: Any = None
    """What `step` returns where no closure was given."""

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), **{name: getattr(self, name) for name in self.carried}}

    def loss_number(self, loss: Any) -> float:
        """What a closure returned, as a number."""
        return number_of(loss)

    def averages(self) -> dict[str, float]:
        """The moving averages of the loss, where both references keep them: beside the parameters in the state."""
        return self.state.setdefault("ema", {})  # type: ignore[call-overload]

    def sweep(self, batch: Batch, numbers: Callable[[Group], Numbers]) -> None:
        """Runs the program over all parameters, which have a shadow then where one is asked for."""
        for share in batch:
            if share.group.get("use_shadow", getattr(self, "use_shadow", False)):
                for p, state in zip(share.params, share.states, strict=True):
                    if "shadow" not in state:
                        state["shadow"] = p.detach().clone()
        batch.sweep(self.program, numbers)


def prepare(x: Any, h: Any) -> None:
    """What comes before the step itself: the gradient's sign, weight decay, and the shadow."""
    if h.maximize:
        x.grad.neg_()
    if h.shadow_first:
        _shadow(x, h)
    if h.decays_by_factor:
        scale_(x.p, h.keep, h)
    if h.decays_by_sum:
        x.p.add_(x.p, alpha=h.lose)
    if h.coupled_decay:
        x.grad.add_(x.p, alpha=h.weight_decay)
    if not h.shadow_first:
        _shadow(x, h)


def _shadow(x: Any, h: Any) -> None:
    """In turmoil the parameter goes back towards its shadow; in calm the shadow follows the parameter."""
    if h.mixes:
        scale_(x.p, 1.0 - h.ratio, h)
        x.p.add_(x.shadow, alpha=h.trust)
    if h.mixes and h.shadow_follows_mix:
        x.shadow.lerp_(x.p, h.shadow_weight)
    if h.follows:
        x.shadow.lerp_(x.p, 0.1 * h.trust)


def average_(x: Any, value: Any, beta: Any, h: Any) -> None:
    """Moves an average towards a value; both references mean the same and round differently."""
    if h.interpolates:
        x.lerp_(value, 1.0 - beta)
    else:
        x.mul_(beta).add_(value, alpha=1.0 - beta)


def scale_(x: Any, factor: Any, h: Any) -> None:
    """Multiplies in place.

    torch's foreach multiplication rounds the factor to the tensors' dtype on the CPU, `Tensor.mul_` does not: in half
    precision that shows, and pytorch_optimizer uses the former.
    """
    if h.rounds_factors and isinstance(x, Tensor) and x.dtype in {torch.float16, torch.bfloat16} and x.device.type == "cpu":
        factor = torch.tensor(factor, dtype=x.dtype).item()
    x.mul_(factor)


class PackageEmo(LossDriven):
    """The arguments and the groups of pytorch_optimizer's emo optimizers.

    Args:
        params: parameters, or groups of them.
        lr: learning rate; a tensor is read as a number.
        betas: decay of the moving averages.
        use_shadow: keeps a slow copy of the parameters and goes back towards it where the loss jumps.
        shadow_weight: how far the shadow follows after it was mixed in; EmoNavi alone uses it.
        weight_decay: per step and learning rate, unless the next two say otherwise.
        weight_decouple: weight decay as AdamW has it; else it is added to the gradient (and stays in `p.grad`).
        fixed_decay: decoupled weight decay without the learning rate.
        eps: added to denominators.
        maximize: steps the other way (`p.grad` is negated in place).
        foreach: kept in the groups for the package's sake; how programs run is decided by `backend`. False says that
            half precision is rounded on the CPU as the package does it without foreach.

    Raises:
        ValueError: a value is out of its range.
    """

    nothing = 0.0
    carried = ("maximize",)
    shadow_follows_mix = False
    """Whether `shadow_weight` is used."""

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        use_shadow: bool = False,
        shadow_weight: float = 0.05,
        weight_decay: float = 1e-2,
        weight_decouple: bool = True,
        fixed_decay: bool = False,
        eps: float = 1e-8,
        maximize: bool = False,
        foreach: bool | None = None,
    ) -> None:
        check_rates(lr, betas, weight_decay=weight_decay, eps=eps)
        if not 0.0 <= shadow_weight < 1.0:
            raise ValueError(f"Invalid shadow_weight value: {shadow_weight}: it must be at least 0 and below 1")
        self.maximize = maximize
        defaults = {
            "lr": lr,
            "betas": betas,
            "use_shadow": use_shadow,
            "shadow_weight": shadow_weight,
            "weight_decay": weight_decay,
            "weight_decouple": weight_decouple,
            "fixed_decay": fixed_decay,
            "eps": eps,
            "foreach": foreach,
        }
        super().__init__(params, defaults)

    def update(self, batch: Batch) -> None:
        drives: dict[int, Drive] = {}
        for group in self.param_groups:
            group["step"] = group.get("step", 0) + 1
            averages = self.averages()
            follow_loss(averages, self._loss)
            drives[id(group)] = drive_of(trend_of(averages), use_shadow=group["use_shadow"])
        self.sweep(batch, lambda group: self._numbers(group, drives[id(group)]))

    def _numbers(self, group: Group, drive: Drive) -> Numbers:
        lr, decay = float(group["lr"]), group["weight_decay"]
        shadow, decouple = bool(group["use_shadow"]), bool(group["weight_decouple"])
        beta1, beta2 = group["betas"]
        return {
            "step": -lr * drive.factor,
            "beta1": beta1,
            "beta2": beta2,
            "vector_beta": beta2,
            "eps": group["eps"],
            "weight_decay": decay,
            "keep": 1.0 - decay * (1.0 if group["fixed_decay"] else lr),
            "ratio": drive.ratio,
            "trust": abs(drive.trust),
            "shadow_weight": group["shadow_weight"],
            "maximize": bool(self.maximize),
            "shadow_first": False,
            "decays_by_factor": decay != 0 and decouple,
            "decays_by_sum": False,
            "coupled_decay": decay != 0 and not decouple,
            "mixes": shadow and drive.ratio > 0.0,
            "follows": shadow and not drive.ratio > 0.0,
            "shadow_follows_mix": self.shadow_follows_mix,
            "interpolates": True,
            "rounds_factors": group["foreach"] is not False,
        }
