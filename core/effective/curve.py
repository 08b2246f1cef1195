"""The learning rate of every step as a share of the one given, by the formulas of transformers and diffusers, without torch.

Held against their own functions, step by step, by `tests/unit/training/test_effective_curve.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Factor = Callable[[int], float]
"""Step, counted from 0 -> share of the learning rate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A scheduler with its numbers, all in its own steps.

    Attributes:
        name: as `lr_scheduler` says it.
        steps: of the whole training.
        warmup, decay: steps.
        cycles, power, timescale, min_ratio: `lr_scheduler_num_cycles` and so on.
        start: the learning rate given; only polynomial, whose end is a rate and no share, asks for it.
        rules: `step_rules` of piecewise_constant.
        pace: steps of the scheduler for each of the optimizer: accelerate steps it once for each process, and sd-scripts
            gives it so many steps in all, but a warm-up in steps as it was said.
    """

    name: str
    steps: int
    warmup: int = 0
    decay: int = 0
    cycles: float = 1
    power: float = 1.0
    timescale: int | None = None
    min_ratio: float | None = None
    start: float = 1.0
    rules: str = ""
    pace: int = 1


def factor_of(schedule: Schedule) -> Factor | None:
    """The share of the rate at each step; None for a scheduler that has no such formula (adafactor's, a class)."""
    make = _FACTORS.get(schedule.name)
    return make(schedule) if make is not None else None


def _constant(_schedule: Schedule) -> Factor:
    return lambda _step: 1.0


def _warm(schedule: Schedule, after: Factor) -> Factor:
    warmup = schedule.warmup
    return lambda step: step / max(1, warmup) if step < warmup else after(step)


def _progress(schedule: Schedule, step: int) -> float:
    return (step - schedule.warmup) / max(1, schedule.steps - schedule.warmup)


def _with_warmup(schedule: Schedule) -> Factor:
    return _warm(schedule, lambda _step: 1.0)


def _linear(schedule: Schedule) -> Factor:
    left = max(1, schedule.steps - schedule.warmup)
    return _warm(schedule, lambda step: max(0.0, (schedule.steps - step) / left))


def _cosine(schedule: Schedule) -> Factor:
    return _warm(schedule, lambda step: max(0.0, _wave(_progress(schedule, step))))


def _wave(progress: float, cycles: float = 0.5) -> float:
    return 0.5 * (1.0 + math.cos(math.pi * cycles * 2.0 * progress))


def _restarts(schedule: Schedule) -> Factor:
    def after(step: int) -> float:
        progress = _progress(schedule, step)
        if progress >= 1.0:
            return 0.0
        return max(0.0, 0.5 * (1.0 + math.cos(math.pi * ((schedule.cycles * progress) % 1.0))))

    return _warm(schedule, after)


_POLYNOMIAL_END = 1e-7


def _polynomial(schedule: Schedule) -> Factor:
    start = schedule.start or 1.0

    def after(step: int) -> float:
        if step > schedule.steps:
            return _POLYNOMIAL_END / start
        length = schedule.steps - schedule.warmup
        left = 1 - (step - schedule.warmup) / length if length else 0.0
        return ((start - _POLYNOMIAL_END) * left**schedule.power + _POLYNOMIAL_END) / start

    return _warm(schedule, after)


def _inverse_sqrt(schedule: Schedule) -> Factor:
    timescale = schedule.timescale or schedule.warmup or 10_000
    shift = timescale - schedule.warmup
    return _warm(schedule, lambda step: 1.0 / math.sqrt((step + shift) / timescale))


def _min_lr(schedule: Schedule) -> Factor:
    least = schedule.min_ratio or 0.0
    return _warm(schedule, lambda step: max(0.0, _wave(_progress(schedule, step), schedule.cycles / 2) * (1 - least) + least))


def _stable_decay(schedule: Schedule) -> Factor:
    least = schedule.min_ratio or 0.0
    stable = schedule.steps - schedule.warmup - schedule.decay

    def factor(step: int) -> float:
        if step < schedule.warmup:
            share = step / max(1, schedule.warmup)
            return share * (1.0 - least) + least
        if step < schedule.warmup + stable:
            return 1.0
        if step < schedule.warmup + stable + schedule.decay:
            progress = (step - schedule.warmup - stable) / max(1, schedule.decay)
            return max(0.0, _wave(progress, schedule.cycles / 2) * (1.0 - least) + least)
        return least

    return factor


def _piecewise(schedule: Schedule) -> Factor:
    *pairs, last = schedule.rules.split(",")
    steps = sorted((int(step), float(value)) for value, _, step in (pair.partition(":") for pair in pairs))

    def factor(step: int) -> float:
        return next((value for until, value in steps if step < until), float(last))

    return factor


_FACTORS: Mapping[str, Callable[[Schedule], Factor]] = {
    "constant": _constant,
    "constant_with_warmup": _with_warmup,
    "linear": _linear,
    "cosine": _cosine,
    "cosine_with_restarts": _restarts,
    "polynomial": _polynomial,
    "inverse_sqrt": _inverse_sqrt,
    "cosine_with_min_lr": _min_lr,
    "warmup_stable_decay": _stable_decay,
    "piecewise_constant": _piecewise,
}
