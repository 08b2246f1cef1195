"""Every optimizer of ours against its reference, step by step: shapes, dtypes, groups, schedules, arguments.

A new entry in `optimizers.registry.PAIRS` is tested by that entry alone; its arguments are data in
`tests/helpers/optimizer_variants.py`.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.helpers.optimizer_check import check
from tests.helpers.optimizer_compare import movement
from tests.helpers.optimizer_matrix import (
    DROPPED,
    EVERY_SHAPE,
    GROUPINGS,
    LAYOUTS,
    SCHEDULES,
    TINY,
    TWO_DECAYS,
    TWO_GROUPS,
    WIDE,
    Grouping,
    Problem,
    reference_trace,
)
from tests.helpers.optimizer_pairs import BACKENDS, PAIRS, Pair, arguments_of, ours_of, reference_of
from tests.helpers.optimizer_variants import BASE, LONG_SUMS, PLANS, Variant, plan_of

every_backend = pytest.mark.parametrize("backend", BACKENDS)
every_pair = pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
VARIANTS = [
    pytest.param(pair, variant, id=f"{pair.name}-{variant.name}") for pair in PAIRS for variant in plan_of(pair.name).variants
]
LONG = ((torch.float32, "exact"), (torch.float32, "eager"), (torch.float32, "native"), (torch.float64, "native"))
DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)


def _schedule(pair: Pair) -> str:
    return plan_of(pair.name).schedule


@every_backend
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@every_pair
def test_every_shape_in_every_dtype(pair: Pair, dtype: torch.dtype, backend: str) -> None:
    check(pair, Problem(leaves=EVERY_SHAPE, schedule=_schedule(pair), dtype=dtype), backend)


@every_backend
@pytest.mark.parametrize(("grouping", "schedule"), list(zip(GROUPINGS, SCHEDULES, strict=True)), ids=str)
@every_pair
def test_every_grouping_and_schedule(pair: Pair, grouping: Grouping, schedule: str, backend: str) -> None:
    check(pair, Problem(grouping=grouping, schedule=schedule), backend)


@every_backend
@every_pair
def test_every_layout_in_memory(pair: Pair, backend: str) -> None:
    check(pair, Problem(leaves=LAYOUTS), backend)


@every_backend
@every_pair
def test_modules_that_are_dropped_at_random(pair: Pair, backend: str) -> None:
    check(pair, Problem(leaves=DROPPED), backend)


@every_backend
@pytest.mark.parametrize(("pair", "variant"), VARIANTS)
def test_every_argument(pair: Pair, variant: Variant, backend: str) -> None:
    """In float64 too where ours is not the reference's own arithmetic: there a wrong formula cannot pass for rounding."""
    problem = Problem(leaves=TINY, grouping=TWO_GROUPS, schedule=variant.schedule or _schedule(pair), steps=40)
    if backend != "eager":
        check(pair, problem, backend, variant)
    if backend != "exact":
        check(pair, replace(problem, dtype=torch.float64), backend, variant)


@every_backend
@pytest.mark.parametrize("threads", [1, 2])
@every_pair
def test_large_tensors_with_one_and_two_threads(pair: Pair, threads: int, backend: str) -> None:
    """So many elements hold some whose gradient begins near zero, where Adam's quotient is badly conditioned: own noise."""
    torch.set_num_threads(threads)
    reference_trace.cache_clear()  # the reference itself differs between 1 and 2 threads
    check(pair, Problem(leaves=WIDE, steps=12), backend, LONG_SUMS)
    reference_trace.cache_clear()


@pytest.mark.slow
@pytest.mark.parametrize(("dtype", "backend"), LONG, ids=str)
@every_pair
def test_five_hundred_steps(pair: Pair, dtype: torch.dtype, backend: str) -> None:
    check(pair, Problem(leaves=EVERY_SHAPE, grouping=TWO_DECAYS, schedule=_schedule(pair), dtype=dtype, steps=500), backend)


@every_pair
def test_every_argument_of_the_reference_has_a_variant(pair: Pair) -> None:
    """The base counts where it names an argument; what cannot be run is named with its reason."""
    plan = plan_of(pair.name)
    named = set(plan.base) | set(plan.not_run) | {name for variant in plan.variants for name in variant.arguments}
    assert set(arguments_of(reference_of(pair))) <= named
    assert pair.name in PLANS


@every_pair
def test_arguments_and_defaults_are_those_of_the_reference(pair: Pair) -> None:
    theirs, mine = arguments_of(reference_of(pair)), arguments_of(ours_of(pair))
    assert {name: mine.get(name, "absent") for name in theirs} == theirs
    assert list(mine)[: len(theirs)] == list(theirs), "somebody may give them by position"


@every_pair
def test_the_problems_move_the_parameters(pair: Pair) -> None:
    """Otherwise a share of the movement would be a share of nothing."""
    plan = plan_of(pair.name)
    trace = reference_trace(reference_of(pair), plan.setting(BASE), Problem(schedule=plan.schedule))
    assert movement(trace) > 0.05
    assert not trace.estimates[0] or trace.estimates[-1][0] > 2 * trace.estimates[0][0], "d never grew"
