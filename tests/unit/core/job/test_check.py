"""What would fail is said before the start, at the field it is about."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.catalogue.kinds import LiteralKind
from core.catalogue.loader import load_catalogue
from core.catalogue.spec import ArgumentSpec
from core.command.build import build_argv
from core.errors import Problems
from core.job.check import argument_faults, argument_problem, job_faults, literal_problem, refuse_faults
from core.job.model import Job
from core.options.model import OptionKind, OptionSet, OptionValue
from core.options.snapshot import load_snapshot, snapshot_for
from core.text import same

TRAIN = load_snapshot()["train_network.py"]
CATALOGUE = load_catalogue()
NOBODY_KNOWS = OptionSet("own.py", {}, "checkout")


def keys(job: Job, options: OptionSet = TRAIN) -> list[str]:
    return [fault.key for fault in job_faults(job, options, CATALOGUE)]


def said(**options: OptionValue) -> list[str]:
    return [fault.sentence().en for fault in job_faults(Job(options=options), TRAIN, CATALOGUE)]


def test_a_good_job_has_none() -> None:
    assert (
        said(
            learning_rate=1e-4,
            max_grad_norm=0.0,
            cache_latents=False,
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
        ({"learning_rat": 1e-4}, ["learning_rat: train_network.py has no such option. Did you mean learning_rate?"]),
        ({"mixed_precision": "fp61"}, ["mixed_precision: 'fp61' is not one of: no, fp16, bf16. Did you mean fp16?"]),
        ({"max_train_steps": "4"}, ["max_train_steps: '4' is a text, not a whole number."]),
        ({"max_train_steps": "4x"}, ["max_train_steps: '4x' is not a whole number."]),
        ({"max_train_steps": 4.0}, ["max_train_steps: 4.0 is not a whole number."]),
        ({"learning_rate": math.nan}, ["learning_rate: NaN is not a usable number."]),
        ({"learning_rate": 2**60 + 1}, [f"learning_rate: {2**60 + 1}: no floating-point number is exactly this."]),
        ({"lr_warmup_steps": 1.5}, ["lr_warmup_steps: 1.5: a share of all steps is below 1, and a number of steps is whole."]),
        ({"network_train_unet_only": "false"}, ["network_train_unet_only: 'false' is neither True nor False."]),
        ({"resolution": 64}, ["resolution: 64 is not a text."]),
        ({"max_token_length": 100}, ["max_token_length: 100 is not one of: 150, 225."]),
        ({"text_encoder_lr": "1e-4, x"}, ["text_encoder_lr: 'x' is not a number (examples: 0.0001, 1e-4, inf)."]),
        ({"output_name": "--"}, ["output_name: '--': two dashes alone cannot be given as a value."]),
        ({"optimizer_args": ["weight_decay"]}, ["weight_decay: needs a value: name=value."]),
        ({"optimizer_args": ["a=b=c"], "optimizer_type": "my.Own"}, ["a: sd-scripts cannot take a value with '=' in it."]),
        ({"network_args": ["conv_dim"]}, ["network_args: 'conv_dim' has to be name=value."]),
        ({"lr_scheduler_args": ["last_epoch=x"]}, ["lr_scheduler_args: 'last_epoch=x': 'x' is not a Python literal"]),
        ({"optimizer_args": ["foo=1"], "optimizer_type": "my.Own"}, []),
        ({"optimizer_args": ["foo={'a': (1, True)}"], "optimizer_type": "my.Own"}, []),
        (
            {"optimizer_args": ["foo=true"], "optimizer_type": "my.Own"},
            ["foo: sd-scripts cannot read 'true'; it has to be written True."],
        ),
        (
            {"optimizer_args": ["relative_step=false"], "optimizer_type": "adafactor"},
            ["relative_step: sd-scripts cannot read 'false'; it has to be written False."],
        ),
        (
            {"optimizer_args": ["weight_decy=1"], "optimizer_type": "AdamW"},
            ["weight_decy: AdamW has no such argument. Did you mean weight_decay?"],
        ),
        ({"optimizer_args": ["betas=(0.9,)"]}, ["betas: needs 2 numbers, has 1."]),
        ({"optimizer_args": [" eps=1e-8"]}, ["eps: ' eps' cannot be the name of an argument."]),
        ({"optimizer_args": ["eps=1e-8", "eps=1e-9"]}, ["eps: is given twice; only the last one counts."]),
        ({"optimizer_args": ["eps="]}, ["eps: has no value."]),
        ({"optimizer_args": "eps=1e-8"}, ["optimizer_args: takes a list: ['eps=1e-8']."]),
    ],
)
def test_each_fault(options: dict[str, OptionValue], words: list[str]) -> None:
    found = said(**options)
    assert len(found) == len(words)
    for one, expected in zip(found, words, strict=True):
        assert one.startswith(expected)


def test_all_wrong_values_are_found_at_once_with_their_fields() -> None:
    job = Job(options={"learning_rate": "1e-", "seed": 1.5, "mixed_precision": "fp15", "cache_latents": "false"})
    job = job.with_optimizer("AdamW").with_arguments({"betas": "(0.9,)", "eps": "1e-", "amsgrad": "true", "strange": "a b"})
    assert keys(job) == [
        "option:learning_rate",
        "option:seed",
        "option:mixed_precision",
        "option:cache_latents",
        "argument:betas",
        "argument:eps",
        "argument:amsgrad",
        "argument:strange",
    ]
    assert all("\n" not in fault.sentence().ja for fault in job_faults(job, TRAIN, CATALOGUE))


def test_accelerate_is_checked_too() -> None:
    job = Job(accelerate={"num_processes": "two", "no_such": 1, "mixed_precision": "fp12"})
    assert keys(job) == ["accelerate:num_processes", "accelerate:no_such", "accelerate:mixed_precision"]


def test_of_a_script_that_nobody_knows_only_what_cannot_be_said_is_a_fault() -> None:
    assert keys(Job(script="own.py", options={"some": 1, "other": False, "bad name": 1}), NOBODY_KNOWS) == [
        "option:other",
        "option:bad name",
    ]


def test_a_job_with_faults_is_refused_with_all_of_them() -> None:
    job = Job(options={"seed": "x"}).with_optimizer("AdamW").with_argument("eps", "1e-")
    with pytest.raises(Problems) as refused:
        refuse_faults(job, TRAIN, CATALOGUE)
    assert [text.en.partition(":")[0] for text in refused.value.problems] == ["seed", "eps"]
    assert "整数" in refused.value.text.ja
    refuse_faults(Job(options={"seed": 1}), TRAIN, CATALOGUE)


@pytest.mark.parametrize("stored", ["'a=b'", "", " ", "nan", "f(1)", "1e-", "True, x"])
def test_what_sd_scripts_cannot_read_is_a_problem(stored: str) -> None:
    assert literal_problem(stored) is not None


def test_of_an_argument_of_no_known_kind_any_literal_will_do() -> None:
    spec = ArgumentSpec(name="any", kind=LiteralKind(), default=None, nullable=True, help=same(""))
    assert argument_problem(spec, "{'a': [True]}") is None
    assert argument_problem(spec, "a b") is not None


SCALARS = st.one_of(st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.sampled_from(["--", "-x", "True", "1e-4"]))


@given(st.sampled_from(list(TRAIN)), st.one_of(SCALARS, st.lists(SCALARS, max_size=3)))
def test_what_has_no_fault_can_be_said(option, value) -> None:
    job = Job(options={option.name: value})
    faults = [] if option.name == "optimizer_args" else job_faults(job, TRAIN, CATALOGUE)
    try:
        build_argv(job, python="p", checkout="/sd", options=TRAIN, companion=None)
    except Problems:
        assert faults or option.name == "optimizer_args"
    if not faults and option.kind in (OptionKind.INT, OptionKind.FLOAT):
        assert not isinstance(value, (str, bool))


@given(st.text(max_size=12))
def test_any_entry_is_judged_without_a_crash(item: str) -> None:
    for spec in (None, CATALOGUE.get("Prodigy")):
        assert all(fault.text.en and fault.text.ja for fault in argument_faults([item], spec))


def test_an_argument_of_another_version_is_named_and_stops_nobody() -> None:
    """pytorch-optimizer 3.9.0, which sd-scripts pins, takes lr_min; the newest does not."""
    catalogue = load_catalogue()
    known = snapshot_for("train_network.py")
    assert known is not None
    emo = Job().with_optimizer(catalogue["EmoNavi"].optimizer_type)
    older = emo.with_arguments({"lr_min": "1e-8"})
    assert [(fault.name, fault.certain) for fault in job_faults(older, known, catalogue)] == [("lr_min", False)]
    refuse_faults(older, known, catalogue)
    for wrong in ({"weight_decy": "0.1"}, {"lr_min": "tiny"}):
        with pytest.raises(Problems):
            refuse_faults(emo.with_arguments(wrong), known, catalogue)
