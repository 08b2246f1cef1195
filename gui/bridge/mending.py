"""Finding and mending what broke in an environment, in a worker thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import shiboken6
from PySide6.QtCore import QCoreApplication, QObject, Qt, Signal

from core.environment.model import Environment, ProbeReport
from gui.bridge.tasks import Tasks

if TYPE_CHECKING:  # the window opens without them
    from core.wizard.mend import Mended
    from core.wizard.repair import Ailment


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is broken, and the lists of packages that were kept, the newest first."""

    ailments: tuple[Ailment, ...]
    saved: tuple[Path, ...]


class Mending(QObject):
    """One thing at a time.

    Signals:
        diagnosed: a Diagnosis.
        planned: the commands that bring a kept list of packages back.
        output: what is run and what it prints.
        finished: a Mended, or the error that kept it from beginning.
    """

    diagnosed = Signal(object)
    planned = Signal(object)
    output = Signal(str)
    finished = Signal(object)
    _said = Signal(str)

    def __init__(self, tasks: Tasks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tasks = tasks
        self._stop: threading.Event | None = None
        self._asked: Path | None = None
        self._said.connect(self.output, Qt.ConnectionType.QueuedConnection)
        application = QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.stop)

    @property
    def running(self) -> bool:
        """Whether something is being mended."""
        return self._stop is not None

    def diagnose(self, environment: Environment, report: ProbeReport) -> None:
        """Looks for what is broken; `diagnosed` comes."""

        def work() -> Diagnosis:
            from core.wizard.freeze import saved_freezes
            from core.wizard.hardware import find_hardware
            from core.wizard.mend import home_of
            from core.wizard.recipes import load_builds
            from core.wizard.repair import diagnose

            found = diagnose(environment, report, find_hardware(), load_builds())
            return Diagnosis(found, tuple(saved_freezes(home_of(environment))))

        self._tasks.start(work, done=self.diagnosed.emit, owner=self)

    def plan_restore(self, environment: Environment, saved: Path) -> None:
        """Works out what would bring these packages back; `planned` comes, unless another list was asked for since."""
        self._asked = saved

        def work() -> tuple[tuple[str, ...], ...]:
            from core.wizard.hardware import find_hardware
            from core.wizard.mend import restore_plan
            from core.wizard.recipes import best_build, load_builds

            return restore_plan(environment, saved, best_build(load_builds(), find_hardware()).index)

        def done(commands: tuple[tuple[str, ...], ...]) -> None:
            if self._asked == saved:
                self.planned.emit(commands)

        def failed(error: BaseException) -> None:
            if self._asked == saved:
                self._end(error)

        self._tasks.start(work, done=done, failed=failed, owner=self)

    def forget_plan(self) -> None:
        """Nobody waits for `planned` any more."""
        self._asked = None

    def mend(self, environment: Environment, ailments: Sequence[Ailment]) -> None:
        """Mends what was agreed to."""

        def work(stop: threading.Event) -> Mended:
            from core.wizard.mend import mend

            return mend(environment, ailments, self._say, stop)

        self._start(work)

    def restore(self, environment: Environment, commands: Sequence[tuple[str, ...]]) -> None:
        """Runs what was planned."""

        def work(stop: threading.Event) -> Mended:
            from core.wizard.mend import restore

            return restore(environment, commands, self._say, stop)

        self._start(work)

    def stop(self) -> None:
        """Ends it, with all that it started."""
        if self._stop is not None:
            self._stop.set()

    def _start(self, work: Callable[[threading.Event], Mended]) -> None:
        if self.running:
            return
        self._stop = stop = threading.Event()
        self._tasks.start(lambda: work(stop), done=self._end, failed=self._end, owner=self)

    def _say(self, text: str) -> None:
        if shiboken6.isValid(self):
            self._said.emit(text)

    def _end(self, result: object) -> None:
        self._stop = None
        self.finished.emit(result)
