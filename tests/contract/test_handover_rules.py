"""The rules that are exact, held against the real packages: the same gradients, the rate by the rule, the same steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dadaptation
import prodigyopt
import pytest
import torch
from came_pytorch import CAME
from lion_pytorch import Lion
from transformers.optimization import Adafactor

from core.catalogue.loader import load_catalogue
from core.handover.rules import rule_between

Make = Callable[[list[torch.nn.Parameter], float], Any]
CATALOGUE = load_catalogue()
_STEPS, _LATE = 200, 120


def gradients(signal: float) -> list[torch.Tensor]:
    """Of so many steps: a steady direction in noise, different in size for each weight."""
    generator = torch.Generator().manual_seed(0)
    steady = torch.randn(32, 16, generator=generator)
    size = torch.exp(torch.randn(32, 16, generator=generator)) * 1e-3
    return [size * (signal * steady + torch.randn(32, 16, generator=generator)) for _ in range(_STEPS)]


def moves(
    make: Make, rate: float, given: list[torch.Tensor], rates: list[float] | None = None
) -> tuple[torch.Tensor, list[float]]:
    """The sum of the late steps, and d at each step (where there is one)."""
    weights = torch.nn.Parameter(torch.full((32, 16), 0.05))
    optimizer = make([weights], rate)
    seen: list[float] = []
    before = weights.detach().clone()
    for step, gradient in enumerate(given):
        if step == _LATE:
            before = weights.detach().clone()
        weights.grad = gradient.clone()
        seen.append(float(optimizer.param_groups[0].get("d", 0.0)))
        optimizer.step()
    return weights.detach() - before, seen


def adamw(weights: list[torch.nn.Parameter], rate: float) -> torch.optim.Optimizer:
    return torch.optim.AdamW(weights, lr=rate, weight_decay=0)


def alike(one: torch.Tensor, other: torch.Tensor) -> float:
    """How far apart two moves are, as a share of their size."""
    return float((one - other).norm() / other.norm())


@pytest.mark.parametrize(
    ("estimating", "name"),
    [
        (lambda p, lr: prodigyopt.Prodigy(p, lr=lr, d0=1e-4, growth_rate=1.0, use_bias_correction=True), "Prodigy"),
        (lambda p, lr: dadaptation.DAdaptAdam(p, lr=lr, d0=1e-4, growth_rate=1.0, use_bias_correction=True), "DAdaptAdam"),
    ],
    ids=["Prodigy", "DAdaptAdam"],
)
def test_d_lr_is_the_rate_of_the_same_step_of_adamw(estimating: Make, name: str) -> None:
    given = gradients(0.3)
    moved, d = moves(estimating, 1.0, given)
    rule = rule_between((CATALOGUE[name], {}), (CATALOGUE["AdamW"], {}))
    assert (rule.least, rule.factor, rule.most) == (1.0, 1.0, 1.0)
    again, _ = moves(adamw, d[-1], given)
    assert alike(again, moved) < 0.04


def test_without_bias_correction_its_early_steps_are_larger_by_as_much_as_is_said() -> None:
    given = gradients(0.3)
    moved, d = moves(lambda p, lr: prodigyopt.Prodigy(p, lr=lr, d0=1e-4, growth_rate=1.0), 1.0, given)
    again, _ = moves(adamw, d[-1], given)
    ratio = float(moved.norm() / again.norm())
    late = range(_LATE + 1, _STEPS + 1)
    assert ratio == pytest.approx(sum((1 - 0.999**step) ** -0.5 for step in late) / len(late), rel=0.02)
    assert [round((1 - 0.999**step) ** -0.5, 1) for step in (100, 500, 1000)] == [3.2, 1.6, 1.3]  # what the rule tells


def test_sgd_by_the_norm_of_the_first_gradient_and_the_momentum() -> None:
    given = gradients(0.3)
    moved, d = moves(lambda p, lr: dadaptation.DAdaptSGD(p, lr=lr, d0=1e-2, growth_rate=1.0, momentum=0.9), 1.0, given)
    rule = rule_between((CATALOGUE["DAdaptSGD"], {}), (CATALOGUE["SGDNesterov"], {"momentum": 0.9}), float(given[0].norm()))
    again, _ = moves(lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.9), d[-1] * rule.factor, given)
    assert alike(again, moved) < 0.04


def held(weights: list[torch.nn.Parameter], rate: float, kind: Callable[..., Any]) -> Any:
    """An optimizer whose d stays what `rate` says."""
    optimizer = kind(weights, lr=1.0)
    optimizer.register_step_pre_hook(lambda *_: optimizer.param_groups[0].update(d=rate))
    return optimizer


@pytest.mark.parametrize(
    ("make", "name", "least", "most"),
    [
        (lambda p, lr: Adafactor(p, lr=lr, relative_step=False, scale_parameter=False), "AdaFactor", 0.8, 1.25),
        (lambda p, lr: Lion(p, lr=lr), "Lion", 3.0, 10.0),
        (lambda p, lr: CAME(p, lr=lr, weight_decay=0.0), "CAME", 3.0, 10.0),
        (lambda p, lr: held(p, lr, dadaptation.DAdaptLion), "DAdaptLion", 0.75, 1.25),
        (lambda p, lr: held(p, lr, dadaptation.DAdaptAdan), "DAdaptAdan", 0.3, 0.7),
    ],
    ids=["AdaFactor", "Lion", "CAME", "DAdaptLion", "DAdaptAdan"],
)
def test_what_the_catalogue_says_was_measured(make: Make, name: str, least: float, most: float) -> None:
    """Drift at the same rate with noisy gradients, beside AdamW's: what the factor has to make up for."""
    given = gradients(0.1)
    plain, _ = moves(adamw, 1e-5, given)
    moved, _ = moves(make, 1e-5, given)
    ratio = float(moved.norm() / plain.norm())
    assert least < ratio < most, ratio
    scale = CATALOGUE[name].scale
    arguments = dict(scale.arguments) if scale is not None else {}
    rule = rule_between((CATALOGUE["AdamW"], {}), (CATALOGUE[name], arguments))
    assert 0.4 < rule.factor * ratio < 3.5  # with the rule's rate it drifts about as far as AdamW
