"""The effective step is what the weights really moved by; measuring it costs little and changes nothing."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from core.runs.companion_step import SHARE, EffectiveStep


def groups(count: int = 3, size: int = 50) -> list[dict[str, Any]]:
    torch.manual_seed(0)
    return [{"params": [torch.nn.Parameter(torch.randn(size, 4)) for _ in range(count)]} for _ in range(2)]


def gradients(optimizer: torch.optim.Optimizer) -> None:
    for group in optimizer.param_groups:
        for p in group["params"]:
            p.grad = torch.randn_like(p)


def rms(tensors: list[Tensor]) -> float:
    flat = torch.cat([tensor.reshape(-1) for tensor in tensors]).double()
    return math.sqrt(float((flat**2).mean()))


@pytest.mark.parametrize("count", [3, 200])
def test_it_is_the_rate_times_the_gradient_for_sgd(count: int) -> None:
    optimizer = torch.optim.SGD(groups(count), lr=0.1)
    optimizer.param_groups[1]["lr"] = 0.02
    gradients(optimizer)
    measure = EffectiveStep()
    measure.before(optimizer)
    optimizer.step()
    found = measure.after(optimizer)
    for group, value in zip(optimizer.param_groups, found, strict=True):
        wanted = group["lr"] * rms([p.grad for p in group["params"]])
        assert float(value) == pytest.approx(wanted, rel=1e-5 if count == 3 else 0.03)  # of many tensors some are looked at


def test_adams_first_step_is_its_rate() -> None:
    optimizer = torch.optim.Adam(groups(), lr=3e-4)
    gradients(optimizer)
    measure = EffectiveStep()
    measure.before(optimizer)
    optimizer.step()
    assert [float(value) for value in measure.after(optimizer)] == pytest.approx([3e-4, 3e-4], rel=1e-3)


def test_every_tenth_step_is_measured() -> None:
    optimizer = torch.optim.SGD(groups(), lr=0.1)
    measure = EffectiveStep(clock=iter(float(n) for n in range(10**6)).__next__, every=10)
    measure._cost = 0.0
    told = []
    for _ in range(1, 12):
        gradients(optimizer)
        measure.before(optimizer)
        measure._cost = 0.0
        optimizer.step()
        told.append(measure.after(optimizer)[0] is not None)
    assert told == [True, *[False] * 9, True]


def test_where_it_takes_long_it_is_done_more_rarely() -> None:
    now = 0.0
    steps, spent = 1500, 0.0
    optimizer = torch.optim.SGD(groups(), lr=0.1)
    measure = EffectiveStep(clock=lambda: now, every=10)
    clone = Tensor.clone

    def slow(tensor: Tensor) -> Tensor:
        nonlocal now, spent
        now, spent = now + 0.01, spent + 0.01
        return clone(tensor)

    begun = now
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Tensor, "clone", slow)
        for _ in range(steps):
            measure.before(optimizer)
            measure.after(optimizer)
            now += 0.02
    assert 0 < spent < 1.5 * SHARE * (now - begun)


def test_a_step_that_was_left_out_leaves_nothing_behind() -> None:
    optimizer = torch.optim.SGD(groups(), lr=0.1)
    measure = EffectiveStep(every=2)
    measure.before(optimizer)
    for p in optimizer.param_groups[0]["params"]:
        p.data.add_(100.0)  # what happens between steps is no step
    measure.before(optimizer)
    assert measure.after(optimizer) == [None, None]


def test_half_precision_weights_are_subtracted_exactly() -> None:
    parameter = torch.nn.Parameter(torch.full((64,), 1.0, dtype=torch.bfloat16))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    measure = EffectiveStep()
    measure.before(optimizer)
    parameter.data.add_(2**-7)
    assert float(measure.after(optimizer)[0]) == pytest.approx(2**-7)


def test_groups_without_weights_to_look_at_have_none() -> None:
    frozen = torch.nn.Parameter(torch.ones(3), requires_grad=False)
    optimizer = torch.optim.SGD([{"params": [frozen]}, {"params": [torch.nn.Parameter(torch.ones(3))]}], lr=0.1)
    measure = EffectiveStep()
    measure.before(optimizer)
    found = measure.after(optimizer)
    assert found[0] is None
    assert float(found[1]) == 0.0


def test_a_huge_tensor_is_looked_at_in_part() -> None:
    parameter = torch.nn.Parameter(torch.zeros(3_000_000))
    optimizer = torch.optim.SGD([parameter], lr=0.1)
    measure = EffectiveStep()
    measure.before(optimizer)
    assert sum(part.numel() for parts in measure._before[id(optimizer)] for part in parts) == 1 << 20
    parameter.data.add_(0.5)
    assert float(measure.after(optimizer)[0]) == pytest.approx(0.5)
