"""The buckets of a training as bars: a size, how many images it gets, and how that compares with the others."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from gui.theme.theme import Theme

_ROW = 22
_GAP = 10.0

Bar = tuple[str, int]
"""What a bar is called, and how long it is."""


class BucketBars(QWidget):
    """Rows of a name, a bar and a number; as high as its rows."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._bars: tuple[Bar, ...] = ()
        theme.changed.connect(self.update)

    @property
    def bars(self) -> tuple[Bar, ...]:
        """What is shown."""
        return self._bars

    def show_bars(self, bars: Sequence[Bar]) -> None:
        """Shows these."""
        self._bars = tuple(bars)
        self.setFixedHeight(max(len(self._bars) * _ROW, 1))
        self.setAccessibleDescription(", ".join(f"{name}: {count}" for name, count in self._bars))
        self.update()

    def sizeHint(self) -> QSize:
        """As wide as there is room."""
        return QSize(240, max(len(self._bars) * _ROW, 1))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws the rows that have to be drawn anew."""
        if not self._bars:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colors, metrics = self._theme.colors, QFontMetricsF(self.font())
        names = max(metrics.horizontalAdvance(name) for name, _ in self._bars)
        numbers = max(metrics.horizontalAdvance(str(count)) for _, count in self._bars)
        room = max(self.width() - names - numbers - 2 * _GAP, 1.0)
        most = max(*(count for _, count in self._bars), 1)
        first, last = event.rect().top() // _ROW, event.rect().bottom() // _ROW
        for place, (name, count) in list(enumerate(self._bars))[first : last + 1]:
            top = place * _ROW
            painter.setPen(QColor(colors.text))
            middle = Qt.AlignmentFlag.AlignVCenter
            painter.drawText(QRectF(0, top, names, _ROW), middle | Qt.AlignmentFlag.AlignRight, name)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(colors.accent))
            painter.drawRoundedRect(QRectF(names + _GAP, top + 5, max(room * count / most, 2.0), _ROW - 10), 3, 3)
            painter.setPen(QColor(colors.text_muted))
            area = QRectF(names + _GAP + room * count / most + _GAP / 2, top, numbers + _GAP, _ROW)
            painter.drawText(area, middle | Qt.AlignmentFlag.AlignLeft, str(count))
        painter.end()
