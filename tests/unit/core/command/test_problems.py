"""What would fail is said before the start."""

from __future__ import annotations

import pytest

from core.catalogue.loader import load_catalogue
from core.command.problems import problems
from core.job.model import Job
from core.options.model import OptionValue
from core.options.snapshot import load_snapshot

TRAIN = load_snapshot()["train_network.py"]
CATALOGUE = load_catalogue()


def said(**options: OptionValue) -> list[str]:
    return [problem.en for problem in problems(Job(options=options), TRAIN, CATALOGUE)]


def test_a_good_job_has_none() -> None:
    assert (
        said(
            learning_rate=1e-4,
            mixed_precision="bf16",
            max_token_length=150,
            optimizer_type="AdamW",
            optimizer_args=["weight_decay=0.1", "betas=0.9,0.99", "eps=1e-30"],
            network_args=["conv_dim=4", "x=y=z"],
            lr_scheduler_args=["last_epoch=-1"],
        )
        == []
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"learning_rat": 1e-4}, ["learning_rat is no option of train_network.py. Did you mean learning_rate?"]),
        ({"mixed_precision": "fp61"}, ["mixed_precision = 'fp61' is not one of: no, fp16, bf16. Did you mean fp16?"]),
        ({"max_train_steps": "4"}, ["max_train_steps = '4': has to be a whole number."]),
        ({"network_train_unet_only": "false"}, ["network_train_unet_only = 'false': has to be true or false."]),
        ({"resolution": 64}, ["resolution = 64: has to be a text."]),
        ({"max_token_length": 100}, ["max_token_length = 100 is not one of: 150, 225."]),
        ({"optimizer_args": ["weight_decay"]}, ["optimizer_args: 'weight_decay': needs exactly one '='."]),
        ({"optimizer_args": ["a=b=c"], "optimizer_type": "my.Own"}, ["optimizer_args: 'a=b=c': needs exactly one '='."]),
        ({"network_args": ["conv_dim"]}, ["network_args: 'conv_dim': has to be name=value."]),
        ({"optimizer_args": ["foo=1"], "optimizer_type": "my.Own"}, []),
        (
            {"optimizer_args": ["relative_step=false"], "optimizer_type": "adafactor"},
            ["optimizer_args: 'relative_step=false': 'false' is not a Python literal (did you mean False?)."],
        ),
        (
            {"optimizer_args": ["weight_decy=1"], "optimizer_type": "AdamW"},
            ["optimizer_args: AdamW has no argument weight_decy. Did you mean weight_decay?"],
        ),
        ({"optimizer_args": ["betas=(0.9,)"]}, ["optimizer_args: betas=(0.9,): needs 2 numbers, has 1."]),
        ({"optimizer_args": [" eps=1e-8"]}, ["optimizer_args: ' eps=1e-8': ' eps' cannot be a name."]),
        (
            {"optimizer_args": ["eps=1e-8", "eps=1e-9"]},
            ["optimizer_args: 'eps=1e-9': is given twice; the last one counts."],
        ),
        ({"optimizer_args": "eps=1e-8"}, ["optimizer_args = 'eps=1e-8': takes a list: ['eps=1e-8']."]),
    ],
)
def test_each_fault(options: dict[str, OptionValue], words: list[str]) -> None:
    assert said(**options) == words


def test_accelerate_is_checked_too() -> None:
    job = Job(accelerate={"num_processes": "two", "no_such": 1, "mixed_precision": "fp12"})
    found = [problem.en for problem in problems(job, TRAIN, CATALOGUE)]
    assert len(found) == 3
    assert found[1] == "no_such is no option of accelerate launch."
