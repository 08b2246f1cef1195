"""The extremes of any stretch are the true ones, however the row grew; no spike is lost in any column."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.metrics import column as column_module
from core.metrics.column import Column
from core.metrics.envelope import EnvelopeView, Trace, envelope
from core.metrics.pyramid import Pyramid

value = st.one_of(st.floats(-1e6, 1e6), st.sampled_from([math.nan, math.inf, -math.inf]))
seeds = st.integers(0, 2**32 - 1)


def row(seed: int, count: int) -> np.ndarray:
    """Noise with gaps and a spike here and there."""
    random = np.random.default_rng(seed)
    values = random.normal(size=count)
    values[random.random(count) < 0.02] = math.nan
    values[random.random(count) < 0.01] = math.inf
    values[random.random(count) < 0.01] *= 1e6
    return values


def extremes(values: np.ndarray) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    return (known.min(), known.max()) if len(known) else (math.nan, math.nan)


@settings(deadline=None)
@given(seeds, st.lists(st.integers(0, 700), min_size=1, max_size=5), st.data())
def test_any_stretch_has_its_true_extremes_however_the_row_grew(seed: int, sizes: list[int], data: st.DataObject) -> None:
    values = row(seed, sum(sizes))
    pyramid, known = Pyramid(), 0
    for size in sizes:
        known += size
        pyramid.update(values[:known])
    back = data.draw(st.integers(0, known))
    pyramid.truncate(back)
    values[back:] = row(seed + 1, known - back)
    pyramid.update(values)
    starts = np.array(data.draw(st.lists(st.integers(0, known), min_size=1, max_size=8)))
    ends = np.array([data.draw(st.integers(0, known)) for _ in starts])
    lows, highs = pyramid.extremes(values, starts, ends)
    for start, end, low, high in zip(starts, ends, lows, highs, strict=True):
        assert np.array_equal((low, high), extremes(values[start:end]), equal_nan=True)


@settings(deadline=None)
@given(seeds, st.integers(1, 3000), st.integers(1, 60), st.lists(st.integers(-30, 30), max_size=6), st.floats(0.3, 500))
def test_no_spike_is_hidden_in_any_column_wherever_one_moves(
    seed: int, count: int, columns: int, moves: list[int], width: float
) -> None:
    random = np.random.default_rng(seed)
    x = np.cumsum(random.integers(0, 3, count)).astype(float)
    y = row(seed, count)
    pyramid = Pyramid()
    pyramid.update(y)
    view, first = EnvelopeView(), int(random.integers(-5, 50))
    for move in [0, *moves]:
        first += move
        seen = view.columns(Trace(x, y, pyramid), width, first, first + columns)
        assert (seen.first_column, len(seen.low)) == (first, columns)
        fresh = envelope(Trace(x, y, pyramid), width, first, first + columns)
        edges = np.arange(first, first + columns + 1) * width
        for number in range(columns):
            inside = y[(x >= edges[number]) & (x < edges[number + 1])]
            assert np.array_equal((fresh.low[number], fresh.high[number]), extremes(inside), equal_nan=True)
            if np.isfinite(inside).any():
                lowest, highest = extremes(inside)
                assert seen.low[number] <= lowest
                assert seen.high[number] >= highest


@settings(deadline=None)
@given(seeds, st.integers(1, 3000), st.integers(1, 60), st.floats(0.3, 500))
def test_on_a_logarithm_every_positive_value_is_within_its_bar(seed: int, count: int, columns: int, width: float) -> None:
    y = row(seed, count)
    x = np.arange(count, dtype=float)
    pyramid = Pyramid(positive=True)
    pyramid.update(y)
    seen = EnvelopeView(logarithmic=True).columns(Trace(x, y, pyramid), width, 0, columns)
    for value, step in zip(y, x, strict=True):
        column = int(np.searchsorted(np.arange(1, columns + 1) * width, step, side="right"))
        if column < columns and math.isfinite(value) and value > 0:
            assert seen.low[column] - 1e-12 <= math.log10(value) <= seen.high[column] + 1e-12


def test_one_spike_in_a_million_is_in_its_column_at_every_zoom() -> None:
    y = np.zeros(1_000_000)
    y[654_321] = 1.0
    x = np.arange(1.0, 1_000_001)
    pyramid = Pyramid()
    pyramid.update(y)
    for width in (3.3, 100.0, 833.25, 50_000.0):
        wanted = int(654_322 // width)
        seen = envelope(Trace(x, y, pyramid), width, 0, int(1_000_000 // width) + 1)
        assert np.flatnonzero(seen.high == 1.0).tolist() == [wanted]


def test_columns_touch_and_a_line_crosses_the_empty_ones() -> None:
    x, y = np.array([0.0, 1.0, 2.0, 6.0]), np.array([0.0, 1.0, 4.0, 0.0])
    pyramid = Pyramid()
    pyramid.update(y)
    low, high = envelope(Trace(x, y, pyramid), 1.0, 0, 7).joined()
    assert np.all(high[:-1] >= low[1:])
    assert np.all(low[:-1] <= high[1:])
    assert low[4] <= 2 <= high[4]
    assert (high - low)[4] == pytest.approx(1.0)


def test_a_gap_stays_a_gap() -> None:
    x, y = np.arange(6.0), np.array([1.0, 1.0, math.nan, math.inf, 1.0, 1.0])
    pyramid = Pyramid()
    pyramid.update(y)
    low, _ = envelope(Trace(x, y, pyramid), 1.0, 0, 6).joined()
    assert np.isnan(low).tolist() == [False, False, True, True, False, False]


@settings(deadline=None)
@given(st.lists(value, max_size=300), st.integers(0, 300))
def test_levels_that_were_kept_go_on_as_if_nothing_had_been(values: list[float], more: int) -> None:
    whole = np.array([*values, *range(more)], dtype=float)
    before, straight = Pyramid(), Pyramid()
    before.update(whole[: len(values)])
    levels = [(np.array(low), np.array(high)) for low, high in before.levels]
    for level in levels:
        for array in level:
            array.flags.writeable = False
    after = Pyramid.restored(levels, len(values))
    after.update(whole)
    straight.update(whole)
    for one, other in zip(after.levels, straight.levels, strict=True):
        assert np.array_equal(one, other, equal_nan=True)


def test_levels_of_another_row_are_refused() -> None:
    pyramid = Pyramid()
    pyramid.update(np.zeros(100))
    with pytest.raises(ValueError, match="length"):
        Pyramid.restored(pyramid.levels, 200)
    with pytest.raises(ValueError, match="missing"):
        Pyramid.restored(pyramid.levels[:1], 100)


def test_a_long_column_moves_into_a_file_and_keeps_its_numbers(tmp_path: Path) -> None:
    column, wanted = Column(scratch=tmp_path), np.arange(300_000.0)
    for start in range(0, len(wanted), 7000):
        column.append(wanted[start : start + 7000])
    assert column.in_file
    assert np.array_equal(column.numbers, wanted)
    early = column.numbers
    column.truncate(200_000)
    column.append(wanted[:150_000])
    assert np.array_equal(column.numbers, np.concatenate((wanted[:200_000], wanted[:150_000])))
    assert early[0] == 0


def test_a_full_disk_leaves_the_numbers_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    column, wanted = Column(scratch=tmp_path), np.arange(100_000.0)
    column.append(wanted)
    assert column.in_file
    monkeypatch.setattr(column_module, "_make_long", full)
    column.append(np.arange(1_000_000.0))
    assert not column.in_file
    assert np.array_equal(column.numbers[:100_000], wanted)
    assert column.numbers[-1] == 999_999


def test_numbers_of_a_mapped_cache_are_copied_before_they_change() -> None:
    kept = np.arange(5.0)
    kept.flags.writeable = False
    column = Column(kept)
    column.replace(2, 9.0)
    column.insert(0, -1.0)
    column.append([7.0])
    assert column.numbers.tolist() == [-1, 0, 1, 9, 3, 4, 7]
    assert kept.tolist() == [0, 1, 2, 3, 4]
