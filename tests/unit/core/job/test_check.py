"""Every wrong value of a job is found before the start, with its name, and nothing right is called wrong."""

from __future__ import annotations

import pytest

from core.catalogue.loader import load_catalogue
from core.job.check import job_faults, literal_problem
from core.job.model import Job
from core.options.snapshot import snapshot_for


@pytest.fixture(scope="module")
def catalogue():
    return load_catalogue()


def _faults(job, catalogue):
    options = snapshot_for(job.script)
    assert options is not None
    return [(fault.where, fault.name) for fault in job_faults(job, options, catalogue)]


def test_a_sound_job_has_no_faults(catalogue):
    job = Job(options={"learning_rate": 1e-4, "max_grad_norm": 0.0, "cache_latents": False, "unknown_thing": [1]})
    job = job.with_optimizer("AdamW").with_arguments({"betas": "(0.9, 0.999)", "eps": "1e-30", "strange": "'x'"})
    assert _faults(job, catalogue) == []


def test_all_wrong_values_are_found_at_once(catalogue):
    job = Job(options={"learning_rate": "1e-", "seed": 1.5, "mixed_precision": "fp15", "cache_latents": "false"})
    job = job.with_optimizer("AdamW").with_arguments({"betas": "(0.9,)", "eps": "1e-", "amsgrad": "true", "strange": "a b"})
    assert _faults(job, catalogue) == [
        ("option", "learning_rate"),
        ("option", "seed"),
        ("option", "mixed_precision"),
        ("option", "cache_latents"),
        ("argument", "betas"),
        ("argument", "eps"),
        ("argument", "amsgrad"),
        ("argument", "strange"),
    ]


def test_a_fault_is_a_sentence_in_both_languages(catalogue):
    options = snapshot_for("train_network.py")
    assert options is not None
    fault = job_faults(Job(options={"seed": "x"}), options, catalogue)[0]
    assert fault.sentence().en.startswith("seed: ")
    assert "整数" in fault.sentence().ja


@pytest.mark.parametrize("stored", ["'a=b'", "", "nan", "f(1)", "[True]"])
def test_what_sd_scripts_cannot_read_is_a_problem(stored):
    assert literal_problem(stored) is not None
