"""Every optimizer of ours against its reference, step by step: shapes, dtypes, groups, schedules, arguments.

A new entry in `optimizers.registry.PAIRS` is tested by that entry alone; its arguments are data in
`tests/helpers/optimizer_variants.py`. The default run takes a selection (see `tests/helpers/selection.py`); all cases are
run by `--exhaustive`.
"""

from __future__ import annotations

from typing import Any

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
    Leaf,
    Problem,
    reference_trace,
)
from tests.helpers.optimizer_pairs import BACKENDS, COMPARABLE, PAIRS, Pair, arguments_of, is_here, ours_of, reference_of
from tests.helpers.optimizer_variants import BASE, LONG_SUMS, PLANS, Variant, plan_of
from tests.helpers.selection import chosen, crossed

every_pair = pytest.mark.parametrize("pair", COMPARABLE, ids=lambda pair: pair.name)
DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)
GROUPED = {f"{grouping}, {schedule}": (grouping, schedule) for grouping, schedule in zip(GROUPINGS, SCHEDULES, strict=True)}
LANES = (("exact", torch.float32), ("native", torch.float32), ("native", torch.float64), ("eager", torch.float64))
"""Float64 where ours is not the reference's own arithmetic: there a wrong formula cannot pass for rounding."""
FAST = (("native", torch.float32), ("native", torch.float64))
FAMILIES = ("Prodigy", "DAdaptAdan", "ProdigyPlusScheduleFree", "CAME", "EmoFact", "AdamW8bit")
"""One for each way in which the machinery goes about its work."""


def _case(pair: Pair, *rest: Any) -> Any:
    names = [getattr(one, "name", str(one)) for one in rest]
    return pytest.param(pair, *rest, id="-".join([pair.name, *names]))


EVERY_ARGUMENT = [_case(pair, variant, *lane) for pair in COMPARABLE for variant in plan_of(pair.name).variants for lane in LANES]
ONE_LANE_EACH = [
    _case(pair, variant, *lane)
    for pair in COMPARABLE
    for place, variant in enumerate(plan_of(pair.name).variants)
    for lane in ((LANES[0], *FAST) if variant.name == "all together" else (FAST[place % 2],))
]
LONG = [_case(pair, *lane) for pair in COMPARABLE for lane in (("eager", torch.float32), *LANES[:3])]
LARGE = [_case(pair, threads, backend) for pair in COMPARABLE for threads in (1, 2) for backend in BACKENDS]
LARGE_ONCE = [
    _case(pair, 1 + place % 2, backend)
    for pair in COMPARABLE
    if pair.name in FAMILIES
    for place, backend in enumerate(BACKENDS, FAMILIES.index(pair.name))
]
LONG_ONCE = [
    _case(pair, *FAST[place % len(FAST)]) for pair in COMPARABLE if pair.name in FAMILIES for place in [FAMILIES.index(pair.name)]
]


def _schedule(pair: Pair) -> str:
    return plan_of(pair.name).schedule


@crossed(pair=COMPARABLE, dtype=DTYPES, backend=BACKENDS)
def test_every_shape_in_every_dtype(pair: Pair, dtype: torch.dtype, backend: str) -> None:
    check(pair, Problem(leaves=EVERY_SHAPE, schedule=_schedule(pair), dtype=dtype), backend)


@crossed(pair=COMPARABLE, grouped=GROUPED, backend=BACKENDS)
def test_every_grouping_and_schedule(pair: Pair, grouped: tuple[Grouping, str], backend: str) -> None:
    check(pair, Problem(grouping=grouped[0], schedule=grouped[1]), backend)


@crossed(pair=COMPARABLE, leaves={"every layout in memory": LAYOUTS, "modules dropped at random": DROPPED}, backend=BACKENDS)
def test_layouts_and_parameters_that_come_and_go(pair: Pair, leaves: tuple[Leaf, ...], backend: str) -> None:
    check(pair, Problem(leaves=leaves), backend)


@chosen("pair, variant, backend, dtype", ONE_LANE_EACH, EVERY_ARGUMENT)
def test_every_argument(pair: Pair, variant: Variant, backend: str, dtype: torch.dtype) -> None:
    schedule = variant.schedule or _schedule(pair)
    check(pair, Problem(leaves=TINY, grouping=TWO_GROUPS, schedule=schedule, steps=40, dtype=dtype), backend, variant)


@chosen("pair, threads, backend", LARGE_ONCE, LARGE)
def test_large_tensors_with_one_and_two_threads(pair: Pair, threads: int, backend: str) -> None:
    """So many elements hold some whose gradient begins near zero, where Adam's quotient is badly conditioned: own noise."""
    torch.set_num_threads(threads)
    check(pair, Problem(leaves=WIDE, steps=12), backend, LONG_SUMS)


@pytest.mark.slow
@chosen("pair, backend, dtype", LONG_ONCE, LONG)
def test_five_hundred_steps(pair: Pair, backend: str, dtype: torch.dtype) -> None:
    check(pair, Problem(leaves=EVERY_SHAPE, grouping=TWO_DECAYS, schedule=_schedule(pair), dtype=dtype, steps=500), backend)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_every_reference_is_installed(pair: Pair) -> None:
    """A package that is missing would take all its cases with it."""
    if "/" in pair.package and not is_here(pair):
        pytest.skip(f"{pair.package} is no package but files, which only some machines have")
    assert is_here(pair), f"{pair.package} is not installed"


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
