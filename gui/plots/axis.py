"""Axes that write numbers as people who train write them."""

from __future__ import annotations

from typing import Literal

import pyqtgraph as pg

from gui.plots import ticks

_ROOM_FOR_LABEL = {"left": 36.0, "bottom": 90.0}
_ROOM_FOR_DECADE = 22.0


class NumberAxis(pg.AxisItem):
    """An axis of numbers, linear or logarithmic; `whole` for steps."""

    def __init__(self, place: Literal["left", "bottom"], *, whole: bool = False) -> None:
        super().__init__(place, maxTickLength=0)
        self._place = place
        self._whole = whole
        self._logarithmic = False
        self.enableAutoSIPrefix(False)
        self.setStyle(tickTextOffset=6, autoExpandTextSpace=False)

    def set_logarithmic(self, on: bool) -> None:
        """Whether positions are powers of ten. The plot hands in logarithms itself."""
        self._logarithmic = on
        self.picture = None
        self.update()

    def tickValues(self, minVal: float, maxVal: float, size: float) -> list[tuple[float, list[float]]]:  # noqa: N803
        """Positions of labelled ticks, then of bare lines."""
        low, high = sorted((minVal, maxVal))
        if self._logarithmic:
            labelled, bare = ticks.log_ticks(low, high, max(3, int(size / _ROOM_FOR_DECADE)))
            return [(1.0, labelled), (0.1, bare)]
        find = ticks.whole_ticks if self._whole else ticks.linear_ticks
        count = max(3, int(size / _ROOM_FOR_LABEL[self._place]))
        return [(1.0, find(low, high, count))]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        """What is written at those positions."""
        if self._logarithmic:
            return [ticks.number(10.0**value, 3) for value in values] if spacing == 1.0 else [""] * len(values)
        if self._whole:
            return [f"{value:.0f}" for value in values]
        return ticks.labels(values)
