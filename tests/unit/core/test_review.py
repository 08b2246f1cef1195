"""Everything that is said of a job in one list, and all its fixes at once."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.advice.review import changes_of, mend, review
from core.catalogue.loader import load_catalogue
from core.job.model import Job
from core.job.new import new_job
from core.options.model import OptionSet
from core.options.snapshot import snapshot_for

CATALOGUE = load_catalogue()
OPTIONS = snapshot_for("train_network.py") or OptionSet("train_network.py", {}, "snapshot")


def _job(optimizer_type: str, **options) -> Job:
    return Job(options={"optimizer_type": optimizer_type, **options})


def test_the_worst_comes_first_and_faults_of_values_are_among_them():
    job = _job("prodigy", learning_rate=1e-4, seed="x", lr_scheduler="constant", lr_warmup_steps=5)
    severities = [finding.severity for finding in review(job, OPTIONS, CATALOGUE, unfinished=True)]
    assert severities == sorted(severities, key=["error", "warning", "hint"].index)
    assert {"error", "warning"} <= set(severities)
    assert any(one.fields == ("option:seed",) and not one.rule for one in review(job, OPTIONS, CATALOGUE))


def test_what_is_not_given_yet_is_a_fault_only_of_a_finished_job():
    named = {field for one in review(_job("AdamW"), OPTIONS, CATALOGUE) for field in one.fields}
    assert "option:pretrained_model_name_or_path" in named
    early = {field for one in review(_job("AdamW"), OPTIONS, CATALOGUE, unfinished=True) for field in one.fields}
    assert "option:pretrained_model_name_or_path" not in early


@pytest.mark.parametrize("spec", CATALOGUE.optimizers, ids=lambda spec: spec.id)
@pytest.mark.parametrize("rate", [1e-4, 1.0, None])
def test_mending_everything_leaves_no_fix_of_an_error_or_warning_and_no_new_error(spec, rate):
    options = {"lr_scheduler": "cosine_with_restarts", "lr_warmup_steps": 5000, "max_train_steps": 100}
    options |= {"use_8bit_adam": True, "fused_backward_pass": True} | ({"learning_rate": rate} if rate is not None else {})
    before = _job(spec.optimizer_type, **options)
    after = mend(before, OPTIONS, CATALOGUE)
    open_ = [one for one in review(after, OPTIONS, CATALOGUE, unfinished=True) if one.severity != "hint" and one.fix]
    assert open_ == []
    errors = [one for one in review(after, OPTIONS, CATALOGUE, unfinished=True) if one.severity == "error"]
    had = {one.rule for one in review(before, OPTIONS, CATALOGUE, unfinished=True) if one.severity == "error"}
    assert {one.rule for one in errors} <= had
    assert mend(after, OPTIONS, CATALOGUE) == after


def test_a_fix_says_each_field_that_it_changes_and_no_other():
    job = _job("AdamW", use_8bit_adam=True, seed=0)
    finding = next(one for one in review(job, OPTIONS, CATALOGUE) if one.rule == "optimizer.two-names")
    assert finding.fix is not None
    assert [(one.field, one.before, one.after) for one in changes_of(finding.fix, job)] == [("option:use_8bit_adam", True, None)]


@pytest.mark.parametrize(
    ("items", "after"),
    [
        (["weight_deca=0.1"], ["weight_decay=0.1"]),
        (["weight_decay=0.1,"], ["weight_decay=0.1"]),
        (["weight_decay==0.1"], ["weight_decay=0.1"]),
        (["decouple=true"], ["decouple=True"]),
        (["weight_deca=0.1", "weight_decay=0.2"], ["weight_decay=0.2"]),
        (["weight_decay=0.1", "weight_decay=0.2"], ["weight_decay=0.2"]),
        (["betas=0.9"], None),
        (["betas"], None),
        (["betas=(0.9, 2.0)"], None),
        (["foo bar=1", "betas=0.9,0.99"], ["betas=0.9,0.99"]),
    ],
)
def test_what_was_most_likely_meant_is_offered(items, after):
    job = _job("prodigy", optimizer_args=items, learning_rate=1.0, lr_scheduler="cosine")
    faults = [one for one in review(job, OPTIONS, CATALOGUE, unfinished=True) if not one.rule]
    assert faults
    assert mend(job, OPTIONS, CATALOGUE).options.get("optimizer_args") == after


def test_a_left_over_argument_of_another_optimizer_is_taken_out():
    job = _job("AdamW", optimizer_args=["d_coef=2", "betas=0.9,0.99"], learning_rate=1e-4)
    finding = next(one for one in review(job, OPTIONS, CATALOGUE) if one.fields == ("argument:d_coef",))
    assert finding.fix is not None
    assert "It is one of Prodigy" in finding.text.en
    assert finding.fix.apply(job).options["optimizer_args"] == ["betas=0.9,0.99"]


@pytest.mark.parametrize(
    ("options", "after"),
    [
        ({"train_batch_sise": 2}, {"train_batch_size": 2}),
        ({"zzz": 1}, {}),
        ({"seed": "x"}, {}),
        ({"sead": 1, "seed": 2}, {"seed": 2}),
        ({"train_batch_size": "4"}, {"train_batch_size": 4}),
        ({"train_batch_size": 4.0}, {"train_batch_size": 4}),
        ({"max_train_steps": "1,600"}, {"max_train_steps": 1600}),
        ({"unet_lr": "0,0001"}, {"unet_lr": 0.0001}),
        ({"text_encoder_lr": "5e-5, 1e-5"}, {"text_encoder_lr": [5e-5]}),  # networks.lora takes the first: mended on
        ({"text_encoder_lr": 5e-5}, {"text_encoder_lr": [5e-5]}),
        ({"text_encoder_lr": ["1e-5", "x"]}, {}),
        ({"cache_latents": "true"}, {"cache_latents": True}),
        ({"cache_latents": [1]}, {"cache_latents": True}),
        ({"loss_type": "hubert"}, {"loss_type": "huber"}),
        ({"network_args": ["conv_dim", "conv_alpha=1"]}, {"network_args": ["conv_alpha=1"]}),
        ({"network_args": ["conv_dim"]}, {}),
        (
            {"lr_scheduler_type": "StepLR", "lr_scheduler_args": ["step_size=5", "verbose=true"]},
            {"lr_scheduler_type": "StepLR", "lr_scheduler_args": ["step_size=5", "verbose=True"]},
        ),
    ],
)
def test_a_mistyped_option_is_renamed_or_taken_out(options, after):
    job = Job(options={"learning_rate": 1e-4, **options})
    assert mend(job, OPTIONS, CATALOGUE).options == {"learning_rate": 1e-4, **after}


def test_an_option_of_accelerate_is_mended_too():
    job = Job(options={"learning_rate": 1e-4}, accelerate={"num_proceses": 2, "mixed_precision": "bf17", "zzz": 1})
    assert mend(job, OPTIONS, CATALOGUE).accelerate == {"num_processes": 2, "mixed_precision": "bf16"}
    finding = next(one for one in review(job, OPTIONS, CATALOGUE) if one.fields == ("accelerate:zzz",))
    assert finding.fix is not None
    assert [(one.field, one.before, one.after) for one in changes_of(finding.fix, job)] == [("accelerate:zzz", 1, None)]


VALUE = st.one_of(
    st.sampled_from(["0.9,", "true", "1,600", "４", " 1e-4 ", "x", "", "cosin", "nan", "a=b", "512x512"]),
    st.sampled_from([True, 1.0, -1, 0, float("nan"), float("inf")]),
    st.sampled_from([["1", "x"], ["a=1", "b"], ["c=true"], [], [1e-4]]),
)


@given(st.dictionaries(st.sampled_from([*OPTIONS.options, "sead"]), VALUE, max_size=3))
@settings(max_examples=150, deadline=None)
def test_no_fault_of_an_option_is_left_after_mending(options):
    after = mend(Job(options={"learning_rate": 1e-4, **options}), OPTIONS, CATALOGUE)
    left = [
        one for one in review(after, OPTIONS, CATALOGUE, unfinished=True) if one.fields[0].startswith("option:") and not one.rule
    ]
    assert [one for one in left if one.fix is not None] == []


ITEM = st.tuples(
    st.sampled_from(["betas", "weight_decay", "d_coef", "decouple", "lr", "odd", "bet as", ""]),
    st.sampled_from(["=", "==", ""]),
    st.sampled_from(["0.9", "0.9,", "true", "(0.9, 0.99)", "x", "", "None", "1e400", "'a'", "[1"]),
).map("".join)


@given(st.lists(ITEM, max_size=4), st.sampled_from(CATALOGUE.optimizers))
@settings(max_examples=150, deadline=None)
def test_no_fault_of_an_argument_is_left_after_mending(items, spec):
    job = _job(spec.optimizer_type, optimizer_args=items, learning_rate=spec.learning_rate.start)
    after = mend(job, OPTIONS, CATALOGUE)
    assert [one for one in review(after, OPTIONS, CATALOGUE) if one.fields[0].startswith("argument:") and not one.rule] == []


@pytest.mark.parametrize("spec", CATALOGUE.optimizers, ids=lambda spec: spec.id)
def test_nothing_is_to_be_said_of_a_new_job(spec):
    found = {finding.rule for finding in review(new_job(spec, CATALOGUE), OPTIONS, CATALOGUE, unfinished=True)}
    # Whether the companion hands over the loss is the user's choice: sd-scripts does not.
    assert found <= {"emo.loss"}
