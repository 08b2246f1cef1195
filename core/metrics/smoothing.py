"""Smoothing of noisy curves. Pure numpy, NaN-safe: what is not finite stays a gap at its place and harms no neighbour.

Both filters are weighted means with the weight a**distance, a = 1 - 2 / (window + 1), over the finite values:

* `exponential` looks back only (the usual moving average of training curves). Its weights are divided by their sum, so
  the first values are not pulled to zero (the debiasing of Adam's moments and of TensorBoard's slider).
* `zero_phase` looks both ways: a bend in the curve stands where it happened instead of later. It changes the last part
  of the curve again as new values come.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.metrics.column import Column, Floats
from core.metrics.envelope import Trace
from core.metrics.pyramid import Pyramid
from core.metrics.series import Series

_BLOCK = 32

Method = Literal["exponential", "zero-phase"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Smoothing:
    """How a curve is smoothed.

    Attributes:
        window: effective number of values in the mean; 1 means not at all.
        method: `exponential` or `zero-phase`.
    """

    window: float = 50.0
    method: Method = "exponential"

    def __post_init__(self) -> None:
        if not self.window >= 1:
            raise ValueError(f"window must be at least 1, is {self.window}")

    def apply(self, values: Floats) -> Floats:
        """Returns the smoothed copy of `values`."""
        smooth = zero_phase if self.method == "zero-phase" else exponential
        return smooth(values, self.window)


def exponential(values: Floats, window: float) -> Floats:
    """Debiased exponential moving average over the past.

    Args:
        values: one a step; NaN and infinities are gaps.
        window: at least 1; 1 returns the values.

    Returns:
        As many values, NaN where `values` is not finite.
    """
    return _apply(values, _decay(window), both=False)


def zero_phase(values: Floats, window: float) -> Floats:
    """Two-sided exponential mean: the weight of a value falls alike before and after.

    Args:
        values: one a step; NaN and infinities are gaps.
        window: at least 1; 1 returns the values.

    Returns:
        As many values, NaN where `values` is not finite.
    """
    return _apply(values, _decay(window), both=True)


class Smoother:
    """Smooths a curve that grows: only what is new, and with `zero-phase` the end that still changes, is looked at.

    Args:
        smoothing: how.
        scratch: folder for the file of a long curve (see `Column`).
    """

    def __init__(self, smoothing: Smoothing, *, scratch: Path | None = None) -> None:
        self._decay = _decay(smoothing.window)
        self._both = smoothing.method == "zero-phase"
        # Behind that many later values the two-sided mean stands: what is still to come has a weight below 1e-16.
        self._open = math.ceil(-37.0 / math.log(self._decay)) if self._both and self._decay > 0 else 0
        self._smooth = Column(scratch=scratch)
        self._pyramid = Pyramid(scratch=scratch)
        self._settled = 0
        self._carry = (0.0, 0.0)
        self._seen: tuple[int, int] = (-1, 0)

    def trace(self, series: Series) -> Trace:
        """The smoothed curve of `series`, always the same one, up to date. Valid until it grows."""
        if self._seen != (series.epoch, len(series)):
            if self._seen[0] != series.epoch:
                self._settled, self._carry = 0, (0.0, 0.0)
            self._seen = (series.epoch, len(series))
            self._add(series.y)
        return Trace(series.x, self._smooth.numbers, self._pyramid)

    def _add(self, values: Floats) -> None:
        self._smooth.truncate(self._settled)
        self._pyramid.truncate(self._settled)
        fresh = values[self._settled :]
        self._smooth.append(_apply(fresh, self._decay, both=self._both, carry=self._carry))
        self._pyramid.update(self._smooth.numbers)
        settled = max(len(values) - self._open, self._settled)
        finite, filled = _filled(values[self._settled : settled])
        self._carry = (
            _last(filled, self._decay, self._carry[0]),
            _last(finite.astype(np.float64), self._decay, self._carry[1]),
        )
        self._settled = settled


def _apply(values: Floats, decay: float, *, both: bool, carry: tuple[float, float] = (0.0, 0.0)) -> Floats:
    """The filter over `values`; `carry` is what the sums were before them."""
    finite, filled = _filled(values)
    total = _accumulate(filled, decay, carry[0])
    if finite.all():
        # The weights are a geometric series: no need to add them up.
        fade = np.zeros(len(values))
        near = min(len(values), _reach(decay))
        fade[:near] = decay ** np.arange(1, near + 1)  # and not of all: tiny numbers are slow
        weight = (1 - fade) / (1 - decay) + fade * carry[1]
        if both:
            # The value itself is in both directions: once too often.
            total = total + _accumulate(filled[::-1], decay)[::-1] - filled
            weight = weight + ((1 - fade) / (1 - decay))[::-1] - 1
        return total / weight
    mask = finite.astype(np.float64)
    weight = _accumulate(mask, decay, carry[1])
    if both:
        total = total + _accumulate(filled[::-1], decay)[::-1] - filled
        weight = weight + _accumulate(mask[::-1], decay)[::-1] - mask
    result: Floats = np.full(len(total), np.nan)
    np.divide(total, weight, out=result, where=finite)
    return result


def _reach(decay: float) -> int:
    """How many values back the weight is below 1e-19."""
    return math.ceil(-45.0 / math.log(decay)) if decay > 0 else 1


def _last(values: Floats, decay: float, carry: float) -> float:
    """The last sum of `_accumulate`; older values than these have no weight left."""
    reach = min(len(values), _reach(decay))
    recent = values[len(values) - reach :]
    weights = decay ** np.arange(reach - 1, -1, -1)
    return float(weights @ recent) + (carry * decay ** len(values) if reach == len(values) else 0.0)


def _decay(window: float) -> float:
    if not window >= 1:
        raise ValueError(f"window must be at least 1, is {window}")
    return 1.0 - 2.0 / (window + 1.0)


def _filled(values: Floats) -> tuple[NDArray[np.bool_], Floats]:
    finite = np.isfinite(values)
    return finite, np.where(finite, values, 0.0)


def _accumulate(values: Floats, decay: float, carry: float = 0.0) -> Floats:
    """s[i] = values[i] + decay * s[i - 1] with s[-1] = `carry`, without a Python loop over the values.

    Blocks are filtered by one matrix product; what a block hands to the next is the same recursion over the ends of
    the blocks, with decay**block. No power above 1 appears, so nothing overflows or cancels.
    """
    count = len(values)
    size = min(_BLOCK, count)
    if size == 0:
        return values
    exponents = np.arange(size)[:, None] - np.arange(size)[None, :]
    kernel = np.where(exponents >= 0, decay ** np.maximum(exponents, 0), 0.0)
    blocks = -(-count // size)
    padded = np.zeros(blocks * size)
    padded[:count] = values
    padded[0] += decay * carry
    rows = np.reshape(padded, (blocks, size))
    if blocks > 1:
        ends: Floats = rows @ kernel[-1]
        rows[1:, 0] += decay * _accumulate(ends[:-1], decay**size)
    return np.reshape(rows @ np.transpose(kernel), blocks * size)[:count]
