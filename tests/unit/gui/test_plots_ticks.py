"""Ticks and their labels."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gui.plots.ticks import labels, linear_ticks, log_ticks, nice_step, number, whole_ticks

spans = st.tuples(st.floats(-1e9, 1e9), st.floats(1e-9, 1e9)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e-6, "1e-6"),
        (1.5e-6, "1.5e-6"),
        (2.08e-05, "2.08e-5"),
        (1e-4, "1e-4"),
        (0.0012345, "0.001234"),
        (1.0, "1"),
        (0, "0"),
        (123456.0, "123456"),
        (1e30, "1e30"),
        (-2.5e-7, "-2.5e-7"),
        (math.nan, "nan"),
        (math.inf, "∞"),
    ],
)
def test_numbers_read_as_people_write_them(value: float, text: str) -> None:
    assert number(value) == text


@given(st.floats(1e-30, 1e30))
def test_a_shown_number_is_the_number_to_its_digits(value: float) -> None:
    assert float(number(value)) == pytest.approx(value, rel=1e-3)


@given(spans, st.integers(2, 20))
def test_linear_ticks_are_inside_evenly_spaced_and_not_too_many(span: tuple[float, float], count: int) -> None:
    low, high = span
    if not low < high:
        return
    found = linear_ticks(low, high, count)
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        assert found == [low]
        return
    slack = 1e-6 * nice_step(high - low, count) + 1e-9 * max(abs(low), abs(high))
    assert all(low - slack <= value <= high + slack for value in found)
    assert len(found) <= count + 1
    assert len(found) >= count // 3


@given(st.integers(0, 10**6), st.integers(1, 10**6), st.integers(2, 15))
def test_steps_have_whole_ticks(low: int, span: int, count: int) -> None:
    found = whole_ticks(low, low + span, count)
    assert all(value == int(value) for value in found)
    assert len(set(found)) == len(found) <= count + 1


@given(st.floats(-12, 3), st.floats(0.05, 12), st.integers(2, 12))
def test_a_log_axis_always_has_a_label(low: float, span: float, count: int) -> None:
    labelled, bare = log_ticks(low, low + span, count)
    assert labelled
    assert all(low - 1e-9 <= value <= low + span + 1e-9 for value in labelled + bare)
    assert len(labelled) <= max(count, 9) + 1


def test_the_d_of_prodigy_gets_its_decades() -> None:
    labelled, _ = log_ticks(-6.1, -2.9, 8)
    assert [number(10**value, 3) for value in labelled] == ["1e-6", "1e-5", "1e-4", "0.001"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.25, 0.5], ["0", "0.25", "0.50"]),
        ([0.1, 0.2, 0.3], ["0.1", "0.2", "0.3"]),
        ([1e-6, 2e-6, 3e-6], ["1e-6", "2e-6", "3e-6"]),
        ([0.0, 2.5e-5, 5e-5], ["0", "2.5e-5", "5.0e-5"]),
        ([1000.0, 2000.0], ["1000", "2000"]),
        ([], []),
        ([7.0], ["7"]),
    ],
)
def test_labels_of_an_axis_share_their_notation(values: list[float], expected: list[str]) -> None:
    assert labels(values) == expected


@given(spans, st.integers(2, 12))
def test_labels_tell_ticks_apart(span: tuple[float, float], count: int) -> None:
    low, high = span
    if not low < high or (high - low) < 1e-6 * max(abs(low), abs(high)):
        return
    found = labels(linear_ticks(low, high, count))
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("ends", [(1.0, 1.0), (2.0, 1.0), (math.nan, 1.0), (0.0, math.inf)])
def test_no_ticks_where_there_is_no_axis(ends: tuple[float, float]) -> None:
    assert linear_ticks(*ends, 5) == []
    assert whole_ticks(*ends, 5) == []
    assert log_ticks(*ends, 5) == ([], [])
