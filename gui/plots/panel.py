"""Both plots of a run with one view, one cursor and one tool bar."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QPoint, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QShowEvent
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QSizePolicy, QSlider, QSplitter, QVBoxLayout, QWidget

from core.metrics.run_metrics import Mark, MarkKind, Quantity, RunMetrics, SeriesKey
from core.metrics.smoothing import Smoothing
from gui.bridge.settings import Settings
from gui.bridge.throttle import Throttle
from gui.plots.loss import LossPlot
from gui.plots.rates import RatesPlot
from gui.theme import tokens
from gui.theme.theme import Theme
from gui.widgets.base import Button, Label, Translated

REDRAW_MS = 100
_POSITIONS = 60
_DECADE = 20.0
_TIME = SeriesKey(Quantity.TIME)


def window_of(position: int) -> int:
    """Smoothing window of a slider position: 1 to 1000 steps, evenly on a logarithm."""
    return round(10.0 ** (position / _DECADE))


class ElidedLabel(Label):
    """Ends in dots where there is no room for all of its text."""

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draws what fits."""
        painter = QPainter(self)
        words = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, words)
        painter.end()


class PlotPanel(Translated, QWidget):
    """Loss above, rates below.

    Signals:
        save_picture, save_table, save_page: the user wants a file.
    """

    save_picture = Signal()
    save_table = Signal()
    save_page = Signal()

    def __init__(self, theme: Theme, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._settings = settings
        self._metrics = RunMetrics()
        self._seen = -1
        self._follows = True
        self._cursor: float | None = None
        self._throttle = Throttle(self._refresh, REDRAW_MS, self)
        self.loss = LossPlot(theme)
        self.rates = RatesPlot(theme)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider_label = QLabel()
        self.window_label = Label("", "muted")
        self.zero_phase = QCheckBox()
        self.clip = QCheckBox()
        self.cursor_label = ElidedLabel("", "muted")
        self.fit_button = Button(theme, icon="refresh", classes="quiet")
        self.picture_button = Button(theme, icon="image", classes="quiet")
        self.table_button = Button(theme, icon="table", classes="quiet")
        self.page_button = Button(theme, icon="file", classes="quiet")
        self._build()
        self._connect()
        self.retranslate()

    def _build(self) -> None:
        self.slider.setRange(0, _POSITIONS)
        self.slider.setFixedWidth(110)
        self.slider.setValue(self._settings.number("plot_smoothing", 30))
        self.slider_label.setBuddy(self.slider)
        self.zero_phase.setChecked(self._settings.flag("plot_zero_phase"))
        self.clip.setChecked(self._settings.flag("plot_clip"))
        self._clip(self.clip.isChecked())
        self.window_label.setMinimumWidth(self.window_label.fontMetrics().horizontalAdvance("1000 ステップ") + tokens.S)
        self.loss.log_switch.setChecked(self._settings.flag("plot_log_loss"))
        self.rates.show_quantity(self._settings.text("plot_lower") or "rates")
        self.rates.log_switch.setChecked(self._settings.flag(self._log_key, self.rates.usually_logarithmic))
        bar = QHBoxLayout()
        bar.setContentsMargins(tokens.S, 0, 0, 0)
        bar.setSpacing(tokens.S)
        for widget in (self.slider_label, self.slider, self.window_label, self.zero_phase):
            bar.addWidget(widget)
        self.loss.head.insertWidget(self.loss.head.count() - 1, self.clip)  # of both plots; the bar has no room in a small window
        bar.addSpacing(tokens.S)
        self.cursor_label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        bar.addWidget(self.cursor_label, 1)
        for button in (self.fit_button, self.picture_button, self.table_button, self.page_button):
            policy = button.sizePolicy()
            policy.setRetainSizeWhenHidden(True)
            button.setSizePolicy(policy)
            bar.addWidget(button)
        self.plots = QSplitter(Qt.Orientation.Vertical)
        self.plots.setChildrenCollapsible(False)
        for section, share in ((self.loss, 3), (self.rates, 2)):
            section.plot.setMinimumHeight(70)
            self.plots.addWidget(section)
            self.plots.setStretchFactor(self.plots.count() - 1, share)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(tokens.S)
        layout.addLayout(bar)
        layout.addWidget(self.plots, 1)
        self._smooth()
        self._set_follows(True)
        self._theme.changed.connect(self._paint)
        self._paint()

    def _paint(self) -> None:
        colors = self._theme.colors
        self.slider.setStyleSheet(
            f"QSlider::groove:horizontal {{ height: 4px; border-radius: 2px; background: {colors.border}; }}"
            f"QSlider::sub-page:horizontal {{ height: 4px; border-radius: 2px; background: {colors.accent}; }}"
            "QSlider::handle:horizontal { width: 14px; height: 14px; margin: -6px 0; border-radius: 8px;"
            f" background: {colors.surface}; border: 2px solid {colors.accent}; }}"
            f"QSlider::handle:horizontal:hover {{ background: {colors.hover}; }}"
            f"QSlider::handle:horizontal:focus {{ background: {colors.accent}; border-color: {colors.text}; }}"
        )

    def _connect(self) -> None:
        self.slider.valueChanged.connect(self._smoothing_chosen)
        self.zero_phase.toggled.connect(self._smoothing_chosen)
        self.clip.toggled.connect(self._clipping_chosen)
        self.loss.log_switch.toggled.connect(lambda on: self._settings.set("plot_log_loss", on))
        self.rates.log_switch.toggled.connect(lambda on: self._settings.set(self._log_key, on))
        self.rates.quantity_chosen.connect(self._quantity_chosen)
        self.fit_button.clicked.connect(self.fit)
        self.picture_button.clicked.connect(self.save_picture)
        self.table_button.clicked.connect(self.save_table)
        self.page_button.clicked.connect(self.save_page)
        for section in (self.loss, self.rates):
            section.plot.view_changed.connect(self._view_chosen)
            section.plot.pointed.connect(self.point_at)
            section.plot.left_alone.connect(self.fit)

    # --- the run -----------------------------------------------------------------------------------------------

    @property
    def metrics(self) -> RunMetrics:
        """The run on show."""
        return self._metrics

    def set_metrics(self, metrics: RunMetrics) -> None:
        """Shows another run, all of it."""
        self._metrics = metrics
        self._seen = -1
        self.point_at(None)
        self.loss.set_metrics(metrics)
        self.rates.set_metrics(metrics)
        self._set_follows(True)
        self._throttle.cancel()
        self._refresh()

    def refresh(self) -> None:
        """Draws what is new in the run; at most ten times a second, and not while nobody sees it."""
        if self.isVisible():
            self._throttle.call()

    def showEvent(self, event: QShowEvent) -> None:
        """Draws what came while the panel was hidden."""
        super().showEvent(event)
        self._refresh()

    def _refresh(self) -> None:
        if self._seen == self._metrics.revision:
            return
        self._seen = self._metrics.revision
        steps = self._metrics.get(_TIME).x
        for section in (self.loss, self.rates):
            section.update_curves()
            section.plot.set_steps(steps)
            for kind in MarkKind:
                section.plot.set_marks(kind, (mark.step for mark in self._metrics.marks if mark.kind is kind))
        has_steps = len(steps) > 0
        self.picture_button.setVisible(has_steps)
        self.table_button.setVisible(has_steps)
        self.page_button.setVisible(has_steps)
        if self._follows:
            self._show_all()
        else:
            self._redraw()
        self._tell_cursor()

    # --- the view ----------------------------------------------------------------------------------------------

    @property
    def follows(self) -> bool:
        """Whether the whole run is on show, as it grows."""
        return self._follows

    def fit(self) -> None:
        """Shows the whole run, and goes on doing so as it grows."""
        self._set_follows(True)
        self._show_all()

    def _set_follows(self, on: bool) -> None:
        self._follows = on
        self.fit_button.setVisible(not on)

    def _show_all(self) -> None:
        steps = self._metrics.get(_TIME).x
        first, last = (float(steps[0]), float(steps[-1])) if len(steps) else (0.0, 10.0)
        room = max(1.0, 0.01 * (last - first))
        self._show(first - room, last + room)

    def _show(self, left: float, right: float) -> None:
        for section in (self.loss, self.rates):
            section.plot.set_view(left, right)
        self._redraw()

    def _redraw(self) -> None:
        for section in (self.loss, self.rates):
            section.redraw()

    def _view_chosen(self, left: float, right: float) -> None:
        self._set_follows(False)
        self._show(left, right)

    @property
    def _log_key(self) -> str:
        return f"plot_log_{self.rates.quantity}".replace("/", "_per_")

    def _quantity_chosen(self, name: str) -> None:
        self._settings.set("plot_lower", name)
        self.rates.show_quantity(name)
        self.rates.log_switch.setChecked(self._settings.flag(self._log_key, self.rates.usually_logarithmic))
        self._redraw()

    # --- the cursor --------------------------------------------------------------------------------------------

    def point_at(self, step: float | None) -> None:
        """Puts the cursor of both plots on a step."""
        self._cursor = step
        for section in (self.loss, self.rates):
            section.set_cursor(step)
        self._tell_cursor()

    def _tell_cursor(self) -> None:
        step = self._cursor
        if step is None:
            last = self._metrics.last_step
            self.cursor_label.setText(self.tr("Latest: step {step}").format(step=last) if last else "")
            return
        words = [self.tr("Step {step}").format(step=int(step))]
        words += [self._mark_text(mark) for mark in self._metrics.marks if mark.step == int(step)]
        self.cursor_label.setText("  ·  ".join(words))

    def _mark_text(self, mark: Mark) -> str:
        name = Path(mark.detail.replace("\\", "/")).name
        return {
            MarkKind.SAVED: self.tr("saved {name}").format(name=name),
            MarkKind.SAMPLE: self.tr("sample {name}").format(name=name),
            MarkKind.WARNED: mark.detail,
            MarkKind.NAN: self.tr("loss is not finite from here"),
            MarkKind.RESUMED: self.tr("resumed here"),
        }[mark.kind]

    # --- smoothing ---------------------------------------------------------------------------------------------

    def _smoothing_chosen(self) -> None:
        self._settings.set("plot_smoothing", self.slider.value())
        self._settings.set("plot_zero_phase", self.zero_phase.isChecked())
        self._smooth()
        self.loss.redraw()

    def _clipping_chosen(self, on: bool) -> None:
        self._settings.set("plot_clip", on)
        self._clip(on)
        self._redraw()

    def _clip(self, on: bool) -> None:
        for section in (self.loss, self.rates):
            section.plot.set_clipping(on)

    def _smooth(self) -> None:
        window = window_of(self.slider.value())
        method = "zero-phase" if self.zero_phase.isChecked() else "exponential"
        self.loss.set_smoothing(Smoothing(window=window, method=method))
        self.window_label.setText(self.tr("off") if window == 1 else self.tr("%n steps", "", window))
        self.slider.setAccessibleDescription(self.window_label.text())

    # --- files -------------------------------------------------------------------------------------------------

    def picture(self, scale: float = 2.0) -> QImage:
        """Both plots as they are on the screen, `scale` times as many pixels."""
        size = self.plots.size()
        image = QImage(QSize(round(size.width() * scale), round(size.height() * scale)), QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(scale)
        image.fill(self._theme.colors.surface)
        painter = QPainter(image)
        self.plots.render(painter, QPoint(0, 0), renderFlags=QWidget.RenderFlag.DrawChildren)
        painter.end()
        return image

    def vector_picture(self) -> bytes:
        """Both plots as they are on the screen, as SVG."""
        data = QByteArray()
        buffer = QBuffer(data)
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        generator = QSvgGenerator()
        generator.setOutputDevice(buffer)
        generator.setSize(self.plots.size())
        generator.setViewBox(self.plots.rect())
        generator.setTitle("Caddie")
        painter = QPainter(generator)
        painter.fillRect(self.plots.rect(), QColor(self._theme.colors.surface))
        for section in (self.loss, self.rates):
            section.draw_vector(painter, self.plots)
        painter.end()
        return bytes(data.data())

    def retranslate(self) -> None:
        """Sets every visible text in the language on screen."""
        self.slider_label.setText(self.tr("Smoothing"))
        self.zero_phase.setText(self.tr("Zero lag"))
        self.zero_phase.setToolTip(
            self.tr("Smooths in both directions, so that a bend stands where it happened. The newest part still changes.")
        )
        self.clip.setText(self.tr("Clip peaks"))
        self.clip.setToolTip(self.tr("Gives the room to the usual values; rare peaks leave the plot, and their number is told"))
        self.fit_button.setText(self.tr("Show all"))
        self.fit_button.setToolTip(self.tr("Show the whole run and follow it (F)"))
        self.picture_button.setText(self.tr("PNG…"))
        self.picture_button.setToolTip(self.tr("Save both plots as a picture: PNG, or SVG by its ending"))
        self.page_button.setText(self.tr("HTML…"))
        self.page_button.setToolTip(
            self.tr("Save the run as one page that opens anywhere: curves, settings, samples, environment")
        )
        self.table_button.setText(self.tr("CSV…"))
        self.table_button.setToolTip(self.tr("Save all numbers of the run as a table"))
        self.slider.setAccessibleName(self.tr("Smoothing"))
        self._smooth()
        self._tell_cursor()
