"""A preflight on request, with curves: off the GUI thread, one at a time, ended when nobody wants it any more."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QObject, Signal

from core.catalogue.catalogue import Catalogue
from core.environment.model import Environment
from core.job.model import Job
from core.options.model import OptionSet
from gui.bridge.tasks import Tasks

if TYPE_CHECKING:
    from core.preflight.model import Report


class Trial(QObject):
    """Tries a job's optimizer.

    Signals:
        finished: a Report.
        running_changed: `running` is another.
        part_changed: id of the part of the preflight that has begun.
    """

    finished = Signal(object)
    running_changed = Signal()
    part_changed = Signal(str)

    def __init__(self, tasks: Tasks, catalogue: Catalogue, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tasks = tasks
        self._catalogue = catalogue
        self._stop: threading.Event | None = None
        application = QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.stop)

    @property
    def running(self) -> bool:
        """Whether one is under way."""
        return self._stop is not None

    def start(self, job: Job, environment: Environment | None, options: OptionSet, batches: int | None = None) -> None:
        """Begins one; nothing where one is under way. `batches` of an epoch decide the length of a job that says epochs."""
        if self.running:
            return
        self._stop = stop = threading.Event()

        def work() -> Report:
            from core.effective.effective import effective
            from core.preflight.request import question
            from core.preflight.trial import preflight

            steps = effective(job, self._catalogue, batches=batches).steps
            asked = question(job, options, self._catalogue, curves=True, total_steps=steps)
            return preflight(asked, environment, stop=stop, on_step=self.part_changed.emit)

        self._tasks.start(work, done=self._done, failed=self._failed, owner=self)
        self.running_changed.emit()

    def stop(self) -> None:
        """Ends the one that is under way; it still reports, as stopped."""
        if self._stop is not None:
            self._stop.set()

    def _done(self, report: Report) -> None:
        self._stop = None
        self.running_changed.emit()
        self.finished.emit(report)

    def _failed(self, error: BaseException) -> None:
        self._stop = None
        self.running_changed.emit()
        self._tasks.report(error)
