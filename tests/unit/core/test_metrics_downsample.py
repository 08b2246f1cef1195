"""Down-sampling keeps what a person would see."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.metrics.downsample import thin

curve = st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(math.nan)), min_size=1, max_size=400)


def columns_of(x: np.ndarray, left: float, right: float, columns: int) -> np.ndarray:
    return np.minimum(((x - left) * (columns / (right - left))).astype(int), columns - 1)


@given(curve, st.integers(1, 40), st.data())
def test_every_column_keeps_first_last_lowest_and_highest(values: list[float], columns: int, data: st.DataObject) -> None:
    x, y = np.arange(len(values), dtype=float), np.array(values)
    left = data.draw(st.floats(-10, len(values)))
    right = left + data.draw(st.floats(0.5, len(values) + 10))
    tx, ty = thin(x, y, left, right, columns)
    inside, kept = (x >= left) & (x <= right), (tx >= left) & (tx <= right)
    before, after = columns_of(x[inside], left, right, columns), columns_of(tx[kept], left, right, columns)
    for column in np.unique(before):
        whole, thinned = y[inside][before == column], ty[kept][after == column]
        known, left_over = whole[~np.isnan(whole)], thinned[~np.isnan(thinned)]
        if not len(known):
            assert len(thinned) >= 1  # the gap stays
            continue
        assert (left_over.min(), left_over.max()) == (known.min(), known.max())
        assert (left_over[0], left_over[-1]) == (known[0], known[-1])


@given(curve, st.integers(1, 40))
def test_points_are_real_in_order_and_few(values: list[float], columns: int) -> None:
    x, y = np.arange(len(values), dtype=float), np.array(values)
    tx, ty = thin(x, y, 0.0, max(len(values) - 1.0, 0.5), columns)
    assert np.all(np.diff(tx) > 0)
    assert np.array_equal(ty, y[tx.astype(int)], equal_nan=True)
    assert len(tx) <= 4 * columns + 2


def test_lines_run_off_both_edges() -> None:
    x = np.arange(1000, dtype=float)
    tx, _ = thin(x, x, 100.5, 800.5, 10)
    assert tx[0] == 100
    assert tx[-1] == 801


def test_a_single_spike_in_a_hundred_thousand_steps_survives() -> None:
    x = np.arange(100_000, dtype=float)
    y = np.sin(x / 1000)
    y[54_321] = 50.0
    tx, ty = thin(x, y, 0, 99_999, 800)
    assert ty.max() == 50.0
    assert tx[ty.argmax()] == 54_321
    assert len(tx) <= 3202


def test_an_infinite_value_is_a_gap_and_not_an_extreme() -> None:
    x = np.arange(100, dtype=float)
    y = np.ones(100)
    y[50] = math.inf
    _, ty = thin(x, y, 0, 99, 5)
    assert np.all(np.isfinite(ty))


def test_few_points_are_given_back_as_they_are() -> None:
    x, y = np.array([1.0, 2.0, 3.0]), np.array([1.0, math.nan, 2.0])
    tx, ty = thin(x, y, 0, 10, 100)
    assert np.array_equal(tx, x)
    assert np.array_equal(ty, y, equal_nan=True)


@pytest.mark.parametrize(("left", "right", "columns"), [(0, 0, 5), (1, 0, 5), (0, 1, 0), (math.nan, 1, 5)])
def test_nonsense_is_refused(left: float, right: float, columns: int) -> None:
    with pytest.raises(ValueError, match="cannot draw"):
        thin(np.arange(3.0), np.arange(3.0), left, right, columns)
