"""A job: everything needed to start one training. Immutable; each edit gives a new one, so undo is a list.

`options` are sd-scripts' own keys with the values the user said, and nothing else: what is absent is left to
sd-scripts' default. Caddie's own facts are in the other attributes, and in the file in a `[caddie]` table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

from core.options.model import OptionValue

Engine = Literal["sd-scripts", "builtin"]


def _empty() -> Mapping[str, OptionValue]:
    return MappingProxyType({})


def _nothing_kept() -> Mapping[str, Mapping[str, str]]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One training.

    Attributes:
        script: the training script in the checkout, for example `train_network.py`.
        options: sd-scripts' keys (argparse dests) and values. `optimizer_type`, `optimizer_args` live here too.
        engine: what runs it.
        environment: id of the environment that trains, or None for "the one that is selected".
        companion: whether Caddie's companion runs in the trained process and reports live metrics.
        accelerate: options of `accelerate launch` (dest -> value), for example `num_cpu_threads_per_process`.
        name: what the user calls it; the file's stem where empty.
        notes: the user's own words.
        kept_arguments: per optimizer type, the argument literals last used with it (name -> literal).
    """

    script: str = "train_network.py"
    options: Mapping[str, OptionValue] = field(default_factory=_empty)
    engine: Engine = "sd-scripts"
    environment: str | None = None
    companion: bool = True
    accelerate: Mapping[str, OptionValue] = field(default_factory=_empty)
    name: str = ""
    notes: str = ""
    kept_arguments: Mapping[str, Mapping[str, str]] = field(default_factory=_nothing_kept)

    def with_option(self, name: str, value: OptionValue | None) -> Job:
        """A copy with one option set, or removed where `value` is None. The order of the others stays."""
        options = dict(self.options)
        if value is None:
            options.pop(name, None)
        else:
            options[name] = value
        return replace(self, options=MappingProxyType(options))

    @property
    def optimizer_type(self) -> str:
        """What `--optimizer_type` says ("" where it is not given)."""
        value = self.options.get("optimizer_type")
        return value if isinstance(value, str) else ""

    @property
    def arguments(self) -> Mapping[str, str]:
        """The optimizer's arguments: name -> literal, in order. Entries without "=" are kept with the literal ""."""
        items = self.options.get("optimizer_args")
        if not isinstance(items, list):
            return MappingProxyType({})
        pairs = (str(item).partition("=") for item in items)
        return MappingProxyType({name.strip(): literal for name, _, literal in pairs})

    def with_arguments(self, arguments: Mapping[str, str]) -> Job:
        """A copy with these optimizer arguments (name -> literal) and no others."""
        items = [f"{name}={literal}" for name, literal in arguments.items()]
        return self.with_option("optimizer_args", items or None)

    def with_argument(self, name: str, literal: str | None) -> Job:
        """A copy with one optimizer argument set, or removed where `literal` is None."""
        arguments = dict(self.arguments)
        if literal is None:
            arguments.pop(name, None)
        else:
            arguments[name] = literal
        return self.with_arguments(arguments)

    def with_optimizer(self, optimizer_type: str) -> Job:
        """A copy that uses another optimizer, with the arguments last used with *that* one and no stale ones.

        The arguments of the present optimizer are kept for the way back. The old forms `use_8bit_adam` and
        `use_lion_optimizer` are removed, since sd-scripts refuses them beside `optimizer_type`.
        """
        kept = {name: dict(values) for name, values in self.kept_arguments.items()}
        kept[self._memory_key] = dict(self.arguments)
        job = self.with_option("optimizer_type", optimizer_type)
        job = job.with_option("use_8bit_adam", None).with_option("use_lion_optimizer", None)
        job = job.with_arguments(kept.pop(optimizer_type, {}))
        frozen = {name: MappingProxyType(values) for name, values in kept.items() if values}
        return replace(job, kept_arguments=MappingProxyType(frozen))

    @property
    def _memory_key(self) -> str:
        if self.options.get("use_8bit_adam"):
            return "AdamW8bit"
        if self.options.get("use_lion_optimizer"):
            return "Lion"
        return self.optimizer_type or "AdamW"
