"""pip in worker threads: plans, and one installation at a time, with its output in the GUI thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import shiboken6
from PySide6.QtCore import QObject, Qt, Signal

from core.environment.model import Environment, ProbeReport
from core.text import Text
from gui.bridge.tasks import Tasks

if TYPE_CHECKING:  # packaging and the rest are imported when first needed: the window opens without them
    from core.environment.install import InstallPlan, InstallResult

LOG_LIMIT = 200_000


class PipRunner(QObject):
    """Makes plans and runs them.

    Signals:
        started: the plan that runs.
        output: more output of pip.
        finished: the plan and its InstallResult.
    """

    started = Signal(object)
    output = Signal(str)
    finished = Signal(object, object)
    _said = Signal(str)

    def __init__(self, workers: Tasks, parent: QObject) -> None:
        super().__init__(parent)
        self._workers = workers
        self._install_stop: threading.Event | None = None
        self._plan_stop: threading.Event | None = None
        self._closed = False
        self.running: InstallPlan | None = None
        self.log = ""
        self._said.connect(self._on_output, Qt.ConnectionType.QueuedConnection)

    def plan(
        self,
        environment: Environment,
        report: ProbeReport | None,
        requirements: Sequence[str],
        *,
        done: Callable[[InstallPlan], None],
        failed: Callable[[BaseException], None] | None,
    ) -> None:
        """Works out, and asks pip, what an installation would do. A former question is dropped."""
        self.cancel_plan()
        stop = self._plan_stop = threading.Event()

        def work() -> InstallPlan:
            from core.environment.install import plan_install

            return plan_install(environment, requirements, report, stop=stop)

        def planned(plan: InstallPlan) -> None:
            if not stop.is_set():
                done(plan)

        self._workers.start(work, done=planned, failed=failed, owner=self)

    def cancel_plan(self) -> None:
        """Nobody waits for the plan any more."""
        if self._plan_stop is not None:
            self._plan_stop.set()
            self._plan_stop = None

    def install(self, plan: InstallPlan) -> None:
        """Runs a plan; nothing happens while another runs."""
        if self.running is not None or self._closed or not plan.commands:
            return
        stop = self._install_stop = threading.Event()
        self.running = plan
        self.log = ""
        self.started.emit(plan)

        def work() -> InstallResult:
            from core.environment.install import run_install

            return run_install(plan, self._say_from_worker, stop)

        self._workers.start(
            work,
            done=lambda result: self._on_installed(plan, result),
            failed=lambda error: self._on_failed(plan, error),
            owner=self,
        )

    def stop(self) -> None:
        """Ends pip and everything it started."""
        if self._install_stop is not None:
            self._install_stop.set()

    def close(self) -> None:
        """Ends everything; nothing begins any more."""
        self._closed = True
        self.cancel_plan()
        self.stop()

    def _say_from_worker(self, text: str) -> None:
        if shiboken6.isValid(self) and not self._closed:
            self._said.emit(text)

    def _on_output(self, text: str) -> None:
        self.log = (self.log + text)[-LOG_LIMIT:]
        self.output.emit(text)

    def _on_installed(self, plan: InstallPlan, result: InstallResult) -> None:
        self.running = self._install_stop = None
        self.finished.emit(plan, result)

    def _on_failed(self, plan: InstallPlan, error: BaseException) -> None:
        from core.environment.install import InstallResult

        self._on_installed(plan, InstallResult(ok=False, problem=Text(str(error), str(error))))
        self._workers.report(error)
