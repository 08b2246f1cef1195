"""The judge hears every witness; the error named is never the launcher's."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from core.runs.judge import Evidence, judge
from core.runs.log_errors import find_error, hide_secrets, without_launcher
from core.runs.outcome import Ending

DONE = Evidence(exit_code=0, how="returned", steps=10, total_steps=10, last_loss=0.1, files=("out/a.safetensors",))

LAUNCHED = """\
Traceback (most recent call last):
  File "train_network.py", line 5096, in get_optimizer
    optimizer = optimizer_class(trainable_params, lr=lr, **optimizer_kwargs)
TypeError: AdamW.__init__() got an unexpected keyword argument 'foo'
steps:   0%|          | 0/10 [00:00<?, ?it/s]
Traceback (most recent call last):
  File "accelerate/commands/launch.py", line 795, in simple_launcher
    raise subprocess.CalledProcessError(returncode=process.returncode, cmd=cmd)
subprocess.CalledProcessError: Command '['python', 'train.py', '--wandb_api_key', 'secret']' returned non-zero exit status 1.
""".splitlines()


@pytest.mark.parametrize(
    ("changes", "ending"),
    [
        ({}, Ending.FINISHED),
        ({"how": ""}, Ending.FINISHED),
        ({"exit_code": -11}, Ending.FINISHED),
        ({"exit_code": None}, Ending.FINISHED),
        ({"exit_code": None, "how": ""}, Ending.LOST),
        ({"exit_code": 1, "how": ""}, Ending.FAILED),
        ({"exit_code": 1, "how": "raised"}, Ending.FAILED),
        ({"steps": 0, "last_loss": None, "files": ()}, Ending.FAILED),
        ({"steps": 9}, Ending.FAILED),
        ({"files": ()}, Ending.FAILED),
        ({"files": (), "expects_files": False}, Ending.FINISHED),
        ({"last_loss": math.nan, "first_nan": 3}, Ending.FAILED),
        ({"total_steps": None}, Ending.FINISHED),
        ({"stop_requested": True, "steps": 4, "how": "stopped", "exit_code": 1}, Ending.STOPPED),
        ({"stop_requested": True, "steps": 4, "how": "", "exit_code": -15}, Ending.STOPPED),
        ({"stop_requested": True, "steps": 4, "how": "", "exit_code": None}, Ending.STOPPED),
        ({"stop_requested": True}, Ending.FINISHED),
        ({"stop_requested": True, "steps": 4, "how": "raised", "exit_code": 1}, Ending.FAILED),
        ({"how": "stopped", "steps": 4, "exit_code": -2}, Ending.STOPPED),
    ],
)
def test_endings(changes: dict[str, object], ending: Ending) -> None:
    outcome = judge(replace(DONE, **changes))  # type: ignore[arg-type]
    assert outcome.ending is ending
    assert outcome.sentence.en
    assert outcome.sentence.ja


def test_the_launchers_traceback_is_not_the_error() -> None:
    outcome = judge(replace(DONE, exit_code=1, how="", steps=0, lines=tuple(LAUNCHED)))
    assert outcome.error == "TypeError: AdamW.__init__() got an unexpected keyword argument 'foo'"
    assert outcome.explanation is not None
    assert "AdamW" in outcome.explanation.en
    assert "foo" in outcome.explanation.ja
    assert not any("secret" in line for line in outcome.tail)
    assert any("returned non-zero exit status 1" in line for line in outcome.tail)


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        (["train_network.py: error: unrecognized arguments: --x 1"], "train_network.py: error: unrecognized arguments: --x 1"),
        (
            ["  INFO fine", "  ERROR    No data found. Please verify  train_network.py:576", "  INFO bye"],
            "ERROR    No data found. Please verify",
        ),
        (["all is well"], ""),
        (["Segmentation fault (core dumped)"], "Segmentation fault (core dumped)"),
        (
            ["voluptuous.error.MultipleInvalid: extra keys not allowed"],
            "voluptuous.error.MultipleInvalid: extra keys not allowed",
        ),
        (
            ["Traceback (most recent call last):", '  File "x"', "ValueError: first", "  detail", "", "INFO later"],
            "ValueError: first",
        ),
        (["Traceback (most recent call last):", '  File "x"', "safetensors_rust.SafetensorError: header"], None),
    ],
)
def test_the_line_that_matters(lines: list[str], error: str | None) -> None:
    assert find_error(lines) == (lines[-1] if error is None else error)


def test_a_chained_traceback_ends_in_its_last_exception() -> None:
    lines = [
        "Traceback (most recent call last):",
        '  File "a"',
        "KeyError: 'x'",
        "During handling of the above exception, another exception occurred:",
        "Traceback (most recent call last):",
        '  File "b"',
        "RuntimeError: the real one",
    ]
    assert find_error(lines) == "RuntimeError: the real one"


def test_what_other_processes_said_after_the_launcher_is_kept() -> None:
    assert "from another rank" in without_launcher([*LAUNCHED, "from another rank"])


@pytest.mark.parametrize(
    "line",
    [
        "--wandb_api_key=SECRET",
        "--wandb_api_key SECRET",
        "['--huggingface_token', 'SECRET']",
        "hf_" + "SECRET" * 5,
        "Namespace(wandb_api_key='SECRET', seed=1)",
        "{'huggingface_token': 'SECRET'}",
        'wandb_api_key = "SECRET"',
    ],
)
def test_keys_are_hidden(line: str) -> None:
    assert "SECRET" not in hide_secrets(line)


def test_a_line_of_blanks_is_no_endless_search() -> None:
    # An expression that tries every beginning needs a minute a line; the suite's time limit would end it.
    blanks = " " * 60_000
    assert find_error([f"a{blanks}x.py:1 ERROR"] * 5).startswith("a ")
    assert find_error([f"ERROR no data{blanks}train_util.py:7"]) == "ERROR no data"


def test_exit_of_the_argument_parser_names_what_was_printed() -> None:
    lines = ("train_network.py: error: argument --x: invalid int value: 'four'",)
    outcome = judge(Evidence(exit_code=2, how="raised", raised="SystemExit: 2", lines=lines))
    assert outcome.error == lines[0]
    assert outcome.advice is not None
