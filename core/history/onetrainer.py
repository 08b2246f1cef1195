"""What OneTrainer writes for TensorBoard, as steps.

Facts, from modules/trainer/GenericTrainer.py and modules/util/enum/Optimizer.py of https://github.com/Nerogar/OneTrainer:

* `loss/train_step` is written once an optimizer step, at the number of the micro-batch that ended it, counted from 0;
* `lr/<name>` is written after the scheduler has moved, so it belongs to the next step; of an optimizer with d it is d * lr, so it is
  the effective rate;
* `loss/validation_step/<concept>` is one a concept, and `…/total_average` their mean where there are several.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from core.runs.events import Group, Step, Validated
from core.runs.tensorboard_reader import Scalar

_LOSS = "loss/train_step"
_LR = "lr/"
_VALIDATION = "loss/validation_step/"
_TOTAL = "loss/validation_step/total_average"


def looks_like(points: Sequence[Scalar]) -> bool:
    """Whether OneTrainer wrote these."""
    return any(point.tag == _LOSS for point in points)


def steps_of(points: Sequence[Scalar]) -> list[Step | Validated]:
    """Steps and validations, in the order of their steps."""
    losses = {point.x: point for point in points if point.tag == _LOSS}
    places = sorted(losses)
    # Micro-batches of a step: with gradient accumulation the numbers go on by more than one.
    each = min((after - before for before, after in itertools.pairwise(places)), default=1)
    rates: dict[int, dict[str, float]] = {}
    for point in points:
        if point.tag.startswith(_LR):
            rates.setdefault(point.x, {})[point.tag[len(_LR) :]] = point.value
    told: list[Step | Validated] = []
    groups: tuple[Group, ...] = ()
    for x in places:
        told.append(Step(time=losses[x].time, step=_step(x, each), loss=losses[x].value, groups=groups))
        groups = tuple(Group(name=name, effective_lr=value) for name, value in rates.get(x, {}).items())
    told += [Validated(time=point.time, step=_step(point.x, each), loss=point.value) for point in _validations(points)]
    return sorted(told, key=lambda event: (event.step, isinstance(event, Validated)))


def _step(x: int, each: int) -> int:
    return max(1, (x + 1) // each)


def _validations(points: Sequence[Scalar]) -> list[Scalar]:
    found = [point for point in points if point.tag.startswith(_VALIDATION)]
    several = len({point.tag for point in found}) > 1
    return [point for point in found if point.tag == _TOTAL or not several]
