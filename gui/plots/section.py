"""A plot with its heading: title, legend with read-out, and the switch of its scale."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QPointF, QRectF, QSizeF
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QVBoxLayout, QWidget

from core.metrics.run_metrics import RunMetrics
from gui.plots.curve import Curve, Look
from gui.plots.legend import Legend
from gui.plots.plot import StepPlot
from gui.plots.ticks import number
from gui.theme import tokens
from gui.theme.theme import Theme
from gui.widgets.base import Label, Translated


class PlotSection(Translated, QWidget):
    """Base of the loss and the rates plot."""

    def __init__(self, theme: Theme, *, step_labels: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._cursor: float | None = None
        self._chosen: dict[str, bool] = {}
        self.metrics = RunMetrics()
        self.plot = StepPlot(theme, step_labels=step_labels)
        self.legend = Legend(theme)
        self.heading = Label("", "section")
        self.log_switch = QCheckBox()
        head = QHBoxLayout()
        head.setContentsMargins(tokens.S, 0, 0, 0)
        head.setSpacing(tokens.L)
        head.addWidget(self.heading)
        head.addWidget(self.legend, 1)
        self.head = head
        head.addWidget(self.log_switch)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(tokens.XS)
        layout.addLayout(head)
        layout.addWidget(self.plot, 1)
        self.legend.toggled.connect(self._toggled)
        self.log_switch.toggled.connect(self._scale_chosen)

    # --- what a plot of its own kind says -----------------------------------------------------------------------

    def update_curves(self) -> None:
        """Brings the curves up to date with `metrics`; the caller draws."""
        raise NotImplementedError

    def empty_message(self) -> str:
        """What to say where no curve has a value."""
        raise NotImplementedError

    def note(self) -> str:
        """A remark below the curves, "" for none."""
        notes: list[str] = []
        if self.plot.not_positive:
            notes.append(self.tr("{count} values of 0 or less are not drawn on this scale").format(count=self.plot.not_positive))
        if self.plot.beyond:
            notes.append(self.tr("{count} peaks reach over the edge").format(count=self.plot.beyond))
        return "  ·  ".join(notes)

    # --- for the panel -------------------------------------------------------------------------------------------

    def set_cursor(self, step: float | None) -> None:
        """Moves the cursor; without one, the legend tells the latest values."""
        self._cursor = step
        self.plot.set_cursor(step)
        self._tell_values()

    def draw_vector(self, painter: QPainter, within: QWidget) -> None:
        """Draws heading, legend and plot as lines and letters, where they stand `within` a parent."""
        place = self.legend.mapTo(within, QPoint(0, 0))
        painter.setFont(self.heading.font())
        painter.setPen(QColor(self._theme.colors.text_muted))
        painter.drawText(
            self.mapTo(within, QPoint(tokens.S, 0)).x(), place.y() + self.fontMetrics().ascent() + 2, self.heading.text()
        )
        self.legend.render(painter, place, renderFlags=QWidget.RenderFlag.DrawChildren)
        area = QRectF(QPointF(self.plot.mapTo(within, QPoint(0, 0))), QSizeF(self.plot.size()))
        self.plot.render(painter, area, self.plot.rect())  # the scene: as a widget it would be a picture

    def redraw(self) -> None:
        """Draws what changed and says what cannot be drawn."""
        self.plot.redraw()
        self._tell_values()
        empty = not any(len(curve.x) for curve in self.plot.curves.values())
        self.plot.say(self.empty_message() if empty else "", self.note())

    def retranslate(self) -> None:
        """Sets every visible text in the language on screen."""
        self.log_switch.setText(self.tr("Log scale"))
        self.update_curves()
        self.redraw()

    # --- helpers of the plots -------------------------------------------------------------------------------------

    def _put(self, key: str, name: str, look: Look, *, shown: bool = True) -> Curve:
        """The curve of that key; made where it is new, and named and painted anew."""
        curve = self.plot.curves.get(key)
        wanted = self._chosen.get(key, shown)
        if curve is None:
            curve = Curve(name, look, visible=wanted)
            self.plot.add(key, curve)
        curve.name = name
        curve.visible = wanted
        if curve.look != look:
            curve.set_look(look)
        self.legend.set_key(key, name, look, shown=wanted)
        return curve

    def _drop_all_but(self, keys: set[str]) -> None:
        for key in [key for key in self.plot.curves if key not in keys]:
            self.plot.remove(key)
            self.legend.remove(key)

    def _toggled(self, key: str, on: bool) -> None:
        self._chosen[key] = on
        self.plot.curves[key].visible = on
        self.redraw()

    def _scale_chosen(self, logarithmic: bool) -> None:
        self.plot.set_logarithmic(logarithmic)
        self.redraw()

    def _tell_values(self) -> None:
        for key, curve in self.plot.curves.items():
            latest = float(curve.y[-1]) if len(curve.y) else None
            value = latest if self._cursor is None else curve.told(self._cursor)
            self.legend.set_value(key, "" if value is None else number(value))
