"""What a job may say about the objective."""

from __future__ import annotations

from typing import Any

import pytest

from core.training.objective.settings import ObjectiveSettings, read_settings
from core.training.options import OptionReader


def test_a_job_that_says_nothing_gets_the_defaults_of_sd_scripts() -> None:
    options = OptionReader({})
    assert read_settings(options) == ObjectiveSettings()
    options.finish()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"adaptive_noise_scale": 0.1}, "noise_offset"),
        ({"scale_v_pred_loss_like_noise_pred": True}, "v_parameterization"),
        ({"v_pred_like_loss": 0.1, "v_parameterization": True}, "v_parameterization"),
        ({"min_timestep": 500, "max_timestep": 400}, "max_timestep = 400"),
        ({"max_timestep": 1001}, "1000"),
        ({"min_timestep": 1000}, "1000"),
        ({"loss_type": "huber", "huber_c": 0.0}, "more than 0"),
        ({"loss_type": "mse"}, "smooth_l1"),
        ({"huber_schedule": "linear"}, "exponential"),
        ({"multires_noise_iterations": 1.5}, "whole number"),
    ],
)
def test_what_cannot_be_is_refused(options: dict[str, Any], named: str) -> None:
    reader = OptionReader(options)
    read_settings(reader)
    (problem,) = reader.problems
    assert problem.en.split()[0] in options
    assert named in problem.en


def test_the_lowest_and_highest_timestep_can_be_the_same() -> None:
    reader = OptionReader({"min_timestep": 999, "max_timestep": 999})
    settings = read_settings(reader)
    assert not reader.problems
    assert (settings.min_timestep, settings.max_timestep) == (999, 999)
