"""The header's texts: those of a file that sd-scripts has saved for the same job, as far as they are known here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.options.model import OptionValue
from core.options.snapshot import snapshot_for
from core.training.lora.metadata import NEEDED, TrainingFacts, header_texts
from core.training.lora.settings import read_file_settings, read_settings
from core.training.options import OptionReader

KNOWN: dict[str, Any] = json.loads((Path(__file__).resolve().parents[3] / "golden" / "lora_header.json").read_text("utf-8"))


def texts_of(job: dict[str, OptionValue], **changes: Any) -> dict[str, str]:
    options = OptionReader(job)
    known = snapshot_for("train_network.py")
    assert known
    facts: dict[str, Any] = {
        "family": "sd1",
        "v_prediction": False,
        "started": 1.5,
        "saved": 3.0,
        "session": 7,
        "steps": 4,
        "epoch": 1,
        "optimizer": "torch.optim.adamw.AdamW",
        "more": {},
    }
    return header_texts(job, known, read_settings(options), read_file_settings(options), TrainingFacts(**{**facts, **changes}))


def test_it_is_the_header_of_sd_scripts() -> None:
    wanted: dict[str, str] = KNOWN["header"]
    found = texts_of(KNOWN["job"])
    differing = {name for name in found if found[name] != wanted.get(name)}
    assert differing <= {
        "ss_session_id",
        "ss_training_started_at",
        "ss_training_finished_at",
        "modelspec.date",
        "modelspec.implementation_version",
    }
    # What is missing is the data's, the model's hashes and the commit of sd-scripts.
    assert set(KNOWN["not_of_the_job"]) == set(wanted) - set(found)


def test_without_metadata_only_what_is_needed_stays() -> None:
    found = texts_of({**KNOWN["job"], "no_metadata": True, "network_args": ["conv_dim=4"]}, more={"ss_tag_frequency": "{}"})
    assert {name for name in found if name.startswith("ss_")} == set(NEEDED)
    assert json.loads(found["ss_network_args"]) == {"conv_dim": "4"}


@pytest.mark.parametrize(
    ("family", "v", "version", "architecture"),
    [
        ("sd2", False, "sd_v2", "stable-diffusion-v2-512/lora"),
        ("sd2", True, "sd_v2_v", "stable-diffusion-v2-768-v/lora"),
        ("sdxl", False, "sdxl_base_v1-0", "stable-diffusion-xl-v1-base/lora"),
    ],
)
def test_each_family_has_its_version(family: str, v: bool, version: str, architecture: str) -> None:
    found = texts_of({"metadata_author": "someone", "metadata_title": "A title"}, family=family, v_prediction=v)
    assert (found["ss_base_model_version"], found["modelspec.architecture"]) == (version, architecture)
    assert (found["modelspec.author"], found["modelspec.title"]) == ("someone", "A title")
