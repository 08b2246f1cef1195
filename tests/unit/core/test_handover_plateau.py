"""Plateaus of d on curves whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from core.catalogue.loader import load_catalogue
from core.handover.measure import measure
from core.handover.plateau import find_plateau
from core.job.model import Job
from core.metrics.run_metrics import RunMetrics
from core.runs.events import Group, Started, Step

STEPS = np.arange(1.0, 1001.0)


def staircase(final: float, until: int, seed: int = 0) -> np.ndarray:
    """A running maximum as Prodigy's: from 1e-6 to `final` at step `until`, at rest from there on."""
    jumps = np.random.default_rng(seed).uniform(0.2, 1.0, until)
    rising = np.log(1e-6) + np.log(final / 1e-6) * np.cumsum(jumps) / jumps.sum()
    return np.concatenate([[1e-6], np.exp(rising), np.full(len(STEPS) - until - 1, final)])


@pytest.mark.parametrize(("final", "until"), [(3e-4, 150), (8e-3, 400), (5e-5, 700)])
def test_finds_where_a_staircase_comes_to_rest(final: float, until: int) -> None:
    found = find_plateau(STEPS, staircase(final, until), d0=1e-6)
    assert found.state == "settled"
    assert found.value == pytest.approx(final)
    assert found.low == pytest.approx(final)
    assert found.high == pytest.approx(final)
    assert found.begin is not None
    assert until * 0.9 < found.begin <= until + 1  # 10 % of the value are reached a little before


def test_says_by_how_much_it_still_rises() -> None:
    found = find_plateau(STEPS, 1e-6 * 1.25 ** (STEPS / 100), d0=1e-6)
    assert found.state == "rising"
    assert found.rise == pytest.approx(0.25, rel=0.01)
    assert found.begin is None
    assert found.high is not None
    assert found.value is not None
    assert found.high / found.value == pytest.approx(1.25**2.5, rel=0.03)  # as much as in the last 250 steps


def test_a_slow_rise_is_at_rest_and_widens_the_uncertainty_up_to_the_end_of_the_training() -> None:
    d = 1e-4 * 1.02 ** (STEPS / 100)
    half_way = find_plateau(STEPS, d, d0=1e-6, total=2000)
    at_the_end = find_plateau(STEPS, d, d0=1e-6, total=1000)
    assert half_way.state == at_the_end.state == "settled"
    assert half_way.high == pytest.approx(d[-1] * 1.02**10, rel=0.01)
    assert at_the_end.high == pytest.approx(d[-1] * 1.02**2.5, rel=0.01)


def test_d_that_never_leaves_d0_is_stuck_and_not_settled() -> None:
    assert find_plateau(STEPS, np.full(1000, 1e-6)).state == "stuck"
    assert find_plateau(STEPS, np.full(1000, 1e-6), d0=1e-6).state == "stuck"
    nudged = np.full(1000, 1.45e-6)  # Prodigy moves d once, in its first step, whatever its growth_rate
    nudged[0] = 1e-6
    assert find_plateau(STEPS, nudged).state == "stuck"
    resumed = find_plateau(STEPS + 4000, np.full(1000, 3e-4), d0=1e-6)
    assert resumed.state == "settled"
    unknown = find_plateau(STEPS + 4000, np.full(1000, 3e-4))
    assert unknown.state == "settled"  # nothing says that this is what d began with


def test_a_jump_in_the_last_steps_is_no_plateau() -> None:
    d = staircase(3e-4, 200)
    d[-15:] *= 3
    found = find_plateau(STEPS, d, d0=1e-6)
    assert found.state == "rising"
    assert found.value == pytest.approx(9e-4)
    assert found.low == pytest.approx(9e-4)


def test_a_mean_over_groups_may_fall_and_may_waver() -> None:
    falling = find_plateau(STEPS, 1e-3 * 0.8 ** (STEPS / 100), d0=1e-6)
    assert falling.state == "falling"
    assert falling.rise == pytest.approx(-0.2, rel=0.02)
    wavering = 3e-4 * (1 + 0.05 * np.sin(STEPS / 7))
    found = find_plateau(STEPS, wavering, d0=1e-6)
    assert found.state == "settled"
    assert found.value == pytest.approx(3e-4, rel=0.02)
    assert found.low == pytest.approx(2.85e-4, rel=0.01)
    assert find_plateau(STEPS, 3e-4 * (1 + 0.5 * np.sin(STEPS / 7)), d0=1e-6).state == "uneven"


