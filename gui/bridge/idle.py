"""Work that is done in small pieces while the window is idle."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer


class IdleQueue(QObject):
    """Does pieces of work one at a time between the window's own events, so that none of them is felt."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pieces: deque[Callable[[], None]] = deque()
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._next)

    def add(self, piece: Callable[[], None]) -> None:
        """Queues a piece of work."""
        self._pieces.append(piece)
        self._timer.start()

    def clear(self) -> None:
        """Forgets what is queued."""
        self._pieces.clear()
        self._timer.stop()

    @property
    def busy(self) -> bool:
        """Whether work is queued."""
        return bool(self._pieces)

    def _next(self) -> None:
        if self._pieces:
            self._pieces.popleft()()
        if not self._pieces:
            self._timer.stop()
