"""One curve on a plot: all its data, of which only what the pixels can show is handed to Qt."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPen

from core.metrics.column import Floats
from core.metrics.downsample import flatten, thin
from core.metrics.envelope import Bars, EnvelopeView, Trace
from core.metrics.pyramid import Pyramid

_NOTHING: Floats = np.empty(0)
_MANY = 600
_SPOTS = 300
_SEGMENT = 10.0
"""Pixels of thin line that take as long as one piece of a wide one."""
_DENSE = 1
"""Points a column from which a curve is drawn by what it covers of each column."""


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
        self._pyramid: Pyramid | None = None
        self._positive: tuple[Pyramid, int, Pyramid] | None = None
        self._spotted = False
        self._lowest = (-1, 0.0)
        self._view = EnvelopeView()
        self._view_of: tuple[object, ...] = ()
        self.bars: Bars | None = None
        self.points: tuple[Floats, Floats] = (_NOTHING, _NOTHING)
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
        self.x, self.y, self._pyramid = x, y, None
        self._revision += 1

    def set_trace(self, trace: Trace) -> None:
        """Other numbers whose extremes are known: for curves of any length."""
        self.x, self.y, self._pyramid = trace.x, trace.y, trace.pyramid
        self._revision += 1

    def render(
        self, left: float, right: float, size: tuple[int, int], *, logarithmic: bool, by_bars: bool = False
    ) -> tuple[float, float] | None:
        """Draws what is visible from `left` to `right`, unless it is drawn already.

        Args:
            left, right: steps.
            size: columns and rows of pixels.
            logarithmic: whether heights are powers of ten.
            by_bars: leave even few points to `bars`, for a plot where lines would take too long.

        Returns:
            The lowest and highest drawn position (powers of ten on a logarithmic axis), None where nothing is drawn.
        """
        wanted = (self._revision, left, right, size, logarithmic, by_bars, self.visible)
        if wanted == self._drawn:
            return self._bounds
        self._drawn = wanted
        self.bars = None
        self.points = (_NOTHING, _NOTHING)
        self.not_positive = 0
        self._bounds = None
        first = int(np.searchsorted(self.x, left, side="left")) if self.visible else 0
        beyond = int(np.searchsorted(self.x, right, side="right")) if self.visible else 0
        dense = right > left and beyond - first > (1 if by_bars and not self._look.spots else _DENSE * size[0])
        self.item.setVisible(self.visible and not dense)
        if dense:
            self._show_spots(_NOTHING, _NOTHING)
            self._cover(left, right, size[0], logarithmic=logarithmic)
        elif self.visible and len(self.x):
            around = slice(max(first - 1, 0), beyond + 1)
            self._trace(self.x[around], self.y[around], (left, right), size, logarithmic=logarithmic)
        else:
            self.item.setData(_NOTHING, _NOTHING)
            self._show_spots(_NOTHING, _NOTHING)
        return self._bounds

    def _trace(self, x: Floats, y: Floats, view: tuple[float, float], size: tuple[int, int], *, logarithmic: bool) -> None:
        """Point by point."""
        inside = (x >= view[0]) & (x <= view[1])
        if logarithmic:
            self.not_positive = int(np.count_nonzero(y[inside] <= 0))
            with np.errstate(divide="ignore", invalid="ignore"):
                y = np.where(y > 0, np.log10(y), np.nan)
        if len(x):
            x, y = thin(x, y, *view, size[0])
        x, y = flatten(x, np.where(np.isfinite(y), y, np.nan), size[1])
        self._draw(x, y)
        self.points = (x, y)
        shown = y[(x >= view[0]) & (x <= view[1])]
        shown = shown[np.isfinite(shown)]
        self._bounds = (float(shown.min()), float(shown.max())) if len(shown) else None

    def _cover(self, left: float, right: float, columns: int, *, logarithmic: bool) -> None:
        """By what it covers of each pixel column."""
        trace = Trace(self.x, self.y, self._extremes())
        if logarithmic and self._goes_to_zero():
            trace = Trace(self.x, self.y, self._positive_extremes(trace.pyramid))
            ends = np.searchsorted(self.x, [left, right])
            self.not_positive = int(np.count_nonzero(self.y[ends[0] : ends[1]] <= 0))
        view_of = (self._revision, trace.pyramid is self._pyramid, logarithmic)
        if self._view_of != view_of:
            self._view_of = view_of
            self._view = EnvelopeView(logarithmic=logarithmic, margin=0.15 + 0.05 * (id(self) // 64 % 8))
        width = (right - left) / columns
        self.bars = self._view.columns(trace, width, math.floor(left / width), math.floor(right / width) + 1)
        known = np.isfinite(self.bars.low)
        if known.any():
            self._bounds = (float(self.bars.low[known].min()), float(self.bars.high[known].max()))

    def _extremes(self) -> Pyramid:
        if self._pyramid is None:
            self._pyramid = Pyramid()
            self._pyramid.update(self.y)
        return self._pyramid

    def _goes_to_zero(self) -> bool:
        if self._lowest[0] != self._revision:
            low, _ = self._extremes().extremes(self.y, np.array([0]), np.array([len(self.y)]))
            self._lowest = (self._revision, float(low[0]))
        return not self._lowest[1] > 0

    def _positive_extremes(self, pyramid: Pyramid) -> Pyramid:
        """Extremes of what a logarithmic axis can show; kept, and added to while the curve only grows."""
        known = self._positive
        if known is None or known[0] is not pyramid or known[1] != pyramid.epoch:
            known = self._positive = (pyramid, pyramid.epoch, Pyramid(positive=True))
        if len(known[2]) != len(self.y):
            known[2].update(self.y)
        return known[2]

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
            self._show_spots(x[seen], y[seen])
        else:
            self._show_spots(_NOTHING, _NOTHING)

    def _show_spots(self, x: Floats, y: Floats) -> None:
        if len(x) or self._spotted:
            self._spotted = len(x) > 0
            self.spots.setData(x, y)

    def usual(self) -> tuple[float, float] | None:
        """As `render` tells, without rare peaks: a quarter more than what 98 of 100 columns or points need."""
        if self._bounds is None:
            return None
        low, high = (self.bars.low, self.bars.high) if self.bars is not None else (self.points[1], self.points[1])
        low, high = low[np.isfinite(low)], high[np.isfinite(high)]
        bottom, top = float(np.quantile(low, 0.01)), float(np.quantile(high, 0.99))
        room = (top - bottom) / 4
        return max(self._bounds[0], bottom - room), min(self._bounds[1], top + room)

    def beyond(self, low: float, high: float) -> int:
        """How many of the drawn columns or points reach over these heights."""
        lows, highs = (self.bars.low, self.bars.high) if self.bars is not None else (self.points[1], self.points[1])
        return int(np.count_nonzero((lows < low) | (highs > high)))

    def length(self, size: tuple[int, int], view: tuple[float, float], heights: tuple[float, float]) -> float:
        """How many pixels long its line is: what drawing it costs."""
        rows = size[1] / (heights[1] - heights[0])
        if self.bars is not None:
            tall = self.bars.high - self.bars.low
            return float(np.sum(tall, where=np.isfinite(tall))) * rows + size[0]
        x, y = self.points
        rise = np.abs(np.diff(y))
        run = (float(x[-1]) - float(x[0])) * size[0] / (view[1] - view[0]) if len(x) else 0.0
        parts = _SEGMENT * len(x) if self._look.width > 1 else 0.0
        return float(np.sum(rise, where=np.isfinite(rise))) * rows + run + parts

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
