"""Work off the GUI thread whose result, or error, always comes back."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import shiboken6
from PySide6.QtCore import QObject, Qt, QThreadPool, Signal

_log = logging.getLogger(__name__)
Result = TypeVar("Result")


@dataclass(eq=False, slots=True)
class Task:
    """One piece of work. `cancel()` drops its callbacks; the function itself runs to its end."""

    function: Callable[[], object]
    done: Callable[[object], None] | None
    failed: Callable[[BaseException], None] | None
    owner: QObject | None
    result: object = None
    error: BaseException | None = None
    cancelled: bool = False

    def cancel(self) -> None:
        """Makes sure that neither callback is called any more."""
        self.cancelled = True

    @property
    def wanted(self) -> bool:
        """Whether somebody still waits for the answer."""
        return not self.cancelled and (self.owner is None or shiboken6.isValid(self.owner))


class Tasks(QObject):
    """Runs functions in worker threads; callbacks arrive in the GUI thread.

    Signals:
        unhandled: an error that nobody took; the composition root shows it.
    """

    unhandled = Signal(object)
    _landed = Signal(object)

    def __init__(self, parent: QObject | None = None, *, threads: int = 4) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(threads)
        self._running: set[Task] = set()
        self._landed.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    def start(
        self,
        function: Callable[..., Result],
        *args: object,
        done: Callable[[Result], None] | None = None,
        failed: Callable[[BaseException], None] | None = None,
        owner: QObject | None = None,
    ) -> Task:
        """Runs `function(*args)` in a worker thread.

        Args:
            function: must not touch widgets.
            args: its arguments.
            done: called in the GUI thread with what it returned.
            failed: called in the GUI thread with what it raised; without it the error goes to `unhandled`.
            owner: the callbacks are dropped once this object is destroyed (an error then still goes to `unhandled`).
        """
        task = Task(lambda: function(*args), done, failed, owner)  # pyright: ignore[reportArgumentType]
        self._running.add(task)
        self._pool.start(lambda: self._work(task))
        return task

    @property
    def busy(self) -> bool:
        """Whether any work is under way or its answer not yet delivered."""
        return bool(self._running)

    def report(self, error: BaseException) -> None:
        """Shows an error to the user as if a task had raised it."""
        self.unhandled.emit(error)

    def wait(self, milliseconds: int = 5000) -> bool:
        """Waits for the workers (not for the callbacks). False when the time was up."""
        return self._pool.waitForDone(milliseconds)

    def _work(self, task: Task) -> None:
        try:
            task.result = task.function()
        except BaseException as error:  # a worker must hand over everything, KeyboardInterrupt too
            task.error = error
        if shiboken6.isValid(self):
            self._landed.emit(task)
        elif task.error is not None:
            _log.error("A background task failed after the window closed", exc_info=task.error)

    def _deliver(self, task: Task) -> None:
        self._running.discard(task)
        if task.error is not None:
            if task.wanted and task.failed is not None:
                task.failed(task.error)
            elif not task.cancelled:
                self.unhandled.emit(task.error)
        elif task.wanted and task.done is not None:
            task.done(task.result)
