"""Steps that hold nothing, or nonsense: the same outcome as the reference's, and never a silent mess of one's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from tests.helpers.optimizer_check import bound_for, check
from tests.helpers.optimizer_compare import differences
from tests.helpers.optimizer_matrix import SMALL, Grouping, Leaf, Problem, reference_trace, trained
from tests.helpers.optimizer_pairs import BACKENDS, COMPARABLE, Pair, ours_of, reference_of
from tests.helpers.optimizer_variants import BASE, NOISY, Variant, plan_of
from tests.helpers.selection import chosen, crossed

LEAVES = {
    "no gradient anywhere at times": tuple(replace(leaf, gradients="sometimes") for leaf in SMALL),
    "no gradient at all": tuple(replace(leaf, gradients="never") for leaf in SMALL),
    "zeros alone": tuple(replace(leaf, gradients="zero") for leaf in SMALL),
    "one element alone": (Leaf("one", (1,)),),
    "one scalar alone": (Leaf("one", ()),),
    "many ones": tuple(Leaf(f"one {place}", (1,) if place % 2 else (1, 1, 1)) for place in range(9)),
    "tensors without elements": (Leaf("none", (0,)), Leaf("none either", (0, 4)), Leaf("some", (3, 4)), Leaf("nor here", (4, 0))),
    "five dimensions": (Leaf("video", (2, 3, 2, 3, 2)), Leaf("video.up", (3, 2, 1, 1, 1), start="zero")),
    "everything begins at zero": tuple(replace(leaf, start="zero") for leaf in SMALL),
}


@crossed(pair=COMPARABLE, leaves=LEAVES, backend=BACKENDS)
def test_odd_sets_of_parameters(pair: Pair, leaves: tuple[Leaf, ...], backend: str) -> None:
    check(pair, Problem(leaves=leaves, schedule=plan_of(pair.name).schedule, steps=30), backend)


def _poison(value: float) -> Callable[[Any], None]:
    def event(optimizer: Any) -> None:
        gradient = optimizer.param_groups[0]["params"][0].grad
        gradient.view(-1)[3] = value

    return event


POISONS = {
    f"{value} at {step}": Variant("poisoned", events=((step, _poison(value)),), noisy=True)
    for step, value in ((0, float("nan")), (12, float("nan")), (12, float("inf")), (12, 1e30), (0, 1e-40))
}


@crossed(pair=COMPARABLE, variant=POISONS, backend=BACKENDS)
def test_a_gradient_out_of_bounds_spreads_as_it_does_in_the_reference(pair: Pair, variant: Variant, backend: str) -> None:
    """Not further: parameters, d and state are NaN and infinite in the same places."""
    problem = Problem(steps=18)
    setting = plan_of(pair.name).setting(variant)
    reference = reference_trace(reference_of(pair), setting, problem)
    ours = trained(ours_of(pair), setting, problem, backend=backend)
    if backend == "exact":
        assert differences(reference, ours, None) == []
        return
    for one, other in zip(reference.path, ours.path, strict=True):
        assert torch.equal(one.isfinite(), other.isfinite())
    if bool(reference.path[-1].isfinite().all()):
        assert differences(reference, ours, bound_for(pair, variant, problem, backend)) == []


FROZEN = (
    Grouping("every group", ((("lr", 0.0),), (("lr", 0.0),))),
    Grouping("the largest group", ((("lr", 0.0), ("weight_decay", 0.1)), ())),
)


@crossed(pair=COMPARABLE, frozen=FROZEN, backend=BACKENDS)
def test_groups_with_learning_rate_0(pair: Pair, frozen: Grouping, backend: str) -> None:
    check(pair, Problem(grouping=frozen, steps=20), backend, BASE)


@chosen(
    "pair, backend",
    [pytest.param(pair, "native", id=f"{pair.name}-native") for pair in COMPARABLE],
    [pytest.param(pair, backend, id=f"{pair.name}-{backend}") for pair in COMPARABLE for backend in BACKENDS],
)
def test_a_small_set_that_is_noisy_to_the_end(pair: Pair, backend: str) -> None:
    """Few numbers make the sums, so that little of their rounding is averaged out."""
    check(pair, Problem(leaves=(Leaf("down", (3, 5)), Leaf("bias", (7,))), steps=300, noise=0.3), backend, NOISY)
