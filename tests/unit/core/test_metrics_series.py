"""Series: every way in gives what a plain dictionary would hold."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.metrics.series import Series

steps = st.integers(min_value=0, max_value=60)
# Apart by far more than the console rounds, so that "later wins" is all there is.
values = st.integers(min_value=-1000, max_value=1000).map(lambda number: number * 10.0)


@given(st.lists(st.tuples(steps, values), max_size=80))
def test_put_behaves_like_a_sorted_dictionary(pairs: list[tuple[int, float]]) -> None:
    series, expected = Series(), {}
    for step, value in pairs:
        series.put(step, value)
        expected[step] = value
    assert series.x.tolist() == sorted(expected)
    assert series.y.tolist() == [expected[step] for step in sorted(expected)]


@given(st.lists(st.lists(st.tuples(steps, values), max_size=20), max_size=8))
def test_extend_is_many_puts(batches: list[list[tuple[int, float]]]) -> None:
    one, many = Series(), Series()
    for batch in batches:
        many.extend([step for step, _ in batch], [value for _, value in batch])
        for step, value in batch:
            one.put(step, value)
    assert one.x.tolist() == many.x.tolist()
    assert one.y.tolist() == many.y.tolist()


def test_grows_far_beyond_its_first_buffer_and_keeps_everything() -> None:
    series = Series()
    for step in range(10_000):
        series.put(step, step * 0.5)
    assert len(series) == 10_000
    assert np.array_equal(series.y, np.arange(10_000) * 0.5)


def test_views_cannot_be_written_through() -> None:
    series = Series()
    series.put(1, 2.0)
    with pytest.raises(ValueError, match="read-only"):
        series.y[0] = 3.0


def test_a_rounded_duplicate_does_not_blur_the_exact_value() -> None:
    series = Series()
    series.put(1, 1.16987)
    series.put(1, 1.17)  # the same number as the console writes it
    assert series.at(1) == 1.16987
    series.put(1, 1.25)  # another number
    assert series.at(1) == 1.25


def test_an_exact_duplicate_replaces_the_rounded_one() -> None:
    series = Series()
    series.put(1, 1.17)
    series.put(1, 1.16987)
    assert series.at(1) == 1.16987


def test_nan_is_a_value_and_absence_is_none() -> None:
    series = Series()
    series.put(3, math.nan)
    at_three = series.at(3)
    assert at_three is not None
    assert math.isnan(at_three)
    assert series.at(2) is None
    assert series.at(4) is None


def test_forgetting_keeps_what_was_before() -> None:
    series = Series()
    series.extend([1, 2, 5, 6], [1.0, 2.0, 5.0, 6.0])
    before = series.revision
    series.forget_from(5)
    assert series.x.tolist() == [1, 2]
    assert series.revision > before
    series.forget_from(9)
    assert series.x.tolist() == [1, 2]


def test_an_empty_series_has_no_last() -> None:
    series = Series()
    assert series.last is None
    assert series.last_step is None
    assert series.x.tolist() == []


moves = st.one_of(
    st.tuples(st.just("both"), st.lists(st.tuples(steps, values), max_size=20)),
    st.tuples(st.just("clock"), st.lists(st.tuples(steps, values), max_size=5)),
    st.tuples(st.just("other"), st.lists(st.tuples(steps, values), max_size=5)),
    st.tuples(st.just("forget"), steps),
)


@given(st.lists(moves, max_size=12))
def test_a_series_that_shares_its_steps_is_as_one_that_has_its_own(moves: list) -> None:
    clock, plain_clock, plain = Series(), Series(), Series()
    shared = Series(clock=clock)
    for move, argument in moves:
        if move == "forget":
            for series in (clock, shared, plain_clock, plain):
                series.forget_from(argument)
            continue
        told, numbers = [step for step, _ in argument], [value for _, value in argument]
        if move != "other":
            clock.extend(told, numbers)
            plain_clock.extend(told, numbers)
        if move != "clock":
            shared.extend(told, numbers)
            plain.extend(told, numbers)
        for one, other in ((clock, plain_clock), (shared, plain)):
            assert one.x.tolist() == other.x.tolist()
            assert one.y.tolist() == other.y.tolist()
            low, high = one.pyramid.extremes(one.y, np.array([0]), np.array([len(one)]))
            if len(one):
                assert (low[0], high[0]) == (one.y.min(), one.y.max())


def test_steps_that_are_the_same_are_kept_once() -> None:
    clock = Series()
    shared = Series(clock=clock)
    for start in (1, 101):
        clock.extend(list(range(start, start + 100)), [0.0] * 100)
        shared.extend(list(range(start, start + 100)), [1.0] * 100)
    assert shared.shares_steps
    shared.extend([500], [2.0])
    assert not shared.shares_steps
    assert shared.last_step == 500
