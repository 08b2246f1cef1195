"""The dialog that makes an sd-scripts: with real git, a real virtual environment and the real pip, from the disk."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import shiboken6

from core.wizard.hardware import Hardware
from core.wizard.journal import Journal, load_journal
from core.wizard.pythons import FoundPython
from core.wizard.recipes import load_builds, load_recipes
from gui.bridge.installation import Installation, Possibilities
from gui.wizard.dialog import WizardDialog
from tests.helpers.installations import cpu_build, make_choice, make_index, make_repository, recipe_of

LONG = 90_000
PYTHON = Path(sys.executable)
HARDWARE = Hardware(system="linux", gpu="nvidia", name="NVIDIA GeForce RTX 4090", driver=561, capability=8.9)


def _possibilities(**changes: object) -> Possibilities:
    builds = load_builds()
    found = Possibilities(
        recipes=load_recipes(),
        builds=builds,
        best=next(build for build in builds if build.id == "cu124"),
        pythons=(FoundPython(PYTHON, "3.11.7"),),
        hardware=HARDWARE,
        git=True,
        unfinished=(),
    )
    return replace(found, **changes)  # type: ignore[arg-type]


class Still(Installation):
    """Looks at nothing by itself."""

    def look(self) -> None:
        pass


@pytest.fixture
def dialog(services, qtbot):
    made = WizardDialog(services, installation=Still(services.tasks))
    qtbot.addWidget(made)
    made.show()
    yield made
    made.may_close = lambda: True
    made.installation.stop()
    qtbot.waitUntil(lambda: not made.installation.running, timeout=LONG)


def test_what_fits_is_chosen_and_all_can_be_changed(dialog, tmp_path) -> None:
    assert dialog.state == "looking"
    assert not dialog.next.isEnabled()
    dialog.installation.looked.emit(_possibilities())
    choice = dialog.choose.choice()
    assert choice is not None
    assert (choice.build.id, choice.source, choice.recipe.id, choice.python) == ("cu124", "git", "sd-scripts", PYTHON)
    assert "RTX 4090, driver 561" in dialog.choose._hardware.text()
    dialog.choose.recipe.setCurrentIndex(1)
    assert dialog.choose.folder.text().endswith("sd-scripts-sd3")
    dialog.choose.folder.setText(str(tmp_path / "mine"))
    dialog.choose.recipe.setCurrentIndex(0)
    assert dialog.choose.folder.text() == str(tmp_path / "mine"), "a name of one's own stays"
    assert "lycoris-lora" not in choice.packages
    dialog.choose.packages["lycoris-lora"].setChecked(True)
    choice = dialog.choose.choice()
    assert choice is not None
    assert "lycoris-lora" in choice.packages
    assert not any(line.startswith("torch") for line in choice.packages)


def test_without_git_and_python_it_says_what_to_do(dialog) -> None:
    dialog.installation.looked.emit(_possibilities(git=False, pythons=()))
    assert dialog.choose.source.currentData() == "zip"
    assert "python.org" in dialog._notice_text.text()
    assert not dialog.next.isEnabled()


def test_the_frame_s_button_ends_the_dialog_for_good(services, qtbot) -> None:
    from gui.wizard.dialog import open_wizard

    made = WizardDialog(services, installation=Still(services.tasks))
    ended: list[int] = []
    made.finished.connect(ended.append)
    open_wizard(made)
    made.close()
    qtbot.waitUntil(lambda: not shiboken6.isValid(made), timeout=LONG)
    assert ended == [0]


def test_the_frame_s_button_is_refused_while_somebody_wants_to_go_on(dialog, monkeypatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(type(dialog.installation), "running", True)
        dialog.may_close = lambda: False
        assert not dialog.close()
        assert dialog.isVisible()


def test_a_folder_that_holds_something_is_refused(dialog, qtbot, tmp_path) -> None:
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    dialog.installation.looked.emit(_possibilities())
    dialog.choose.folder.setText(str(tmp_path))
    dialog.next.click()
    qtbot.waitUntil(dialog._notice.isVisible, timeout=LONG)
    assert "not empty" in dialog._notice_text.text()
    assert dialog.state == "choosing"


def test_a_set_up_that_fails_goes_on_and_ends_as_an_environment(dialog, services, qtbot, tmp_path) -> None:
    repository, index = make_repository(tmp_path / "origin"), make_index(tmp_path / "wheels")
    made: list[object] = []
    dialog.made.connect(made.append)
    whole = make_choice(tmp_path / "私の sd", repository, index, PYTHON)
    broken = replace(whole, recipe=replace(whole.recipe, ref="nothing"))
    dialog.installation.looked.emit(_possibilities(recipes=(recipe_of(repository),), best=cpu_build()))
    dialog._plan(broken)
    qtbot.waitUntil(lambda: dialog.state == "planned", timeout=LONG)
    assert "git clone --branch nothing" in dialog.progress.log.toPlainText()
    dialog.next.click()
    qtbot.waitUntil(lambda: dialog.state == "failed", timeout=LONG)
    assert "no such branch" in dialog._notice_text.text()
    assert dialog.progress.states() == {"source": "failed"}
    dialog.back.click()
    dialog._plan(whole)
    qtbot.waitUntil(lambda: dialog.state == "planned", timeout=LONG)
    dialog.next.click()
    qtbot.waitUntil(lambda: dialog.progress.states().get("venv") == "running", timeout=LONG)
    dialog.cancel.click()
    assert dialog.state == "stopping"
    qtbot.waitUntil(lambda: dialog.state == "failed", timeout=LONG)
    journal = load_journal(tmp_path / "私の sd")
    assert isinstance(journal, Journal)
    assert journal.states["source"] == "done"
    dialog._on_finished(_ok())
    assert dialog.state == "done"
    assert made == [whole]


def _ok():
    from core.wizard.run import Outcome

    return Outcome(ok=True)
