"""Everything that is said of a job in one list, and all its fixes at once."""

from __future__ import annotations

import pytest

from core.advice.review import changes_of, mend, review
from core.catalogue.loader import load_catalogue
from core.job.model import Job
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
