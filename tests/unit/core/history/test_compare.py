"""Curves of several runs on one axis, and end values from seed to seed."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from core.cli.main import run
from core.history.compare import against, curve_of
from core.history.index import list_history
from core.history.seeds import Spread, seed_groups
from core.metrics.reading import read_metrics
from core.metrics.run_metrics import Quantity, RunMetrics
from core.metrics.smoothing import Smoothing
from core.runs.events import Group, Step, Validated
from core.runs.outcome import Ending
from tests.helpers.histories import NOON, make_run


def points(x: list[float], y: list[float]) -> tuple[np.ndarray, np.ndarray]:
    return np.array(x, dtype=float), np.array(y, dtype=float)


def test_a_difference_is_taken_where_both_are_known() -> None:
    x, y = against(points([1, 2, 3, 4, 9], [5, 6, 7, 8, 9]), points([2, 4, 6], [1, 3, 5]), "difference")
    assert x.tolist() == [2, 3, 4]
    assert y.tolist() == [5, 5, 5]


def test_a_ratio_has_a_gap_where_the_baseline_is_nothing_or_not_finite() -> None:
    x, y = against(points([1, 2, 3, 4], [2, 2, math.inf, 2]), points([1, 2, 3, 4], [1, 0, 1, math.nan]), "ratio")
    assert x.tolist() == [1, 2, 3, 4]
    assert y[0] == 2
    assert np.isnan(y[1:]).all()


def test_a_curve_against_itself_is_nothing_or_one() -> None:
    curve = points(list(range(1, 50)), [1 / n for n in range(1, 50)])
    assert not against(curve, curve, "difference")[1].any()
    assert (against(curve, curve, "ratio")[1] == 1).all()
    assert against(curve, curve, "values") is curve


@pytest.mark.parametrize("other", [points([], []), points([100, 200], [1, 1])])
def test_runs_that_do_not_meet_give_no_curve(other: tuple[np.ndarray, np.ndarray]) -> None:
    assert not len(against(points([1, 2], [1, 2]), other, "difference")[0])


def test_curves_by_step_and_by_time() -> None:
    metrics = RunMetrics()
    groups = (Group(name="textencoder", lr=1e-5), Group(name="unet", lr=1e-4))
    metrics.feed(Step(time=1000 + 2 * step, step=step, loss=1 / step, groups=groups) for step in range(1, 11))
    metrics.feed([Validated(time=1021, step=10, loss=0.5)])
    x, y = curve_of(metrics, Quantity.LOSS)
    assert (x.tolist(), y[1]) == (list(range(1, 11)), 0.5)
    assert curve_of(metrics, Quantity.LOSS, smoothing=Smoothing(window=5))[1][1] > 0.5
    assert curve_of(metrics, Quantity.LOSS, "time")[0].tolist() == [2 * n for n in range(10)]
    assert curve_of(metrics, Quantity.VALIDATION_LOSS, "time")[0].tolist() == [18]
    assert set(curve_of(metrics, Quantity.LR)[1].tolist()) == {1e-4}  # the U-Net's
    assert not len(curve_of(metrics, Quantity.D_LR)[0])


def test_a_clock_that_is_set_back_leaves_time_going_forward() -> None:
    metrics = RunMetrics()
    metrics.feed(Step(time=time, step=step, loss=0.1) for step, time in enumerate([100, 101, 50, 51, 103], 1))
    assert curve_of(metrics, Quantity.LOSS, "time")[0].tolist() == [0, 1, 3]


def test_the_scripts_own_average_stands_in_for_a_loss_that_nobody_told() -> None:
    metrics = RunMetrics()
    metrics.feed([Step(time=1, step=1, average_loss=0.3)])
    assert curve_of(metrics, Quantity.LOSS)[1].tolist() == [0.3]


def test_the_spread_is_from_seed_to_seed(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    for number, (seed, loss) in enumerate([(1, 0.10), (2, 0.12), (3, 0.14), (3, 0.20), (4, 0.9)]):
        ending = Ending.STOPPED if seed == 4 else Ending.FINISHED
        make_run(runs, seed=seed, losses=[loss] * 5, validation=[(5, loss)], at=NOON + number, ending=ending)
    make_run(runs, seed=1, rate=0.5, losses=[0.3], at=NOON + 50)
    records = list_history(runs).records
    chosen = [next(record for record in records if record.seed == 2), records[0]]
    several, single = seed_groups(chosen, records)
    assert [record.seed for record in several.counted] == [3, 2, 1]  # the newest of seed 3; what was stopped does not count
    assert len(several.runs) == 5
    assert several.loss is not None
    assert several.loss.mean == pytest.approx((0.10 + 0.12 + 0.20) / 3)
    assert several.loss.sd == pytest.approx(np.std([0.10, 0.12, 0.20], ddof=1))
    assert several.loss.n == 3
    assert single.loss == Spread(pytest.approx(0.3), None, 1)
    assert single.validation_loss is None


def test_a_seed_that_broke_is_part_of_the_answer(tmp_path: Path) -> None:
    for seed, loss in ((1, 0.1), (2, math.nan)):
        make_run(tmp_path, seed=seed, losses=[loss], at=NOON + seed)
    records = list_history(tmp_path).records
    (group,) = seed_groups(records, records)
    assert group.loss is not None
    assert math.isnan(group.loss.mean)
    assert group.loss.n == 2


def test_runs_whose_job_is_unknown_are_no_group(tmp_path: Path) -> None:
    made = [make_run(tmp_path, at=NOON + n) for n in range(2)]
    for folder in made:
        folder.job_file.unlink()
    records = list_history(tmp_path).records
    assert [len(group.runs) for group in seed_groups(records, records)] == [1, 1]


def test_reading_a_run_can_be_ended(tmp_path: Path) -> None:
    folder = make_run(tmp_path)
    assert read_metrics(folder).last_step == 3
    with pytest.raises(KeyboardInterrupt):
        read_metrics(folder, check=lambda: (_ for _ in ()).throw(KeyboardInterrupt))


def test_the_verb_tells_the_spread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("CADDIE_HOME", str(tmp_path))
    for seed in (1, 2):
        make_run(tmp_path / "runs", seed=seed, losses=[seed / 10], at=NOON + seed)
    assert run(["history", "spread", "--json"]) == 0
    (group,) = json.loads(capsys.readouterr().out)
    assert (group["loss"]["mean"], group["loss"]["n"], group["seeds"]) == (pytest.approx(0.15), 2, [2, 1])
    assert run(["history", "--filter", "seed=9", "spread"]) == 0
    assert run(["history", "spread"]) == 0
    assert "0.15 ± 0.0707 (2)" in capsys.readouterr().out
