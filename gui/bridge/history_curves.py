"""Curves of chosen runs, read one after the other in a worker thread and kept for a while."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QObject, Signal

from core.history.record import RunRecord
from gui.bridge.tasks import Tasks

if TYPE_CHECKING:
    from core.metrics.run_metrics import RunMetrics

KEPT_STEPS = 3_000_000
"""Steps of runs that are kept in memory although nobody looks at them."""


class _Stopped(Exception):
    """Nobody wants the curves any more."""


class HistoryCurves(QObject):
    """Reads what is wanted.

    Signals:
        changed: more curves have come, or could not be read.
    """

    changed = Signal()

    def __init__(self, tasks: Tasks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tasks = tasks
        self._wanted: dict[Path, RunRecord] = {}
        self._kept: OrderedDict[Path, tuple[RunRecord, RunMetrics]] = OrderedDict()
        self._errors: dict[Path, BaseException] = {}
        self._reading: tuple[Path, threading.Event] | None = None
        application = QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.close)

    @property
    def waiting(self) -> int:
        """How many of the wanted runs are still to be read."""
        return sum(self._is_missing(record) for record in self._wanted.values())

    def get(self, folder: Path) -> RunMetrics | None:
        """The curves of a run; None where they are not there (yet)."""
        found = self._kept.get(folder)
        return None if found is None else found[1]

    def error(self, folder: Path) -> BaseException | None:
        """Why a run's curves could not be read."""
        return self._errors.get(folder)

    def want(self, records: Sequence[RunRecord]) -> None:
        """These runs and no others; what is not there yet is read."""
        self._wanted = {record.folder: record for record in records}
        self._errors = {folder: error for folder, error in self._errors.items() if folder in self._wanted}
        for folder in self._wanted.keys() & self._kept.keys():
            self._kept.move_to_end(folder)
        if self._reading is not None and self._reading[0] not in self._wanted:
            self._reading[1].set()
        self._next()

    def close(self) -> None:
        """Ends what is under way."""
        self._wanted = {}
        if self._reading is not None:
            self._reading[1].set()

    # --- inside ------------------------------------------------------------------------------------------------

    def _is_missing(self, record: RunRecord) -> bool:
        kept = self._kept.get(record.folder)
        if record.folder in self._errors:
            return False
        # What went on since it was read is read again; tags and notes are no reason.
        return kept is None or (kept[0].steps, kept[0].ending) != (record.steps, record.ending)

    def _next(self) -> None:
        if self._reading is not None:
            return
        record = next((record for record in self._wanted.values() if self._is_missing(record)), None)
        if record is None:
            return
        stop = threading.Event()
        self._reading = (record.folder, stop)

        def work() -> RunMetrics:
            from core.metrics.reading import read_metrics
            from core.runs.folder import RunFolder

            def check() -> None:
                if stop.is_set():
                    raise _Stopped

            return read_metrics(RunFolder(record.folder), check=check)

        self._tasks.start(
            work,
            done=lambda metrics: self._read(record, metrics),
            failed=lambda error: self._failed(record, error),
            owner=self,
        )

    def _read(self, record: RunRecord, metrics: RunMetrics) -> None:
        self._kept[record.folder] = (record, metrics)
        self._kept.move_to_end(record.folder)
        self._forget()
        self._go_on()

    def _failed(self, record: RunRecord, error: BaseException) -> None:
        if not isinstance(error, _Stopped):
            self._errors[record.folder] = error
        self._go_on()

    def _go_on(self) -> None:
        self._reading = None
        self.changed.emit()
        self._next()

    def _forget(self) -> None:
        steps = sum(metrics.last_step for _, metrics in self._kept.values())
        for folder in [folder for folder in self._kept if folder not in self._wanted]:
            if steps <= KEPT_STEPS:
                break
            steps -= self._kept.pop(folder)[1].last_step
