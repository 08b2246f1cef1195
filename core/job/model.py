"""A job: everything needed to start one training. Immutable; each edit gives a new one, so undo is a list.

`options` are sd-scripts' own keys with the values the user said, and nothing else: what is absent is left to
sd-scripts' default. Caddie's own facts are in the other attributes, and in the file in a `[caddie]` table.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

from core.options.model import OptionValue

Engine = Literal["sd-scripts", "builtin"]


def _empty() -> Mapping[str, OptionValue]:
    return MappingProxyType({})


def _nothing_kept() -> Mapping[str, tuple[str, ...]]:
    return MappingProxyType({})


def _no_extra() -> Mapping[str, object]:
    return MappingProxyType({})


def split_argument(item: str) -> tuple[str, str]:
    """The name and the literal of one entry of `optimizer_args`; an entry without "=" has the literal ""."""
    name, _, literal = item.partition("=")
    return name.strip(), literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One training.

    Attributes:
        script: the training script in the checkout, for example `train_network.py`.
        options: sd-scripts' keys (argparse dests) and values. `optimizer_type`, `optimizer_args` live here too.
        engine: what runs it.
        environment: id of the environment that trains, or None for "the one that is selected".
        companion: whether Caddie's companion runs in the trained process and reports live metrics.
        hand_loss: the companion hands each step's loss to an optimizer of the emo series, which sd-scripts never tells
            it. Off is what sd-scripts does.
        builtin: what only the built-in trainer knows (name -> value), for example `nan = "skip"`.
        accelerate: options of `accelerate launch` (dest -> value), for example `num_cpu_threads_per_process`.
        name: what the user calls it; the file's stem where empty.
        notes: the user's own words.
        kept_arguments: per optimizer type, the entries of `optimizer_args` last used with it, exactly as they were.
        extra: keys of the file's `[caddie]` table that this version does not know, kept for the one that does.
    """

    script: str = "train_network.py"
    options: Mapping[str, OptionValue] = field(default_factory=_empty)
    engine: Engine = "sd-scripts"
    environment: str | None = None
    companion: bool = True
    hand_loss: bool = False
    builtin: Mapping[str, OptionValue] = field(default_factory=_empty)
    accelerate: Mapping[str, OptionValue] = field(default_factory=_empty)
    name: str = ""
    notes: str = ""
    kept_arguments: Mapping[str, tuple[str, ...]] = field(default_factory=_nothing_kept)
    extra: Mapping[str, object] = field(default_factory=_no_extra)

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
    def argument_items(self) -> tuple[str, ...]:
        """The entries of `optimizer_args` as they are, malformed ones too (`core.job.check` names those)."""
        items = self.options.get("optimizer_args")
        if isinstance(items, str):
            return (items,)
        return tuple(str(item) for item in items) if isinstance(items, list) else ()

    @property
    def arguments(self) -> Mapping[str, str]:
        """The optimizer's arguments: name -> literal, in order. Entries without "=" are kept with the literal "".

        Of an argument given twice the last one counts, as in sd-scripts.
        """
        return MappingProxyType(dict(split_argument(item) for item in self.argument_items))

    def with_arguments(self, arguments: Mapping[str, str]) -> Job:
        """A copy with these optimizer arguments (name -> literal) and no others.

        An entry that already says the same stays as it was written, so that `with_arguments(job.arguments)` changes
        nothing of a malformed entry.
        """
        written = {split_argument(item): item for item in self.argument_items}
        items = [written.get(pair) or f"{pair[0]}={pair[1]}" for pair in arguments.items()]
        return self._with_items(items)

    def with_argument(self, name: str, literal: str | None) -> Job:
        """A copy with one optimizer argument set, or removed where `literal` is None. All other entries stay as they are."""
        items = list(self.argument_items)
        places = [place for place, item in enumerate(items) if split_argument(item)[0] == name]
        if literal is not None:
            if places:
                items[places.pop()] = f"{name}={literal}"
            else:
                items.append(f"{name}={literal}")
        return self._with_items([item for place, item in enumerate(items) if place not in places])

    def _with_items(self, items: list[str]) -> Job:
        return self.with_option("optimizer_args", items or None)

    def with_optimizer(self, optimizer_type: str, same: Collection[str] = ()) -> Job:
        """A copy that uses another optimizer, with the arguments last used with *that* one and no stale ones.

        The arguments of the present optimizer are kept for the way back. The old forms `use_8bit_adam` and
        `use_lion_optimizer` are removed, since sd-scripts refuses them beside `optimizer_type`.

        Args:
            optimizer_type: the name.
            same: other names of the same optimizer, whose arguments are its own as well.
        """
        kept = dict(self.kept_arguments)
        kept[self._memory_key] = self.argument_items
        job = self.with_option("optimizer_type", optimizer_type)
        job = job.with_option("use_8bit_adam", None).with_option("use_lion_optimizer", None)
        items = [kept.pop(name, ()) for name in dict.fromkeys((optimizer_type, *same))]
        job = job._with_items(list(next(filter(None, items), ())))
        return replace(job, kept_arguments=MappingProxyType({name: items for name, items in kept.items() if items}))

    @property
    def _memory_key(self) -> str:
        if self.options.get("use_8bit_adam"):
            return "AdamW8bit"
        if self.options.get("use_lion_optimizer"):
            return "Lion"
        return self.optimizer_type or "AdamW"
