"""The switches of the optimizer card: run it fast, hand over the loss. What they say is in the job, the command, the file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtTest import QTest

from core.catalogue.catalogue import Catalogue
from core.catalogue.loader import load_catalogue
from core.catalogue.spec import FastImplementation
from core.command.surroundings import module_path
from core.job.model import Job
from gui.models.choose import choose
from gui.pages.setup import SetupPage
from gui.services import Services
from gui.setup.highlighter import Syntax
from gui.setup.paste_model import apply_pasted
from tests.unit.gui.conftest import settle


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """The shipped entries; AdaFactor with a fast implementation that can run only without its relative step."""
    shipped = load_catalogue()
    fast = FastImplementation(
        optimizer_type="optimizers.Adafactor", equals="transformers 5.0", only_with={"relative_step": False}
    )
    entries = [replace(spec, fast=fast) if spec.id == "AdaFactor" else spec for spec in shipped]
    return Catalogue(entries, shipped.categories)


@pytest.fixture
def page(services: Services, qtbot) -> Iterator[SetupPage]:
    made = SetupPage(services)
    made.resize(1200, 760)
    made.show()
    qtbot.waitExposed(made)
    yield made
    made.close()
    made.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def use(page: SetupPage, optimizer_type: str, *items: str) -> None:
    options: dict[str, object] = {"optimizer_type": optimizer_type, "learning_rate": 1.0}
    if items:
        options["optimizer_args"] = list(items)
    page.services.session.edit(Job(options=options), "test")  # pyright: ignore[reportArgumentType]


def test_prodigy_is_switched_to_its_fast_implementation_and_back(page: SetupPage, services: Services) -> None:
    use(page, "prodigy", "d_coef=2.0")
    fast = page.optimizer.switches.fast
    assert fast.isVisible()
    assert not fast.box.isChecked()
    assert "optimizers.Prodigy" in fast.words.text()
    assert "prodigyopt 1.1.2" in fast.words.text()
    fast.box.setFocus()
    QTest.keyClick(fast.box, Qt.Key.Key_Space)
    assert fast.box.isChecked()
    job = services.session.job
    assert job.optimizer_type == "optimizers.Prodigy"
    assert job.argument_items == ("d_coef=2.0",)
    assert page.optimizer.view is not None
    assert page.optimizer.view.spec is services.catalogue["Prodigy"]
    assert page.optimizer.picker.currentText() == "Prodigy"
    assert "d*lr" in fast.words.text()
    row = page.optimizer.reveal("argument:d_coef")
    assert row is not None
    services.session.undo()
    assert not fast.box.isChecked()
    assert services.session.job.optimizer_type == "prodigy"
    services.session.redo()
    fast.box.click()
    assert services.session.job.optimizer_type == "prodigy"
    assert services.session.job.argument_items == ("d_coef=2.0",)


def test_the_command_names_what_it_needs_of_caddie(page: SetupPage) -> None:
    use(page, "optimizers.Prodigy")
    folder = str(module_path())
    dock = page.frame.command
    first: dict[Syntax, str] = {"sh": "PYTHONPATH=", "bat": "if defined PYTHONPATH", "ps1": "$env:PYTHONPATH = "}
    for syntax, begins in first.items():
        dock.choose(syntax)
        dock.renew()
        assert dock.command.text.startswith(begins)
        assert folder in dock.command.text
        assert "optimizers.Prodigy" in dock.command.text
        assert dock.command.complete
    dock.choose("sh")
    use(page, "prodigy")
    dock.renew()
    assert "PYTHONPATH" not in dock.command.text


def test_an_optimizer_without_one_has_no_switch(page: SetupPage) -> None:
    for name in ("AdamW", "my.own.Optimizer"):
        use(page, name)
        assert not page.optimizer.switches.isVisible()


def test_a_switch_that_cannot_be_used_says_why(page: SetupPage) -> None:
    fast = page.optimizer.switches.fast
    use(page, "AdaFactor")
    assert fast.isVisible()
    assert not fast.box.isEnabled()
    assert "relative_step=False" in fast.warning.words
    use(page, "AdaFactor", "relative_step=False")
    assert fast.box.isEnabled()
    assert fast.warning.isHidden()
    fast.box.click()
    # What is on and cannot be is said, keeps the job from running, and can be switched off.
    session = page.services.session
    session.edit(session.job.with_argument("relative_step", None), "test")
    assert fast.box.isChecked()
    assert fast.box.isEnabled()
    assert not fast.warning.isHidden()
    page.frame.command.renew()
    assert [finding.key for finding in page.frame.command.command.findings] == ["option:optimizer_type"]
    page.frame.show_list(True)
    page.frame.dock.wanted.emit("option:optimizer_type")
    assert not page.frame.listing
    assert page.optimizer.picker.line.hasFocus() or page.optimizer.picker.hasFocus()
    fast.box.click()
    assert session.job.optimizer_type == "AdaFactor"


def test_choosing_keeps_what_was_switched_on(page: SetupPage, services: Services) -> None:
    use(page, "optimizers.Prodigy", "d_coef=2.0")
    page.optimizer.picker.picked.emit("AdamW")
    assert services.session.job.optimizer_type == "AdamW"
    page.optimizer.picker.picked.emit("prodigy")
    assert services.session.job.arguments == {"d_coef": "2.0"}
    page.optimizer.picker.picked.emit("optimizers.Prodigy")
    assert page.optimizer.switches.fast.box.isChecked()
    assert services.session.job.arguments == {"d_coef": "2.0"}
    page.optimizer.picker.picked.emit("prodigyopt.Prodigy")  # the same entry: nothing to choose
    assert services.session.job.optimizer_type == "optimizers.Prodigy"


def test_the_table_leaves_a_fast_job_as_it_is(services: Services) -> None:
    job = Job(options={"optimizer_type": "optimizers.Prodigy", "learning_rate": 1.0})
    assert choose(job, services.catalogue["Prodigy"], services.catalogue).job is job


def test_a_pasted_name_counts_as_said(services: Services) -> None:
    from core.job.paste import read_pasted

    job = Job(options={"optimizer_type": "prodigy", "optimizer_args": ["d_coef=2.0"], "learning_rate": 1.0})
    options = services.session.options
    for name in ("optimizers.Prodigy", "prodigy"):
        pasted = read_pasted(f"--optimizer_type {name}", options, services.catalogue)
        assert pasted.problems == ()
        job = apply_pasted(job, pasted, services.catalogue)
        assert job.optimizer_type == name
        assert job.argument_items == ("d_coef=2.0",)


@pytest.mark.parametrize("name", ["pytorch_optimizer.optimizer.emonavi.EmoNavi", "optimizer.emolynx.EmoLynx"])
def test_the_emo_series_can_be_told_the_loss(name: str, page: SetupPage, services: Services) -> None:
    loss = page.optimizer.switches.loss
    use(page, name)
    assert loss.isVisible()
    assert not loss.box.isChecked()
    assert loss.warning.isHidden()
    loss.box.click()
    assert services.session.job.hand_loss
    assert "another one than sd-scripts" in loss.warning.words
    dock = page.frame.command
    dock.choose("sh")
    dock.renew()
    assert "export CADDIE_HAND_LOSS=1\n" in dock.command.text
    assert "companion.py" in dock.command.text
    services.session.edit(replace(services.session.job, companion=False), "test")
    assert "without the companion" in loss.warning.words
    loss.box.click()
    assert not services.session.job.hand_loss


def test_the_words_follow_the_language(page: SetupPage, services: Services) -> None:
    use(page, "optimizers.Prodigy")
    assert page.optimizer.switches.fast.box.text() == "Fast implementation"
    services.settings.set("language", "ja")
    settle()
    try:
        switches = page.optimizer.switches
        assert switches.fast.box.text() == "高速実装"
        assert "prodigyopt 1.1.2" in switches.fast.words.text()
        assert "TensorBoard" in switches.fast.words.text()
    finally:
        services.settings.set("language", "en")
