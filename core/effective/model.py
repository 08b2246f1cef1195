"""What a job's settings come to. Pure data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.catalogue.kinds import Value
from core.effective.curve import Schedule
from core.text import Text

Origin = Literal["set", "default", "forced"]
"""Said by the job; the default of sd-scripts or of the optimizer; put there by sd-scripts whatever the job says."""


@dataclass(frozen=True, slots=True)
class GroupRate:
    """One parameter group.

    Attributes:
        name: as sd-scripts calls it: `text_encoder`, `unet`, `unet plus` (the B matrices of LoRA+).
        rate: the learning rate that it starts from; None where the optimizer finds its own.
        option: where the rate comes from: an option's name, "" for sd-scripts' default.
    """

    name: str
    rate: float | None
    option: str


@dataclass(frozen=True, slots=True)
class Argument:
    """One keyword of the optimizer's constructor."""

    name: str
    value: Value
    origin: Origin


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of the view.

    Attributes:
        label: what.
        value: how much; names and numbers are the same in both languages.
        origin: who says so.
        fields: the form's fields behind it.
    """

    label: Text
    value: Text
    origin: Origin
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Effective:
    """What will really happen.

    Attributes:
        optimizer: the class that is built, as a dotted path.
        arguments: all of its keywords that are known, those that the job sets first.
        groups: in sd-scripts' order; a group with a rate of 0 is left out, as sd-scripts does.
        schedule: the scheduler with its numbers; None where there is none or no formula for it.
        scheduler: its name, or why there is none.
        steps: of the optimizer; None where that depends on the number of images.
        times_d: the rates are factors on the optimizer's own estimate d.
        facts: everything else, in the order of the view.
    """

    optimizer: str
    arguments: tuple[Argument, ...]
    groups: tuple[GroupRate, ...]
    schedule: Schedule | None
    scheduler: Text
    steps: int | None
    times_d: bool
    facts: tuple[Fact, ...]

    def rates(self, count: int = 400) -> dict[str, list[tuple[int, float]]]:
        """The learning rate of each group over the steps: (step, rate), at most `count` points, first and last step in it."""
        from core.effective.curve import factor_of

        factor = factor_of(self.schedule) if self.schedule is not None else None
        if factor is None or self.schedule is None:
            return {}
        pace = self.schedule.pace
        last = max(self.schedule.steps // pace - 1, 0)
        places = sorted({round(last * place / max(count - 1, 1)) for place in range(min(count, last + 1))})
        return {
            group.name: [(step, group.rate * factor(step * pace)) for step in places]
            for group in self.groups
            if group.rate is not None
        }
