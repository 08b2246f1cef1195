"""From a job to words and back, with the real argparse as the judge."""

from __future__ import annotations

import argparse
import math
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from core.command.build import build_argv, join_path, parse_argv, parse_options, read_argv
from core.command.values import to_words
from core.errors import Problems, ValueProblem
from core.job.model import Job
from core.options.model import Option, OptionKind, OptionSet, OptionValue
from core.options.snapshot import accelerate_options, load_snapshot

SETS = load_snapshot()
TRAIN = SETS["train_network.py"]
COMPANION = "/opt/caddie/core/runs/companion.py"
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
DASHED = st.builds(lambda dashes, rest: dashes + rest, st.sampled_from(["-", "--", "---", "-1", "-.5", "--no=", "-x y="]), TEXTS)
STRINGS = st.one_of(TEXTS, DASHED, st.sampled_from(["", "--", "-", "--learning_rate", "a b", "x.py"]))
FLOATS = st.floats(allow_nan=False)


def scalars(option: Option) -> st.SearchStrategy[Any]:
    if option.kind is OptionKind.INT:
        return st.integers()
    if option.kind is OptionKind.FLOAT:
        return FLOATS
    if option.kind is OptionKind.INT_OR_FLOAT:
        return st.one_of(st.integers(), st.floats(max_value=1, exclude_max=True, allow_nan=False))
    return STRINGS


def values(option: Option) -> st.SearchStrategy[Any]:
    if option.kind in (OptionKind.FLAG, OptionKind.OFF_FLAG):
        return st.booleans()
    return st.lists(scalars(option), max_size=4) if option.is_list else scalars(option)


@st.composite
def some_values(draw: st.DrawFn, options: OptionSet) -> dict[str, OptionValue]:
    chosen = draw(st.lists(st.sampled_from(list(options)), unique_by=lambda option: option.name, max_size=6))
    return {option.name: draw(values(option)) for option in chosen}


@st.composite
def jobs(draw: st.DrawFn) -> Job:
    options = SETS[draw(st.sampled_from(sorted(SETS)))]
    return Job(
        script=options.script,
        options=MappingProxyType(draw(some_values(options))),
        accelerate=MappingProxyType(draw(some_values(accelerate_options()))),
        companion=draw(st.booleans()),
    )


def said(values: OptionSet, given: MappingProxyType[str, OptionValue] | dict[str, OptionValue]) -> dict[str, OptionValue]:
    """Without switches that stay as they are: a command line says those by silence."""
    kept = {}
    for name, value in given.items():
        option = values.get(name)
        silent = option is not None and isinstance(value, bool) and value is option.default
        if not silent:
            kept[name] = value
    return kept


@settings(max_examples=300, deadline=None)
@given(jobs())
def test_a_job_survives_its_command(job: Job) -> None:
    options = SETS[job.script]
    try:
        argv = build_argv(job, python="py thon", checkout="C:\\学習 data", options=options, companion=COMPANION)
    except Problems as problems:
        # Only two things cannot be said: an item with a dash among several, and "--".
        assert all("dash" in problem.en for problem in problems.problems)
        assume(False)
        return
    assert all(isinstance(word, str) for word in argv)
    again = parse_argv(argv, SETS)
    assert again.script == job.script
    assert again.companion == job.companion
    assert dict(again.options) == said(options, job.options)
    assert dict(again.accelerate) == said(accelerate_options(), job.accelerate)
    for name, value in again.options.items():
        assert isinstance(value, type(job.options[name])) or value == job.options[name]


def parser_of(options: OptionSet) -> argparse.ArgumentParser:
    """A real parser with the same options, as sd-scripts would build it."""

    def int_or_float(value: str) -> int | float:
        if value.endswith("%"):
            return float(value[:-1]) / 100.0
        number = float(value)
        return int(value) if number >= 1 else number

    types = {OptionKind.INT: int, OptionKind.FLOAT: float, OptionKind.INT_OR_FLOAT: int_or_float}
    parser = argparse.ArgumentParser(exit_on_error=False)
    for option in options:
        more: dict[str, Any] = {"dest": option.name, "default": option.default}
        if option.kind is OptionKind.FLAG:
            more["action"] = "store_true"
        elif option.kind is OptionKind.OFF_FLAG:
            more["action"] = "store_false"
        else:
            more |= {"type": types.get(option.kind, str), "nargs": option.nargs}
        parser.add_argument(*option.flags, **more)
    return parser


