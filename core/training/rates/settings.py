"""What a job says about learning rates and the optimizer. No torch: everything is checked before anything is loaded."""

from __future__ import annotations

import ast
import contextlib
from dataclasses import dataclass, field
from typing import Literal

from core.catalogue.spec import DEFAULT_OPTIMIZER
from core.text import Text
from core.training.options import OptionReader

DEFAULT_RATE = 2e-6
"""sd-scripts' learning rate where the job has none."""

_Arguments = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizerSettings:
    """The optimizer.

    Attributes:
        name: as sd-scripts takes it: a name of its own in any case, a class of torch.optim, or a dotted path.
        arguments: `optimizer_args`, read as Python literals.
    """

    name: str = DEFAULT_OPTIMIZER
    arguments: _Arguments = field(default_factory=dict[str, object])

    @property
    def is_schedule_free(self) -> bool:
        """Whether sd-scripts counts it to the schedule-free family, which takes no scheduler: by the name's ending."""
        return self.name.lower().endswith("schedulefree")


@dataclass(frozen=True, slots=True, kw_only=True)
class RateSettings:
    """The optimizer and its learning rates over time, under sd-scripts' names.

    Attributes:
        optimizer: what takes them.
        learning_rate: of whatever has none of its own.
        scheduler: `lr_scheduler`.
        scheduler_type: `lr_scheduler_type`, a class of torch.optim.lr_scheduler or a dotted path, which goes before
            `scheduler`; "" for none.
        scheduler_arguments: `lr_scheduler_args`, read as Python literals.
        warmup, decay: steps; where a float, the share of all steps.
        cycles, power, timescale, min_ratio: `lr_scheduler_num_cycles` and so on.
    """

    optimizer: OptimizerSettings = field(default_factory=OptimizerSettings)
    learning_rate: float = DEFAULT_RATE
    scheduler: str = "constant"
    scheduler_type: str = ""
    scheduler_arguments: _Arguments = field(default_factory=dict[str, object])
    warmup: int | float = 0
    decay: int | float = 0
    cycles: int = 1
    power: float = 1.0
    timescale: int | None = None
    min_ratio: float | None = None


def read_settings(options: OptionReader) -> RateSettings:
    """Takes what is said about the optimizer and the learning rates."""
    return RateSettings(
        optimizer=read_optimizer(options),
        learning_rate=options.number("learning_rate", DEFAULT_RATE, least=0),
        scheduler=options.text("lr_scheduler", "constant"),
        scheduler_type=options.text("lr_scheduler_type"),
        scheduler_arguments=read_arguments(options, "lr_scheduler_args"),
        warmup=_steps_or_share(options, "lr_warmup_steps"),
        decay=_steps_or_share(options, "lr_decay_steps"),
        cycles=options.integer("lr_scheduler_num_cycles", 1),
        power=options.number("lr_scheduler_power", 1.0),
        timescale=options.maybe_integer("lr_scheduler_timescale", least=1),
        min_ratio=options.maybe_number("lr_scheduler_min_lr_ratio"),
    )


def read_optimizer(options: OptionReader) -> OptimizerSettings:
    """Takes what is said about the optimizer, in its older forms too."""
    name = options.text("optimizer_type")
    old: tuple[tuple[Literal["use_8bit_adam", "use_lion_optimizer"], str], ...] = (
        ("use_8bit_adam", "AdamW8bit"),
        ("use_lion_optimizer", "Lion"),
    )
    for option, meant in old:
        if options.flag(option):
            if name:
                options.refuse(
                    option, True, Text(f"contradicts the optimizer {name}", f"はオプティマイザー {name} と矛盾しています")
                )
            name = name or meant
    return OptimizerSettings(name=name or DEFAULT_OPTIMIZER, arguments=read_arguments(options, "optimizer_args"))


def read_arguments(options: OptionReader, option: str) -> _Arguments:
    """Reads `name=value` texts whose values are Python literals, exactly as sd-scripts does.

    Args:
        options: gets what is malformed as a problem.
        option: which one.
    """
    arguments: _Arguments = {}
    for text in options.texts(option):
        name, equals, literal = text.partition("=")
        if not equals or not name.isidentifier() or "=" in literal:
            options.refuse(
                option,
                text,
                Text(
                    'is not of the form "name=value" (no blanks around =)',
                    "は「名前=値」の形ではありません (= の前後に空白は入れません)",
                ),
            )
            continue
        try:
            arguments[name] = ast.literal_eval(literal)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            options.refuse(
                option,
                text,
                Text(
                    f"has no Python literal as its value: write {name}=True, {name}=0.01, {name}=(0.9, 0.99), or quote a text: "
                    f"{name}='word'",
                    f"の値は Python のリテラルではありません。{name}=True、{name}=0.01、{name}=(0.9, 0.99) のように書き、文字列は "
                    f"{name}='word' のように引用符で囲んでください",
                ),
            )
    return arguments


def _steps_or_share(options: OptionReader, name: str) -> int | float:
    """A number of steps or, where it is a float, a share of all of them (`int_or_float` in sd-scripts).

    sd-scripts multiplies any float of a configuration file by all steps, 100.0 too, which nobody can have meant.
    """
    value = options.value(name)
    if value is None:
        return 0
    if isinstance(value, str) and value.endswith("%"):
        with contextlib.suppress(ValueError):
            value = float(value[:-1]) / 100
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        options.refuse(name, value, Text("is neither a number of steps nor a share", "はステップ数でも割合でもありません"))
        return 0
    if value < 0 or (isinstance(value, float) and not value <= 1):
        options.refuse(
            name,
            value,
            Text(
                "is neither a whole number of steps nor a share from 0.0 to 1.0",
                "は整数のステップ数でも 0.0〜1.0 の割合でもありません",
            ),
        )
        return 0
    return value
