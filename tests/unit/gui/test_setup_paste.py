"""Pasted text becomes one edit whose effect was shown before; nothing else changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType

import pytest
from PySide6.QtCore import QCoreApplication, QEvent

from core.catalogue.loader import load_catalogue
from core.job.model import Job
from core.job.paste import read_pasted
from core.text import Text
from gui.setup.paste_dialog import PasteDialog
from gui.setup.paste_model import Change, apply_pasted, changes


@pytest.fixture(scope="module")
def catalogue():
    return load_catalogue()


@dataclass
class Read:
    script: str | None = None
    options: dict = field(default_factory=dict)
    arguments: dict = field(default_factory=dict)
    accelerate: dict = field(default_factory=dict)
    problems: tuple[Text, ...] = ()
    extra: dict = field(default_factory=dict)


JOB = (
    Job(options={"learning_rate": 1e-4, "seed": 0}, accelerate=MappingProxyType({"num_processes": 1}))
    .with_optimizer("AdamW")
    .with_arguments({"eps": "1e-8", "weight_decay": "0.1"})
)


def test_arguments_are_added_and_the_rest_stays(catalogue):
    job = apply_pasted(JOB, Read(arguments={"eps": "1e-30", "betas": "(0.9, 0.99)"}), catalogue)
    assert dict(job.arguments) == {"eps": "1e-30", "weight_decay": "0.1", "betas": "(0.9, 0.99)"}
    assert changes(JOB, job) == [
        Change("argument", "eps", "1e-8", "1e-30"),
        Change("argument", "betas", None, "(0.9, 0.99)"),
    ]


def test_arguments_replace_the_others_where_that_is_wanted(catalogue):
    job = apply_pasted(JOB, Read(arguments={"eps": "1e-30"}), catalogue, replace_all=True)
    assert dict(job.arguments) == {"eps": "1e-30"}
    assert job.options["learning_rate"] == 1e-4


def test_another_optimizer_takes_no_stale_argument_along(catalogue):
    read = Read(options={"optimizer_type": "Prodigy", "learning_rate": 1.0}, arguments={"d_coef": "2"})
    job = apply_pasted(JOB, read, catalogue)
    assert dict(job.arguments) == {"d_coef": "2"}
    assert dict(job.with_optimizer("AdamW").arguments) == {"eps": "1e-8", "weight_decay": "0.1"}
    assert job.options["seed"] == 0
    assert [change.part for change in changes(JOB, job)][:2] == ["optimizer", "argument"]


def test_another_spelling_of_the_same_optimizer_keeps_the_arguments(catalogue):
    job = apply_pasted(JOB, Read(options={"optimizer_type": "adamw"}), catalogue)
    assert job.optimizer_type == "adamw"
    assert dict(job.arguments) == dict(JOB.arguments)


def test_a_whole_command_replaces_everything_where_that_is_wanted(catalogue):
    read = Read(
        script="sdxl_train_network.py",
        options={"optimizer_type": "Lion", "seed": 1, "cache_latents": False},
        accelerate={"num_machines": 2},
    )
    job = apply_pasted(JOB, read, catalogue, replace_all=True)
    assert job.script == "sdxl_train_network.py"
    assert dict(job.options) == {"optimizer_type": "Lion", "seed": 1, "cache_latents": False}
    assert dict(job.accelerate) == {"num_machines": 2}
    kept = apply_pasted(JOB, read, catalogue)
    assert kept.options["learning_rate"] == 1e-4
    assert dict(kept.accelerate) == {"num_processes": 1, "num_machines": 2}


@pytest.fixture
def dialog(services):
    services.session.edit(JOB, "test")
    made = PasteDialog(services, read_pasted)
    yield made
    made.close()
    made.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def _preview(dialog):
    items = [dialog.preview.topLevelItem(place) for place in range(dialog.preview.topLevelItemCount())]
    return [(item.text(1), item.text(2), item.text(3)) for item in items]


def test_the_dialog_shows_what_would_change_and_applies_it_as_one_edit(dialog, services):
    assert not dialog.apply.isEnabled()
    dialog.text.setPlainText('--learning_rate 3e-5 --optimizer_args "eps=1e-30" "weight_decay=0.1"')
    dialog.renew()
    assert _preview(dialog) == [("eps", "1e-8", "1e-30"), ("learning_rate", "0.0001", "3e-05")]
    assert services.session.job == JOB
    dialog.accept()
    assert services.session.job.options["learning_rate"] == 3e-5
    services.session.undo()
    assert services.session.job == JOB


def test_the_dialog_says_what_was_not_understood(dialog):
    dialog.text.setPlainText("--learning_rate abc --seed 5")
    dialog.renew()
    assert "abc" in dialog.problems.text()
    assert not dialog.problems.isHidden()
    assert ("seed", "0", "5") in _preview(dialog)


def test_the_dialog_says_when_nothing_would_change(dialog):
    dialog.text.setPlainText("--seed 0")
    dialog.renew()
    assert not dialog.apply.isEnabled()
    assert _preview(dialog) == []
    assert dialog._heading.text() == "Nothing would change."


def test_removal_is_shown_and_done_where_it_is_asked_for(dialog, services):
    dialog.text.setPlainText("--optimizer_args weight_decay=0.5")
    dialog.replace.setChecked(True)
    assert ("eps", "1e-8", "removed") in _preview(dialog)
    dialog.accept()
    assert dict(services.session.job.arguments) == {"weight_decay": "0.5"}
