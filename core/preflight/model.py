"""What a preflight asks and what it finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from core.text import Text

Ending = Literal["passed", "failed", "unknown", "stopped"]
"""`unknown`: it could not be tried, which is no fault of the job."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Tensors of one shape: how many, and whether they start at zero (the up halves of a LoRA)."""

    sizes: tuple[int, ...]
    count: int
    at_zero: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """A group of parameters.

    Attributes:
        name: for example `unet`.
        learning_rate: its own, None where it takes the optimizer's.
        shapes: of its tensors.
    """

    name: str
    learning_rate: float | None
    shapes: tuple[Shape, ...]

    @property
    def tensors(self) -> int:
        """How many tensors."""
        return sum(shape.count for shape in self.shapes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What the trainer's own code built.

    Attributes:
        name: the class, with its module.
        arguments: what it was given, as sd-scripts writes it into the metadata of the LoRA.
        defaults: every argument of the optimizer with the value that counts (Python literals), given or not.
        scheduler: class of what sets the learning rates; None where nothing does.
        rates: learning rate of each group at the start; None where the optimizer makes its own.
        warnings: what sd-scripts warned of while it built.
    """

    name: str
    arguments: str
    defaults: Mapping[str, str]
    scheduler: str | None
    rates: tuple[float | None, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """What the optimizer did on the small problem.

    Attributes:
        variant: `job` or `defaults`.
        steps: the steps that were noted, from 0.
        rates: for each noted step the learning rate of each group, as sd-scripts logs it; None where there is none.
        d_rates: d*lr likewise; empty lists where the optimizer estimates no d.
        effective: norm of the update over the norm of the weights, likewise; None where it is not finite.
        loss: on each step's own batch.
        stride: how many of the job's steps one step stood for; 1 where all were taken.
        ended_early: time was up before the last step.
    """

    variant: str
    steps: tuple[int, ...]
    rates: tuple[tuple[float | None, ...], ...]
    d_rates: tuple[tuple[float, ...], ...]
    effective: tuple[tuple[float | None, ...], ...]
    loss: tuple[float, ...]
    stride: int
    ended_early: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepPoint:
    """The learning rate of each group at step 0, for one value of AdaFactor's second eps."""

    value: float
    rates: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a preflight found.

    Attributes:
        ending: how it went.
        seconds: the whole, the start of Python and all imports included.
        problem: what is wrong, where it failed or could not be tried.
        advice: what to do about it.
        error: the line of the error itself, "" where there is none.
        trace: where the error came from.
        device, device_name, torch: where it was tried; "" where it never came so far.
        built: what was built; None where that failed.
        groups: names of the groups, in their order.
        tensors: of each group.
        steps: that were taken.
        step_seconds: time of one step.
        state_bytes: of the optimizer's state for these tensors.
        total_steps: of the training; the curves go so far.
        curves, no_curves, sweep: what would happen; for each variant that could not be drawn, why.
    """

    ending: Ending
    seconds: float = 0.0
    problem: Text | None = None
    advice: Text | None = None
    error: str = ""
    trace: str = ""
    device: str = ""
    device_name: str = ""
    torch: str = ""
    built: Built | None = None
    groups: tuple[str, ...] = ()
    tensors: tuple[int, ...] = ()
    steps: int = 0
    step_seconds: float | None = None
    state_bytes: int | None = None
    total_steps: int = 0
    curves: tuple[Curve, ...] = ()
    no_curves: Mapping[str, str] = field(default_factory=dict[str, str])
    sweep: tuple[SweepPoint, ...] = ()
