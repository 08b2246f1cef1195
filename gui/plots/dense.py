"""Draws curves that have many points in each pixel column.

Qt needs 30 ms for one noisy curve over a thousand columns, line by line or filled. Here each such curve is a bit in a
picture of the plot, and one look-up gives every pixel the colour of all curves that cross it: half a millisecond a curve.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPaintEngine, QPainter, QPolygonF

from core.metrics.column import Floats
from core.metrics.envelope import Bars

if TYPE_CHECKING:
    from gui.plots.curve import Look

_BITS = 10
_NOISY = 5.0
"""Pixels a column from which a curve is a band of bars and no line."""
_LINES = 60_000.0
"""Pixels of level line, or a third as many upright ones, that Qt draws in some 9 ms."""
_DASH = {Qt.PenStyle.DashLine: (7, 5), Qt.PenStyle.DotLine: (2, 4)}


@dataclass(frozen=True, slots=True)
class Shape:
    """A curve by what it covers, and how it is drawn."""

    look: Look
    bars: Bars


Covered: TypeAlias = tuple[Shape, Floats, Floats]
"""Upper and lower end of its bars, in pixels from the top."""


class DenseLayer(pg.GraphicsObject):
    """The dense curves of a plot, below all others. It reckons in pixels of the box, whatever the view is."""

    def __init__(self, box: pg.ViewBox) -> None:
        super().__init__()
        self._box = box
        self._shapes: list[Shape] = []
        self._code: NDArray[np.uint16] = np.zeros((0, 0), np.uint16)
        self.setZValue(-1)
        box.addItem(self, ignoreBounds=True)

    def set_shapes(self, shapes: list[Shape]) -> None:
        """Other curves, the lowest first."""
        if shapes or self._shapes:
            self._shapes = shapes
            self.update()

    def boundingRect(self) -> QRectF:
        """All of the view."""
        return self._box.viewRect()

    def viewTransformChanged(self) -> None:
        """The view is another one."""
        self.prepareGeometryChange()

    def paint(self, painter: QPainter, option: object, widget: object = None) -> None:
        """Draws them."""
        if not self._shapes:
            return
        painter.save()
        to_pixels, possible = self.itemTransform(self._box)[0].inverted()
        if possible:
            painter.setWorldTransform(to_pixels, True)
        painter.setClipRect(self._box.rect(), Qt.ClipOperation.IntersectClip)
        scale = painter.deviceTransform()
        picture = painter.paintEngine().type() == QPaintEngine.Type.Raster
        bands, lines = self._sorted()
        if picture:
            for start in range(0, len(bands), _BITS):
                self._draw_bands(painter, bands[start : start + _BITS], abs(scale.m22()) or 1.0)
        else:
            for band in bands:
                self._fill(painter, *band)
        for line in lines:
            self._draw_line(painter, *line)
        painter.restore()

    def _sorted(self) -> tuple[list[Covered], list[Covered]]:
        """Which curves are noisy, and drawn as bars, and which are lines, as far as there is time for lines."""
        covered: list[tuple[float, Covered]] = []
        for shape in self._shapes:
            upper, lower = self._rows(shape.bars.high), self._rows(shape.bars.low)  # rows count downwards
            heights = lower - upper
            covered.append((float(np.sum(heights, where=np.isfinite(heights))), (shape, upper, lower)))
        lines: list[int] = []
        left = _LINES
        for number, (tall, (shape, _, _)) in sorted(enumerate(covered), key=lambda item: item[1][0]):
            columns = len(shape.bars.low)
            left -= (columns + 3 * tall) * (2 if shape.look.width > 1 else 1)
            if tall > _NOISY * columns or left < 0:
                break
            lines.append(number)
        bands = [found for number, (_, found) in enumerate(covered) if number not in lines]
        return bands, [covered[number][1] for number in sorted(lines)]

    # --- where things are --------------------------------------------------------------------------------------

    def _rows(self, positions: Floats) -> Floats:
        _, (bottom, top) = self._box.viewRange()
        return (top - positions) * (self._box.height() / (top - bottom))

    def _edges(self, bars: Bars) -> Floats:
        """The left edges of the columns, and the right one of the last, in pixels."""
        (left, right), _ = self._box.viewRange()
        columns = np.arange(bars.first_column, bars.first_column + len(bars.low) + 1)
        return (columns * bars.width - left) * (self._box.width() / (right - left))

    # --- bands -------------------------------------------------------------------------------------------------

    def _draw_bands(self, painter: QPainter, bands: list[Covered], scale: float) -> None:
        """Bars of a whole pixel in each column, mixed as if one curve had been drawn after the other."""
        height = max(1, round(self._box.height() * scale))
        first = min(shape.bars.first_column for shape, _, _ in bands)
        beyond = max(shape.bars.first_column + len(shape.bars.low) for shape, _, _ in bands)
        if self._code.shape != (height + 1, beyond - first):
            self._code = np.zeros((height + 1, beyond - first), np.uint16)
        code = self._code
        code[:] = 0
        highest, lowest = height, 0
        for bit, (shape, high, low) in enumerate(bands):
            thick = (shape.look.width - 1) / 2
            upper, lower = high - thick, low + thick
            drawn = _dashes(shape.look, shape.bars) & (lower * scale >= 0) & (upper * scale <= height)  # NaN is neither
            columns = np.flatnonzero(drawn)
            if not len(columns):
                continue
            top = np.clip(np.floor(upper[columns] * scale), 0, height - 1).astype(np.intp)
            bottom = np.clip(np.ceil(lower[columns] * scale), 1, height).astype(np.intp)
            bottom = np.maximum(bottom, top + 1)
            columns += shape.bars.first_column - first
            # A bit changes where a bar begins and where it ends; what is between follows by going down the rows.
            code[top, columns] ^= np.uint16(1 << bit)
            code[bottom, columns] ^= np.uint16(1 << bit)
            highest, lowest = min(highest, int(top.min())), max(lowest, int(bottom.max()))
        if highest >= lowest:
            return
        for row in range(highest + 1, lowest):
            np.bitwise_xor(code[row - 1], code[row], out=code[row])
        palette = _palette(tuple((shape.look.color, shape.look.opacity) for shape, _, _ in bands))
        colors = np.take(palette, code[highest:lowest], mode="clip")
        self._show(painter, colors, bands[0][0].bars, first - bands[0][0].bars.first_column, (highest, scale))

    def _show(self, painter: QPainter, colors: NDArray[np.uint32], bars: Bars, shift: int, place: tuple[int, float]) -> None:
        rows, columns = colors.shape
        top, scale = place
        image = QImage(colors.data, columns, rows, QImage.Format.Format_ARGB32_Premultiplied)  # pyright: ignore[reportCallIssue, reportArgumentType]
        edges = self._edges(bars)
        wide = edges[1] - edges[0]
        left = round((edges[0] + shift * wide) * scale) / scale  # whole pixels: nothing is blurred
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        target = QRectF(left, top / scale, columns * round(wide * scale) / scale, rows / scale)
        painter.drawImage(target, image, QRectF(image.rect()))

    def _fill(self, painter: QPainter, shape: Shape, low: Floats, high: Floats) -> None:
        """As areas, for what is no picture (SVG)."""
        color = QColor(shape.look.color)
        color.setAlphaF(shape.look.opacity)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        edges = self._edges(shape.bars)
        known = np.isfinite(low) & np.isfinite(high)
        for piece in np.split(np.arange(len(low)), np.flatnonzero(np.diff(known)) + 1):
            if known[piece[0]]:
                x = np.repeat(edges[piece[0] : piece[-1] + 2], 2)[1:-1]
                upper, lower = np.repeat(low[piece], 2), np.repeat(np.maximum(high, low + 1)[piece], 2)
                outline = [*zip(x, upper, strict=True), *zip(x[::-1], lower[::-1], strict=True)]
                painter.drawPolygon(QPolygonF([QPointF(*point) for point in outline]))

    # --- lines -------------------------------------------------------------------------------------------------

    def _draw_line(self, painter: QPainter, shape: Shape, low: Floats, high: Floats) -> None:
        edges = self._edges(shape.bars)
        middle = (edges[:-1] + edges[1:]) / 2
        # What comes first in a column is drawn first.
        first, second = np.where(shape.bars.falls, low, high), np.where(shape.bars.falls, high, low)
        y = np.column_stack((first, second)).ravel()
        x = np.repeat(middle, 2)
        dashes = np.repeat(_dashes(shape.look, shape.bars), 2)
        y = np.where(dashes, y, np.nan)
        kept = np.ones(len(y), np.bool_)
        kept[1::2] = ~(np.abs(second - first) < 0.25)
        pen = shape.look.pen()
        pen.setStyle(Qt.PenStyle.SolidLine)
        # Lines of one pixel are drawn thirty times faster than those of two: two of them, half a pixel apart.
        wide = pen.widthF() > 1
        pen.setWidthF(1.0)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for shift in (-0.45, 0.45) if wide else (0.0,):
            painter.drawPath(
                pg.functions.arrayToQPath(x[kept], y[kept] + shift, connect="finite" if np.isnan(y).any() else "all")
            )


def _dashes(look: Look, bars: Bars) -> NDArray[np.bool_]:
    on, off = _DASH.get(look.dash, (1, 0))
    return np.arange(bars.first_column, bars.first_column + len(bars.low)) % (on + off) < on


@lru_cache(maxsize=16)
def _palette(looks: tuple[tuple[str, float], ...]) -> NDArray[np.uint32]:
    """Pixels (premultiplied ARGB) by the set of curves that cross them, a bit each; a curve is a colour and an opacity."""
    mixed = np.zeros((1 << len(looks), 4))  # alpha, red, green, blue
    sets = np.arange(1 << len(looks))
    for bit, (name, opacity) in enumerate(looks):
        color = QColor(name)
        own = np.array([1.0, color.redF(), color.greenF(), color.blueF()]) * opacity
        hit = (sets >> bit & 1).astype(bool)
        mixed[hit] = own + mixed[hit] * (1 - opacity)
    parts = np.round(mixed * 255).astype(np.uint32)
    return (parts * np.array([1 << 24, 1 << 16, 1 << 8, 1], np.uint32)).sum(axis=1, dtype=np.uint32)
