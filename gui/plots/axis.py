"""Axes that write numbers as people who train write them."""

from __future__ import annotations

from typing import Any, Literal

import pyqtgraph as pg
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QFont, QPainter, QPicture

from gui.plots import ticks

_ROOM_FOR_LABEL = {"left": 36.0, "bottom": 90.0}
_ROOM_FOR_DECADE = 22.0


class NumberAxis(pg.AxisItem):
    """An axis of numbers, linear or logarithmic; `whole` for steps."""

    def __init__(self, place: Literal["left", "bottom"], *, whole: bool = False) -> None:
        super().__init__(place, maxTickLength=0)
        self._place = place
        self._whole = whole
        self._logarithmic = False
        self._specs: Any = None
        self.background = QColor("white")
        self.font_of_ticks = QFont()
        self.enableAutoSIPrefix(False)
        self.setStyle(tickTextOffset=6, autoExpandTextSpace=False)

    def set_logarithmic(self, on: bool) -> None:
        """Whether positions are powers of ten. The plot hands in logarithms itself."""
        self._logarithmic = on
        self.picture = None
        self.update()

    def paint(self, p: QPainter, opt: object, widget: object) -> None:
        """Draws it straight away: by way of pyqtgraph's recorded picture each text is laid out anew, which takes 1 ms."""
        if self.picture is None:
            self._specs = self.generateDrawSpecs(p)
            self.picture = QPicture()  # the mark that nothing has changed since
        if self._specs is None:
            return
        (pen, begin, end), lines, texts = self._specs
        p.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        for line_pen, one, other in ((pen, begin, end), *lines):
            # A rectangle in a colour of its own: an upright line that is see-through takes Qt 0.1 ms, and a grid has many.
            place = QRectF(one, other).normalized()
            p.fillRect(place.adjusted(0, 0, not place.width(), not place.height()), _over(line_pen.color(), self.background))
        p.setFont(self.font_of_ticks)
        p.setPen(self.textPen())
        for rectangle, flags, text in texts:
            p.drawText(rectangle, int(flags), text)

    def tickValues(self, minVal: float, maxVal: float, size: float) -> list[tuple[float, list[float]]]:  # noqa: N803
        """Positions of labelled ticks, then of bare lines."""
        low, high = sorted((minVal, maxVal))
        if self._logarithmic:
            labelled, bare = ticks.log_ticks(low, high, max(3, int(size / _ROOM_FOR_DECADE)))
            return [(1.0, labelled), (0.1, bare)]
        find = ticks.whole_ticks if self._whole else ticks.linear_ticks
        count = max(3, int(size / _ROOM_FOR_LABEL[self._place]))
        return [(1.0, find(low, high, count))]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        """What is written at those positions."""
        if self._logarithmic:
            return [ticks.number(10.0**value, 3) for value in values] if spacing == 1.0 else [""] * len(values)
        if self._whole:
            return [f"{value:.0f}" for value in values]
        return ticks.labels(values)


def _over(color: QColor, background: QColor) -> QColor:
    """What a see-through colour looks like on a background."""
    part = color.alphaF()
    pairs = (
        (color.redF(), background.redF()),
        (color.greenF(), background.greenF()),
        (color.blueF(), background.blueF()),
    )
    return QColor.fromRgbF(*(part * one + (1 - part) * other for one, other in pairs))
