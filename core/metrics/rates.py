"""Which learning rates are worth a curve. Groups that go together share one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.metrics.column import Floats
from core.metrics.run_metrics import Quantity, RunMetrics, SeriesKey

RATES = (Quantity.D_LR, Quantity.LR, Quantity.EFFECTIVE_LR)


@dataclass(frozen=True, slots=True)
class RateCurve:
    """One curve of a rates plot.

    Attributes:
        key: where its numbers are.
        groups: the parameter groups that have exactly these numbers, `key.group` first.
        prominent: shown unless the user hides it. The lr of a D-Adaptation optimizer is not: it is a constant factor,
            mostly 1, far above d*lr.
    """

    key: SeriesKey
    groups: tuple[str, ...]
    prominent: bool

    @property
    def named_groups(self) -> str:
        """The groups for a label, "" where there is only one and it has no name."""
        return ", ".join(name for name in self.groups if name)


def group_curves(metrics: RunMetrics, quantity: Quantity) -> list[RateCurve]:
    """The curves of one quantity, one for all groups that have the same numbers."""
    shared: list[tuple[SeriesKey, list[str]]] = []
    for group in metrics.of(quantity):
        key = SeriesKey(quantity, group)
        twin = next((names for other, names in shared if metrics.same(other, key)), None)
        if twin is None:
            shared.append((key, [group]))
        else:
            twin.append(group)
    return [RateCurve(key, tuple(names), prominent=True) for key, names in shared]


def step_per_rate(metrics: RunMetrics, group: str) -> tuple[Floats, Floats]:
    """The effective step of a group in units of its (effective) learning rate, at the steps where it was measured."""
    moved = metrics.get(SeriesKey(Quantity.EFFECTIVE_STEP, group))
    rate = metrics.get(SeriesKey(Quantity.EFFECTIVE_LR, group))
    if not len(rate):
        rate = metrics.get(SeriesKey(Quantity.LR, group))
    _, at, of = np.intersect1d(moved.x, rate.x, assume_unique=True, return_indices=True)
    known = rate.y[of] > 0
    return moved.x[at][known], moved.y[at][known] / rate.y[of][known]


def rate_curves(metrics: RunMetrics) -> list[RateCurve]:
    """The curves of a rates plot: d*lr, lr, and effective learning rates that are neither of both."""
    curves: list[RateCurve] = []
    has_d = bool(metrics.of(Quantity.D_LR))
    for quantity in RATES:
        shared: list[tuple[SeriesKey, list[str]]] = []
        for group in metrics.of(quantity):
            key = SeriesKey(quantity, group)
            if metrics.adds_nothing(key):
                continue
            twin = next((names for other, names in shared if metrics.same(other, key)), None)
            if twin is None:
                shared.append((key, [group]))
            else:
                twin.append(group)
        prominent = not (has_d and quantity is Quantity.LR)
        curves += [RateCurve(key, tuple(names), prominent) for key, names in shared]
    return curves
