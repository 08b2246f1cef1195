"""The measuring instrument itself: a reference equals itself to the bit, and every planted fault is found."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.helpers.optimizer_compare import FLOAT32, differences, movement
from tests.helpers.optimizer_matrix import EVERY_SHAPE, TWO_GROUPS, Problem, Setting, Trace, reference_trace, trained
from tests.helpers.optimizer_pairs import COMPARABLE, Pair, reference_of
from tests.helpers.optimizer_variants import BASE, plan_of

prodigyopt = pytest.importorskip("prodigyopt", reason="prodigyopt is not installed")
PROBLEM = Problem(leaves=EVERY_SHAPE, grouping=TWO_GROUPS, schedule="warm-up and cosine")
SETTING = Setting(arguments=(("d0", 1e-4), ("lr", 0.5), ("weight_decay", 0.1), ("decouple", False)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("pair", COMPARABLE, ids=lambda pair: pair.name)
def test_a_reference_equals_itself(pair: Pair, dtype: torch.dtype) -> None:
    plan = plan_of(pair.name)
    problem = Problem(leaves=EVERY_SHAPE, grouping=TWO_GROUPS, schedule=plan.schedule, dtype=dtype)
    one, other = (trained(reference_of(pair), plan.setting(BASE), problem) for _ in range(2))
    assert one.error is None
    assert len(one.path) == problem.steps
    assert movement(one) > 0.0
    assert differences(one, other, None) == []


class OldGradients(prodigyopt.Prodigy):
    """Feeds zeros where there is no gradient: moments decay that have to rest."""

    def step(self, closure: Any = None) -> Any:
        missing = [one for group in self.param_groups for one in group["params"] if one.grad is None]
        for parameter in missing:
            parameter.grad = torch.zeros_like(parameter)
        loss = super().step(closure)
        for parameter in missing:
            parameter.grad = None
        return loss


class EpsOutside(prodigyopt.Prodigy):
    """Adds eps where the reference adds d * eps."""

    def step(self, closure: Any = None) -> Any:
        kept = [group["eps"] for group in self.param_groups]
        for group in self.param_groups:
            group["eps"] /= group["d"]
        loss = super().step(closure)
        for group, eps in zip(self.param_groups, kept, strict=True):
            group["eps"] = eps
        return loss


class OneDot(prodigyopt.Prodigy):
    """Loses a little of d at each step, as a single float32 dot over everything does."""

    def step(self, closure: Any = None) -> Any:
        loss = super().step(closure)
        for group in self.param_groups:
            group["d"] *= 1 + 2e-6
        return loss


class CleanGradients(prodigyopt.Prodigy):
    """Leaves .grad as it was, where the reference adds the decay to it."""

    def step(self, closure: Any = None) -> Any:
        kept = [(one, one.grad.clone()) for group in self.param_groups for one in group["params"] if one.grad is not None]
        loss = super().step(closure)
        for parameter, gradient in kept:
            parameter.grad.copy_(gradient)
        return loss


class OneBit(prodigyopt.Prodigy):
    """Ends one parameter's last bit higher."""

    def step(self, closure: Any = None) -> Any:
        loss = super().step(closure)
        if self.param_groups[0]["k"] == 30:
            first = self.param_groups[0]["params"][0].data
            first.view(-1)[7] = torch.nextafter(first.view(-1)[7], torch.tensor(torch.inf))
        return loss


class FullStart(prodigyopt.Prodigy):
    """Keeps a whole p0 of zeros."""

    def step(self, closure: Any = None) -> Any:
        loss = super().step(closure)
        for state in self.state.values():
            if state["p0"].dim() == 0:
                state["p0"] = torch.zeros_like(state["s"])
        return loss


class NoCount(prodigyopt.Prodigy):
    """Forgets k."""

    def step(self, closure: Any = None) -> Any:
        loss = super().step(closure)
        for group in self.param_groups:
            group["k"] = 0
        return loss


class TensorD(prodigyopt.Prodigy):
    """Hands out d as a tensor."""

    def step(self, closure: Any = None) -> Any:
        loss = super().step(closure)
        for group in self.param_groups:
            group["d"] = torch.tensor(float(group["d"]), dtype=torch.float64)
        return loss


class ExtraKey(prodigyopt.Prodigy):
    """Leaves something of its own in the groups."""

    def step(self, closure: Any = None) -> Any:
        self.param_groups[0]["cache"] = 1
        return super().step(closure)


class Stops(prodigyopt.Prodigy):
    """Raises in the middle."""

    def step(self, closure: Any = None) -> Any:
        if self.param_groups[0]["k"] == 20:
            raise RuntimeError("no more")
        return super().step(closure)


class SkipsLast(prodigyopt.Prodigy):
    """Leaves out the last parameter of each group."""

    def step(self, closure: Any = None) -> Any:
        last = [group["params"].pop() for group in self.param_groups]
        loss = super().step(closure)
        for group, parameter in zip(self.param_groups, last, strict=True):
            group["params"].append(parameter)
        return loss


FAULTS = [OldGradients, EpsOutside, OneDot, CleanGradients, FullStart, NoCount, TensorD, ExtraKey, Stops, SkipsLast]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_is_found(fault: type[Any]) -> None:
    reference = reference_trace(prodigyopt.Prodigy, SETTING, PROBLEM)
    assert differences(reference, trained(fault, SETTING, PROBLEM), FLOAT32)
    assert differences(reference, trained(fault, SETTING, PROBLEM), None)


def test_a_single_bit_is_found_by_exact_alone() -> None:
    reference = reference_trace(prodigyopt.Prodigy, SETTING, PROBLEM)
    ours = trained(OneBit, SETTING, PROBLEM)
    assert differences(reference, ours, None)
    assert differences(reference, ours, FLOAT32) == []


def test_a_refusal_and_an_accident_are_told_apart() -> None:
    """What the reference refuses, ours has to refuse; what it merely stumbles over, ours may do as it likes."""
    start = torch.zeros(1)
    refused = Trace(start, error=(3, RuntimeError("different lr")))
    assert differences(refused, Trace(start), FLOAT32)
    assert differences(refused, Trace(start, error=(2, RuntimeError("too soon"))), FLOAT32)
    assert differences(refused, Trace(start, error=(3, ValueError("another"))), FLOAT32)
    assert differences(refused, Trace(start, error=(3, RuntimeError("in other words"))), FLOAT32) == []
    assert differences(Trace(start, error=(3, UnboundLocalError("x"))), Trace(start), FLOAT32) == []
