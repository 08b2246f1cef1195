"""Does something at most every so often: at once the first time, and once more after the last call."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QElapsedTimer, QObject, QTimer


class Throttle(QObject):
    """Calls `action` for any number of `call`s at most once in `milliseconds`; the last call is never lost."""

    def __init__(self, action: Callable[[], None], milliseconds: int, parent: QObject) -> None:
        super().__init__(parent)
        self._action = action
        self._interval = milliseconds
        self._since = QElapsedTimer()
        self._acting = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._act)

    def call(self) -> None:
        """Asks for the action."""
        if self._timer.isActive():
            return
        passed = self._since.elapsed() if self._since.isValid() else self._interval
        if self._acting:  # the action asks for another one: not within itself, or the window would not breathe
            self._timer.start(self._interval)
        elif passed >= self._interval:
            self._act()
        else:
            self._timer.start(int(self._interval - passed))

    def flush(self) -> None:
        """Does at once what waits."""
        if self._timer.isActive():
            self._timer.stop()
            self._act()

    def cancel(self) -> None:
        """Forgets what waits."""
        self._timer.stop()

    def _act(self) -> None:
        self._acting = True
        try:
            self._action()
        finally:
            self._acting = False
        self._since.restart()  # after the work: a slow action must not leave the window without a breath
