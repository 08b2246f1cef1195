"""What a rule is and what it finds. Pure data; a job is immutable, so a fix is undone by keeping the job before it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Final, Literal

from core.catalogue.catalogue import Catalogue
from core.catalogue.kinds import Value, from_literal
from core.catalogue.spec import LrMethod, OptimizerSpec, Source
from core.errors import ValueProblem
from core.job.model import Job
from core.options.model import OptionValue
from core.text import Text

DEFAULT_RATE: Final = 2e-6
"""sd-scripts' `--learning_rate` where none is given."""

_SEVERAL_TEXT_RATES = {f"networks.lora_{name}" for name in ("anima", "flux", "lumina", "sd3")}
"""Modules with `prepare_optimizer_params_with_multiple_te_lrs`."""

Severity = Literal["error", "warning", "hint"]


@dataclass(frozen=True, slots=True)
class Fix:
    """A job with one thing mended.

    Attributes:
        label: what a button says.
        apply: the mended job; never changes the one it is given.
    """

    label: Text
    apply: Callable[[Job], Job]


@dataclass(frozen=True, slots=True)
class Trouble:
    """What a rule sees in a job: the words, the form's fields (`option:lr_scheduler`), and a fix or None."""

    text: Text
    fields: tuple[str, ...]
    fix: Fix | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """A job as the rules look at it.

    Attributes:
        job: the job.
        spec: its optimizer; None for a class that the catalogue does not know.
        arguments: the optimizer's arguments that can be read; the others are faults of their own (`core.job.check`).
        catalogue: where a name that nobody knows is looked up; None where that is not wanted.
    """

    job: Job
    spec: OptimizerSpec | None
    arguments: Mapping[str, Value]
    catalogue: Catalogue | None = None

    @property
    def name(self) -> str:
        """`optimizer_type` as sd-scripts compares it: in lower case."""
        return (self.job.optimizer_type or (self.spec.optimizer_type if self.spec else "")).lower()

    @property
    def schedule_free(self) -> bool:
        """Whether sd-scripts puts a dummy in the place of any scheduler: every name that ends so."""
        return self.name.endswith("schedulefree")

    @property
    def ignores_scheduler(self) -> bool:
        """Whether the chosen scheduler has no effect."""
        if self.schedule_free or self.spec is None:
            return self.schedule_free
        if not self.spec.schedulers.ignored_when:
            return self.spec.schedulers.ignored
        if self.name != self.spec.optimizer_type.lower():
            return False  # sd-scripts replaces it under the built-in name only, not for the class by its dotted name
        # AdaFactor: warmup_init switches relative_step on, whatever it says.
        return self.arguments.get("warmup_init") is True or self.spec.ignores_scheduler(self.arguments)

    @property
    def is_factor(self) -> bool:
        """Whether the rate is a factor around 1 on an estimate (the emo series is semi-automatic, and its rate is none)."""
        spec = self.spec
        return spec is not None and spec.lr_method is LrMethod.SEMI_AUTOMATIC and spec.learning_rate.start == 1.0

    @property
    def trains(self) -> tuple[str, ...]:
        """The parts that are trained, in sd-scripts' order of parameter groups."""
        parts = (("text_encoder", "network_train_unet_only"), ("unet", "network_train_text_encoder_only"))
        return tuple(part for part, other_only in parts if not self.job.options.get(other_only))

    @property
    def several_text_rates(self) -> bool:
        """Whether the network module takes a rate for each text encoder; of the others' list only the first counts."""
        return self.word("network_module") in _SEVERAL_TEXT_RATES

    def rates(self) -> dict[str, float]:
        """The learning rate of each trained part, as sd-scripts fills the gaps; parts at 0 are in it, though not trained.

        Source: `prepare_optimizer_params` of sd-scripts' networks/lora.py, and train_network.py before it.
        """
        main = self.number("learning_rate")
        main = DEFAULT_RATE if main is None else main
        own = self.job.options.get("text_encoder_lr")
        given = [item for item in (own if isinstance(own, list) else [own]) if isinstance(item, (int, float))]
        unet = self.number("unet_lr")
        found: dict[str, float] = {}
        for part in self.trains:
            if part == "unet":
                found["unet"] = main if unet is None else unet
            elif len(given) > 1 and self.several_text_rates:
                found.update({f"text_encoder{place}": float(rate) for place, rate in enumerate(given, 1)})
            else:
                found["text_encoder"] = float(given[0]) if given else main
        return found

    def network_argument(self, name: str) -> str | None:
        """The text after `name=` in `network_args`, None where it is not given."""
        items = self.job.options.get("network_args")
        pairs = (str(item).partition("=") for item in (items if isinstance(items, list) else [items] if items else []))
        return next((value for key, _, value in pairs if key == name), None)

    def switched(self, *names: str) -> list[str]:
        """Those of the options that are given and not off."""
        return [name for name in names if self.job.options.get(name) not in (None, False, 0, 0.0, "", [])]

    def number(self, name: str) -> float | None:
        """An option's number; None where it is absent or no number (NaN is told of as a fault, and no one computes with it)."""
        value = self.job.options.get(name)
        return value if isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value) else None

    def word(self, name: str, default: str = "") -> str:
        """An option's text."""
        value = self.job.options.get(name)
        return value if isinstance(value, str) else default


@dataclass(frozen=True, slots=True)
class Rule:
    """One piece of advice.

    Attributes:
        id: for example `scheduler.ignored`.
        severity: error: it will fail; warning: it will train wrongly or waste; hint.
        source: who says so.
        check: the troubles of a job, in a fixed order; it reads nothing but its argument.
    """

    id: str
    severity: Severity
    source: Source
    check: Callable[[Subject], Iterator[Trouble]]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule found in a job.

    Attributes:
        rule: the rule's id; "" for what no rule says but a parser or an optimizer would refuse (`core.advice.review`).
        severity: as the rule's.
        text: what, in full sentences.
        fields: the form's fields that it concerns, the one to go to first.
        source: who says so; None where it was found by trying.
        fix: how it is mended, None where only a person can tell.
    """

    rule: str
    severity: Severity
    text: Text
    fields: tuple[str, ...]
    source: Source | None
    fix: Fix | None = None


def subject_of(job: Job, spec: OptimizerSpec | None, catalogue: Catalogue | None = None) -> Subject:
    """The job as the rules look at it."""
    arguments: dict[str, Value] = {}
    for name, stored in job.arguments.items():
        try:
            arguments[name] = from_literal(stored)
        except ValueProblem:
            continue
    return Subject(job, spec, arguments, catalogue)


SEVERITIES: Final[tuple[Severity, ...]] = ("error", "warning", "hint")
"""The worst first."""


def set_options(label: Text, **values: OptionValue | None) -> Fix:
    """A fix that sets options; None removes one."""

    def apply(job: Job) -> Job:
        for name, value in values.items():
            job = job.with_option(name, value)
        return job

    return Fix(label, apply)
