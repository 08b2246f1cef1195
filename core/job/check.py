"""What is wrong with a job, found before anything is started: the one place that the window, the start and the command
line ask.

sd-scripts' parser is reached only after 7-20 s of imports, the optimizer's arguments only after the model is loaded, and a
config file is not checked at all. A value that could not be read is kept in the job as the text that somebody typed; here
it is explained, and nothing starts while it is there.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from core.catalogue.catalogue import Catalogue
from core.catalogue.kinds import LiteralKind, Value, from_literal, literal
from core.catalogue.spec import ArgumentSpec, OptimizerSpec
from core.command.build import guessed_option
from core.command.values import to_words
from core.errors import Problems, ValueProblem, nearest
from core.job.model import Job
from core.job.optimizer import fast_hindrance, is_fast, loss_hindrance
from core.options.check import check_option
from core.options.model import Option, OptionSet, OptionValue
from core.options.snapshot import accelerate_options
from core.text import Text

Where = Literal["option", "argument", "accelerate"]


@dataclass(frozen=True, slots=True)
class ValueFault:
    """One value that will not do.

    Attributes:
        where: whether `name` is an option of the script, an argument of the optimizer, or an option of `accelerate launch`.
        name: as sd-scripts or the optimizer spells it.
        text: what is wrong, without the name.
        certain: the training would fail. False for an argument that another version of the optimizer's package may take
            (sd-scripts pins older ones): it is named, and does not keep anybody from starting.
    """

    where: Where
    name: str
    text: Text
    certain: bool = True

    @property
    def key(self) -> str:
        """The form's field for it: `option:seed`, `argument:betas`."""
        return f"{self.where}:{self.name}"

    def sentence(self) -> Text:
        """The name and what is wrong with it."""
        return Text(f"{self.name}: {self.text.en}", f"{self.name}: {self.text.ja}")


def job_faults(job: Job, options: OptionSet, catalogue: Catalogue) -> list[ValueFault]:
    """Everything that argparse, `accelerate launch` or the optimizer would refuse, and what no command line can say.

    Args:
        job: the job.
        options: what its script accepts. An empty set is a script that nobody knows: then no option is unknown.
        catalogue: knows the arguments of the optimizers.
    """
    faults = option_faults(job.options, options)
    if job.accelerate:
        faults += option_faults(job.accelerate, accelerate_options(), where="accelerate")
    spec = catalogue.find_for_options(job.options)
    return faults + argument_faults(job.argument_items, spec, catalogue) + _optimizer_faults(job, spec)


def _optimizer_faults(job: Job, spec: OptimizerSpec | None) -> list[ValueFault]:
    """Why the optimizer cannot be run in the way that the job wants."""
    hindrances = [fast_hindrance(job, spec) if spec is not None and is_fast(job, spec) else None, loss_hindrance(job)]
    return [ValueFault("option", "optimizer_type", text) for text in hindrances if text is not None]


def refuse_faults(job: Job, options: OptionSet, catalogue: Catalogue) -> None:
    """Raises `Problems` with every certain fault of a job."""
    faults = [fault for fault in job_faults(job, options, catalogue) if fault.certain]
    if faults:
        heading = Text("This job would fail:", "このジョブは失敗します:")
        raise Problems(heading, [fault.sentence() for fault in faults])


# --- options -----------------------------------------------------------------------------------------------------


def option_faults(values: Mapping[str, OptionValue], options: OptionSet, *, where: Where = "option") -> list[ValueFault]:
    """What is wrong with options: unknown, of the wrong kind, not among the choices, or not to be said."""
    faults: list[ValueFault] = []
    for name, value in values.items():
        option = options.get(name)
        text = option_problem(option, value) if option is not None else _unknown_problem(name, value, options)
        if text is not None:
            faults.append(ValueFault(where, name, text))
    return faults


def option_problem(option: Option, value: OptionValue) -> Text | None:
    """Why a value will not do for an option, or None."""
    try:
        check_option(option, value)
        to_words(option, value)
    except ValueProblem as wrong:
        return wrong.text
    return _list_problem(option.name, value) if isinstance(value, list) else None


def _list_problem(name: str, value: Sequence[object]) -> Text | None:
    """What sd-scripts' reading of `name=value` lists would refuse; the optimizer's has faults of its own."""
    for item in map(str, value):
        key, equals, stored = item.partition("=")
        if name == "network_args" and not equals:
            return Text(f"{item!r} has to be name=value.", f"{item!r}: 「名前=値」の形にしてください。")
        if name == "lr_scheduler_args":
            wrong = _pair_problem(key, equals, stored)
            if wrong is not None:
                return Text(f"{item!r}: {wrong.en}", f"{item!r}: {wrong.ja}")
    return None


def _unknown_problem(name: str, value: OptionValue, options: OptionSet) -> Text | None:
    if options.options:
        hint = _did_you_mean(name, options.options)
        return Text(f"{options.script} has no such option.{hint.en}", f"{options.script} にこのオプションはありません。{hint.ja}")
    try:
        to_words(guessed_option(name, value), value)
    except ValueProblem as wrong:
        return wrong.text
    return None


