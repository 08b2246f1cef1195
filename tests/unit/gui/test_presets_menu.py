"""Presets in the optimizer card: saved, applied as one edit, imported; nothing is replaced unasked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QWidget

from core.errors import CaddieError
from core.job.model import Job
from core.job.presets import Preset, list_presets, presets_dir, save_preset
from gui.services import Services
from gui.setup.presets_menu import PresetDialogs, PresetsButton
from tests.unit.gui.conftest import settle


class Answers(PresetDialogs):
    def __init__(self) -> None:
        self.parent_widget = QWidget()
        super().__init__(self.parent_widget)
        self.name: str | None = "Mine"
        self.replace = False
        self.file: Path | None = None

    def ask_name(self, suggestion: str) -> str | None:
        return self.name

    def ask_replace(self, name: str) -> bool:
        return self.replace

    def ask_file(self) -> Path | None:
        return self.file


@pytest.fixture
def button(services: Services) -> Iterator[PresetsButton]:
    answers = Answers()
    made = PresetsButton(services, dialogs=answers)
    yield made
    made.deleteLater()
    answers.parent_widget.deleteLater()
    settle()


def finish(services: Services) -> None:
    while services.tasks.busy:
        services.tasks.wait()
        settle()


def names(button: PresetsButton, services: Services) -> list[str]:
    button.look()
    finish(services)
    return [action.text() for action in button.apply.actions()]


def test_saved_and_applied_with_undo(button: PresetsButton, services: Services) -> None:
    services.session.edit(Job(options={"seed": 1, "optimizer_type": "Lion", "learning_rate": 1e-4}), "Begin")
    assert names(button, services) == ["None yet"]
    button.save.trigger()
    finish(services)
    assert dict(list_presets().presets[0].options) == {"optimizer_type": "Lion", "learning_rate": 1e-4}
    services.session.edit(Job(options={"seed": 2, "optimizer_type": "SGD", "unet_lr": 0.1}), "Other")
    assert names(button, services) == ["Mine"]
    button.apply.actions()[0].trigger()
    assert dict(services.session.job.options) == {"seed": 2, "optimizer_type": "Lion", "learning_rate": 1e-4}
    assert services.session.undo_label == "Preset Mine"
    services.session.undo()
    assert dict(services.session.job.options) == {"seed": 2, "optimizer_type": "SGD", "unet_lr": 0.1}


def test_one_of_that_name_is_replaced_only_when_asked_to(button: PresetsButton, services: Services) -> None:
    answers = button.dialogs
    assert isinstance(answers, Answers)
    save_preset(Preset(name="mine", options={"learning_rate": 0.5}))
    services.session.edit(Job(options={"optimizer_type": "Lion"}), "Begin")
    answers.name = "mine"
    button.save.trigger()
    finish(services)
    assert dict(list_presets().presets[0].options) == {"learning_rate": 0.5}
    answers.replace = True
    button.save.trigger()
    finish(services)
    assert dict(list_presets().presets[0].options) == {"optimizer_type": "Lion"}


def test_a_preset_of_somebody_else_is_added(
    button: PresetsButton, services: Services, tmp_path: Path, unhandled: list[BaseException]
) -> None:
    answers = button.dialogs
    assert isinstance(answers, Answers)
    answers.file = save_preset(Preset(name="Theirs & mine", options={"unet_lr": 0.5}), folder=tmp_path / "elsewhere")
    button.import_.trigger()
    finish(services)
    assert names(button, services) == ["Theirs && mine"]
    answers.file = tmp_path / "none.toml"
    button.import_.trigger()
    finish(services)
    assert isinstance(unhandled.pop(), CaddieError)


def test_a_damaged_file_is_named_and_cannot_be_chosen(button: PresetsButton, services: Services) -> None:
    presets_dir().mkdir(parents=True)
    (presets_dir() / "x.toml").write_text("[", encoding="utf-8")
    found = names(button, services)
    assert "x.toml" in found[-1]
    assert not button.apply.actions()[-1].isEnabled()


def test_a_job_that_says_nothing_of_its_optimizer_is_no_preset(button: PresetsButton, services: Services) -> None:
    services.session.edit(Job(options={"seed": 1}), "Begin")
    button.look()
    finish(services)
    assert not button.save.isEnabled()
