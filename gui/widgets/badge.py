"""A small coloured label, as a widget and as something to paint in a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from gui.theme.theme import Theme
from gui.theme.tokens import Colors

BadgeTone = Literal["neutral", "info", "violet", "success", "warning", "danger"]

PADDING = 8.0
HEIGHT = 20.0


@dataclass(frozen=True, slots=True)
class BadgeLook:
    """What a badge says and how it looks."""

    text: str
    tone: BadgeTone = "neutral"


def badge_colors(colors: Colors, tone: BadgeTone) -> tuple[str, str]:
    """Ground and text colour of a tone."""
    return {
        "neutral": (colors.neutral_soft, colors.neutral_text),
        "info": (colors.info_soft, colors.info_text),
        "violet": (colors.violet_soft, colors.violet_text),
        "success": (colors.accent_soft, colors.accent_text),
        "warning": (colors.warning_soft, colors.warning_text),
        "danger": (colors.danger_soft, colors.danger_text),
    }[tone]


def badge_width(metrics: QFontMetricsF, text: str) -> float:
    """Width of a badge with this text."""
    return metrics.horizontalAdvance(text) + 2 * PADDING


def paint_badge(painter: QPainter, area: QRectF, look: BadgeLook, colors: Colors) -> None:
    """Draws a badge at the left of `area`, vertically centred, as wide as its text (at most the area)."""
    ground, ink = badge_colors(colors, look.tone)
    metrics = QFontMetricsF(painter.font())
    width = min(badge_width(metrics, look.text), area.width())
    box = QRectF(area.left(), area.center().y() - HEIGHT / 2, width, HEIGHT)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(ground))
    painter.drawRoundedRect(box, HEIGHT / 2, HEIGHT / 2)
    painter.setPen(QColor(ink))
    shown = metrics.elidedText(look.text, Qt.TextElideMode.ElideRight, width - PADDING)
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, shown)
    painter.restore()


class Badge(QWidget):
    """A badge."""

    def __init__(self, theme: Theme, look: BadgeLook | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._look = look or BadgeLook("")
        theme.changed.connect(self.update)
        self._tell()

    @property
    def look(self) -> BadgeLook:
        """What it shows."""
        return self._look

    def set_look(self, look: BadgeLook) -> None:
        """Shows something else."""
        if look != self._look:
            self._look = look
            self._tell()
            self.updateGeometry()
            self.update()

    def sizeHint(self) -> QSize:
        """As wide as its text."""
        return QSize(round(badge_width(QFontMetricsF(self.font()), self._look.text) + 0.5), int(HEIGHT) + 2)

    def minimumSizeHint(self) -> QSize:
        """Never cut off."""
        return self.sizeHint()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draws it."""
        painter = QPainter(self)
        paint_badge(painter, QRectF(self.rect()), self._look, self._theme.colors)
        painter.end()

    def _tell(self) -> None:
        self.setAccessibleName(self._look.text)
