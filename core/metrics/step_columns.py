"""Steps column by column: how the numbers of many steps go into curves in a moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np

from core.metrics.column import Floats
from core.metrics.quantities import Quantity, SeriesKey
from core.runs.event_lines import as_number
from core.runs.events import Group, Step

_OWN = {
    "time": Quantity.TIME,
    "loss": Quantity.LOSS,
    "average_loss": Quantity.AVERAGE_LOSS,
    "grad_norm": Quantity.GRAD_NORM,
    "seconds": Quantity.SECONDS,
    "memory": Quantity.MEMORY,
    "epoch": Quantity.EPOCH,
}
"""Keys of a step, the clock first."""
_OF_GROUP = {
    "lr": Quantity.LR,
    "effective_lr": Quantity.EFFECTIVE_LR,
    "d": Quantity.D,
    "d_lr": Quantity.D_LR,
    "effective_step": Quantity.EFFECTIVE_STEP,
}
_PLAIN = {float, int, type(None)}


@dataclass(slots=True)
class StepColumns:
    """Some steps that follow each other.

    Attributes:
        first: number of the first one.
        told: curves with the steps that have a value, and the values.
        groups: names of the parameter groups.
    """

    first: int
    told: list[tuple[SeriesKey, Floats, Floats]] = field(default_factory=list[tuple[SeriesKey, Floats, Floats]])
    groups: list[str] = field(default_factory=list[str])

    def add(self, key: SeriesKey, steps: Sequence[int], values: Sequence[float | None]) -> None:
        """A curve; None is a step without a value."""
        if None in values:
            known = [(step, value) for step, value in zip(steps, values, strict=True) if value is not None]
            if known:
                of, numbers = zip(*known, strict=True)
                self.told.append((key, np.array(of, dtype=np.float64), np.array(numbers, dtype=np.float64)))
        else:
            self.told.append((key, np.array(steps, dtype=np.float64), np.array(values, dtype=np.float64)))


def columns_of(steps: Sequence[Step]) -> StepColumns:
    """The columns of some steps, at least one."""
    columns, numbers = StepColumns(steps[0].step), [step.step for step in steps]
    for name, quantity in _OWN.items():
        columns.add(SeriesKey(quantity), numbers, [getattr(step, name) for step in steps])
    by_group: dict[str, list[tuple[int, Group]]] = {}
    for step in steps:
        for group in step.groups:
            by_group.setdefault(group.name, []).append((step.step, group))
    for name, told in by_group.items():
        columns.groups.append(name)
        of = [step for step, _ in told]
        for attribute, quantity in _OF_GROUP.items():
            columns.add(SeriesKey(quantity, name), of, [getattr(group, attribute) for _, group in told])
    return columns


def columns_of_records(records: Sequence[dict[str, Any]]) -> StepColumns | None:
    """The same from lines of events.jsonl that are all steps of the same make; None where one of them is not.

    What it returns is what `decode_event` and `columns_of` give, twenty times faster.
    """
    numbers = [record.get("step") for record in records]
    if set(map(type, numbers)) != {int} or not all(abs(number) < 1 << 53 for number in cast("list[int]", numbers)):
        return None
    steps = cast("list[int]", numbers)
    columns = StepColumns(steps[0])
    for name, quantity in _OWN.items():
        values = _numbers([record.get(name) for record in records], whole=name == "memory")
        if values is None or (name == "time" and None in values):
            return None
        columns.add(SeriesKey(quantity), steps, values)
    listed = [record.get("groups", []) for record in records]
    if set(map(type, listed)) != {list} or len(set(map(len, listed))) != 1:
        return None
    for index in range(len(listed[0])):
        groups = [of_step[index] for of_step in listed]
        if set(map(type, groups)) != {dict}:
            return None
        names = {group.get("name") for group in groups}
        name = names.pop()
        if names or not isinstance(name, str) or name in columns.groups:
            return None
        columns.groups.append(name)
        for key, quantity in _OF_GROUP.items():
            values = _numbers([group.get(key) for group in groups])
            if values is None:
                return None
            columns.add(SeriesKey(quantity, name), steps, values)
    return columns


def _numbers(values: list[Any], *, whole: bool = False) -> list[float | None] | None:
    """As `decode_event` reads them; None where that is not plain."""
    kinds = set(map(type, values))
    if whole and not kinds <= {int, type(None)}:
        return None
    if str in kinds and not whole:
        values = [as_number(value) if isinstance(value, str) else value for value in values]
        kinds = set(map(type, values))
    if not kinds <= _PLAIN:
        return None
    if int in kinds and not all(type(value) is not int or abs(value) < 1 << 63 for value in values):
        return None
    return values