PARSERS = {name: parser_of(options) for name, options in SETS.items()}


@settings(max_examples=200, deadline=None)
@given(jobs())
def test_argparse_reads_what_the_job_says(job: Job) -> None:
    options = SETS[job.script]
    try:
        argv = build_argv(job, python="python", checkout="/sd", options=options, companion=None)
    except Problems:
        assume(False)
        return
    words = argv[len(argv) - argv[::-1].index(f"/sd/{job.script}") :]
    read = vars(PARSERS[job.script].parse_args(words))
    for option in options:
        assert read[option.name] == job.options.get(option.name, option.default)


def test_the_whole_command_in_order() -> None:
    job = Job(
        script="sdxl_train_network.py",
        options={
            "learning_rate": 1e-30,
            "sdpa": True,
            "lowram": False,
            "max_grad_norm": 0,
            "optimizer_args": ["a=1", "b=(1, 2)"],
        },
        accelerate={"num_cpu_threads_per_process": 1},
    )
    argv = build_argv(job, python="/usr/bin/python3", checkout="/sd", options=SETS[job.script], companion=COMPANION)
    assert argv == [
        *("/usr/bin/python3", "-m", "accelerate.commands.launch", "--num_cpu_threads_per_process", "1", COMPANION),
        *("/sd/sdxl_train_network.py", "--learning_rate", "1e-30", "--sdpa", "--max_grad_norm", "0"),
        *("--optimizer_args", "a=1", "b=(1, 2)"),
    ]
    plain = build_argv(replace(job, companion=False), python="p", checkout="/sd", options=SETS[job.script], companion=COMPANION)
    assert COMPANION not in plain


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("learning_rate", 0.0, ["--learning_rate", "0.0"]),
        ("learning_rate", 1e-05, ["--learning_rate", "1e-05"]),
        ("learning_rate", math.inf, ["--learning_rate", "inf"]),
        ("learning_rate", -math.inf, ["--learning_rate=-inf"]),
        ("learning_rate", math.nan, ["--learning_rate", "nan"]),
        ("learning_rate", 1, ["--learning_rate", "1"]),
        ("seed", -1, ["--seed=-1"]),
        ("output_name", "", ["--output_name", ""]),
        ("output_name", "--x", ["--output_name=--x"]),
        ("text_encoder_lr", [-1e-5, 1e-6], ["--text_encoder_lr", "-0.00001", "1e-06"]),
        ("text_encoder_lr", [-1e22, 1.0], ["--text_encoder_lr", "-10000000000000000000000.0", "1.0"]),
        ("text_encoder_lr", [], ["--text_encoder_lr"]),
        ("network_args", ["-x=1"], ["--network_args=-x=1"]),
        ("lr_warmup_steps", 0, ["--lr_warmup_steps", "0"]),
        ("lr_warmup_steps", 0.1, ["--lr_warmup_steps", "0.1"]),
    ],
)
def test_single_values(name: str, value: OptionValue, words: list[str]) -> None:
    assert to_words(TRAIN.options[name], value) == words


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("seed", "42", "whole number"),
        ("seed", 4.5, "whole number"),
        ("seed", True, "whole number"),
        ("learning_rate", "1e-4", "a number"),
        ("learning_rate", 2**60 + 1, "floating-point number"),
        ("resolution", 512, "a text"),
        ("sdpa", "true", "neither True nor False"),
        ("sdpa", 1, "neither True nor False"),
        ("lr_warmup_steps", 10.0, "number of steps is whole"),
        ("optimizer_args", "a=1", "takes a list"),
        ("output_name", ["x"], "not a list"),
        ("network_args", ["-x=1", "y=2"], "dash"),
        ("output_name", "--", "two dashes"),
        ("network_args", ["--"], "two dashes"),
        ("output_name", "a\0b", "no command line can carry"),
        ("output_name", "\ud800", "no command line can carry"),
    ],
)
def test_what_no_command_line_can_say(name: str, value: Any, reason: str) -> None:
    with pytest.raises(ValueProblem, match=reason) as caught:
        to_words(TRAIN.options[name], value)
    assert name not in caught.value.text.en  # who asks knows it, and says it where it is not plain to see


