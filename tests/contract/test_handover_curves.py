"""Plateaus on curves of d that the real packages produce, on a small factored problem like that of a LoRA."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import dadaptation
import numpy as np
import prodigyopt
import pytest
import torch
from prodigyplus import ProdigyPlusScheduleFree

from core.handover.plateau import Plateau, find_plateau

Make = Callable[[list[torch.nn.Parameter]], torch.optim.Optimizer]


def curve(make: Make, steps: int, *, cosine: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """d at each of so many steps; the second factor starts at 0, as in a LoRA."""
    generator = torch.Generator().manual_seed(0)
    down = torch.nn.Parameter(torch.randn(8, 32, generator=generator) * 0.2)
    up = torch.nn.Parameter(torch.zeros(32, 8))
    wanted = torch.randn(32, 32, generator=generator) * 0.05
    optimizer: Any = make([down, up])
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: 0.5 * (1 + math.cos(math.pi * step / steps)) if cosine else 1.0
    )
    if hasattr(optimizer, "train"):
        optimizer.train()
    seen: list[float] = []
    for _ in range(steps):
        x = torch.randn(16, 32, generator=generator)
        y = x @ wanted + 0.5 * torch.randn(16, 32, generator=generator)
        optimizer.zero_grad()
        ((x @ down.t() @ up.t() - y) ** 2).mean().backward()
        seen.append(float(optimizer.param_groups[0]["d"]))
        optimizer.step()
        schedule.step()
    return np.arange(1.0, steps + 1), np.array(seen)


def found(make: Make, steps: int = 240, **options: bool) -> Plateau:
    steps_seen, d = curve(make, steps, **options)
    return find_plateau(steps_seen, d, total=steps)


@pytest.mark.parametrize(
    ("make", "cosine"),
    [
        (lambda parameters: prodigyopt.Prodigy(parameters, lr=1.0), True),
        (lambda parameters: dadaptation.DAdaptAdam(parameters, lr=1.0, decouple=True), True),
        (lambda parameters: ProdigyPlusScheduleFree(parameters, lr=1.0), False),
    ],
    ids=["Prodigy", "DAdaptAdam", "ProdigyPlus"],
)
def test_the_usual_ones_settle_long_before_the_end(make: Make, cosine: bool) -> None:
    plateau = found(make, cosine=cosine)
    assert plateau.state == "settled", plateau
    assert plateau.begin is not None
    assert plateau.begin < 160
    assert plateau.value is not None
    assert 1e-3 < plateau.value < 5e-2  # the problem's weights move by about that


def test_adagrad_s_d_still_rises_in_a_short_run_and_the_answer_says_so() -> None:
    plateau = found(lambda parameters: dadaptation.DAdaptAdaGrad(parameters, lr=1.0), 200, cosine=False)
    assert plateau.state == "rising", plateau
    assert plateau.rise > 0.1
    assert plateau.high is not None
    assert plateau.value is not None
    assert plateau.high > plateau.value


def test_d_held_by_its_growth_rate_is_stuck() -> None:
    plateau = found(lambda parameters: prodigyopt.Prodigy(parameters, lr=1.0, growth_rate=1.0), 100)
    assert plateau.state == "stuck", plateau
    assert plateau.value is not None
    assert plateau.value < 2e-6


def test_the_plateau_of_half_a_run_foretells_that_of_the_whole() -> None:
    steps, d = curve(lambda parameters: prodigyopt.Prodigy(parameters, lr=1.0), 240)
    half, whole = find_plateau(steps[:150], d[:150], total=240), find_plateau(steps, d, total=240)
    assert half.state == whole.state == "settled"
    assert half.low is not None
    assert half.high is not None
    assert whole.value is not None
    assert half.low * 0.999 <= whole.value <= half.high * 1.001
