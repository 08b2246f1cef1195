"""The part of the page that plots and log share."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSplitter


class RunBody(QSplitter):
    """Plots and log. Asks for no more height than it must have, so that the page scrolls only where it must."""

    def __init__(self) -> None:
        super().__init__(Qt.Orientation.Vertical)
        self._by_hand = False
        self.splitterMoved.connect(self._moved)

    def sizeHint(self) -> QSize:
        """Its least size."""
        return self.minimumSizeHint()

    def share_out(self) -> None:
        """Five parts for the plots, three for the log: six lines of it in a window 800 pixels high."""
        length = self.width() if self.orientation() is Qt.Orientation.Horizontal else self.height()
        self.setSizes([length * 5 // 8, length * 3 // 8])
        self._by_hand = False

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Shares the room out, unless the user did."""
        super().resizeEvent(event)
        if not self._by_hand:
            self.share_out()

    def _moved(self) -> None:
        self._by_hand = True
