"""A class that the catalogue does not know gets a form from its signature, read in a real interpreter."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QObject, Signal

from core.environment.model import Environment, OptimizerState, Readiness
from core.job.model import Job
from gui.forms.editors import LineEditor
from gui.pages.setup import SetupPage
from gui.services import Services

CODE = """
class Mine:
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.99), growth=float("inf"), careful=True, mode="fast", limit=None):
        pass
"""


class OneEnvironment(QObject):
    """An environment that was not probed."""

    environments_changed = Signal()
    selected_changed = Signal()
    report_changed = Signal(str)

    def __init__(self, environment: Environment | None) -> None:
        super().__init__()
        self.selected = environment

    def report(self, _id: str) -> None:
        return None

    def probing(self, _id: str) -> bool:
        return False

    def state(self, _spec: object, *, fast: bool = False) -> OptimizerState:
        return OptimizerState(readiness=Readiness.UNKNOWN)


@pytest.fixture
def environments(tmp_path: Path) -> OneEnvironment:
    (tmp_path / "mine.py").write_text(CODE, encoding="utf-8")
    return OneEnvironment(Environment(id="e", name="e", python=Path(sys.executable), sd_scripts=tmp_path))


@pytest.fixture
def page(services: Services, environments: OneEnvironment) -> Iterator[SetupPage]:
    made = SetupPage(replace(services, environments=environments))
    made.build_all()
    yield made
    made.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def _use(page: SetupPage, optimizer_type: str) -> None:
    session = page.services.session
    session.edit(session.job.with_optimizer(optimizer_type), "test")


def test_a_form_comes_from_the_signature(page, qtbot):
    _use(page, "mine.Mine")
    assert "Reading" in page.optimizer.probe_line.text()
    qtbot.waitUntil(lambda: bool(page.optimizer.group.rows), timeout=60_000)
    assert [row.field.name for row in page.optimizer.group.rows] == ["betas", "growth", "careful", "mode", "limit"]
    editor = page.optimizer.reveal("argument:growth").editor
    assert isinstance(editor, LineEditor)
    assert editor.line.placeholderText() == "default inf"
    page.services.session.edit(page.services.session.job.with_argument("betas", "(0.5, 0.6)"), "test")
    assert page.optimizer.reveal("argument:betas").editor.line.text() == "0.5, 0.6"
    assert page.optimizer.others.names == []


def test_before_and_without_the_signature_there_is_a_table(page, qtbot):
    _use(page, "mine.Missing")
    page.services.session.edit(page.services.session.job.with_argument("anything", "1"), "test")
    assert page.optimizer.others.names == ["anything"]
    assert not page.optimizer.others.adder.isHidden()
    qtbot.waitUntil(lambda: not page.optimizer.probe_again.isHidden(), timeout=60_000)
    assert "could not be read" in page.optimizer.probe_line.text()
    assert page.services.session.job.arguments == {"anything": "1"}


def test_without_an_environment_it_says_what_is_needed(page, environments, qtbot):
    environments.selected = None
    environments.selected_changed.emit()
    _use(page, "mine.Mine")
    assert page.optimizer.probe_again.text() == "Choose an environment"
    asked = []
    page.services.navigate.requested.connect(lambda where, topic: asked.append(where))
    page.optimizer.probe_again.click()
    assert asked == ["environment"]


def test_going_back_to_a_known_one_forgets_nothing(page, qtbot):
    _use(page, "mine.Mine")
    page.services.session.edit(page.services.session.job.with_argument("odd", "1"), "test")
    _use(page, "AdamW")
    assert page.optimizer.probe_line.isHidden()
    _use(page, "mine.Mine")
    assert page.services.session.job.arguments == {"odd": "1"}
    qtbot.waitUntil(lambda: bool(page.optimizer.group.rows), timeout=60_000)
    assert page.optimizer.others.names == ["odd"]


def test_a_job_without_an_optimizer_shows_the_default(page):
    page.services.session.new(Job())
    view = page.optimizer.view
    assert view is not None
    assert view.spec is not None
    assert view.spec.id == "AdamW"
