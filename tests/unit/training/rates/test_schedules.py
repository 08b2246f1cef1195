"""Learning rates step by step, against sd-scripts' own (tests/golden/make_rates.py) and the libraries' functions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import optimization
from transformers.optimization import Adafactor

from core.errors import CaddieError
from core.training.options import OptionReader
from core.training.rates.schedules import SCHEDULERS, build_schedule, learning_rates
from core.training.rates.settings import RateSettings, read_settings

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parents[3] / "golden" / "rates.json").read_text(encoding="utf-8"))
STEPS: int = GOLDEN["steps"]
RIGHT = [case for case in GOLDEN["cases"] if "rates" in case]
WRONG = [case for case in GOLDEN["cases"] if "error" in case]


def settings_of(options: dict[str, Any]) -> RateSettings:
    reader = OptionReader(options)
    settings = read_settings(reader)
    reader.finish()
    return settings


def toy(rates: list[float]) -> torch.optim.Optimizer:
    groups = [{"params": [torch.zeros(1, requires_grad=True)], "lr": rate} for rate in rates]
    return torch.optim.SGD(groups, lr=rates[0])


def rates_of(settings: RateSettings, start: list[float], steps: int) -> list[list[float]]:
    optimizer = toy(start)
    schedule = build_schedule(settings, optimizer, steps)
    found: list[list[float]] = []
    for _ in range(steps):
        found.append([float(group["lr"]) for group in optimizer.param_groups])
        optimizer.step()
        if schedule is not None:
            schedule.step()
    return found


@pytest.mark.parametrize("case", RIGHT, ids=lambda case: str(case["options"]))
def test_the_rates_are_those_of_sd_scripts(case: dict[str, Any]) -> None:
    found = rates_of(settings_of(case["options"]), GOLDEN["start"], STEPS)
    assert found == [pytest.approx(rates, rel=1e-12, abs=1e-18) for rates in case["rates"]]


@pytest.mark.parametrize("case", WRONG, ids=lambda case: str(case["options"]))
def test_what_sd_scripts_cannot_do_is_said_before_the_start(case: dict[str, Any]) -> None:
    with pytest.raises(CaddieError) as caught:
        build_schedule(settings_of(case["options"]), toy([1e-3]), STEPS)
    name = case["options"].get("lr_scheduler_type") or case["options"]["lr_scheduler"]
    assert name in caught.value.text.en
    assert name in caught.value.text.ja


def test_every_scheduler_is_in_the_golden_table() -> None:
    named = {case["options"].get("lr_scheduler", "constant") for case in RIGHT}
    assert named == set(SCHEDULERS) - {"adafactor"}


def test_adafactors_own_scheduler() -> None:
    parameters = [torch.linspace(0.1, 1.0, 12).reshape(3, 4).requires_grad_(), torch.linspace(-1, 1, 5).requires_grad_()]
    optimizer = Adafactor([{"params": [parameter]} for parameter in parameters], lr=None, relative_step=True)
    # lr_scheduler says something else: AdaFactor with a relative step reports its own rate nevertheless.
    schedule = build_schedule(settings_of({"lr_scheduler": "cosine", "learning_rate": 1e-4}), optimizer, 6)
    assert schedule is not None
    found: list[list[float]] = []
    for _ in range(6):
        for parameter in parameters:
            parameter.grad = parameter.detach() * 0.5 + 0.1
        optimizer.step()
        schedule.step()
        found.append([float(rate) for rate in schedule.get_last_lr()])
    assert found == [pytest.approx(rates, rel=1e-6) for rates in GOLDEN["adafactor"]]


def test_the_tables_are_those_of_transformers_own_functions() -> None:
    cases: list[tuple[dict[str, Any], Any, dict[str, Any]]] = [
        ({"lr_scheduler": "cosine", "lr_warmup_steps": 7}, optimization.get_cosine_schedule_with_warmup, {"num_warmup_steps": 7}),
        ({"lr_scheduler": "linear"}, optimization.get_linear_schedule_with_warmup, {"num_warmup_steps": 0}),
        (
            {"lr_scheduler": "cosine_with_restarts", "lr_scheduler_num_cycles": 4, "lr_warmup_steps": "10%"},
            optimization.get_cosine_with_hard_restarts_schedule_with_warmup,
            {"num_warmup_steps": 10, "num_cycles": 4},
        ),
    ]
    for options, function, given in cases:
        optimizer = toy([3e-4])
        schedule = function(optimizer, num_training_steps=100, **given)
        wanted: list[float] = []
        for _ in range(100):
            wanted.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            schedule.step()
        assert learning_rates(settings_of({**options, "learning_rate": 3e-4}), 100) == wanted


@pytest.mark.parametrize("options", [{"lr_scheduler": "cosine", "lr_warmup_steps": 3}, {"lr_scheduler_type": "OneCycleLR"}])
def test_a_resumed_schedule_goes_on_as_if_never_stopped(options: dict[str, Any], tmp_path: Path) -> None:
    if "lr_scheduler_type" in options:
        options = {**options, "lr_scheduler_args": ["max_lr=0.01", "total_steps=20"]}
    settings = settings_of(options)
    whole = rates_of(settings, [1e-3], 20)
    optimizer = toy([1e-3])
    schedule = build_schedule(settings, optimizer, 20)
    assert schedule is not None
    for _ in range(9):
        optimizer.step()
        schedule.step()
    torch.save({"optimizer": optimizer.state_dict(), "schedule": schedule.state_dict()}, tmp_path / "state.pt")
    # A state is read without unpickling code.
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    other = toy([1e-3])
    again = build_schedule(settings, other, 20)
    assert again is not None
    other.load_state_dict(state["optimizer"])
    again.load_state_dict(state["schedule"])
    found: list[list[float]] = []
    for _ in range(9, 20):
        found.append([other.param_groups[0]["lr"]])
        other.step()
        again.step()
    assert found == whole[9:]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"lr_scheduler": "cosin"}, "Did you mean cosine?"),
        ({"lr_scheduler": "linear", "lr_scheduler_args": ["num_warmup_steps=3"]}, "option of its own"),
        ({"lr_scheduler": "cosine", "lr_scheduler_args": ["num_cycle=3"]}, "did you mean num_cycles?"),
        ({"lr_scheduler_type": "StepLr", "lr_scheduler_args": ["step_size=3"]}, "did you mean StepLR?"),
        ({"lr_scheduler_type": "no_such_package.StepLR"}, "no_such_package"),
        ({"lr_scheduler_type": "ReduceLROnPlateau"}, "metrics"),
        ({"lr_scheduler_type": "StepLR"}, "step_size"),
        ({"lr_scheduler": "adafactor"}, "SGD"),
        ({"lr_scheduler": "reduce_lr_on_plateau"}, "constant_with_warmup"),
    ],
)
def test_errors_say_what_to_do(options: dict[str, Any], named: str) -> None:
    with pytest.raises(CaddieError) as caught:
        build_schedule(settings_of(options), toy([1e-3]), 10)
    assert named in caught.value.text.en


def test_adafactor_without_a_relative_step_takes_another_scheduler() -> None:
    optimizer = Adafactor([torch.zeros(2, requires_grad=True)], lr=1e-3, relative_step=False, scale_parameter=False)
    assert build_schedule(settings_of({"lr_scheduler": "constant_with_warmup"}), optimizer, 10) is not None
    with pytest.raises(CaddieError) as caught:
        build_schedule(settings_of({"lr_scheduler": "adafactor"}), optimizer, 10)
    assert "relative_step=True" in caught.value.text.en
