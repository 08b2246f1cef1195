"""Whether an estimate d has come to rest, where, and how sure that is. Pure numpy, of one curve.

d is a running maximum in D-Adaptation and Prodigy: a staircase that nothing brings down. ProdigyPlus may step with a mean
over groups, which also falls. So nothing is fitted to the curve: its last share is looked at, by medians.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from core.metrics.series import Floats

State = Literal["settled", "rising", "falling", "uneven", "stuck", "short", "none"]
"""At rest; still on its way up or down; moving to and fro; hardly left d0 (less than twice it); too few steps to tell; there is no d."""

LEAST_STEPS: Final = 60
"""Steps below which nothing is said: D-Adaptation's sums need about so many to fill."""

_SHARE: Final = 0.25
_LEAST_WINDOW: Final = 30
_REST: Final = 0.10
_SPREAD: Final = 0.35
_LEFT_D0: Final = 2.0
_BAND: Final = 0.10


@dataclass(frozen=True, slots=True, kw_only=True)
class Plateau:
    """What became of an estimate.

    Attributes:
        state: see `State`.
        value: d: the median over the window where it is settled, else the last one seen; None where there is none.
        low, high: between which it lies. `low` is the least of the window. `high` is the largest, raised as far as d would
            rise within another window, or until the end of the training where that is longer and known.
        begin: step from which d stays within 10 % of `value`; None unless settled.
        window: steps (first, last) over which this was judged.
        rise: by which share d grew per 100 steps within the window; 0.02 is 2 %, negative where it fell.
        d0: what d began with, where known.
    """

    state: State
    value: float | None = None
    low: float | None = None
    high: float | None = None
    begin: int | None = None
    window: tuple[int, int] = (0, 0)
    rise: float = 0.0
    d0: float | None = None

    @property
    def spread(self) -> float:
        """`high` over `low`, less one: 0.1 is 10 %."""
        return self.high / self.low - 1.0 if self.low and self.high else 0.0


def find_plateau(steps: Floats, d: Floats, *, d0: float | None = None, total: int | None = None) -> Plateau:
    """Looks for the plateau of d.

    Settled means: over the last quarter of the steps (at least 30) d grew or fell by less than 10 %, by less than 10 % per
    100 steps, and its extremes lie less than 35 % apart.

    Args:
        steps: increasing.
        d: the estimate at each step; what is not a positive finite number is left out.
        d0: what d began with; None takes the first value, where the curve begins with the training.
        total: steps of the whole training, where known; it may still be running.
    """
    usable = np.isfinite(d) & (d > 0)
    x, y = np.asarray(steps)[usable], np.asarray(d)[usable]
    if not len(y):
        return Plateau(state="none", d0=d0)
    if d0 is None and x[0] <= 2:
        d0 = float(y[0])
    first, last = int(x[0]), int(x[-1])
    length = max(_LEAST_WINDOW, math.ceil((last - first + 1) * _SHARE))
    inside = x > last - length
    seen = x[inside]
    window = (int(seen[0]), last)
    if last - first + 1 < LEAST_STEPS or len(seen) < _LEAST_WINDOW // 3:
        return Plateau(state="short", value=float(y[-1]), window=window, d0=d0)
    if d0 is not None and float(y.max()) <= d0 * _LEFT_D0:
        return Plateau(state="stuck", value=float(y[-1]), low=float(y[-1]), high=float(y[-1]), window=window, d0=d0)
    return replace(_judged(x, y, window, total), d0=d0)


def _judged(x: Floats, y: Floats, window: tuple[int, int], total: int | None) -> Plateau:
    inside = x >= window[0]
    part = y[inside]
    end = max(3, len(part) // 5)
    # Logarithms: d moves over orders of magnitude. Medians: one early or late jump of a mean over groups must not decide.
    grown = math.log(float(np.median(part[-end:])) / float(np.median(part[:end])))
    between = max(1.0, float(np.median(x[inside][-end:]) - np.median(x[inside][:end])))
    least, largest = float(part.min()), float(part.max())
    narrow = largest / least - 1 < _SPREAD
    if not narrow and math.expm1(abs(grown)) < _REST:  # it jumped within the last few steps, or it moves to and fro
        grown, between = math.log(float(part[-1] / part[0])), float(window[1] - window[0])
    slope = max(-1.0, min(1.0, grown / between))
    rise = math.expm1(min(slope * 100, 50.0))
    at_rest = narrow and math.expm1(min(abs(grown), 50.0)) < _REST and abs(rise) < _REST
    uneven = not narrow and abs(grown) < math.log(largest / least) / 2
    value = float(np.median(part)) if at_rest else float(y[-1])
    ahead = max(window[1] - window[0], (total or 0) - window[1])
    return Plateau(
        state="settled" if at_rest else "uneven" if uneven else "falling" if grown < 0 else "rising",
        value=value,
        low=least if at_rest or uneven or grown < 0 else value,
        high=largest * math.exp(min(max(slope, 0.0) * ahead, 50.0)),
        begin=_begin(x, y, value) if at_rest else None,
        window=window,
        rise=rise,
    )


def _begin(x: Floats, y: Floats, value: float) -> int:
    outside = np.flatnonzero(np.abs(y / value - 1) > _BAND)
    return int(x[min(outside[-1] + 1, len(x) - 1)]) if len(outside) else int(x[0])
