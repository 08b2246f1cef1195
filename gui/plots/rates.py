"""The learning rates: d*lr and lr of each parameter group, and what the optimizer really multiplied with."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from core.metrics.rates import RateCurve, rate_curves
from core.metrics.run_metrics import Quantity, RunMetrics
from gui.plots.curve import Look
from gui.plots.section import PlotSection
from gui.run.words import rate_word
from gui.theme.theme import Theme

_DASHES = {
    Quantity.D_LR: Qt.PenStyle.SolidLine,
    Quantity.LR: Qt.PenStyle.DashLine,
    Quantity.EFFECTIVE_LR: Qt.PenStyle.DotLine,
}
COLOR_ORDER = (1, 3, 4, 0, 5, 2)
"""Of the theme's curve colours: first the three that the colour-blind tell apart best, last the one that means loss."""


class RatesPlot(PlotSection):
    """Learning rates over steps."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, step_labels=True, parent=parent)
        self._colors: dict[str, int] = {}
        self._drawn: dict[str, tuple[object, ...]] = {}
        self._seen = -1
        self._found: list[RateCurve] = []
        theme.changed.connect(self.update_curves)
        self.retranslate()

    def set_metrics(self, metrics: RunMetrics) -> None:
        """Shows another run."""
        self.metrics = metrics
        self._colors.clear()
        self._drawn.clear()
        self._seen = -1
        self.update_curves()

    def update_curves(self) -> None:
        """Takes over what is new in the run."""
        if self._seen != self.metrics.revision:
            self._seen = self.metrics.revision
            self._found = rate_curves(self.metrics)
        self._drop_all_but({curve.key.name for curve in self._found})
        for found in self._found:
            key = found.key.name
            curve = self._put(key, self._name(found), self._look(found), shown=found.prominent)
            series = self.metrics.get(found.key)
            state = (id(series), series.revision)
            if self._drawn.get(key) != state:
                self._drawn[key] = state
                curve.set_trace(series.trace())

    def _name(self, found: RateCurve) -> str:
        word = rate_word(found.key.quantity)
        return f"{word} · {found.named_groups}" if found.named_groups else word

    def _look(self, found: RateCurve) -> Look:
        place = self._colors.setdefault(found.key.name, len(self._colors))
        color = self._theme.colors.series[COLOR_ORDER[place % len(COLOR_ORDER)]]
        only_lr = found.key.quantity is Quantity.LR and found.prominent
        dash = Qt.PenStyle.SolidLine if only_lr else _DASHES[found.key.quantity]
        return Look(color, 2.0, 1.0, dash)

    def empty_message(self) -> str:
        """What to say while there is no rate."""
        return self.tr("No learning rate has been reported yet")

    def retranslate(self) -> None:
        """Sets every visible text in the language on screen."""
        self.heading.setText(self.tr("Learning rate"))
        super().retranslate()
