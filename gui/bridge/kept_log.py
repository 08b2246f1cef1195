"""The last part of a log that grows."""

from __future__ import annotations

from collections import deque

LOG_KEPT = 400_000
"""Characters of the log that a page built later still gets."""


class KeptLog:
    """Keeps whole pieces, and lines of one that is too long."""

    def __init__(self) -> None:
        self._pieces: deque[str] = deque()
        self._length = 0

    @property
    def text(self) -> str:
        """All that is kept."""
        return "".join(self._pieces)

    def clear(self) -> None:
        """Forgets everything."""
        self._pieces.clear()
        self._length = 0

    def add(self, text: str) -> None:
        """Takes more of the log."""
        if not text:
            return
        self._pieces.append(text)
        self._length += len(text)
        while self._length > LOG_KEPT and len(self._pieces) > 1:
            self._length -= len(self._pieces.popleft())
        if self._length > LOG_KEPT:
            kept = self._pieces.pop()[-LOG_KEPT:]
            self._pieces.append(kept[kept.find("\n") + 1 :])
            self._length = len(self._pieces[-1])
