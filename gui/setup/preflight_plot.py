"""What the optimizer would do, over the job's steps: one quantity at a time, beside the same with default arguments."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QWidget

from core.preflight.model import Curve, Report
from gui.plots.curve import Look
from gui.plots.rates import COLOR_ORDER
from gui.plots.section import PlotSection
from gui.theme.theme import Theme

RATES, D_RATES, EFFECTIVE, LOSS = "rates", "d_rates", "effective", "loss"


class PreflightPlot(PlotSection):
    """Curves of a report, with a choice of what they show."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, step_labels=True, parent=parent)
        self.choice = QComboBox()
        self._report: Report | None = None
        self.head.insertWidget(0, self.choice)
        self.heading.hide()
        self.plot.setMinimumHeight(120)  # the bottom of the page grows with it
        self.log_switch.hide()
        self.choice.currentIndexChanged.connect(self._renew)
        self.plot.pointed.connect(self.set_cursor)
        self.plot.view_changed.connect(lambda *_: self.redraw())
        self.plot.left_alone.connect(self._fit)
        theme.changed.connect(self._renew)
        self.retranslate()

    def show_report(self, report: Report) -> None:
        """Draws another one. d*lr is what one wants to see first, where there is any."""
        self._report = report
        has_d = any(row for curve in report.curves for row in curve.d_rates)
        self._fill_choice(has_d)
        self.choice.setCurrentIndex(max(0, self.choice.findData(D_RATES)))
        self._renew()
        self._fit()

    def _fill_choice(self, has_d: bool) -> None:
        kept = self.choice.currentData()
        words = [(RATES, self.tr("Learning rate")), (EFFECTIVE, self.tr("Effective step")), (LOSS, self.tr("Loss"))]
        if has_d:
            words.insert(1, (D_RATES, "d*lr"))
        self.choice.blockSignals(True)
        self.choice.clear()
        for key, word in words:
            self.choice.addItem(word, key)
        self.choice.setCurrentIndex(max(0, self.choice.findData(kept)))
        self.choice.blockSignals(False)

    def _renew(self) -> None:
        # A loss is read by eye; rates differ by powers of ten.
        self.plot.set_logarithmic(self.choice.currentData() != LOSS)
        self.update_curves()
        self.redraw()

    def _fit(self) -> None:
        if self._report is not None:
            self.plot.set_view(0, max(1, self._report.total_steps - 1))
            self.redraw()

    def update_curves(self) -> None:
        """Takes over the report and what of it is wanted."""
        if self._report is None:
            return
        drawn: set[str] = set()
        for curve in self._report.curves:
            for place, (name, values) in enumerate(self._rows(self._report, curve)):
                key = f"{self.choice.currentData()}/{curve.variant}/{place}"
                drawn.add(key)
                color = self._theme.colors.series[COLOR_ORDER[place % len(COLOR_ORDER)]]
                dash = Qt.PenStyle.DashLine if curve.variant == "defaults" else Qt.PenStyle.SolidLine
                made = self._put(key, name, Look(color, 2.0, 1.0, dash))
                made.set_data(np.asarray(curve.steps, float), np.asarray(values, float))
        self._drop_all_but(drawn)
        first = self._report.curves[0] if self._report.curves else None
        self.plot.set_steps(np.asarray(first.steps if first else (), float))

    def _rows(self, report: Report, curve: Curve) -> list[tuple[str, list[float]]]:
        from core.preflight.figure import rows_of

        variant = self.tr("default arguments") if curve.variant == "defaults" else self.tr("this job")
        what = self.choice.currentData()
        if what == LOSS:
            return [(variant, list(curve.loss))]
        found = rows_of(curve, what)
        if all(row == found[0] for row in found):
            found = found[:1]  # one line over another tells nothing
        rows: list[tuple[str, list[float]]] = []
        for place, row in enumerate(found):
            name = f"{report.groups[place]}, {variant}" if len(found) > 1 and place < len(report.groups) else variant
            rows.append((name, [np.nan if value is None else value for value in row]))
        return rows

    def note(self) -> str:
        """No remark on what a logarithmic scale cannot show: a schedule that ends at 0 is no news."""
        return ""

    def empty_message(self) -> str:
        """What to say where there is no curve."""
        return self.tr("No curves")

    def retranslate(self) -> None:
        """Sets every visible text in the language on screen."""
        self.choice.setAccessibleName(self.tr("What the curves show"))
        self._fill_choice(self.choice.findData(D_RATES) >= 0)
        super().retranslate()
