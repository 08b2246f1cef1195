"""Where an axis has its ticks and what is written there. Pure functions, because 1e-6 has to read as 1e-6."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


def nice_step(span: float, count: int) -> float:
    """The smallest round number (1, 2, 2.5 or 5 times a power of ten) that cuts `span` into at most `count` pieces."""
    rough = span / max(count, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    return next(step * power for step in _STEPS if step * power >= rough * (1 - 1e-9))


def linear_ticks(low: float, high: float, count: int) -> list[float]:
    """Round values from `low` to `high`, about `count` of them."""
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return []
    if high - low <= 1e-9 * max(abs(low), abs(high)):  # doubles have no room for ticks between the ends
        return [low]
    step = nice_step(high - low, count)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def whole_ticks(low: float, high: float, count: int) -> list[float]:
    """`linear_ticks` for steps, of which there are no halves."""
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return []
    step = max(1.0, nice_step(high - low, count))
    step = step if step == int(step) else nice_step(high - low, max(count // 2, 1))
    step = max(1.0, math.ceil(step))
    return [number * step for number in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def log_ticks(low: float, high: float, count: int) -> tuple[list[float], list[float]]:
    """Ticks of a logarithmic axis.

    Args:
        low, high: ends of the axis, as powers of ten.
        count: how many labels there is room for.

    Returns:
        Powers of ten with a label, and those that only get a line.
    """
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return [], []
    decades = range(math.floor(low), math.ceil(high) + 1)
    span = high - low
    if span < 0.7:  # too narrow for decades: round numbers, unevenly spaced as a logarithm has them
        values = linear_ticks(10.0**low, 10.0**high, count)
        return [math.log10(value) for value in values if value > 0], []
    inside = [float(decade) for decade in decades if low <= decade <= high]
    if span < 2.5:
        labelled = [decade + math.log10(factor) for decade in decades for factor in (1, 2, 5)]
        lines = [decade + math.log10(factor) for decade in decades for factor in (3, 4, 6, 7, 8, 9)]
        return _within(labelled, low, high), _within(lines, low, high)
    every = max(1, math.ceil(len(inside) / max(count, 1)))
    labelled = [decade for decade in inside if decade % every == 0]
    lines = [decade for decade in inside if decade % every]
    if every == 1:
        lines = [decade + math.log10(factor) for decade in decades for factor in range(2, 10)]
    return labelled, _within(lines, low, high)


def labels(values: Sequence[float]) -> list[str]:
    """The numbers of one linear axis, all in the same notation and with just enough digits to tell them apart."""
    if not values:
        return []
    largest = max(abs(value) for value in values)
    step = min((abs(b - a) for a, b in itertools.pairwise(values)), default=largest)
    if largest == 0 or step == 0:
        return [number(value) for value in values]
    if 1e-3 <= largest < 1e6:
        # 0.25 needs two decimals though its size is one: look for a number of decimals that loses nothing.
        decimals = next(n for n in range(20) if n >= 18 or abs(round(step, n) - step) < step * 1e-6)
        return [f"{value:.{decimals}f}" if value else "0" for value in values]
    exponent = math.floor(math.log10(largest))
    scaled = step / 10.0**exponent
    decimals = next(n for n in range(20) if n >= 18 or abs(round(scaled, n) - scaled) < scaled * 1e-6)
    return [f"{value / 10.0**exponent:.{decimals}f}e{exponent}" if value else "0" for value in values]


def number(value: float, digits: int = 4) -> str:
    """A number to read: `0.1234`, `1.5e-6`, `1e-4`, `12000`, `nan`."""
    if not math.isfinite(value):
        return "nan" if math.isnan(value) else ("∞" if value > 0 else "-∞")
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e6:
        text = f"{value:.{digits}g}"
        if "e" in text:
            text = f"{value:.0f}"
        return text
    mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}e{int(exponent)}"


def _within(values: Sequence[float], low: float, high: float) -> list[float]:
    return sorted(value for value in values if low <= value <= high)
