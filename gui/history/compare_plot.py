"""One plot with a curve for each run: values, differences from a baseline, or ratios to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from core.history.compare import Axis, Mode, against, curve_of
from core.metrics.run_metrics import Quantity, RunMetrics
from core.metrics.series import Floats
from core.metrics.smoothing import Smoothing
from gui.history.words import quantity_word
from gui.plots.curve import Look
from gui.plots.section import PlotSection
from gui.theme.theme import Theme

DASHES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine)
ORDER = (2, 1, 3, 0, 4, 5)
"""Of the theme's curve colours: first those that the colour-blind tell apart best."""
MOST = len(ORDER) * len(DASHES)
"""Runs that can be told apart."""
_ROOM = 0.01
_LONG = 100_000


@dataclass(frozen=True, slots=True)
class Overlaid:
    """A run on the plot. `place` gives its colour."""

    key: str
    name: str
    metrics: RunMetrics
    place: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What is drawn. `baseline` is the key of a run, "" for none."""

    quantity: Quantity = Quantity.LOSS
    axis: Axis = "step"
    mode: Mode = "values"
    baseline: str = ""
    smoothing: Smoothing | None = None


def color_of(theme: Theme, place: int) -> str:
    """The colour of a run."""
    return theme.colors.series[ORDER[place % len(ORDER)]]


def _union(steps: Sequence[Floats]) -> Floats:
    """Where the cursor can stand. Of long curves, only on the steps of the longest: sorting millions would be felt."""
    if sum(map(len, steps)) <= _LONG:
        return np.unique(np.concatenate(steps)) if steps else np.empty(0)
    return max(steps, key=len)


class ComparePlot(PlotSection):
    """Curves of several runs."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, step_labels=True, parent=parent)
        self._runs: Sequence[Overlaid] = ()
        self._wanted = Comparison()
        self._drawn: dict[str, tuple[object, ...]] = {}
        self._all = (0.0, 10.0)
        self._follows = True
        self._message = ""
        self.plot.pointed.connect(self.set_cursor)
        self.plot.view_changed.connect(self._moved)
        self.plot.left_alone.connect(self.fit)
        theme.changed.connect(self._repaint)
        self.retranslate()

    def show_runs(self, runs: Sequence[Overlaid], wanted: Comparison, message: str) -> None:
        """Draws these runs; `message` is what an empty plot says."""
        if (wanted.quantity, wanted.axis) != (self._wanted.quantity, self._wanted.axis):
            self._follows = True
        self._runs, self._wanted, self._message = runs, wanted, message
        self.heading.setText(self._title())
        self.update_curves()
        self._show()

    def fit(self) -> None:
        """Shows everything."""
        self._follows = True
        self._show()

    def update_curves(self) -> None:
        """Takes over what is new."""
        wanted = self._wanted
        base = next((run for run in self._runs if run.key == wanted.baseline), None)
        reference = curve_of(base.metrics, wanted.quantity, wanted.axis, wanted.smoothing) if base is not None else None
        self._drop_all_but({run.key for run in self._runs})
        steps: list[Floats] = []
        for run in self._runs:
            dash = DASHES[run.place // len(ORDER) % len(DASHES)]
            spots = wanted.quantity is Quantity.VALIDATION_LOSS
            look = Look(color_of(self._theme, run.place), 2.0, 1.0, dash, spots=spots)
            curve = self._put(run.key, run.name, look)
            base_state = (id(base.metrics), base.metrics.revision) if base is not None else None
            state = (id(run.metrics), run.metrics.revision, wanted, base_state)
            if self._drawn.get(run.key) != state:
                self._drawn[run.key] = state
                points = curve_of(run.metrics, wanted.quantity, wanted.axis, wanted.smoothing)
                if reference is not None:
                    points = against(points, reference, wanted.mode)
                curve.set_data(*points)
            steps.append(curve.x)
        for key in [key for key in self._drawn if key not in self.plot.curves]:
            del self._drawn[key]
        self.plot.set_steps(_union(steps))
        told = [x for x in steps if len(x)]
        self._all = (min(float(x[0]) for x in told), max(float(x[-1]) for x in told)) if told else (0.0, 10.0)

    def _title(self) -> str:
        word = quantity_word(self._wanted.quantity)
        if self._wanted.baseline and self._wanted.mode == "difference":
            return self.tr("{quantity}, difference").format(quantity=word)
        if self._wanted.baseline and self._wanted.mode == "ratio":
            return self.tr("{quantity}, ratio").format(quantity=word)
        return word

    def empty_message(self) -> str:
        """What to say where no curve has a value."""
        return self._message

    def _moved(self, left: float, right: float) -> None:
        self._follows = False
        self.plot.set_view(left, right)
        self.redraw()

    def _show(self) -> None:
        if self._follows:
            first, last = self._all
            room = max(1.0, _ROOM * (last - first))
            self.plot.set_view(first - room, last + room)
        self.redraw()

    def _repaint(self) -> None:
        self.update_curves()
        self.redraw()

    def retranslate(self) -> None:
        """Sets every visible text in the language on screen."""
        self.heading.setText(self._title())
        super().retranslate()
