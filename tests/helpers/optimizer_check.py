"""One run of ours held against one run of the reference, by the criterion that its dtype and backend ask for."""

from __future__ import annotations

from dataclasses import replace

import torch

from tests.helpers.optimizer_compare import FLOAT32, FLOAT64, NOISE_FACTOR, ROUNDING, Distance, differences, distance
from tests.helpers.optimizer_matrix import Problem, Setting, reference_trace, trained
from tests.helpers.optimizer_pairs import Pair, ours_of, reference_of
from tests.helpers.optimizer_variants import BASE, Variant, plan_of

PROBLEMATIC = Distance(parameters=1.0, d=1.0, state=10.0)
"""Own noise of this size holds nothing: such a case is to be conditioned better or left to `exact`."""


ONE_FLIP = Distance(parameters=2**-11, d=2**-11, state=2**-8)
"""What it comes to when one sum that the reference rounds to bfloat16, a quarter of all of them, falls to the other side:
whether one does is chance, and two nudges can miss it. Where nothing is rounded inside, ours has to hold more than this."""


def setting_of(pair: Pair, variant: Variant, problem: Problem) -> Setting:
    return plan_of(pair.name).setting(variant, half=problem.dtype == torch.float16)


def bound_for(pair: Pair, variant: Variant, problem: Problem, backend: str) -> Distance | None:
    """How far ours may be from the reference; None where every bit counts."""
    if backend == "exact":
        return None
    plan = plan_of(pair.name)
    dtype = torch.float32 if plan.float32_inside and problem.dtype == torch.float64 else problem.dtype
    bound = FLOAT64 if dtype == torch.float64 else ROUNDING.get(dtype, FLOAT32)
    if plan.noisy:
        bound = bound.at_least(ONE_FLIP)
    if plan.noisy or variant.noisy or dtype in ROUNDING:
        reference, setting = reference_of(pair), setting_of(pair, variant, problem)
        quiet = reference_trace(reference, setting, problem)
        for nudge in (torch.finfo(dtype).eps, -torch.finfo(dtype).eps):
            noise = distance(quiet, reference_trace(reference, setting, problem, nudge))
            bound = bound.at_least(noise.times(NOISE_FACTOR))
        if variant.long_sums and dtype == torch.float32:
            precise = reference_trace(reference, setting, replace(problem, dtype=torch.float64))
            bound = bound.at_least(distance(precise, quiet).times(2))  # each may be as far from the truth, on either side
        assert bound.within(PROBLEMATIC), f"the reference differs from itself by {bound}: this case proves nothing"
    return bound


def check(pair: Pair, problem: Problem, backend: str, variant: Variant = BASE) -> None:
    """Fails with what differs where ours is not as near to the reference as it has to be."""
    setting = setting_of(pair, variant, problem)
    reference = reference_trace(reference_of(pair), setting, problem)
    ours = trained(ours_of(pair), setting, problem, backend=backend)
    found = differences(reference, ours, bound_for(pair, variant, problem, backend))
    if found and ours.error is not None:
        raise AssertionError("\n".join(found)) from ours.error[1]
    assert not found, "\n".join(found)