def test_all_problems_are_said_at_once() -> None:
    job = Job(options={"seed": "x", "sdpa": "false", "no_such": False, "bad name": 1}, accelerate={"num_processes": 1.5})
    with pytest.raises(Problems) as caught:
        build_argv(job, python="p", checkout="/sd", options=TRAIN, companion=None)
    assert [problem.en.partition(":")[0] for problem in caught.value.problems] == [
        "num_processes",
        "seed",
        "sdpa",
        "no_such",
        "bad name",
    ]


def test_the_rest_of_a_command_that_cannot_be_said_is_shown_with_a_stand_in() -> None:
    job = Job(options={"learning_rate": 1e-4, "seed": "4x", "no_such": False}, accelerate={"num_processes": 1.5})
    argv = build_argv(job, python="p", checkout="/sd", options=TRAIN, companion=None, stand_in="???")
    assert argv[3:] == [
        *("--num_processes", "???"),
        "/sd/train_network.py",
        *("--learning_rate", "0.0001", "--seed", "???", "--no_such", "???"),
    ]


def test_unknown_options_are_written_for_the_script_to_refuse() -> None:
    job = Job(options={"new_a": 3, "new_b": True, "new_c": ["x", "y"], "new_d": -0.5, "new_e": "-x"})
    argv = build_argv(job, python="p", checkout="/sd", options=TRAIN, companion=None)
    assert argv[4:] == ["--new_a", "3", "--new_b", "--new_c", "x", "y", "--new_d=-0.5", "--new_e=-x"]


@pytest.mark.parametrize(
    ("argv", "script"),
    [
        (["accelerate", "launch", "--num_processes=1", "train_network.py", "--seed", "1"], "train_network.py"),
        (["C:\\venv\\Scripts\\accelerate.exe", "launch", "C:\\sd\\train_network.py", "--seed=1"], "train_network.py"),
        (["accelerate-launch", "--num-processes", "1", "./train_network.py", "--seed", "1"], "train_network.py"),
        (["python", "-u", "sdxl_train_network.py", "--seed", "1"], "sdxl_train_network.py"),
        (["train_network.py", "--see", "1"], None),
    ],
)
def test_other_spellings(argv: list[str], script: str | None) -> None:
    if script is None:
        job, problems = read_argv(argv, SETS)
        assert [problem.en for problem in problems] == ["--see is short for --seed."]
        assert job.options["seed"] == 1
        return
    job = parse_argv(argv, SETS)
    assert (job.script, job.options["seed"], job.companion) == (script, 1, False)


@pytest.mark.parametrize(
    ("words", "problem", "values"),
    [
        (["--seed"], "has no value", {}),
        (["--seed", "x"], "not a whole number", {"seed": "x"}),
        (["--sdpa=1"], "takes no value", {"sdpa": True}),
        (["--nope", "1", "2"], "no option", {"nope": ["1", "2"]}),
        (["--nope"], "no option", {"nope": True}),
        (["stray", "--seed", "1"], "belongs to no option", {"seed": 1}),
        (["--seed", "1", "--seed", "2"], "given twice", {"seed": 2}),
        (["--seed", "1", "2"], "belongs to no option", {"seed": 1}),
        (["--lr_warmup_steps", "1.5"], "not a number", {"lr_warmup_steps": "1.5"}),
    ],
)
def test_every_problem_is_said_and_the_rest_is_read(words: list[str], problem: str, values: dict[str, OptionValue]) -> None:
    parsed = parse_options(words, TRAIN)
    assert len(parsed.problems) == 1
    assert problem in parsed.problems[0].en
    assert parsed.values == values


def test_a_share_in_percent() -> None:
    assert parse_options(["--lr_warmup_steps", "10%"], TRAIN).values == {"lr_warmup_steps": 0.1}


def test_no_script_is_a_problem() -> None:
    with pytest.raises(Problems, match="no training script"):
        parse_argv(["accelerate", "launch", "--num_processes", "1"], SETS)
    with pytest.raises(Problems, match="unknown"):
        parse_argv(["python", "other_train.py"], SETS)


@pytest.mark.parametrize(
    ("folder", "path"),
    [
        ("/sd scripts", "/sd scripts/t.py"),
        ("C:\\sd", "C:\\sd\\t.py"),
        ("C:/sd", "C:/sd\\t.py"),
        ("\\\\server\\share", "\\\\server\\share\\t.py"),
        ("D:\\", "D:\\t.py"),
    ],
)
def test_paths_join_as_their_own_system_does(folder: str, path: str) -> None:
    assert join_path(folder, "t.py") == path
