"""The preview of the learning rates is what transformers' and diffusers' own functions give, at every step."""

from __future__ import annotations

import pytest

from core.effective.curve import Schedule, factor_of
from core.training.rates.schedules import learning_rates
from core.training.rates.settings import RateSettings

STEPS = 60


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("constant", {}),
        ("constant_with_warmup", {"warmup": 7}),
        ("linear", {}),
        ("linear", {"warmup": 9}),
        ("cosine", {}),
        ("cosine", {"warmup": 5}),
        ("cosine_with_restarts", {"cycles": 3, "warmup": 4}),
        ("cosine_with_restarts", {"cycles": 1}),
        ("polynomial", {"power": 2.0, "warmup": 3}),
        ("polynomial", {}),
        ("inverse_sqrt", {"warmup": 6}),
        ("inverse_sqrt", {"timescale": 20, "warmup": 6}),
        ("cosine_with_min_lr", {"min_ratio": 0.1, "warmup": 5}),
        ("cosine_with_min_lr", {"min_ratio": 0.2, "cycles": 3}),
        ("warmup_stable_decay", {"warmup": 6, "decay": 20, "min_ratio": 0.1}),
        ("warmup_stable_decay", {"warmup": 0, "decay": 30, "cycles": 2}),
        ("linear", {"warmup": 60}),
        ("cosine", {"warmup": 80}),
    ],
)
@pytest.mark.parametrize("rate", [1e-4, 1.0])
def test_every_step_has_the_rate_of_the_original(name, given, rate):
    real = learning_rates(RateSettings(scheduler=name, learning_rate=rate, **given), STEPS)
    factor = factor_of(Schedule(name=name, steps=STEPS, start=rate, **given))
    assert factor is not None
    assert [rate * factor(step) for step in range(STEPS)] == pytest.approx(real, rel=1e-12, abs=1e-18)


def test_steps_by_rules():
    rules = "1:10,0.1:20,0.005"
    settings = RateSettings(scheduler="piecewise_constant", learning_rate=1e-3, scheduler_arguments={"step_rules": rules})
    factor = factor_of(Schedule(name="piecewise_constant", steps=STEPS, rules=rules))
    assert factor is not None
    assert [1e-3 * factor(step) for step in range(STEPS)] == pytest.approx(learning_rates(settings, STEPS), rel=1e-12)


def test_what_follows_the_weights_or_is_a_class_has_no_formula():
    assert factor_of(Schedule(name="adafactor", steps=STEPS)) is None
    assert factor_of(Schedule(name="mine", steps=STEPS)) is None
