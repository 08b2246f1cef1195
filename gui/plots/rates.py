"""The learning rates: d*lr and lr of each parameter group, and what the optimizer really multiplied with."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QWidget

from core.metrics.rates import RateCurve, group_curves, rate_curves, step_per_rate
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


PER_RATE = "effective_step/lr"
CHOICES = ("rates", Quantity.EFFECTIVE_STEP.value, PER_RATE, Quantity.D.value, "grad_norm", "seconds", "memory")
_LOGARITHMIC = frozenset(CHOICES[:4])
_MEASURED = (Quantity.EFFECTIVE_STEP.value, PER_RATE)
"""What is told every tenth step or rarer: dots, each of which holds until the next one."""


class RatesPlot(PlotSection):
    """Learning rates over steps, or another quantity that the user chooses.

    Signals:
        quantity_chosen: one of CHOICES.
    """

    quantity_chosen = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, step_labels=True, parent=parent)
        self._colors: dict[str, int] = {}
        self._drawn: dict[str, tuple[object, ...]] = {}
        self._seen: tuple[int, str] = (-1, "")
        self._found: list[RateCurve] = []
        self.choice = QComboBox()
        for name in CHOICES:
            self.choice.addItem("", name)
        self.choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.head.insertWidget(0, self.choice)
        self.heading.hide()
        self.choice.activated.connect(lambda _: self.quantity_chosen.emit(self.quantity))
        theme.changed.connect(self.update_curves)
        self.retranslate()

    @property
    def quantity(self) -> str:
        """What is on show, one of CHOICES."""
        return str(self.choice.currentData())

    @property
    def usually_logarithmic(self) -> bool:
        """Whether that is mostly looked at by powers of ten."""
        return self.quantity in _LOGARITHMIC

    def show_quantity(self, name: str) -> None:
        """Shows something else; the caller draws."""
        self.choice.setCurrentIndex(max(0, self.choice.findData(name)))
        self._colors.clear()
        self.heading.setText(self.choice.currentText())
        self.update_curves()

    def set_metrics(self, metrics: RunMetrics) -> None:
        """Shows another run."""
        self.metrics = metrics
        self._colors.clear()
        self._drawn.clear()
        self._seen = (-1, "")
        self.update_curves()

    def update_curves(self) -> None:
        """Takes over what is new in the run."""
        name = self.quantity
        if self._seen != (self.metrics.revision, name):
            self._seen = (self.metrics.revision, name)
            if name == "rates":
                self._found = rate_curves(self.metrics)
            else:
                self._found = group_curves(self.metrics, Quantity.EFFECTIVE_STEP if name == PER_RATE else Quantity(name))
        self._drop_all_but({self._key(curve) for curve in self._found})
        for found in self._found:
            key = self._key(found)
            curve = self._put(key, self._name(found), self._look(found), shown=found.prominent)
            series = self.metrics.get(found.key)
            state = (id(series), series.revision, self.metrics.revision if name == PER_RATE else 0)
            if self._drawn.get(key) == state and len(curve.x):
                continue
            self._drawn[key] = state
            if name == PER_RATE:
                curve.set_data(*step_per_rate(self.metrics, found.key.group))
            elif name == Quantity.MEMORY.value:
                curve.set_data(series.x, series.y / 2**30)
            else:
                curve.set_trace(series.trace())

    def _key(self, found: RateCurve) -> str:
        return f"{PER_RATE} {found.key.group}" if self.quantity == PER_RATE else found.key.name

    def _name(self, found: RateCurve) -> str:
        word = rate_word(found.key.quantity) if self.quantity == "rates" else self.choice.currentText()
        return f"{word} · {found.named_groups}" if found.named_groups else word

    def _look(self, found: RateCurve) -> Look:
        place = self._colors.setdefault(found.key.name, len(self._colors))
        color = self._theme.colors.series[COLOR_ORDER[place % len(COLOR_ORDER)]]
        if self.quantity != "rates":
            noisy = self.quantity in ("grad_norm", "seconds")
            return Look(color, 1.0 if noisy else 2.0, 1.0, spots=self.quantity in _MEASURED)
        only_lr = found.key.quantity is Quantity.LR and found.prominent
        dash = Qt.PenStyle.SolidLine if only_lr else _DASHES[found.key.quantity]
        return Look(color, 2.0, 1.0, dash)

    def empty_message(self) -> str:
        """What to say while there is nothing to show."""
        if self.quantity == "rates":
            return self.tr("No learning rate has been reported yet")
        return self.tr("This run has told nothing of this")

    def retranslate(self) -> None:
        """Sets every visible text in the language on screen."""
        words = (
            self.tr("Learning rate"),
            self.tr("Effective step"),
            self.tr("Effective step / lr"),
            self.tr("d"),
            self.tr("Gradient norm before clipping"),
            self.tr("Seconds a step"),
            self.tr("Memory (GiB)"),
        )
        for index, text in enumerate(words):
            self.choice.setItemText(index, text)
        self.heading.setText(self.choice.currentText())
        self.choice.setItemData(
            1, self.tr("How far a step moved the weights: root mean square, measured"), Qt.ItemDataRole.ToolTipRole
        )
        self.choice.setAccessibleName(self.tr("What the lower plot shows"))
        super().retranslate()
