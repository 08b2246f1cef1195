"""The loss: every step faint, smoothed strong."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from core.metrics.run_metrics import LOSS, Quantity, RunMetrics, SeriesKey
from core.metrics.smoothing import Smoothing
from gui.plots.curve import Look
from gui.plots.section import PlotSection
from gui.theme.theme import Theme

_AVERAGE = SeriesKey(Quantity.AVERAGE_LOSS)
RAW, SMOOTH, AVERAGE = "raw", "smooth", "average"


class LossPlot(PlotSection):
    """Loss over steps."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, step_labels=False, parent=parent)
        self._smoothing = Smoothing()
        self._drawn: dict[str, tuple[object, ...]] = {}
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
            look = Look(self._theme.colors.series_2, 1.5, 1.0, Qt.PenStyle.DashLine)
            looks[AVERAGE] = (self.tr("the script's average"), look, not len(raw))
        self._drop_all_but(set(looks))
        for key, (name, look, shown) in looks.items():
            curve = self._put(key, name, look, shown=shown)
            series = average if key == AVERAGE else raw
            state = (id(series), series.revision, self._smoothing if key == SMOOTH else None)
            if self._drawn.get(key) != state:
                self._drawn[key] = state
                curve.set_data(series.x, self._smoothing.apply(series.y) if key == SMOOTH else series.y)

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
        super().retranslate()
