"""Fields keep what was typed, read what can be read, and say what is wrong."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.catalogue.kinds import from_literal, literal
from core.job.model import Job
from core.options.model import Option, OptionKind
from gui.forms.fields import ArgumentField, LooseArgumentField, OptionField, Shape
from tests.unit.gui.form_kit import ALL, BETA3, BETAS, DECOUPLE, EPS, GROWTH, MODE, NAME, OPTIONS


@pytest.mark.parametrize(
    ("spec", "typed", "stored"),
    [
        (EPS, "1e-30", "1e-30"),
        (GROWTH, "inf", "1e999"),
        (GROWTH, "-∞", "-∞"),  # not a word for it: kept
        (BETAS, "0.9, 0.99", "(0.9, 0.99)"),
        (BETAS, "(0.9,0.99)", "(0.9, 0.99)"),
        (BETA3, "none", "None"),
        (NAME, "plain", "'plain'"),
        (NAME, "'None'", "'None'"),
        (EPS, "1e-", "1e-"),
        (EPS, "-1", "-1"),
        (BETAS, "0.9", "0.9"),
        (EPS, "   ", None),
    ],
)
def test_typed_text_becomes_a_literal_or_stays_as_it_is(spec, typed, stored):
    assert ArgumentField(spec).read(typed) == stored


@pytest.mark.parametrize(
    ("spec", "stored", "word"),
    [
        (EPS, "1e-", "not a number"),
        (EPS, "-1", "at least 0"),
        (BETAS, "0.9", "2 numbers"),
        (BETAS, "(0.9, 1.5)", "less than 1"),
        (DECOUPLE, "true", "written True"),
        (MODE, "'fats'", "Did you mean fast"),
        (MODE, "fast", "written 'fast'"),
        (BETAS, "None", "None is not allowed"),
    ],
)
def test_a_wrong_value_is_explained(spec, stored, word):
    problem = ArgumentField(spec).problem(stored)
    assert problem is not None
    assert word in problem.en
    assert problem.ja
    assert problem.ja != problem.en


@pytest.mark.parametrize("spec", ALL)
def test_the_default_of_every_kind_can_be_typed_back(spec):
    field = ArgumentField(spec)
    stored = field.read(field.default())
    assert from_literal(stored) == spec.default
    assert field.problem(stored) is None


@given(st.floats(allow_nan=False))
def test_any_float_survives_the_editor(value):
    field = ArgumentField(GROWTH)
    stored = literal(value)
    assert field.read(field.typed(stored)) == stored
    assert field.problem(stored) is None


@given(st.text())
def test_no_text_is_lost_or_crashes_a_field(text):
    for spec in ALL:
        field = ArgumentField(spec)
        stored = field.read(text)
        assert (stored is None) == (not text.strip())
        if field.problem(stored) is not None:
            assert stored == text.strip()
            assert field.typed(stored) == text.strip()


@given(st.sampled_from(list(OPTIONS)), st.text())
def test_no_option_text_is_lost(option: Option, text):
    field = OptionField(option)
    stored = field.read(text)
    if isinstance(stored, list) and option.kind is OptionKind.TEXT:
        assert stored == [line for line in text.splitlines() if line.strip()]
    elif stored is not None and field.problem(stored) is not None:
        assert stored == text
        assert field.typed(stored) == text
    assert field.read(field.typed(stored)) == stored


def _option(name: str) -> OptionField:
    option = OPTIONS.get(name)
    assert option is not None
    return OptionField(option)


@pytest.mark.parametrize(
    ("name", "typed", "stored"),
    [
        ("learning_rate", "1e-30", 1e-30),
        ("learning_rate", "0", 0.0),
        ("learning_rate", "inf", math.inf),
        ("seed", "0", 0),
        ("seed", "1.5", "1.5"),
        ("cache_latents", "False", False),
        ("text_encoder_lr", "1e-5, 2e-5", [1e-5, 2e-5]),
        ("network_args", "conv_dim=4\nalgo=lo con", ["conv_dim=4", "algo=lo con"]),
        ("lr_warmup_steps", "10%", 0.1),
        ("lr_warmup_steps", "100", 100),
        ("lr_warmup_steps", "0.05", 0.05),
        ("output_name", " ", " "),
        ("output_name", "", None),
        ("mixed_precision", "fp15", "fp15"),
        ("zero_stage", "0", 0),
        ("zero_stage", "7", "7"),
    ],
)
def test_option_text_is_read_with_its_type(name, typed, stored):
    got = _option(name).read(typed)
    assert repr(got) == repr(stored)


@pytest.mark.parametrize(
    ("name", "stored", "word"),
    [
        ("seed", "1.5", "whole number"),
        ("seed", True, "not a whole number"),
        ("seed", [1], "not a list"),
        ("learning_rate", "1e-4", "a text, not a number"),
        ("cache_latents", "false", "neither True nor False"),
        ("mixed_precision", "fp15", "Did you mean fp16"),
        ("zero_stage", "7", "not a whole number"),
        ("text_encoder_lr", "1e-5 abc", "'abc'"),
        ("text_encoder_lr", 1e-5, "list"),
        ("output_name", 3, "not a text"),
    ],
)
def test_a_wrong_option_is_explained(name, stored, word):
    problem = _option(name).problem(stored)
    assert problem is not None
    assert word in problem.en


def test_zero_and_false_are_values():
    job = Job()
    for name, value in (("max_grad_norm", 0.0), ("cache_latents", False), ("seed", 0), ("output_name", "")):
        field = _option(name)
        job = field.put(job, value)
        assert repr(field.get(job)) == repr(value)
        assert field.problem(value) is None


def test_shapes_follow_the_kind():
    assert _option("cache_latents").shape is Shape.TRI_STATE
    assert _option("mixed_precision").shape is Shape.CHOICE
    assert _option("network_args").shape is Shape.LINES
    assert _option("text_encoder_lr").shape is Shape.LINE
    folder = OptionField(Option(name="train_data_dir", flags=("--train_data_dir",), kind=OptionKind.TEXT), wanted=Shape.FOLDER)
    assert folder.shape is Shape.FOLDER
    assert ArgumentField(DECOUPLE).shape is Shape.TRI_STATE
    assert ArgumentField(replace(MODE)).choices == ("fast", "slow", "None")


def test_an_unknown_argument_takes_any_literal():
    field = LooseArgumentField("strange")
    assert field.read("(1, 2)") == "(1, 2)"
    assert field.problem("(1, 2)") is None
    assert field.problem("foo") is not None
