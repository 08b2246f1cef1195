"""Curves of several runs on one axis: the values, and what differs from a baseline."""

from __future__ import annotations

from typing import Literal

import numpy as np

from core.metrics.run_metrics import PER_GROUP, Quantity, RunMetrics, SeriesKey
from core.metrics.series import Floats
from core.metrics.smoothing import Smoothing

Axis = Literal["step", "time"]
Mode = Literal["values", "difference", "ratio"]
Points = tuple[Floats, Floats]

COMPARED = (
    Quantity.LOSS,
    Quantity.VALIDATION_LOSS,
    Quantity.D_LR,
    Quantity.EFFECTIVE_STEP,
    Quantity.EFFECTIVE_LR,
    Quantity.LR,
    Quantity.GRAD_NORM,
    Quantity.SECONDS,
    Quantity.MEMORY,
)
"""What runs can be laid over each other by."""

_SMOOTHED = (Quantity.LOSS, Quantity.EFFECTIVE_STEP, Quantity.GRAD_NORM, Quantity.SECONDS)
_NOTHING: Floats = np.empty(0)


def curve_of(metrics: RunMetrics, quantity: Quantity, axis: Axis = "step", smoothing: Smoothing | None = None) -> Points:
    """The curve of a quantity.

    Args:
        metrics: the run.
        quantity: one of `COMPARED`. Of one that each parameter group has, the last group counts: the U-Net, where both it and the
            text encoder are trained. Of a run that only knows the script's running mean of the loss, that mean counts.
        axis: steps, or seconds since the run's first step.
        smoothing: of what is noisy; None for the values as they are.

    Returns:
        Positions, increasing, and values.
    """
    series = metrics.get(_key(metrics, quantity))
    x, y = series.x, series.y
    if smoothing is not None and quantity in _SMOOTHED and len(y):
        y = smoothing.apply(y)
    if axis == "time":
        x, y = _by_time(metrics, x, y)
    return x, y


def _key(metrics: RunMetrics, quantity: Quantity) -> SeriesKey:
    if quantity in PER_GROUP:
        return SeriesKey(quantity, next(iter(reversed(metrics.of(quantity))), ""))
    if quantity is Quantity.LOSS and not len(metrics.get(SeriesKey(quantity))):
        return SeriesKey(Quantity.AVERAGE_LOSS)
    return SeriesKey(quantity)


def _by_time(metrics: RunMetrics, x: Floats, y: Floats) -> Points:
    """Steps as seconds. Where the clock was set back, the values until it has caught up are left out."""
    times = metrics.get(SeriesKey(Quantity.TIME))
    if not len(times) or not len(x):
        return _NOTHING, _NOTHING
    seconds = np.interp(x, times.x, times.y) - times.y[0]
    forward = seconds > np.concatenate(([-np.inf], np.maximum.accumulate(seconds)[:-1]))
    return seconds[forward], y[forward]


def against(points: Points, baseline: Points, mode: Mode) -> Points:
    """What a curve has more than the baseline, or how many times as much, where both are known.

    The baseline's values between two of its positions are interpolated; where one of them is not finite, or the baseline is 0 for
    a ratio, there is a gap.

    Args:
        points: the curve.
        baseline: the curve it is compared with.
        mode: `values` gives the curve back.
    """
    x, y = points
    base_x, base_y = baseline
    if mode == "values":
        return points
    if not len(x) or not len(base_x):
        return _NOTHING, _NOTHING
    inside = (x >= base_x[0]) & (x <= base_x[-1])
    x, y = x[inside], y[inside]
    base = np.interp(x, base_x, base_y)  # what is not finite stays so between its neighbours
    with np.errstate(divide="ignore", invalid="ignore"):
        result = y - base if mode == "difference" else np.where(base != 0, y / base, np.nan)
    return x, np.where(np.isfinite(result), result, np.nan)
