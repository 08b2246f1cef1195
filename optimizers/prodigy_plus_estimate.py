"""How Prodigy+ScheduleFree estimates d: from sums over a step's parameters, at its end, for the next step."""

from __future__ import annotations

from typing import Any

import torch

from optimizers.machinery.batch import Group
from optimizers.machinery.program import Totals
from optimizers.prodigy_plus_step import adapts, beta3_of

SUMS = {"d_numerator": "running_d_numerator", "d_denom": "running_d_denom"}
"""The totals of the step, and the tensors of a group in which they run until its end."""


def add_sums(group: Group) -> None:
    """Gives a group sums of its own."""
    for name in SUMS.values():
        group[name] = torch.tensor(0.0, dtype=torch.float32, device=_device(group))


def _device(group: Group) -> torch.device:
    return group["params"][0].device if group["params"] else torch.device("cpu")


class RunningSums:
    """What a step has added so far.

    What was added tensor by tensor runs in the groups' own tensors, as in the reference: nothing waits for the device,
    and a state that is saved in the middle of a step has it. What came from kernels is already a number.
    """

    def __init__(self) -> None:
        self._numbers: dict[int, dict[str, float]] = {}
        self._tensors = True  # a loaded state may be one from the middle of a step

    def add(self, group: Group, totals: Totals) -> None:
        """Adds what a group's parameters gave to the group that has the sums."""
        for name, running in SUMS.items():
            reports: list[tuple[Any, Any]] = totals.reports.get(name, [])
            if reports:
                tensor = group[running] = group[running].to(_device(group))
                for value, weight in reports:
                    tensor.add_(value, alpha=weight)
                self._tensors = True
            if name in totals:
                numbers = self._numbers.setdefault(id(group), {})
                numbers[name] = numbers.get(name, 0.0) + totals[name]

    def take(self, groups: list[Group]) -> list[tuple[float, float]]:
        """Numerator and denominator of each group; from now on they are 0."""
        taken = [self._numbers.get(id(group), {}) for group in groups]
        self._numbers = {}
        if self._tensors:
            for group, numbers in zip(groups, taken, strict=True):
                tensors = [group[running] for running in SUMS.values()]
                for name, value in zip(SUMS, torch.stack(tensors).tolist(), strict=True):
                    numbers[name] = numbers.get(name, 0.0) + value
                for tensor in tensors:
                    tensor.zero_()
            self._tensors = False
        return [(numbers.get("d_numerator", 0.0), numbers.get("d_denom", 0.0)) for numbers in taken]


def adapt(group: Group, added: float, denominator: float) -> None:
    """Turns a step's sums into the next d."""
    before = group["d_numerator"]
    numerator = before * beta3_of(group)
    # Negative sums count from the moment on when d has left its first value.
    if group["d"] > group["d0"] or added > 0:
        numerator += added
    group["prev_d_numerator"] = before
    group["max_d_numerator"] = max(numerator, group["max_d_numerator"])
    group["d_numerator"] = numerator
    group["d_denom"] = denominator
    group["d_prev"] = group["d"]
    group["d"] = _next_d(group)


def adapt_all(groups: list[Group], sums: RunningSums) -> None:
    """The next d of all groups that still change theirs and have sums of their own."""
    changing = [group for group in groups if adapts(group)]
    for group, (added, denominator) in zip(changing, sums.take(changing), strict=True):
        adapt(group, added, denominator)


def _next_d(group: Group) -> float:
    d, numerator, before = group["d"], group["d_numerator"], group["prev_d_numerator"]
    if group["use_speed"]:
        if numerator >= group["max_d_numerator"] and numerator > 0 and before > 0:
            growth = min(2**0.25, (numerator / before) ** 0.5)
            return max(d, d * growth * (group["d_coef"] ** 0.125))
    elif group["d_denom"] > 0:
        d_hat = numerator / group["d_denom"]
        if group["d_limiter"]:
            d_hat = min(d * (2**0.25), d_hat)
        return max(d, d_hat * group["d_coef"])
    return d