def test_little_and_damaged_curves() -> None:
    assert find_plateau(STEPS[:40], np.full(40, 3e-4), d0=1e-6).state == "short"
    assert find_plateau(np.array([]), np.array([])).state == "none"
    d = staircase(3e-4, 200)
    d[::7] = np.nan
    d[5::11] = np.inf
    d[3::13] = 0.0
    found = find_plateau(STEPS, d, d0=1e-6)
    assert (found.state, found.value) == ("settled", pytest.approx(3e-4))


# --- runs --------------------------------------------------------------------------------------------------------


def run_of(groups: dict[str, np.ndarray], factor: np.ndarray, *, tensorboard: bool = False, norm: float = 3.0) -> RunMetrics:
    """A run whose groups have these d, and a rate of `factor` at each step."""
    metrics = RunMetrics()
    metrics.feed([Started(time=0.0, optimizer="prodigyopt.Prodigy", total_steps=len(factor))])
    metrics.feed(
        Step(
            time=float(step),
            step=step + 1,
            loss=0.1,
            grad_norm=norm,
            groups=tuple(
                Group(name=name, lr=float(rate), d=None if tensorboard else float(d[step]), d_lr=float(d[step] * rate))
                for name, d in groups.items()
            ),
        )
        for step, rate in enumerate(factor)
    )
    return metrics


COSINE = 0.5 * (1 + np.cos(np.pi * np.arange(1000) / 1000))


@pytest.mark.parametrize("tensorboard", [False, True])
def test_the_scheduler_is_left_out_and_the_given_rate_is_not(tensorboard: bool) -> None:
    d = staircase(4e-4, 200)
    metrics = run_of({"textencoder": d, "unet": d}, 0.5 * COSINE, tensorboard=tensorboard)
    job = Job(options={"optimizer_type": "prodigy", "learning_rate": 0.5})
    found = measure(metrics, job, load_catalogue())
    assert found.has_d
    (group,) = found.groups
    assert group.names == ("textencoder", "unet")  # one d for both
    assert group.rate == pytest.approx(2e-4)
    assert group.low == pytest.approx(2e-4)
    assert group.high == pytest.approx(2e-4)


def test_each_group_of_prodigy_plus_has_a_plateau_of_its_own() -> None:
    metrics = run_of({"textencoder": staircase(5e-5, 300), "unet": staircase(4e-4, 200)}, np.ones(1000))
    job = Job(options={"optimizer_type": "prodigyplus.ProdigyPlusScheduleFree", "learning_rate": 1.0})
    rates = {group.names: group.rate for group in measure(metrics, job, load_catalogue()).groups}
    assert rates == {("textencoder",): pytest.approx(5e-5), ("unet",): pytest.approx(4e-4)}


def test_a_rate_that_no_option_names_is_the_highest_seen() -> None:
    metrics = run_of({"unet": staircase(4e-4, 200), "unet plus": staircase(4e-4, 200)}, 0.25 * COSINE)
    job = Job(options={"optimizer_type": "prodigy", "learning_rate": 1.0})
    rates = {name: group.rate for group in measure(metrics, job, load_catalogue()).groups for name in group.names}
    assert rates == {"unet": pytest.approx(4e-4), "unet plus": pytest.approx(1e-4)}


def test_an_optimizer_without_d_has_the_rate_it_was_given() -> None:
    metrics = RunMetrics()
    metrics.feed(Step(time=float(step), step=step + 1, groups=(Group(name="unet", lr=1e-4),)) for step in range(100))
    found = measure(metrics, Job(options={"optimizer_type": "AdamW", "learning_rate": 1e-4}), load_catalogue())
    assert not found.has_d
    assert [(group.rate, group.low, group.high) for group in found.groups] == [(1e-4, 1e-4, 1e-4)]


@pytest.mark.parametrize(("clip", "expected"), [(None, 1.0), (0.0, 3.0), (5.0, 3.0), (0.5, 0.5)])
def test_the_first_gradient_is_known_as_the_optimizer_got_it(clip: float | None, expected: float) -> None:
    options = {"optimizer_type": "DAdaptSGD", "learning_rate": 1.0} | ({} if clip is None else {"max_grad_norm": clip})
    found = measure(run_of({"unet": staircase(4e-4, 200)}, np.ones(1000)), Job(options=options), load_catalogue())
    assert found.first_gradient == pytest.approx(expected)
