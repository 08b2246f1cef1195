"""One curve on a plot: all its data, of which only what the pixels can show is handed to Qt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPen

from core.metrics.downsample import flatten, thin
from core.metrics.series import Floats

_NOTHING: Floats = np.empty(0)
_MANY = 600
_SPOTS = 300


@dataclass(frozen=True, slots=True)
class Look:
    """How a curve is drawn.

    Attributes:
        color: `#rrggbb`.
        width: in pixels. Qt draws one pixel many times faster than more.
        opacity: 0 to 1.
        dash: the style of the line.
        spots: each value is a dot, for values that are far apart; they hold until the next one.
    """

    color: str
    width: float = 1.0
    opacity: float = 1.0
    dash: Qt.PenStyle = Qt.PenStyle.SolidLine
    spots: bool = False

    def pen(self) -> QPen:
        """As Qt wants it."""
        color = QColor(self.color)
        color.setAlphaF(self.opacity)
        pen = QPen(color, self.width, self.dash)
        pen.setCosmetic(True)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        pen.setCapStyle(Qt.PenCapStyle.FlatCap if self.dash != Qt.PenStyle.SolidLine else Qt.PenCapStyle.RoundCap)
        return pen


class Curve:
    """A curve. `name` is what people read; `visible` what they chose."""

    def __init__(self, name: str, look: Look, *, visible: bool = True) -> None:
        self.name = name
        self.item = pg.PlotCurveItem(connect="finite", antialias=True)
        self.dot = pg.ScatterPlotItem(size=7, pen=None)
        self.dot.setZValue(20)
        self.spots = pg.ScatterPlotItem(size=6, pen=None)
        self.visible = visible
        self.x: Floats = _NOTHING
        self.y: Floats = _NOTHING
        self.not_positive = 0
        self._look = look
        self._drawn: tuple[object, ...] = ()
        self._bounds: tuple[float, float] | None = None
        self._revision = 0
        self.set_look(look)

    @property
    def look(self) -> Look:
        """How it is drawn."""
        return self._look

    def set_look(self, look: Look) -> None:
        """Draws it differently (another theme)."""
        self._look = look
        self._drawn = ()
        self.item.setPen(look.pen())
        self.dot.setBrush(QColor(look.color))
        self.spots.setBrush(QColor(look.color))

    def set_data(self, x: Floats, y: Floats) -> None:
        """Other numbers; drawn with the next `render`."""
        self.x, self.y = x, y
        self._revision += 1

    def render(self, left: float, right: float, size: tuple[int, int], *, logarithmic: bool) -> tuple[float, float] | None:
        """Draws what is visible from `left` to `right`, unless it is drawn already.

        Args:
            left, right: steps.
            size: columns and rows of pixels.
            logarithmic: whether heights are powers of ten.

        Returns:
            The lowest and highest drawn position (powers of ten on a logarithmic axis), None where nothing is drawn.
        """
        wanted = (self._revision, left, right, size, logarithmic, self.visible)
        if wanted == self._drawn:
            return self._bounds
        self._drawn = wanted
        self.item.setVisible(self.visible)
        if not self.visible or not len(self.x):
            self.not_positive = 0
            self._bounds = None
            self.item.setData(_NOTHING, _NOTHING)
            self.spots.setData(_NOTHING, _NOTHING)
            return None
        y = self.y
        if logarithmic:
            with np.errstate(divide="ignore", invalid="ignore"):
                y = np.where(y > 0, np.log10(y), np.nan)
            inside = (self.x >= left) & (self.x <= right)
            self.not_positive = int(np.count_nonzero(self.y[inside] <= 0))
        else:
            self.not_positive = 0
        x, y = thin(self.x, y, left, right, size[0])
        x, y = flatten(x, np.where(np.isfinite(y), y, np.nan), size[1])
        self._draw(x, y)
        shown = y[(x >= left) & (x <= right)]
        shown = shown[np.isfinite(shown)]
        self._bounds = (float(shown.min()), float(shown.max())) if len(shown) else None
        return self._bounds

    def _draw(self, x: Floats, y: Floats) -> None:
        pen = self._look.pen()
        if len(x) > _MANY and pen.style() != Qt.PenStyle.SolidLine:
            pen.setWidthF(1.0)
        # Qt strokes a wide path as a whole: 1.4 s for 4000 noisy points on this screen, 0.05 s line by line. A dash
        # would begin anew with every line, so dashed curves become thin instead.
        by_line = pen.widthF() > 1 and pen.style() == Qt.PenStyle.SolidLine
        self.item.setSegmentedLineMode("on" if by_line else "off")
        self.item.setPen(pen)
        self.item.setData(x, y)
        seen = np.isfinite(y)
        if self._look.spots and np.count_nonzero(seen) <= _SPOTS:
            self.spots.setData(x[seen], y[seen])
        else:
            self.spots.setData(_NOTHING, _NOTHING)

    def told(self, step: float) -> float | None:
        """The value that counts at that step: exactly there, or for dots the last one before."""
        if not self._look.spots:
            return self.at(step)
        index = int(np.searchsorted(self.x, step, side="right")) - 1
        return float(self.y[index]) if index >= 0 else None

    def at(self, step: float) -> float | None:
        """The value at exactly that step, None where it has none."""
        index = int(np.searchsorted(self.x, step))
        if index < len(self.x) and self.x[index] == step:
            return float(self.y[index])
        return None
