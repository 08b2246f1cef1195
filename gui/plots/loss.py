"""The loss: every step faint, smoothed strong."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import QToolTip, QWidget

from core.metrics.run_metrics import LOSS, VALIDATION_LOSS, Quantity, RunMetrics, SeriesKey
from core.metrics.series import Series
from core.metrics.smoothing import Smoother, Smoothing
from gui.plots.curve import Look
from gui.plots.section import PlotSection
from gui.theme.theme import Theme
from gui.widgets.base import Button, IconButton

_AVERAGE = SeriesKey(Quantity.AVERAGE_LOSS)
RAW, SMOOTH, AVERAGE, VALIDATION = "raw", "smooth", "average", "validation"


class LossPlot(PlotSection):
    """Loss over steps: of the training and, where it is measured, of images that are held out.

    Signals:
        validation_wanted: the user asks how to get a validation loss.
    """

    validation_wanted = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, step_labels=False, parent=parent)
        self._smoothing = Smoothing()
        self._drawn: dict[str, tuple[object, ...]] = {}
        self._smoother: tuple[tuple[RunMetrics, Smoothing], Smoother] | None = None
        self.about = IconButton(theme, "info")
        self.hint = Button(theme, icon="plus", classes="quiet")
        self.hint.hide()
        self.head.insertWidget(1, self.about)
        self.head.insertWidget(3, self.hint)
        self.about.clicked.connect(lambda: QToolTip.showText(self.about.mapToGlobal(QPoint(0, 24)), self._about(), self.about))
        self.hint.clicked.connect(self.validation_wanted)
        theme.changed.connect(self.update_curves)
        self.retranslate()

    @property
    def smoothing(self) -> Smoothing:
        """How the strong curve is made from the faint one."""
        return self._smoothing

    def set_smoothing(self, smoothing: Smoothing) -> None:
        """Smooths otherwise; the caller draws."""
        if smoothing != self._smoothing:
            self._smoothing = smoothing
            self.update_curves()

    def set_metrics(self, metrics: RunMetrics) -> None:
        """Shows another run."""
        self.metrics = metrics
        self._drawn.clear()
        self.update_curves()

    def update_curves(self) -> None:
        """Takes over what is new in the run."""
        color = self._theme.colors.series_3
        raw, average = self.metrics.get(LOSS), self.metrics.get(_AVERAGE)
        faint = 0.5 if self._theme.is_dark else 0.35
        looks = {
            RAW: (self.tr("each step"), Look(color, 1.0, faint), True),
            SMOOTH: (self.tr("smoothed"), Look(color, 2.0), True),
        }
        if len(average):
            # Interesting where there is nothing better; else it is the script's word against the smoothed curve.
            look = Look(self._theme.colors.series_6, 1.5, 1.0, Qt.PenStyle.DashLine)
            looks[AVERAGE] = (self.tr("the script's average"), look, not len(raw))
        validation = self.metrics.get(VALIDATION_LOSS)
        if len(validation):
            # Blue and orange are what the colour-blind tell apart best; dots, since there may be one value an epoch.
            looks[VALIDATION] = (self.tr("validation loss"), Look(self._theme.colors.series_2, 2.0, spots=True), True)
        self.hint.setVisible(bool(len(raw) or len(average)) and not len(validation))
        self._drop_all_but(set(looks))
        for key, (name, look, shown) in looks.items():
            curve = self._put(key, name, look, shown=shown)
            series = {AVERAGE: average, VALIDATION: validation}.get(key, raw)
            state = (id(series), series.revision, self._smoothing if key == SMOOTH else None)
            if self._drawn.get(key) != state:
                self._drawn[key] = state
                curve.set_trace(self._smoother_of(series).trace(series) if key == SMOOTH else series.trace())
        if len(validation):
            self.legend.keys[VALIDATION].setToolTip(self._about())

    def _smoother_of(self, series: Series) -> Smoother:
        """Kept while the run grows, so that only what is new is smoothed."""
        wanted = (self.metrics, self._smoothing)
        if self._smoother is None or self._smoother[0] != wanted:
            self._smoother = (wanted, Smoother(self._smoothing, scratch=self.metrics.scratch))
        return self._smoother[1]

    def _about(self) -> str:
        return self.tr(
            "The raw training loss hardly predicts quality: each step draws other noise and timesteps. Better guides are the "
            "validation loss, which is measured on held-out images with the same noise and timesteps each time, and the "
            "sample pictures."
        )

    def empty_message(self) -> str:
        """What to say while there is no loss."""
        return self.tr("No loss has been reported yet")

    def note(self) -> str:
        """NaN is counted, and so is what the scale cannot show."""
        notes = [super().note()]
        if self.metrics.nan_count:
            notes.append(self.tr("{count} steps without a finite loss").format(count=self.metrics.nan_count))
        return "  ·  ".join(text for text in notes if text)

    def retranslate(self) -> None:
        """Sets every visible text in the language on screen."""
        self.heading.setText(self.tr("Loss"))
        self.about.setToolTip(self._about())
        self.about.setAccessibleName(self.tr("What the loss tells"))
        self.about.setAccessibleDescription(self._about())
        self.hint.setText(self.tr("Validation loss"))
        self.hint.setToolTip(
            self._about()
            + "\n\n"
            + self.tr("This run has none. For the next one, hold out some images in Set up (validation_split, e.g. 0.1).")
        )
        super().retranslate()
