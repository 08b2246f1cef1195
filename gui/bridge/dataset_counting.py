"""Counting what a dataset config comes to while it is edited: anew at each change, one count at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QCoreApplication, QObject, Signal

from core.job.model import Job
from gui.bridge.tasks import Tasks

if TYPE_CHECKING:
    from core.dataset.census import Census

_TOLD_EVERY = 200
"""Images between two words to the GUI thread."""


class _Stopped(Exception):
    """Nobody wants the count any more."""


class DatasetCounting(QObject):
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
        self._next: Callable[[], None] | None = None
        application = QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.stop)

    @property
    def running(self) -> bool:
        """Whether one is under way."""
        return self._stop is not None

    def start(self, job: Job, base: Path | None, config: dict[str, Any]) -> None:
        """Counts what the config comes to in a job; one that is under way is ended first.

        Args:
            job: what the config leaves open.
            base: where relative paths start.
            config: the tables of the config.
        """
        if self._stop is not None:
            self._next = lambda: self.start(job, base, config)
            self._stop.set()
            return
        self._stop = stop = threading.Event()

        def told(count: int) -> None:
            if stop.is_set():
                raise _Stopped
            if count % _TOLD_EVERY == 0:
                self.seen.emit(count)

        def work() -> Census | None:
            from core.dataset.census import count_images

            try:
                return count_images(job, base, config=config, progress=told)
            except _Stopped:
                return None

        self._tasks.start(work, done=self._done, failed=self._failed, owner=self)
        self.running_changed.emit()

    def stop(self) -> None:
        """Ends the one that is under way."""
        self._next = None
        if self._stop is not None:
            self._stop.set()

    def _done(self, census: Census | None) -> None:
        self._ended(lambda: None if census is None else self.finished.emit(census))

    def _failed(self, error: BaseException) -> None:
        self._ended(lambda: self._tasks.report(error))

    def _ended(self, tell: Callable[[], object]) -> None:
        self._stop = None
        following, self._next = self._next, None
        if following is not None:
            following()
            return
        self.running_changed.emit()
        tell()
