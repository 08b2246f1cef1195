"""Smoothing against slow loops that can be read, and the properties that make it honest."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.metrics.series import Series
from core.metrics.smoothing import Method, Smoother, Smoothing, exponential, zero_phase

numbers = st.floats(min_value=-1e6, max_value=1e6, allow_nan=False)
gappy = st.lists(st.one_of(numbers, st.just(math.nan), st.just(math.inf)), max_size=300)
windows = st.floats(min_value=1, max_value=500)


def slow_exponential(values: list[float], window: float) -> list[float]:
    decay = 1 - 2 / (window + 1)
    total = weight = 0.0
    result = []
    for value in values:
        total, weight = decay * total, decay * weight
        if math.isfinite(value):
            total, weight = total + value, weight + 1
            result.append(total / weight)
        else:
            result.append(math.nan)
    return result


def slow_zero_phase(values: list[float], window: float) -> list[float]:
    decay = 1 - 2 / (window + 1)
    result = []
    for here, value in enumerate(values):
        pairs = [(decay ** abs(here - there), other) for there, other in enumerate(values) if math.isfinite(other)]
        total = sum(weight * other for weight, other in pairs)
        result.append(total / sum(weight for weight, _ in pairs) if math.isfinite(value) else math.nan)
    return result


@given(gappy, windows)
def test_exponential_is_the_slow_loop(values: list[float], window: float) -> None:
    got = exponential(np.array(values, dtype=float), window)
    np.testing.assert_allclose(got, slow_exponential(values, window), rtol=1e-9, atol=1e-6)


@given(gappy.filter(lambda values: len(values) <= 120), windows)
def test_zero_phase_is_the_slow_loop(values: list[float], window: float) -> None:
    got = zero_phase(np.array(values, dtype=float), window)
    np.testing.assert_allclose(got, slow_zero_phase(values, window), rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize("smooth", [exponential, zero_phase])
@pytest.mark.parametrize("window", [1, 2, 50, 10_000])
def test_a_constant_stays_the_constant_from_the_first_value_on(smooth, window: float) -> None:
    np.testing.assert_allclose(smooth(np.full(5000, 0.125), window), 0.125, rtol=1e-12)


@pytest.mark.parametrize("smooth", [exponential, zero_phase])
def test_window_one_changes_nothing(smooth) -> None:
    values = np.array([3.0, math.nan, -1.0, 1e300])
    np.testing.assert_array_equal(smooth(values, 1), values)


@given(gappy, windows)
def test_gaps_stay_gaps_and_nothing_else_becomes_one(values: list[float], window: float) -> None:
    array = np.array(values, dtype=float)
    for smooth in (exponential, zero_phase):
        assert np.array_equal(np.isfinite(smooth(array, window)), np.isfinite(array))


@given(st.lists(numbers, min_size=1, max_size=200), windows)
def test_stays_between_the_lowest_and_the_highest(values: list[float], window: float) -> None:
    array = np.array(values)
    slack = 1e-9 * (1 + np.abs(array).max())
    for smooth in (exponential, zero_phase):
        result = smooth(array, window)
        assert result.min() >= array.min() - slack
        assert result.max() <= array.max() + slack


@given(st.lists(numbers, max_size=200), windows)
def test_zero_phase_does_not_know_the_direction_of_time(values: list[float], window: float) -> None:
    array = np.array(values, dtype=float)
    there, back = zero_phase(array, window), zero_phase(array[::-1], window)[::-1]
    np.testing.assert_allclose(there, back, rtol=1e-9, atol=1e-6)


def test_zero_phase_does_not_lag_and_exponential_does() -> None:
    step = np.concatenate([np.zeros(500), np.ones(500)])
    middle = int(np.searchsorted(zero_phase(step, 50), 0.5))
    assert abs(middle - 500) <= 1
    assert int(np.searchsorted(exponential(step, 50), 0.5)) > 510


def test_one_spike_of_nan_harms_no_neighbour() -> None:
    values = np.ones(200)
    values[100] = math.nan
    assert np.nanmax(np.abs(exponential(values, 30) - 1)) < 1e-12


def test_a_long_history_neither_overflows_nor_drifts() -> None:
    values = np.random.default_rng(1).normal(size=200_000)
    got = exponential(values, 1.5)
    assert np.all(np.isfinite(got))
    np.testing.assert_allclose(got[-1], slow_exponential(values[-2000:].tolist(), 1.5)[-1], rtol=1e-9)


@pytest.mark.parametrize("window", [0.5, 0, -3, math.nan])
def test_a_window_below_one_is_refused(window: float) -> None:
    with pytest.raises(ValueError, match="window"):
        Smoothing(window=window)
    with pytest.raises(ValueError, match="window"):
        exponential(np.ones(3), window)


def test_the_method_is_chosen_by_name() -> None:
    values = np.array([0.0, 0.0, 1.0, 1.0])
    assert np.array_equal(Smoothing(window=3).apply(values), exponential(values, 3))
    assert np.array_equal(Smoothing(window=3, method="zero-phase").apply(values), zero_phase(values, 3))


@settings(deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.lists(st.integers(0, 400), min_size=1, max_size=6),
    st.sampled_from([1.0, 2.0, 7.5, 40.0]),
    st.sampled_from(["exponential", "zero-phase"]),
    st.booleans(),
)
def test_a_curve_that_grows_is_smoothed_as_if_it_had_come_at_once(
    seed: int, sizes: list[int], window: float, method: Method, gaps: bool
) -> None:
    random = np.random.default_rng(seed)
    series, smoothing = Series(), Smoothing(window=window, method=method)
    smoother = Smoother(smoothing)
    for size in sizes:
        more = random.normal(size=size)
        if gaps:
            more[random.random(size) < 0.1] = random.choice([math.nan, math.inf])
        first = (series.last_step or 0) + 1
        series.extend(list(range(first, first + size)), more.tolist())
        trace = smoother.trace(series)
        assert np.allclose(trace.y, smoothing.apply(series.y), rtol=1e-9, atol=1e-12, equal_nan=True)
        low, high = trace.pyramid.extremes(trace.y, np.array([0]), np.array([len(trace.y)]))
        assert np.array_equal((low[0], high[0]), extremes(trace.y), equal_nan=True)


def test_a_curve_that_goes_back_is_smoothed_anew() -> None:
    series, smoothing = Series(), Smoothing(window=20)
    smoother = Smoother(smoothing)
    series.extend(list(range(500)), [float(n % 7) for n in range(500)])
    smoother.trace(series)
    series.forget_from(300)
    series.extend(list(range(300, 500)), [float(n % 5) for n in range(200)])
    assert np.allclose(smoother.trace(series).y, smoothing.apply(series.y))


def extremes(values: np.ndarray) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    return (known.min(), known.max()) if len(known) else (math.nan, math.nan)
