"""What the built-in trainer understands of a job's options, and what it says of the rest."""

from __future__ import annotations

from typing import Any

import pytest

from core.errors import Problems
from core.training.options import OptionReader
from core.training.settings import LoopSettings, read_log, read_loop, read_samples, read_saves, read_validation


def test_a_job_that_says_nothing_gets_the_defaults_of_sd_scripts() -> None:
    options = OptionReader({})
    loop = read_loop(options)
    options.finish()
    assert loop == LoopSettings()
    assert (loop.steps, loop.max_grad_norm, loop.accumulation) == (1600, 1.0, 1)


def test_what_nobody_reads_is_named() -> None:
    options = OptionReader({"max_train_steps": 3, "deepspeed": True, "wandb_api_key": "secret"})
    read_loop(options)
    with pytest.raises(Problems) as caught:
        options.finish()
    assert [problem.en.split()[0] for problem in caught.value.problems] == ["deepspeed", "wandb_api_key"]
    assert "sd-scripts" in caught.value.heading.en


def test_a_switch_that_is_off_asks_for_nothing() -> None:
    options = OptionReader({"deepspeed": False})
    options.finish()


def test_zero_is_a_value() -> None:
    options = OptionReader({"max_grad_norm": 0, "seed": 0})
    loop = read_loop(options)
    assert (loop.max_grad_norm, loop.seed) == (0, 0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_train_steps", "400"),
        ("max_train_steps", True),
        ("max_train_steps", 0),
        ("max_grad_norm", "1"),
        ("max_grad_norm", float("nan")),
        ("gradient_checkpointing", "false"),
        ("mixed_precision", "fp99"),
        ("caddie_nan", "never"),
    ],
)
def test_a_value_that_will_not_do_is_named_and_not_bent(name: str, value: bool | str | float) -> None:
    options = OptionReader({name: value})
    read_loop(options)
    with pytest.raises(Problems) as caught:
        options.finish()
    (problem,) = caught.value.problems
    assert name in problem.en
    assert name in problem.ja


def test_all_problems_come_at_once() -> None:
    options = OptionReader({"seed": "x", "save_model_as": "ckpt", "sample_every_n_steps": -1, "validation_split": "y"})
    for read in (read_loop, read_saves, read_samples, read_validation):
        read(options)
    with pytest.raises(Problems) as caught:
        options.finish()
    assert len(caught.value.problems) == 4


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"full_fp16": True, "mixed_precision": "fp16"}, "full_bf16"),
        ({"torch_compile": True, "dynamo_backend": "eager"}, "inductor"),
        ({"log_with": "tensorboard"}, "logging_dir"),
        ({"save_every_n_epochs": 1, "save_last_n_epochs": 0}, "less than 1"),
    ],
)
def test_what_would_not_do_what_it_says_is_refused_with_the_reason(options: dict[str, Any], words: str) -> None:
    reader = OptionReader(options)
    for read in (read_loop, read_saves, read_log):
        read(reader)
    (problem,) = reader.problems
    assert words in problem.en


def test_zero_states_are_as_many_as_files() -> None:
    """`if args.save_last_n_epochs_state` in sd-scripts: 0 is no number of their own there."""
    saves = read_saves(OptionReader({"save_last_n_epochs": 2, "save_last_n_epochs_state": 0, "skip_until_initial_step": True}))
    assert (saves.last_epochs, saves.last_epochs_state) == (2, None)


def test_full_bf16_needs_its_precision() -> None:
    options = OptionReader({"full_bf16": True, "mixed_precision": "fp16"})
    read_loop(options)
    assert "full_bf16" in options.problems[0].en
