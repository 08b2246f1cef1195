"""What one catalogue entry says. Frozen data, no behaviour beyond looking things up.

The table of the reference text tells "no information" from "not needed"; so does `Knowledge`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Final

from core.catalogue.kinds import Kind, TupleKind, Value
from core.errors import ValueProblem
from core.text import Text

if TYPE_CHECKING:
    from core.catalogue.scales import RateScale


class LrMethod(str, Enum):
    """Who sets the learning rate. 手動型 / 半自動型 / 自動型 of the reference text."""

    MANUAL = "manual"
    SEMI_AUTOMATIC = "semi-automatic"
    AUTOMATIC = "automatic"


class Knowledge(str, Enum):
    """Whether a fact is known, unknown (an empty cell of the reference table) or not needed (ー)."""

    KNOWN = "known"
    UNKNOWN = "unknown"
    NOT_NEEDED = "not-needed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One cell of the table.

    Attributes:
        knowledge: known, unknown or not needed; `text` is None unless known.
        text: the fact.
        links: web addresses that belong to it.
    """

    knowledge: Knowledge
    text: Text | None = None
    links: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a statement comes from: a key of resources/catalogue/_sources.toml, resolved.

    Attributes:
        key: for example `reference-text`, `sd-scripts`, `prodigy-paper`.
        title: the name to show.
        link: web address, or None.
    """

    key: str
    title: Text
    link: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A caution or a tip, never without its source."""

    text: Text
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """A package that has to be importable in the environment that trains.

    Attributes:
        package: distribution name, as pip takes it.
        module: what is imported to see that it works.
        minimum: lowest version that will do, or None where any does.
        advised: version the reference text or today's experience calls stable, or None.
        note: why, or what to look out for.
    """

    package: str
    module: str
    minimum: str | None = None
    advised: str | None = None
    note: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A value somebody used, with its source. An example, never "the best value"."""

    value: Value
    source: Source
    note: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArgumentSpec:
    """One keyword argument of an optimizer (`--optimizer_args "name=value"`).

    Attributes:
        name: the keyword of the constructor.
        kind: how it is typed, checked and written.
        default: what holds when it is not given: the constructor's own default, or what sd-scripts puts in its place
            (`momentum=0.9` for the SGD family). A contract test compares it with the real signature.
        nullable: None is allowed.
        unit: short, for example "× learning rate"; None where there is none.
        help: what it does.
        examples: values seen in the wild.
        advanced: belongs below the fold of the form.
    """

    name: str
    kind: Kind
    default: Value
    nullable: bool = False
    unit: Text | None = None
    help: Text
    examples: tuple[Example, ...] = ()
    advanced: bool = False

    def parse(self, typed: str) -> Value:
        """Reads typed text; `None` (any case) gives None where that is allowed.

        Raises:
            ValueProblem: with a sentence for the field.
        """
        if typed.strip().casefold() == "none" and self.nullable:
            return None
        if isinstance(self.kind, TupleKind):
            return self.kind.parse(typed, like=self.default)
        return self.kind.parse(typed)

    def check(self, value: Value) -> None:
        """Raises `ValueProblem` when `value` cannot be this argument."""
        if value is None:
            if not self.nullable:
                raise ValueProblem(Text("None is not allowed here.", "None は指定できません。"))
            return
        self.kind.check(value)

    def show(self, value: Value) -> str:
        """The typed form of `value`."""
        return "None" if value is None else self.kind.show(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningRate:
    """What to put into the learning rate field to begin with."""

    start: float
    reason: Text
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedulers:
    """Which learning rate schedulers go with the optimizer.

    Attributes:
        ignored: sd-scripts replaces any scheduler by one of its own.
        ignored_when: it does so only while these arguments have these values (AdaFactor's `relative_step`); empty
            means always. `OptimizerSpec.ignores_scheduler` answers for a job.
        fits: names that go well with it where a scheduler is used (empty where all do).
        note: why.
    """

    ignored: bool
    ignored_when: Mapping[str, Value] = field(default_factory=dict[str, Value])
    fits: tuple[str, ...]
    note: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Logging:
    """Where its numbers are found.

    Attributes:
        tags: what sd-scripts writes to TensorBoard for it, beside the common loss and lr tags.
        note: what is missing or misleading in them.
        d_key: key of a parameter group that holds d, or None.
        effective_lr: what gives the real learning rate: a key of a parameter group (`lr`, `scheduled_lr`, …), `d*lr`,
            or a word the companion knows (`adafactor`, `emo`).
    """

    tags: tuple[str, ...]
    note: Text | None
    d_key: str | None
    effective_lr: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OldForm:
    """Another way to ask sd-scripts for the same optimizer (`--use_8bit_adam`): option name -> value."""

    options: Mapping[str, bool | str]
    note: Text


FAST_PACKAGE: Final = "optimizers"
"""Caddie's package of optimizers; every fast implementation is one of its classes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FastImplementation:
    """The same algorithm as a class of Caddie's own package: the same numbers in less time a step.

    Attributes:
        optimizer_type: what goes to `--optimizer_type` for it (`optimizers.Prodigy`).
        equals: package and version whose numbers it gives, as `prodigyopt 1.1.2`.
        only_with: it can be used only while these arguments have these values, because sd-scripts prepares the
            arguments of a name it knows otherwise than those of a class it imports.
        requirements: packages that it needs beside torch (what sd-scripts itself imports for such a name).
        notes: what else is different under its name.
    """

    optimizer_type: str
    equals: str
    only_with: Mapping[str, Value] = field(default_factory=dict[str, Value])
    requirements: tuple[Requirement, ...] = ()
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredWhere:
    """One run of the benchmark (`main.py bench optimizers`).

    Attributes:
        date: ISO.
        command: what repeats it.
        device: `cpu` or `cuda`.
        device_name: the processor or GPU.
        threads: of the CPU.
        torch: its version.
        parameter_set: `sd15`, …
        tensors, parameters: how many there are in the set.
    """

    date: str
    command: str
    device: str
    device_name: str
    threads: int
    torch: str
    parameter_set: str
    tensors: int
    parameters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredSide:
    """What one implementation costs.

    Attributes:
        package, version: whose it is; no version for Caddie's own.
        state_bytes: for each parameter.
        step_cost: time of a step as a multiple of torch's AdamW in the same run.
    """

    package: str
    version: str | None = None
    state_bytes: float
    step_cost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The figures of one optimizer: of the original, of the fast implementation, or of both."""

    where: MeasuredWhere
    reference: MeasuredSide | None = None
    fast: MeasuredSide | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """A family of the table, in its order."""

    id: str
    name: Text
    order: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizerSpec:
    """One optimizer.

    Attributes:
        id: unique name, as people say it (`Prodigy`, `DAdaptAdanIP`).
        order: position in the table.
        optimizer_type: exactly what goes to `--optimizer_type`.
        class_path: the class that sd-scripts builds, as a dotted path; contract tests import it.
        fixed_arguments: what sd-scripts itself adds to the constructor (`nesterov=True`).
        aliases: other spellings of `optimizer_type` that mean this entry.
        mistaken_names: what people write for it although sd-scripts refuses it or builds something else.
        case_sensitive: dotted names are matched by sd-scripts with case, built-in ones without.
        homepage, background, low_precision, since: cells of the table.
        requirements: packages; empty and `install_note` None means nothing to install.
        wanted_arguments: what the table says has to be given in `--optimizer_args`.
        other_options: what else the table lists (old forms, class paths of other packages).
        internal_arguments: keywords of the constructor that no command line can give, with the reason.
        state_bytes: optimizer state per trained parameter in bytes (float32 weights); None where unknown.
        state_note: how that was found, or why it is unknown.
        needs_cuda: cannot be built without a CUDA device.
        fast: Caddie's own implementation of the same algorithm, or None.
        measured: what the benchmark found, or None.
        scale: how large its rate is beside others'; None where nobody knows.
    """

    id: str
    name: str
    category: Category
    order: int
    optimizer_type: str
    class_path: str
    fixed_arguments: Mapping[str, Value] = field(default_factory=dict[str, Value])
    aliases: tuple[str, ...] = ()
    mistaken_names: tuple[str, ...] = ()
    summary: Text
    pick_when: Text
    homepage: Fact
    background: Fact
    low_precision: Fact
    since: Fact
    requirements: tuple[Requirement, ...]
    install_note: Text | None = None
    wanted_arguments: Fact = Fact(knowledge=Knowledge.UNKNOWN)
    other_options: Fact
    old_forms: tuple[OldForm, ...] = ()
    lr_method: LrMethod
    learning_rate: LearningRate
    schedulers: Schedulers
    arguments: tuple[ArgumentSpec, ...]
    internal_arguments: Mapping[str, Text] = field(default_factory=dict[str, Text])
    logging: Logging
    state_bytes: float | None
    state_note: Text
    cautions: tuple[Note, ...] = ()
    tips: tuple[Note, ...] = ()
    needs_cuda: bool = False
    fast: FastImplementation | None = None
    measured: Measured | None = None
    scale: RateScale | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Every `--optimizer_type` that means this entry, the one to write first; its fast implementation's too."""
        return (self.optimizer_type, *self.aliases, *(() if self.fast is None else (self.fast.optimizer_type,)))

    @property
    def case_sensitive(self) -> bool:
        """Whether sd-scripts compares the name with case (it does for dotted names)."""
        return "." in self.optimizer_type

    def argument(self, name: str) -> ArgumentSpec | None:
        """The argument of that name, or None."""
        return next((argument for argument in self.arguments if argument.name == name), None)

    def effective(self, arguments: Mapping[str, Value]) -> dict[str, Value]:
        """What holds for every argument when a job sets these: the defaults fill the rest."""
        return {**{argument.name: argument.default for argument in self.arguments}, **arguments}

    def ignores_scheduler(self, arguments: Mapping[str, Value]) -> bool:
        """Whether sd-scripts replaces the chosen scheduler, given the arguments a job sets (defaults fill the rest)."""
        effective = self.effective(arguments)
        wanted = self.schedulers.ignored_when
        return self.schedulers.ignored and all(effective.get(name) == value for name, value in wanted.items())


DEFAULT_OPTIMIZER: Final = "AdamW"
"""What sd-scripts uses when `--optimizer_type` is not given."""
