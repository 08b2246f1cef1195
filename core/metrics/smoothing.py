"""Smoothing of noisy curves. Pure numpy, NaN-safe: what is not finite stays a gap at its place and harms no neighbour.

Both filters are weighted means with the weight a**distance, a = 1 - 2 / (window + 1), over the finite values:

* `exponential` looks back only (the usual moving average of training curves). Its weights are divided by their sum, so
  the first values are not pulled to zero (the debiasing of Adam's moments and of TensorBoard's slider).
* `zero_phase` looks both ways: a bend in the curve stands where it happened instead of later. It changes the last part
  of the curve again as new values come.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.metrics.series import Floats

_BLOCK = 64

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
    decay = _decay(window)
    finite, filled = _filled(values)
    total = _accumulate(filled, decay)
    weight = _accumulate(finite.astype(np.float64), decay)
    return _divide(total, weight, finite)


def zero_phase(values: Floats, window: float) -> Floats:
    """Two-sided exponential mean: the weight of a value falls alike before and after.

    Args:
        values: one a step; NaN and infinities are gaps.
        window: at least 1; 1 returns the values.

    Returns:
        As many values, NaN where `values` is not finite.
    """
    decay = _decay(window)
    finite, filled = _filled(values)
    mask = finite.astype(np.float64)
    # The value itself is in both directions: once too often.
    total = _accumulate(filled, decay) + _accumulate(filled[::-1], decay)[::-1] - filled
    weight = _accumulate(mask, decay) + _accumulate(mask[::-1], decay)[::-1] - mask
    return _divide(total, weight, finite)


def _decay(window: float) -> float:
    if not window >= 1:
        raise ValueError(f"window must be at least 1, is {window}")
    return 1.0 - 2.0 / (window + 1.0)


def _filled(values: Floats) -> tuple[NDArray[np.bool_], Floats]:
    finite = np.isfinite(values)
    return finite, np.where(finite, values, 0.0)


def _divide(total: Floats, weight: Floats, finite: NDArray[np.bool_]) -> Floats:
    result: Floats = np.full(len(total), np.nan)
    np.divide(total, weight, out=result, where=finite)
    return result


def _accumulate(values: Floats, decay: float) -> Floats:
    """s[i] = values[i] + decay * s[i - 1], without a Python loop over the values.

    Blocks are filtered by one matrix product; what a block hands to the next is the same recursion over the ends of
    the blocks, with decay**block. No power above 1 appears, so nothing overflows or cancels.
    """
    count = len(values)
    size = min(_BLOCK, count)
    if size == 0:
        return values
    exponents = np.arange(size)[:, None] - np.arange(size)[None, :]
    kernel = np.where(exponents >= 0, decay ** np.maximum(exponents, 0), 0.0)
    if count <= _BLOCK:
        return kernel @ values
    blocks = -(-count // size)
    padded = np.zeros(blocks * size)
    padded[:count] = values
    local: Floats = np.reshape(padded, (blocks, size)) @ np.transpose(kernel)
    carried = np.zeros(blocks)
    carried[1:] = _accumulate(local[:-1, -1], decay**size)
    fade = decay ** np.arange(1, size + 1)
    return np.reshape(local + carried[:, None] * fade[None, :], blocks * size)[:count]
