"""Counting a job's images off the GUI thread, one count at a time, ended when nobody wants it any more."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QObject, Signal

from core.job.model import Job
from gui.bridge.tasks import Tasks

if TYPE_CHECKING:
    from core.dataset.census import Census

_TOLD_EVERY = 200
"""Images between two words to the GUI thread."""


class _Stopped(Exception):
    """Nobody wants the count any more."""


class Counting(QObject):
    """Counts.

    Signals:
        finished: a Census.
        running_changed: `running` is another.
        seen: how many images were looked at so far.
    """

    finished = Signal(object)
    running_changed = Signal()
    seen = Signal(int)

    def __init__(self, tasks: Tasks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tasks = tasks
        self._stop: threading.Event | None = None
        application = QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.stop)

    @property
    def running(self) -> bool:
        """Whether one is under way."""
        return self._stop is not None

    def start(self, job: Job, base: Path | None) -> None:
        """Begins one; nothing where one is under way. `base` is where relative paths of the job start."""
        if self.running:
            return
        self._stop = stop = threading.Event()

        def told(count: int) -> None:
            if stop.is_set():
                raise _Stopped
            if count % _TOLD_EVERY == 0:
                self.seen.emit(count)

        def work() -> Census:
            from core.dataset.census import count_images

            return count_images(job, base, progress=told)

        self._tasks.start(work, done=self._done, failed=self._failed, owner=self)
        self.running_changed.emit()

    def stop(self) -> None:
        """Ends the one that is under way."""
        if self._stop is not None:
            self._stop.set()

    def _done(self, census: Census) -> None:
        self._stop = None
        self.running_changed.emit()
        self.finished.emit(census)

    def _failed(self, error: BaseException) -> None:
        self._stop = None
        self.running_changed.emit()
        if not isinstance(error, _Stopped):
            self._tasks.report(error)
