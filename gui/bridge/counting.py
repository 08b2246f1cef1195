"""Counting the open job's images off the GUI thread, one count at a time; the last count is kept for whoever asks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import shiboken6
from PySide6.QtCore import QCoreApplication, QObject, Signal

from core.job.model import Job
from gui.bridge.job_session import JobSession
from gui.bridge.tasks import Tasks

if TYPE_CHECKING:
    from core.dataset.census import Census

_TOLD_EVERY = 200
"""Images between two words to the GUI thread."""
_COUNTED = (
    "resolution",
    "enable_bucket",
    "caption_extension",
    "train_batch_size",
    "max_train_steps",
    "max_train_epochs",
    "gradient_accumulation_steps",
    "min_bucket_reso",
    "max_bucket_reso",
    "bucket_reso_steps",
)


def _matters(job: Job) -> tuple[object, ...]:
    """What a count depends on."""
    from core.advice.facts import paths_of  # late: the window opens without what reads models and folders

    return (*paths_of(job), job.script, *(job.options.get(name) for name in _COUNTED))


class _Stopped(Exception):
    """Nobody wants the count any more."""


class Counting(QObject):
    """Counts.

    Signals:
        finished: a Census.
        running_changed: `running` is another.
        seen: how many images were looked at so far.
        forgotten: the last count is old, though the job is the same.
    """

    finished = Signal(object)
    running_changed = Signal()
    seen = Signal(int)
    forgotten = Signal()

    def __init__(
        self, tasks: Tasks, session: JobSession, base: Callable[[Job], Path | None], parent: QObject | None = None
    ) -> None:
        """`base` says where relative paths of a job start; None for the folder of the job's file."""
        super().__init__(parent)
        self._tasks = tasks
        self._session = session
        self._base = base
        self._stop: threading.Event | None = None
        self._census: Census | None = None
        self._counted: tuple[object, ...] = ()
        application = QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.stop)

    @property
    def running(self) -> bool:
        """Whether one is under way."""
        return self._stop is not None

    @property
    def census(self) -> Census | None:
        """What was counted last."""
        return self._census

    @property
    def fresh(self) -> bool:
        """Whether there is a count, of the job as it is now."""
        return self._census is not None and self._counted == _matters(self._session.job)

    def batches(self) -> int | None:
        """Micro-batches of an epoch of the open job; None where they are not known."""
        return self._census.batches if self._census is not None and self.fresh and self._census.batches else None

    def look_once(self) -> None:
        """Counts the images of the job as it is now unless that was tried before. What keeps it from it is not told."""
        if not self.running and self._counted != _matters(self._session.job):
            self.start(quiet=True)

    def start(self, *, quiet: bool = False) -> None:
        """Counts the images of the job as it is now; nothing where a count is under way.

        Args:
            quiet: an error is not reported: nobody asked for this count.
        """
        if self.running:
            return
        job, base = self._session.job, self.base()
        self._census, self._counted = None, _matters(job)
        self._stop = stop = threading.Event()

        def told(count: int) -> None:
            if stop.is_set() or not shiboken6.isValid(self):
                raise _Stopped
            if count % _TOLD_EVERY == 0:
                self.seen.emit(count)

        def work() -> Census | None:
            from core.dataset.census import count_images

            try:
                return count_images(job, base, progress=told)
            except _Stopped:  # not an error, and none to tell where the window is gone meanwhile
                return None

        self._tasks.start(work, done=self._done, failed=lambda error: self._failed(error, quiet=quiet), owner=self)
        self.running_changed.emit()

    def base(self) -> Path | None:
        """Where relative paths of the open job start; None for the current folder."""
        base = self._base(self._session.job)
        return self._session.path.parent if base is None and self._session.path is not None else base

    def forget(self) -> None:
        """The last count is old: something changed that the job names."""
        self._counted = ()
        self.forgotten.emit()

    def stop(self) -> None:
        """Ends the one that is under way."""
        if self._stop is not None:
            self._stop.set()

    def _done(self, census: Census | None) -> None:
        self._stop = None
        self._census = census
        self.running_changed.emit()
        if census is not None:
            self.finished.emit(census)

    def _failed(self, error: BaseException, *, quiet: bool) -> None:
        self._stop = None
        self.running_changed.emit()
        if not quiet:
            self._tasks.report(error)
