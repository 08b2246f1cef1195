"""What the window does once it is on the screen: says what was found damaged, offers rescued work, opens files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject

from core.text import Text
from gui.bridge.autosave import Autosave, Rescued
from gui.bridge.notices import Notice
from gui.main_window import MainWindow
from gui.services import Services


class Startup(QObject):
    """The things that wait for the first paint."""

    def __init__(self, services: Services, window: MainWindow, autosave: Autosave, files: Sequence[Path]) -> None:
        super().__init__(window)
        self._services = services
        self._window = window
        self._autosave = autosave
        self._files = files

    def begin(self) -> None:
        """Does them, the most urgent last: it is what is seen."""
        for problem in (self._services.settings.notice, self._services.environments.problem):
            if problem is not None:
                self._warn(problem)
        if self._files:
            self._window.jobs.open_path(self._files[0])
        rescued = self._autosave.left_behind()
        if rescued:
            self._offer(rescued[0])

    def _warn(self, problem: Text) -> None:
        say = self._services.translation.say
        self._services.notices.post(Notice(text=lambda: say(problem), tone="warning"))

    def _offer(self, rescued: Rescued) -> None:
        name = _name(rescued)
        self._services.notices.post(
            Notice(
                text=lambda: (
                    self.tr("Caddie ended unexpectedly with unsaved changes to “{name}”.").format(name=name)
                    if name
                    else self.tr("Caddie ended unexpectedly with an unsaved job.")
                ),
                tone="warning",
                action=lambda: self.tr("Restore"),
                run=lambda: self._restore(rescued),
                key="rescue",
            )
        )

    def _restore(self, rescued: Rescued) -> None:
        if not self._window.jobs.may_replace():
            self._offer(rescued)
            return
        self._services.session.restore(rescued.job, rescued.path)
        self._autosave.forget(rescued)
        self._tell_restored(_name(rescued))

    def _tell_restored(self, name: str) -> None:
        self._services.notices.post(
            Notice(
                text=lambda: (
                    self.tr("“{name}” is open again, with its unsaved changes.").format(name=name)
                    if name
                    else self.tr("The unsaved job is open again.")
                ),
                tone="success",
                seconds=8,
            )
        )


def _name(rescued: Rescued) -> str:
    return rescued.job.name or (rescued.path.stem if rescued.path else "")
