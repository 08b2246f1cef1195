"""What a job may say about the optimizer and the learning rates; known without torch."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from core.training.options import OptionReader
from core.training.rates.settings import OptimizerSettings, RateSettings, read_settings


def test_a_job_that_says_nothing_gets_the_defaults_of_sd_scripts() -> None:
    options = OptionReader({})
    settings = read_settings(options)
    options.finish()
    assert settings == RateSettings()
    assert (settings.optimizer.name, settings.learning_rate, settings.scheduler) == ("AdamW", 2e-6, "constant")


def test_arguments_are_python_literals() -> None:
    texts = ["betas=(0.9,0.99)", "weight_decay=1e-2", "foreach=None", "mode='word'", "decouple=True", "eps= 1e999"]
    options = OptionReader({"optimizer_type": "Prodigy", "optimizer_args": texts})
    found = read_settings(options).optimizer.arguments
    assert not options.problems
    assert found == {
        "betas": (0.9, 0.99),
        "weight_decay": 0.01,
        "foreach": None,
        "mode": "word",
        "decouple": True,
        "eps": float("inf"),
    }


@pytest.mark.parametrize(
    "text", ["betas", "betas = (0.9, 0.99)", "mode=a=b", "=1", "decouple=true", "d0=1e-6,", "eps=", "x=f(1)"]
)
def test_malformed_arguments_are_named(text: str) -> None:
    for option in ("optimizer_args", "lr_scheduler_args"):
        options = OptionReader({option: ["fine=1", text]})
        read_settings(options)
        if text == "d0=1e-6,":  # a literal, if an odd one: a tuple of one
            assert not options.problems
            continue
        (problem,) = options.problems
        assert problem.en.startswith(option) and text in problem.en


@pytest.mark.parametrize(("value", "read"), [(100, 100), (0.1, 0.1), ("10%", 0.1), (0, 0), (1.0, 1.0)])
def test_steps_and_shares(value: Any, read: float) -> None:
    options = OptionReader({"lr_warmup_steps": value, "lr_decay_steps": value})
    settings = read_settings(options)
    assert not options.problems
    assert (settings.warmup, settings.decay) == (read, read)
    assert type(settings.warmup) is type(read)


@pytest.mark.parametrize("value", [100.0, -1, -0.1, "ten", "x%", True, float("nan")])
def test_neither_steps_nor_share(value: Any) -> None:
    options = OptionReader({"lr_warmup_steps": value})
    read_settings(options)
    (problem,) = options.problems
    assert problem.en.startswith("lr_warmup_steps")


def test_the_older_ways_to_name_an_optimizer() -> None:
    assert read_settings(OptionReader({"use_8bit_adam": True})).optimizer == OptimizerSettings(name="AdamW8bit")
    assert read_settings(OptionReader({"use_lion_optimizer": True})).optimizer == OptimizerSettings(name="Lion")
    for contradictory in ({"use_8bit_adam": True, "optimizer_type": "Lion"}, {"use_8bit_adam": True, "use_lion_optimizer": True}):
        options = OptionReader(contradictory)
        read_settings(options)
        assert len(options.problems) == 1


def test_settings_need_no_torch() -> None:
    code = "import sys, core.training.rates.settings, core.training.objective.settings; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
