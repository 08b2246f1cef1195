"""One step: what the scaler of float16 leaves out and what it reads, averages in 16 bits, and weights that rest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from core.training.machine import Machine, machine_for
from core.training.optimizer import BuiltOptimizer
from core.training.settings import LoopSettings
from core.training.steps import Stepper

CPU = torch.device("cpu")
SCALED: Machine = replace(machine_for(LoopSettings(), CPU), scales_gradients=True)


def stepper_of(weights: Tensor, machine: Machine, loop: LoopSettings, kind: Any = torch.optim.SGD, **more: Any) -> Stepper:
    optimizer = kind([weights], lr=0.1, **more)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    return Stepper(BuiltOptimizer(optimizer), schedule, ("one",), machine, loop)


def weights_of(*numbers: float, dtype: torch.dtype = torch.float32) -> nn.Parameter:
    return nn.Parameter(torch.tensor(numbers, dtype=dtype))


def rate(stepper: Stepper) -> float:
    return float(stepper.built.optimizer.param_groups[0]["lr"])


def test_a_step_whose_scaled_gradients_overflow_is_left_out_and_the_rate_waits() -> None:
    weights = weights_of(1.0, 2.0)
    stepper = stepper_of(weights, SCALED, LoopSettings(max_grad_norm=0.0))
    assert stepper.scaler is not None
    before = stepper.scaler.get_scale()
    stepper.backward((weights * torch.tensor([torch.inf, 1.0])).sum() * 0 + weights.sum() * torch.inf)
    assert not stepper.step(1, 0.0)
    assert (weights.tolist(), rate(stepper)) == ([1.0, 2.0], 0.1)
    assert stepper.scaler.get_scale() == before / 2
    stepper.backward(weights.sum())
    assert stepper.step(2, 0.0)
    assert weights.tolist() == pytest.approx([0.9, 1.9])
    assert rate(stepper) == 0.05
    first, second = stepper.events(wait=True)
    assert (first.step, second.step) == (1, 2)


@contextmanager
def counted_reads() -> Iterator[list[str]]:
    """Every number of a tensor that the program reads within it."""
    found: list[str] = []

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if func.overloadpacket in {torch.ops.aten._local_scalar_dense, torch.ops.aten.item}:
                found.append(str(func))
            return func(*args, **(kwargs or {}))

    with Watch():
        yield found


def test_a_step_with_a_scaler_reads_what_the_scaler_itself_reads() -> None:
    weights = weights_of(1.0, 2.0)
    stepper = stepper_of(weights, SCALED, LoopSettings(), foreach=True)
    scaler, optimizer = torch.amp.GradScaler("cpu"), torch.optim.SGD([other := weights_of(1.0, 2.0)], lr=0.1, foreach=True)  # pyright: ignore[reportPrivateImportUsage]
    for number in (1, 2):
        stepper.backward((weights**2).sum())
        with counted_reads() as reads:
            stepper.step(number, 0.0)
        scaler.scale((other**2).sum()).backward()
        with counted_reads() as own:
            scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_([other], 1.0)
            scaler.step(optimizer)
            scaler.update()
            optimizer.zero_grad()
        assert len(reads) == len(own)
        assert torch.equal(weights, other)
        other.data.copy_(weights.data)
        optimizer.param_groups[0]["lr"] = rate(stepper)


def test_an_average_of_sixteen_bits_follows() -> None:
    weights = weights_of(1.0, dtype=torch.bfloat16)
    stepper = stepper_of(weights, machine_for(LoopSettings(), CPU), LoopSettings(ema=0.99))
    assert stepper._average is not None
    stepper._average.optimization_step = 10_000  # at the beginning it follows more quickly
    for number in range(1, 400):
        with torch.no_grad():
            weights.fill_(2.0)
        weights.grad = torch.zeros_like(weights)
        stepper._losses = [torch.zeros(())]
        stepper.step(number, 0.0)
    with stepper.resting():
        assert float(weights.detach()) == pytest.approx(2 - 0.99**399, abs=0.01), "bfloat16 alone stops at 1.6"
    assert float(weights.detach()) == 2.0
    state = stepper.state_dict()
    other = stepper_of(weights_of(0.0, dtype=torch.bfloat16), machine_for(LoopSettings(), CPU), LoopSettings(ema=0.99))
    other.load_state_dict(state)
    assert all(
        torch.equal(a, b)
        for a, b in zip(other.state_dict()["average"]["shadow_params"], state["average"]["shadow_params"], strict=True)
    )


def test_weights_that_rested_are_what_they_were() -> None:
    schedulefree = pytest.importorskip("schedulefree")
    torch.manual_seed(0)
    weights = nn.Parameter(torch.randn(64, 64))
    built = BuiltOptimizer(schedulefree.AdamWScheduleFree([weights], lr=0.01))
    stepper = Stepper(built, None, ("one",), machine_for(LoopSettings(), CPU), LoopSettings())
    for number in range(1, 6):
        stepper.backward((weights - 1).square().sum())
        stepper.step(number, 0.0)
    before = weights.detach().clone()
    with stepper.resting():
        assert not torch.equal(weights, before)
    assert torch.equal(weights, before)
