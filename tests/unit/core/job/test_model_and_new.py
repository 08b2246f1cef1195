"""Edits of a job lose nothing, and a new job is one that starts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.catalogue.loader import load_catalogue
from core.command.build import build_argv, parse_argv
from core.job.check import job_faults
from core.job.model import Job
from core.job.new import new_job
from core.job.store import dumps, loads
from core.options.snapshot import load_snapshot

SETS = load_snapshot()
CATALOGUE = load_catalogue()
ITEMS = st.one_of(
    st.from_regex(r"[a-z]{1,4}=[0-9]{1,3}", fullmatch=True),
    st.sampled_from(["foo", "a=b=c", " a = 1", "=", "", "a=1", "a=2", "あ=いう"]),
)


@given(st.lists(ITEMS, min_size=1, max_size=6))
def test_editing_one_argument_leaves_all_other_entries(items: list[str]) -> None:
    job = Job(options={"optimizer_args": list(items), "seed": 1})
    assert list(job.argument_items) == items
    edited = job.with_argument("new_one", "5")
    assert list(edited.argument_items) == [*items, "new_one=5"]
    back = edited.with_argument("new_one", None)
    assert list(back.argument_items) == items


def test_malformed_entries_survive_an_edit_of_their_neighbours() -> None:
    job = Job(options={"optimizer_args": ["foo", "a=1", "a=b=c", " b = 2"]})
    assert dict(job.arguments) == {"foo": "", "a": "b=c", "b": " 2"}
    assert job.with_argument("b", "3").options["optimizer_args"] == ["foo", "a=1", "a=b=c", "b=3"]
    assert job.with_argument("a", "9").options["optimizer_args"] == ["foo", "a=9", " b = 2"]
    assert job.with_arguments(job.arguments).options["optimizer_args"] == ["foo", "a=b=c", " b = 2"]
    assert job.with_argument("foo", None).options["optimizer_args"] == ["a=1", "a=b=c", " b = 2"]


def test_an_optimizers_entries_come_back_as_they_were() -> None:
    job = Job(options={"optimizer_type": "AdamW", "optimizer_args": ["weight_decay=0.1", "foo"]})
    other = job.with_optimizer("prodigy").with_argument("d_coef", "2")
    assert other.options["optimizer_args"] == ["d_coef=2"]
    assert other.with_optimizer("AdamW").options["optimizer_args"] == ["weight_decay=0.1", "foo"]
    again = loads(dumps(other)).with_optimizer("AdamW").with_optimizer("prodigy")
    assert again.options["optimizer_args"] == ["d_coef=2"]
    assert dict(again.kept_arguments) == {"AdamW": ("weight_decay=0.1", "foo")}


def test_the_old_form_is_remembered_under_its_name() -> None:
    job = Job(options={"use_8bit_adam": True, "optimizer_args": ["eps=1e-6"]})
    assert "use_8bit_adam" not in job.with_optimizer("Lion").options
    assert job.with_optimizer("Lion").with_optimizer("AdamW8bit").options["optimizer_args"] == ["eps=1e-6"]


@pytest.mark.parametrize("spec", list(CATALOGUE), ids=lambda spec: spec.id)
def test_a_new_job_of_every_optimizer(spec) -> None:
    job = new_job(spec, CATALOGUE)
    options = SETS[job.script]
    assert CATALOGUE.find_for_options(job.options) is spec
    assert job.options.get("learning_rate") == (None if spec.id == "AdaFactor" else spec.learning_rate.start)
    assert job_faults(job, options, CATALOGUE) == []
    assert loads(dumps(job)) == job
    argv = build_argv(job, python="python", checkout="/sd", options=options, companion="/c/companion.py")
    assert parse_argv(argv, SETS) == job
    # sd-scripts refuses a warm-up with `constant`, and other schedulers where the optimizer brings its own.
    assert "lr_warmup_steps" not in job.options
    assert ("lr_scheduler" in job.options) != spec.schedulers.ignored


def test_without_an_optimizer_it_is_the_default() -> None:
    assert new_job(None, CATALOGUE).optimizer_type == "AdamW"
    assert new_job(None).optimizer_type == ""
