"""A plot of curves over steps: wheel and drag move through the steps, the height follows what is seen."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from types import MappingProxyType

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QLabel, QWidget

from core.metrics.run_metrics import MarkKind
from gui.plots.axis import NumberAxis
from gui.plots.curve import Curve
from gui.plots.dense import DenseLayer, Shape
from gui.theme import tokens
from gui.theme.theme import Theme

AXIS_WIDTH = 62
_LONG = 60_000.0
"""Pixels of line in a plot that Qt draws in some 25 ms; with more, curves are drawn by what they cover."""
_MARK_HEIGHTS = {
    MarkKind.SAVED: (0.0, 0.035),
    MarkKind.SAMPLE: (0.0, 0.02),
    MarkKind.WARNED: (0.0, 0.07),
    MarkKind.NAN: (0.0, 1.0),
    MarkKind.RESUMED: (0.0, 1.0),
}


class StepPlot(pg.PlotWidget):
    """Curves over steps.

    Signals:
        view_changed: the user moved through the steps; first and last visible one.
        pointed: the step under the mouse or the keyboard's cursor, None for none.
        left_alone: Escape or the key F: the user wants to see all again.
    """

    view_changed = Signal(float, float)
    pointed = Signal(object)
    left_alone = Signal()

    def __init__(self, theme: Theme, *, step_labels: bool, parent: QWidget | None = None) -> None:
        self._left_axis = NumberAxis("left")
        self._bottom_axis = NumberAxis("bottom", whole=True)
        super().__init__(parent, axisItems={"left": self._left_axis, "bottom": self._bottom_axis})
        self._theme = theme
        self._curves: dict[str, Curve] = {}
        self._steps: np.ndarray[tuple[int], np.dtype[np.float64]] = np.empty(0)
        self._cursor: float | None = None
        self._logarithmic = False
        self._busy = False
        self._clips = False
        self.beyond = 0
        item = self.getPlotItem()
        assert item is not None
        self._item = item
        self._message = QLabel(self)
        self._note = QLabel(self)
        self._build(step_labels)
        theme.changed.connect(self._paint)
        self._paint()

    def _build(self, step_labels: bool) -> None:
        item = self._item
        item.hideButtons()
        item.setMenuEnabled(False)
        item.setContentsMargins(0, 4, 8, 0)
        self._left_axis.setWidth(AXIS_WIDTH)
        if step_labels:
            self._bottom_axis.setHeight(22)
        else:
            self._bottom_axis.setStyle(showValues=False)
            self._bottom_axis.setHeight(6)
        self._box = item.getViewBox()
        self._box.setMouseEnabled(x=True, y=False)
        self._box.setDefaultPadding(0.0)
        self._box.disableAutoRange()
        self._box.setLimits(minXRange=2.0)
        self._box.sigRangeChangedManually.connect(self._moved_by_hand)
        self._box.sigResized.connect(self.redraw)
        self._dense = DenseLayer(self._box)
        self._line = pg.InfiniteLine(angle=90, movable=False)
        self._line.setZValue(10)
        self._line.hide()
        self._item.addItem(self._line, ignoreBounds=True)
        self._marks = {kind: pg.VTickGroup(yrange=list(heights)) for kind, heights in _MARK_HEIGHTS.items()}
        for group in self._marks.values():
            group.setZValue(-5)
            self._item.addItem(group, ignoreBounds=True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setFrameShape(pg.PlotWidget.Shape.NoFrame)
        for label in (self._message, self._note):
            label.setProperty("class", "caption")
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            label.hide()

    # --- what is drawn -----------------------------------------------------------------------------------------

    @property
    def curves(self) -> Mapping[str, Curve]:
        """The curves by their keys, in the order they came."""
        return MappingProxyType(self._curves)

    @property
    def logarithmic(self) -> bool:
        """Whether heights are powers of ten."""
        return self._logarithmic

    def add(self, key: str, curve: Curve) -> None:
        """Puts a curve on the plot, over those that are there."""
        self._curves[key] = curve
        curve.item.setZValue(len(self._curves))
        curve.spots.setZValue(len(self._curves))
        self._item.addItem(curve.item, ignoreBounds=True)
        self._item.addItem(curve.spots, ignoreBounds=True)
        self._item.addItem(curve.dot, ignoreBounds=True)

    def remove(self, key: str) -> None:
        """Takes a curve away."""
        curve = self._curves.pop(key)
        self._item.removeItem(curve.item)
        self._item.removeItem(curve.spots)
        self._item.removeItem(curve.dot)

    def set_steps(self, steps: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
        """The steps the cursor can stand on, increasing."""
        self._steps = steps

    def set_marks(self, kind: MarkKind, steps: Iterable[int]) -> None:
        """Marks steps."""
        group = self._marks[kind]
        wanted = sorted(set(steps))
        if list(group.xvals) != wanted:
            group.setXVals(wanted)
            group.update()

    def set_logarithmic(self, on: bool) -> None:
        """Switches the heights between linear and logarithmic; the caller calls `redraw`."""
        if on != self._logarithmic:
            self._logarithmic = on
            self._left_axis.set_logarithmic(on)

    def set_clipping(self, on: bool) -> None:
        """Whether rare peaks may leave the plot (`beyond` counts them); the caller calls `redraw`."""
        self._clips, self.beyond = on, 0

    def set_view(self, left: float, right: float) -> None:
        """Shows the steps from `left` to `right`; no signal. Draws nothing: the caller calls `redraw`."""
        if right <= left:
            right = left + 1.0
        if (left, right) != self.view:
            self._box.setXRange(left, right, padding=0)

    @property
    def view(self) -> tuple[float, float]:
        """First and last visible step."""
        (left, right), _ = self._box.viewRange()
        return float(left), float(right)

    @property
    def heights(self) -> tuple[float, float]:
        """Lowest and highest visible position (powers of ten on a logarithmic axis)."""
        _, (low, high) = self._box.viewRange()
        return float(low), float(high)

    @property
    def not_positive(self) -> int:
        """How many visible values a logarithmic axis cannot show."""
        return sum(curve.not_positive for curve in self._curves.values() if curve.visible)

    def redraw(self) -> None:
        """Draws what changed: curves with new numbers, or all of them when the view changed."""
        left, right = self.view
        size = (max(16, int(self._box.width())), max(16, int(self._box.height())))
        found = self._render(left, right, size)
        if found:
            low, high = min(low for low, _ in found), max(high for _, high in found)
            shown = [curve for curve in self._curves.values() if curve.visible]
            if self._clips:
                usual = [bounds for curve in shown if (bounds := curve.usual()) is not None]
                low, high = min(low for low, _ in usual), max(high for _, high in usual)
            heights = _breathing(low, high, logarithmic=self._logarithmic)
            self.beyond = sum(curve.beyond(*heights) for curve in shown) if self._clips else 0
            busy = sum(curve.length(size, (left, right), heights) for curve in shown) > _LONG
            if busy != self._busy:
                self._busy = busy
                self._render(left, right, size)
            if heights != self.heights:
                self._box.setYRange(*heights, padding=0)
        self._dense.set_shapes([Shape(curve.look, curve.bars) for curve in self._curves.values() if curve.bars is not None])
        scene = self.scene()
        if isinstance(scene, pg.GraphicsScene):
            scene.prepareForPaint()  # now, or the first paint finds items to move and asks for a second one
        self._show_dots()

    def _render(self, left: float, right: float, size: tuple[int, int]) -> list[tuple[float, float]]:
        rendered = [
            curve.render(left, right, size, logarithmic=self._logarithmic, by_bars=self._busy) for curve in self._curves.values()
        ]
        return [bounds for bounds in rendered if bounds is not None]

    def say(self, message: str, note: str = "") -> None:
        """What stands in the middle of an empty plot, and a remark at its foot."""
        for label, words in ((self._message, message), (self._note, note)):
            label.setText(words)
            label.setVisible(bool(words))
            label.adjustSize()
        self._place_labels()

    # --- the cursor --------------------------------------------------------------------------------------------

    def set_cursor(self, step: float | None) -> None:
        """Puts the cursor line on a step, or takes it away; no signal."""
        if step == self._cursor:
            return
        self._cursor = step
        self._line.setVisible(step is not None)
        if step is not None:
            self._line.setPos(step)
        self._show_dots()

    def _show_dots(self) -> None:
        for curve in self._curves.values():
            value = curve.at(self._cursor) if self._cursor is not None and curve.visible else None
            if value is not None and self._logarithmic:
                value = math.log10(value) if value > 0 else None
            if value is None or not math.isfinite(value):
                curve.dot.setVisible(False)
            else:
                curve.dot.setData([self._cursor], [value])
                curve.dot.setVisible(True)

    def _nearest(self, position: float) -> float | None:
        if not len(self._steps):
            return None
        after = min(int(np.searchsorted(self._steps, position)), len(self._steps) - 1)
        before = max(after - 1, 0)
        nearer_before = position - self._steps[before] < self._steps[after] - position
        return float(self._steps[before if nearer_before else after])

    def mouseMoveEvent(self, ev: QMouseEvent) -> None:
        """The cursor follows the mouse."""
        super().mouseMoveEvent(ev)
        spot = self.mapToScene(ev.position().toPoint())
        inside = self._box.sceneBoundingRect().contains(spot)
        self.pointed.emit(self._nearest(self._box.mapSceneToView(QPointF(spot)).x()) if inside else None)

    def leaveEvent(self, ev: object) -> None:
        """The cursor goes with the mouse."""
        super().leaveEvent(ev)
        self.pointed.emit(None)

    def keyPressEvent(self, ev: QKeyEvent) -> None:
        """Arrows move the cursor a step (with Shift a tenth of the view), Home and End go to the ends, F shows all."""
        if ev.key() in (Qt.Key.Key_F, Qt.Key.Key_Escape):
            self.left_alone.emit()
            return
        if not len(self._steps) or ev.key() not in (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Home, Qt.Key.Key_End):
            super().keyPressEvent(ev)
            return
        left, right = self.view
        visible = self._steps[(self._steps >= left) & (self._steps <= right)]
        if not len(visible):
            return
        here = int(np.searchsorted(visible, self._cursor)) if self._cursor is not None else len(visible) - 1
        stride = max(1, len(visible) // 10) if ev.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
        moved = {
            Qt.Key.Key_Left: here - stride,
            Qt.Key.Key_Right: here + stride,
            Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: len(visible) - 1,
        }[Qt.Key(ev.key())]
        self.pointed.emit(float(visible[min(max(moved, 0), len(visible) - 1)]))

    # --- looks -------------------------------------------------------------------------------------------------

    def resizeEvent(self, ev: QResizeEvent | None) -> None:
        """Keeps the words in their places."""
        super().resizeEvent(ev)
        if hasattr(self, "_note"):
            self._place_labels()

    def _place_labels(self) -> None:
        middle = self.rect().center()
        self._message.move(middle.x() - self._message.width() // 2 + AXIS_WIDTH // 2, middle.y() - self._message.height() // 2)
        self._note.move(self.width() - self._note.width() - tokens.L, tokens.S)

    def _moved_by_hand(self) -> None:
        self.view_changed.emit(*self.view)

    def _paint(self) -> None:
        colors = self._theme.colors
        self.setBackground(colors.surface)
        for axis in (self._left_axis, self._bottom_axis):
            axis.background = QColor(colors.surface)
            axis.setPen(QColor(colors.border))
            axis.setTextPen(QColor(colors.text_muted))
            axis.setTickPen(QColor(colors.border))
            axis.setTickFont(self.font())
            axis.font_of_ticks = self.font()
        self._item.showGrid(x=True, y=True, alpha=0.5 if self._theme.is_dark else 0.7)
        for axis in (self._left_axis, self._bottom_axis):
            axis.setZValue(-1000)  # the grid behind the curves; showGrid puts it before them
        self._note.setStyleSheet(
            f"background: {colors.warning_soft}; color: {colors.warning_text}; border-radius: 4px; padding: 2px 6px;"
        )
        self._line.setPen(pg.mkPen(colors.text_muted, width=1))
        pens = {
            MarkKind.SAVED: pg.mkPen(colors.accent, width=2),
            MarkKind.SAMPLE: pg.mkPen(colors.series_4, width=2),
            MarkKind.WARNED: pg.mkPen(colors.warning_text, width=2),
            MarkKind.NAN: pg.mkPen(colors.danger_text, width=1),
            MarkKind.RESUMED: pg.mkPen(colors.text_muted, width=1, style=Qt.PenStyle.DotLine),
        }
        for kind, group in self._marks.items():
            group.setPen(pens[kind])
            group.update()


def _breathing(low: float, high: float, *, logarithmic: bool) -> tuple[float, float]:
    """The heights to show: a little more than the curves need, and never nothing."""
    span = high - low
    least = 0.5 if logarithmic else max(abs(high), abs(low)) * 1e-3 or 1.0
    if span < least:
        middle = (high + low) / 2
        low, high = middle - least / 2, middle + least / 2
        span = least
    return low - 0.06 * span, high + 0.06 * span
