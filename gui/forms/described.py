"""A field together with the words a person needs to fill it in. No Qt here."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from core.catalogue.kinds import BoolKind, Kind, NumberKind, TextKind, TupleKind
from core.catalogue.spec import ArgumentSpec
from core.job.model import Job
from core.options.model import Option, OptionKind
from core.text import Text, same
from gui.forms.fields import ArgumentField, Field, OptionField

Say = Callable[[Text], str]
"""Puts a text into the language on screen."""

NOTHING = Text("", "")
_SENTENCE = re.compile(r"^(.+?(?:[.!?](?=\s|$)|[。!?]))", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Described:
    """One row of a form.

    Attributes:
        field: what is edited.
        title: what to call it; None where its name is its title.
        help: what it does, "" where nobody said so.
        kind: the type and its limits in words.
        unit: short, or None.
        examples: value, where it comes from.
        advanced: below the fold.
        has_effect: whether the field does anything in a job; None where it always does.
        action: what a button beside the editor says, "" for none; whoever made the row listens to it.
    """

    field: Field
    title: Text | None = None
    help: Text = NOTHING
    kind: Text = NOTHING
    unit: Text | None = None
    examples: tuple[tuple[str, Text], ...] = ()
    advanced: bool = False
    has_effect: Callable[[Job], bool] | None = None
    action: Text = NOTHING


def first_sentence(words: str) -> str:
    """The first sentence of a help text, without its full stop in Western languages."""
    words = " ".join(words.split())
    found = _SENTENCE.match(words)
    return found.group(1).removesuffix(".") if found else words


def describe_argument(spec: ArgumentSpec) -> Described:
    """The row of one optimizer argument."""
    examples = tuple((spec.show(example.value), example.note or example.source.title) for example in spec.examples)
    return Described(
        field=ArgumentField(spec),
        help=spec.help,
        kind=_nullable(describe_kind(spec.kind)) if spec.nullable else describe_kind(spec.kind),
        unit=spec.unit,
        examples=examples,
        advanced=spec.advanced,
    )


def describe_option(option: Option) -> Described:
    """The row of an option that only the script describes."""
    return Described(field=OptionField(option), help=same(option.help), kind=describe_option_kind(option))


def describe_kind(kind: Kind) -> Text:
    """The type of a value and its limits, in words."""
    if isinstance(kind, BoolKind):
        return Text("True or False", "True または False")
    if isinstance(kind, NumberKind):
        return _number(kind)
    if isinstance(kind, TupleKind):
        item = _number(kind.item)
        if kind.length is None:
            return Text(f"numbers, separated by commas ({item.en} each)", f"カンマ区切りの数値 (各値は{item.ja})")
        return Text(
            f"{kind.length} numbers, separated by commas ({item.en} each)",
            f"カンマ区切りの数値 {kind.length} 個 (各値は{item.ja})",
        )
    if isinstance(kind, TextKind) and kind.choices:
        listed = ", ".join(kind.choices)
        return Text(f"one of: {listed}", f"次のいずれか: {listed}")
    return Text("text", "文字列")


def _number(kind: NumberKind) -> Text:
    english, japanese = ("whole number", "整数") if kind.whole else ("number", "数値")
    if kind.minimum is not None:
        sign = ">" if kind.above_minimum else "≥"
        english, japanese = f"{english} {sign} {kind.minimum:g}", f"{japanese} {sign} {kind.minimum:g}"
    if kind.maximum is not None:
        sign = "<" if kind.below_maximum else "≤"
        joiner_en, joiner_ja = (" and ", " かつ ") if kind.minimum is not None else (" ", " ")
        english, japanese = f"{english}{joiner_en}{sign} {kind.maximum:g}", f"{japanese}{joiner_ja}{sign} {kind.maximum:g}"
    return Text(english, japanese)


def _nullable(kind: Text) -> Text:
    return Text(f"{kind.en}, or None", f"{kind.ja}、または None")


_OPTION_KINDS = {
    OptionKind.FLAG: Text("switch", "スイッチ"),
    OptionKind.OFF_FLAG: Text("switch that turns off", "無効化スイッチ"),
    OptionKind.TEXT: Text("text", "文字列"),
    OptionKind.INT: Text("whole number", "整数"),
    OptionKind.FLOAT: Text("number", "数値"),
    OptionKind.INT_OR_FLOAT: Text("whole number, fraction below 1, or percentage", "整数、1 未満の割合、またはパーセント"),
    OptionKind.PATH: Text("path", "パス"),
}


def describe_option_kind(option: Option) -> Text:
    """The type of an option, in words."""
    if option.choices:
        listed = ", ".join(str(choice) for choice in option.choices)
        return Text(f"one of: {listed}", f"次のいずれか: {listed}")
    one = _OPTION_KINDS[option.kind]
    if not option.is_list:
        return one
    return Text(f"list ({one.en} each)", f"リスト (各値は{one.ja})")
