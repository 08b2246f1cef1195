"""One-shot timers for widgets, which make none themselves."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer


class Delay(QObject):
    """Calls something once, a while after the last `start`. Dies with its parent."""

    def __init__(self, action: Callable[[], None], milliseconds: int, parent: QObject) -> None:
        super().__init__(parent)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(milliseconds)
        self._timer.timeout.connect(action)

    def start(self, milliseconds: int | None = None) -> None:
        """Begins, or begins again; optionally with another time."""
        if milliseconds is None:
            self._timer.start()
        else:
            self._timer.start(milliseconds)

    def stop(self) -> None:
        """Does not call."""
        self._timer.stop()

    @property
    def waiting(self) -> bool:
        """Whether a call is due."""
        return self._timer.isActive()
