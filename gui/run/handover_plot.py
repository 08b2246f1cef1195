"""d × learning rate of each parameter group, with the level it came to and the steps over which that was judged."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from core.handover.measure import Found, GroupRate, estimate
from core.handover.words import group_label
from core.metrics.run_metrics import RunMetrics
from gui.plots.curve import Look
from gui.plots.rates import COLOR_ORDER
from gui.plots.section import PlotSection
from gui.theme.theme import Theme


class HandoverPlot(PlotSection):
    """Curves of a run before the scheduler, on a logarithmic scale."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, step_labels=True, parent=parent)
        self._found: Found | None = None
        self.plot.setMinimumHeight(150)
        self.log_switch.hide()
        self.plot.set_logarithmic(True)
        self.plot.pointed.connect(self.set_cursor)
        self.plot.view_changed.connect(lambda *_: self.redraw())
        self.plot.left_alone.connect(self._fit)
        theme.changed.connect(self._renew)
        self.retranslate()

    def show_found(self, found: Found, metrics: RunMetrics) -> None:
        """Draws a run. `metrics` is not fed on meanwhile."""
        self._found, self.metrics = found, metrics
        self._renew()
        self._fit()

    def _renew(self) -> None:
        self.update_curves()
        self.redraw()

    def _fit(self) -> None:
        if self._found is not None:
            self.plot.set_view(0, max(1, self._found.last_step))
            self.redraw()

    def update_curves(self) -> None:
        """Takes over the run."""
        if self._found is None:
            return
        drawn: set[str] = set()
        steps = np.empty(0)
        for place, group in enumerate(self._found.groups):
            if group.plateau is None:
                continue
            color = self._theme.colors.series[COLOR_ORDER[place % len(COLOR_ORDER)]]
            steps, d = estimate(self.metrics, group.names[0])
            label = group_label(group)
            name = f"d × {group.given:g} · {label}" if label else f"d × {group.given:g}"
            self._put(f"d/{place}", name, Look(color, 2.0, 1.0, Qt.PenStyle.SolidLine)).set_data(steps, d * group.given)
            drawn.add(f"d/{place}")
            drawn |= self._levels(place, group)
        self._drop_all_but(drawn)
        self.plot.set_steps(steps)

    def _levels(self, place: int, group: GroupRate) -> set[str]:
        """Where it lies, and between what."""
        plateau = group.plateau
        if plateau is None or not group.usable or not group.rate:
            return set()
        colors = self._theme.colors.series
        first = float(plateau.begin or plateau.window[0])
        ends = np.array([first, float(plateau.window[1])])
        drawn: set[str] = set()
        lines = [("rate", group.rate, self.tr("rate"), Qt.PenStyle.DashLine)]
        if plateau.spread > 0.005 and group.low and group.high:
            lines += [
                ("low", group.low, self.tr("least"), Qt.PenStyle.DotLine),
                ("high", group.high, self.tr("most"), Qt.PenStyle.DotLine),
            ]
        for key, value, word, dash in lines:
            look = Look(colors[COLOR_ORDER[(place + 1) % len(COLOR_ORDER)]], 2.0, 1.0, dash)
            self._put(f"{key}/{place}", word, look).set_data(ends, np.full(2, value))
            drawn.add(f"{key}/{place}")
        return drawn

    def note(self) -> str:
        """No remark on what a logarithmic scale cannot show."""
        return ""

    def empty_message(self) -> str:
        """What to say where there is no curve."""
        return self.tr("This run has no d")

    def retranslate(self) -> None:
        """Sets every visible text in the language on screen."""
        self.heading.setText(self.tr("d × learning rate, before the scheduler"))
        super().retranslate()
