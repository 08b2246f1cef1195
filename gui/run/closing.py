"""Closing the window while it trains: never without a word, and never in the middle of a save."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMainWindow

from core.runs.outcome import Ending
from gui.bridge.notices import Notice
from gui.run.dialogs import End, choose_end
from gui.services import Services

SESSION_ENDS = 20.0
"""Seconds that a training is given to save when the system shuts down; the system does not wait much longer either."""
CLOSING_NOTICE = "closing"


class Closing(QObject):
    """Asks before a window closes that trains, and closes it when the training has ended well."""

    def __init__(self, services: Services, window: QMainWindow) -> None:
        super().__init__(window)
        self._services = services
        self._window = window
        self._wanted = False
        services.runs.hosting.ended.connect(self._ended)
        application = QGuiApplication.instance()
        if isinstance(application, QGuiApplication):
            application.commitDataRequest.connect(self._session_ends)

    def may_close(self) -> bool:
        """Whether the window may close now. Where it may not, it closes by itself later, or stays as the user wishes."""
        runs = self._services.runs
        training = runs.hosting.training
        if training is None:
            return True
        if not training.control.is_stopping():
            end = self.ask(training.folder.name)
            if end is None:
                return False
            if runs.hosting.of(runs.current) is not None:
                runs.stop(save=end is End.SAVE)
            else:
                runs.hosting.stop(save=end is End.SAVE)
        if runs.hosting.training is None:
            return True  # it came to its end meanwhile
        self._wanted = True
        words = self.tr("Caddie closes as soon as the training has ended.")
        self._services.notices.post(Notice(text=lambda: words, tone="info", key=CLOSING_NOTICE))
        return False

    def ask(self, name: str) -> End | None:
        """How the training is to end; None keeps the window open. Tests answer themselves."""
        return choose_end(
            self._window,
            self.tr("“{name}” is training in this window").format(name=name),
            self.tr("It ends with the window. What is saved now can be resumed later."),
            self.tr("Save and stop, then close"),
            self.tr("Keep training"),
        )

    def _ended(self) -> None:
        wanted, self._wanted = self._wanted, False
        self._services.notices.clear(CLOSING_NOTICE)
        outcome = self._services.runs.hosting.outcome
        # A save that failed has to be read by somebody.
        if wanted and outcome is not None and outcome.ending in (Ending.STOPPED, Ending.FINISHED):
            self._window.close()

    def _session_ends(self) -> None:
        hosting = self._services.runs.hosting
        hosting.stop(save=True)
        hosting.wait(SESSION_ENDS)