def _did_you_mean(name: str, known: Mapping[str, object]) -> Text:
    near = nearest(name, known)
    return Text(f" Did you mean {near}?", f"{near} のことですか?") if near else Text("", "")


# --- the optimizer's arguments -----------------------------------------------------------------------------------


def argument_faults(items: Sequence[str], spec: OptimizerSpec | None, catalogue: Catalogue | None = None) -> list[ValueFault]:
    """What is wrong with entries of `optimizer_args`, as sd-scripts cuts and reads them.

    Args:
        items: the entries.
        spec: the optimizer; None for a class that the catalogue does not know, whose arguments nobody can judge.
        catalogue: says whose argument it is that this optimizer does not have; None says nothing.
    """
    faults: list[ValueFault] = []
    seen: set[str] = set()
    for item in items:
        key, equals, stored = item.partition("=")
        text = _pair_problem(key, equals, stored) if spec is None else _item_problem(key, equals, stored, spec, catalogue)
        if text is None and key in seen:
            text = Text("is given twice; only the last one counts.", "が 2 回指定されています。最後の指定だけが有効です。")
        seen.add(key)
        if text is not None:
            certain = spec is None or not _may_be_of_another_version(key, equals, stored, spec)
            faults.append(ValueFault("argument", key.strip(), text, certain))
    return faults


_NAMED_OWNERS = 3


def _left_over(key: str, catalogue: Catalogue) -> Text:
    """Of which optimizers an argument may be left over; empty where none has it."""
    owners = [spec.name for spec in catalogue if spec.argument(key) is not None]
    if not owners:
        return Text("", "")
    shown = ", ".join(owners[:_NAMED_OWNERS]) + (", …" if len(owners) > _NAMED_OWNERS else "")
    return Text(f" It is one of {shown}: left over?", f"{shown} の引数です。前の設定の残りではありませんか?")


def _may_be_of_another_version(key: str, equals: str, stored: str, spec: OptimizerSpec) -> bool:
    """A readable argument that this optimizer does not have, and that looks like no mistyped one it has."""
    unknown = key.isidentifier() and spec.argument(key) is None
    return unknown and _pair_problem(key, equals, stored) is None and nearest(key, [one.name for one in spec.arguments]) is None


def _item_problem(key: str, equals: str, stored: str, spec: OptimizerSpec, catalogue: Catalogue | None) -> Text | None:
    if not equals or not key.isidentifier():
        return _pair_problem(key, equals, stored)
    argument = spec.argument(key)
    if argument is None:
        hint = _did_you_mean(key, {one.name: one for one in spec.arguments})
        if not hint.en and catalogue is not None:
            hint = _left_over(key, catalogue)
        return Text(f"{spec.name} has no such argument.{hint.en}", f"{spec.name} にこの引数はありません。{hint.ja}")
    return argument_problem(argument, stored)


def _pair_problem(key: str, equals: str, stored: str) -> Text | None:
    """Why sd-scripts cannot read `name=literal`, or None."""
    if not equals:
        return Text("needs a value: name=value.", "値が必要です。「名前=値」の形にしてください。")
    if not key.isidentifier():
        return Text(f"{key!r} cannot be the name of an argument.", f"{key!r} は引数名にできません。")
    return literal_problem(stored)


def literal_problem(stored: str) -> Text | None:
    """Why sd-scripts cannot read `stored` after `name=`, or None."""
    if "=" in stored:
        return Text("sd-scripts cannot take a value with '=' in it.", "sd-scripts は '=' を含む値を受け取れません。")
    if not stored.strip():
        return Text("has no value.", "値がありません。")
    try:
        ast.literal_eval(stored)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return _unreadable(stored)
    return None


_MEANT: Mapping[str, Value] = {"true": True, "false": False, "none": None, "null": None}


def _unreadable(stored: str) -> Text:
    word = stored.strip()
    try:
        value = _MEANT[word.casefold()] if word.casefold() in _MEANT else LiteralKind().parse(word)
        return _must_be_written(stored, literal(value))
    except ValueProblem as wrong:
        return wrong.text


def argument_problem(spec: ArgumentSpec, stored: str) -> Text | None:
    """Why a literal will not do for an argument, or None."""
    # Where the kind is not known, whatever sd-scripts can read may be right.
    if isinstance(spec.kind, LiteralKind) or "=" in stored or not stored.strip():
        return literal_problem(stored)
    try:
        spec.check(from_literal(stored))
    except ValueProblem as wrong:
        return wrong.text if stored.strip() == "None" else _explain(spec, stored, wrong)
    return None


def _explain(spec: ArgumentSpec, stored: str, wrong: ValueProblem) -> Text:
    # What a person would mean by the text says more than what Python reads in it: "0.9" for two numbers lacks one.
    try:
        value = spec.parse(stored)
    except ValueProblem as not_typed:
        return not_typed.text
    try:
        return _must_be_written(stored, literal(value))
    except ValueProblem:
        return wrong.text


def _must_be_written(stored: str, right: str) -> Text:
    """For a literal that people understand and sd-scripts does not: `true`, an unquoted text, `inf`."""
    return Text(
        f"sd-scripts cannot read {stored!r}; it has to be written {right}.",
        f"sd-scripts は {stored!r} を読み取れません。{right} と書く必要があります。",
    )
