"""Whether a noisy loss has left the level it had come down to. Pure numpy, fed step by step.

The loss of a diffusion model depends most on the noise level that was drawn, so single values differ by a factor of ten
and nothing can be said of one. Judged is the logarithm, against the lowest median that the run ever had: a sum grows
with each value above that level by more than an allowance, shrinks with each below (Page's CUSUM), and single spikes count
little. Only a level that is higher for a while makes it large.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from typing import Final

import numpy as np

from core.metrics.column import Floats

WINDOW: Final = 150
"""Steps of the medians, and of the spread."""

LEAST: Final = 40
"""Steps before anything is said."""

_EVERY: Final = 10
_ALLOWANCE: Final = 0.8
_LEAST_ALLOWANCE: Final = math.log(2.0)
_LIMIT: Final = 18.0
_LEAST_SPREAD: Final = 0.35
_CLIP: Final = 2.5
_FIRST: Final = 12
_EARLY: Final = 2 * WINDOW
_HIGHER: Final = math.log(1.5)
_FLATTER: Final = 0.35


class Divergence:
    """Takes losses, and knows since when they are too high."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=WINDOW)
        self._first: list[float] = []
        self._count = 0
        self._level = math.inf
        self._spread = 1.0
        self._patience = 1.0
        self._allowance = _LEAST_ALLOWANCE
        self._sum = 0.0
        self._began = 0
        self.since: int | None = None
        """The step from which the loss was too high, once that is sure."""

    @property
    def level(self) -> float:
        """The lowest typical loss so far."""
        return math.exp(self._level)

    @property
    def recent(self) -> float:
        """The typical loss of the last steps."""
        last = list(self._recent)[-LEAST:]
        return math.exp(float(np.median(last))) if last else math.nan

    def feed(self, steps: Iterable[tuple[int, float]]) -> None:
        """Takes more steps. Losses that are no positive finite number are left out: others watch for those."""
        for step, loss in steps:
            if math.isfinite(loss) and loss > 0:
                self._take(step, math.log(loss))

    def _take(self, step: int, value: float) -> None:
        self._recent.append(value)
        if len(self._first) < _FIRST:
            self._first.append(value)
        self._count += 1
        if self._count < LEAST:
            return
        if self._count % _EVERY == 0 or self._count == LEAST:
            self._learn()
            if self.since is None and self._count <= _EARLY and self._has_collapsed():
                self.since = step - LEAST + 1
        scale = max(self._spread, _LEAST_SPREAD)
        above = max(-_CLIP * scale, min(_CLIP * scale, value - self._level))
        if self._sum == 0.0:
            self._began = step
        self._sum = max(0.0, self._sum + above - self._allowance)
        if self.since is None and self._sum > _LIMIT * scale * self._patience:
            self.since = self._began

    def _has_collapsed(self) -> bool:
        """Whether the last steps lie higher than the first ones, and scatter far less."""
        first, last = np.array(self._first), np.array(list(self._recent)[-LEAST:])
        flatter = _deviation(last) < _FLATTER * _deviation(first)
        return flatter and float(np.median(last) - np.median(first)) > _HIGHER

    def _learn(self) -> None:
        """The level, and how far values scatter about it; the latter not from what is under suspicion."""
        values = np.fromiter(self._recent, float, len(self._recent))
        median = float(np.median(values))
        self._level = min(self._level, median)
        if self._sum == 0.0 or self._count == LEAST:
            whole, between = _deviation(values), _deviation(np.diff(values)) / math.sqrt(2)
            self._spread = max(whole, between)
            # Values that hang together (one concept after the other, say) stay high for longer by chance.
            alike = min(0.95, max(0.0, 1.0 - (between / whole) ** 2)) if whole > 0 else 0.0
            self._patience = math.sqrt((1.0 + alike) / (1.0 - alike))
            # The lowest of many medians lies below what is typical: by about two of its own standard errors.
            error = 1.2533 * self._spread * self._patience / math.sqrt(len(values))
            self._allowance = max(_ALLOWANCE * self._spread, _LEAST_ALLOWANCE) + 2.0 * error


def _deviation(values: Floats) -> float:
    """A standard deviation by the median of the distances, which a few wild values do not move."""
    return float(np.median(np.abs(values - np.median(values)))) * 1.4826
