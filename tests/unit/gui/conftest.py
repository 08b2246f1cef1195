"""Hands for tests of the window: services of one test, and nothing left behind."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
import shiboken6
from PySide6.QtCore import QCoreApplication, QEvent, QObject, QTimer
from PySide6.QtWidgets import QApplication

from core.catalogue.catalogue import Catalogue
from gui.app import build_services, make_application, shut_down
from gui.main_window import MainWindow
from gui.services import Services
from gui.widgets.dialogs import Dialogs, Keep
from tests.helpers.specs import make_catalogue


@pytest.fixture(scope="session")
def qapp() -> QApplication:
    """The application, named as the real one."""
    return make_application()


@pytest.fixture(scope="session", autouse=True)
def _leave_out_what_is_imported(qapp: QApplication) -> Iterator[None]:
    """Each test asks every object there is whether it is a timer; torch's and its like's are hundreds of thousands."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def catalogue() -> Catalogue:
    """Hand-made entries."""
    return make_catalogue()


@pytest.fixture
def unhandled() -> list[BaseException]:
    """Errors that reached the error dialog. A test that expects one takes it out of the list."""
    return []


@pytest.fixture
def services(qapp: QApplication, catalogue: Catalogue, unhandled: list[BaseException]) -> Iterator[Services]:
    """Real services over an empty user data folder; an error that nobody took fails the test."""
    owner = QObject()
    made = build_services(qapp, catalogue=catalogue, parent=owner)
    made.tasks.unhandled.connect(unhandled.append)
    yield made
    shut_down(made)
    settle()
    made.session.close()
    owner.deleteLater()
    settle()
    assert not unhandled, f"errors that the test did not take: {unhandled!r}"


class FakeDialogs(Dialogs):
    """Answers at once with what the test says, and remembers what was asked."""

    def __init__(self) -> None:
        QObject.__init__(self)
        self.to_open: Path | None = None
        self.to_save: Path | None = None
        self.keep = Keep.DISCARD
        self.asked: list[str] = []

    def open_file(self, folder: str) -> Path | None:
        self.asked.append("open")
        return self.to_open

    def log_file(self, folder: str) -> Path | None:
        self.asked.append("log")
        return self.to_open

    def save_file(self, suggestion: str) -> Path | None:
        self.asked.append("save")
        return self.to_save

    def keep_changes(self, name: str) -> Keep:
        self.asked.append("keep")
        return self.keep

    def about(self, text: str) -> None:
        self.asked.append(text)


@pytest.fixture
def dialogs(qapp: QApplication) -> FakeDialogs:
    """What the user would answer."""
    return FakeDialogs()


@pytest.fixture
def window(services: Services, dialogs: FakeDialogs) -> Iterator[MainWindow]:
    """The main window, shown."""
    made = MainWindow(services, dialogs=dialogs)
    made.show()
    settle()
    yield made
    dialogs.keep = Keep.DISCARD
    made.close()
    made.deleteLater()
    settle()


@pytest.fixture(autouse=True)
def _nothing_of_qt_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that leaves a top-level widget or a running timer fails."""
    application = QApplication.instance()
    widgets_before = set(map(id, QApplication.topLevelWidgets())) if application else set()
    yield
    settle()
    left = [widget for widget in QApplication.topLevelWidgets() if id(widget) not in widgets_before and widget.isVisible()]
    assert not left, f"the test left widgets on the screen: {left!r}"
    running = [timer for timer in _timers() if timer.isActive()]
    assert not running, f"the test left timers running: {running!r}"


def _timers() -> list[QTimer]:
    gc.collect(0)
    return [item for item in gc.get_objects() if type(item) is QTimer and shiboken6.isValid(item)]


def settle() -> None:
    """Delivers everything that is posted, deletions too."""
    for _ in range(3):
        QCoreApplication.sendPostedEvents()
        QCoreApplication.processEvents()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
