"""Whether a value can be that of an option. What cannot is explained for people, without the option's name.

A value that could not be read is kept in the job as the text that somebody typed: the sentence is about that text.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from core.catalogue.kinds import BoolKind, NumberKind
from core.errors import ValueProblem, nearest
from core.options.model import Option, OptionKind, OptionValue
from core.text import Text

NUMBERS: Final[Mapping[OptionKind, NumberKind]] = {
    OptionKind.INT: NumberKind(whole=True),
    OptionKind.FLOAT: NumberKind(),
    OptionKind.INT_OR_FLOAT: NumberKind(),
}
FLAG: Final = BoolKind()

WANTED: Final[Mapping[OptionKind, Text]] = {
    OptionKind.INT: Text("a whole number", "整数"),
    OptionKind.FLOAT: Text("a number", "数値"),
    OptionKind.INT_OR_FLOAT: Text("a number", "数値"),
    OptionKind.TEXT: Text("a text", "文字列"),
    OptionKind.PATH: Text("a path", "パス"),
    OptionKind.FLAG: Text("True or False", "True か False"),
    OptionKind.OFF_FLAG: Text("True or False", "True か False"),
}
"""What a value of each kind has to be, in words."""


def check_option(option: Option, value: OptionValue) -> None:
    """Raises `ValueProblem` when `value` is of another kind than the option's, none of its choices, or no number at all."""
    check_kind(option, value)
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, float) and math.isnan(item):
            raise ValueProblem(Text("NaN is not a usable number.", "NaN は使えません。"))
        if option.choices and item not in option.choices:
            raise ValueProblem(_not_a_choice(option, item))


def check_kind(option: Option, value: OptionValue) -> None:
    """Raises `ValueProblem` when `value` is of another kind than the option's, or not as many as it takes."""
    if not option.is_list:
        if isinstance(value, list):
            raise ValueProblem(Text("takes one value, not a list.", "値は 1 つだけ指定できます。"))
        _check_one(option, value)
        return
    if not isinstance(value, list):
        raise ValueProblem(_no_list(option, value))
    if isinstance(option.nargs, int) and len(value) != option.nargs:
        raise ValueProblem(
            Text(f"needs {option.nargs} values, has {len(value)}.", f"値が {option.nargs} 個必要です ({len(value)} 個あります)。")
        )
    if option.nargs == "+" and not value:
        raise ValueProblem(Text("needs at least one value.", "値が 1 つ以上必要です。"))
    for item in value:
        _check_one(option, item)


def _no_list(option: Option, value: bool | int | float | str) -> Text:
    if option.kind in NUMBERS and isinstance(value, str):
        # Typed into a field and not read: the word that spoilt it explains itself.
        for word in value.replace(",", " ").split():
            NUMBERS[option.kind].parse(word)
        return Text("takes a list of numbers.", "数値のリストで指定します。")
    return Text(f"takes a list: [{value!r}].", f"リストで指定します: [{value!r}]。")


def _check_one(option: Option, value: bool | int | float | str) -> None:
    if option.kind in (OptionKind.FLAG, OptionKind.OFF_FLAG):
        FLAG.check(value)
    elif kind := NUMBERS.get(option.kind):
        if isinstance(value, str):
            kind.parse(value)  # says what is wrong with the text
            wanted = WANTED[option.kind]
            raise ValueProblem(Text(f"{value!r} is a text, not {wanted.en}.", f"{value!r} は{wanted.ja}ではなく文字列です。"))
        if isinstance(value, bool) or (option.kind is OptionKind.INT and not isinstance(value, int)):
            raise ValueProblem(_not_wanted(option, value))
        if option.kind is OptionKind.INT_OR_FLOAT and isinstance(value, float) and value >= 1:
            raise ValueProblem(
                Text(
                    f"{value!r}: a share of all steps is below 1, and a number of steps is whole.",
                    f"{value!r}: 全ステップに対する割合なら 1 未満、ステップ数なら整数で指定してください。",
                )
            )
    elif not isinstance(value, str):
        raise ValueProblem(_not_wanted(option, value))


def _not_wanted(option: Option, value: object) -> Text:
    wanted = WANTED[option.kind]
    return Text(f"{value!r} is not {wanted.en}.", f"{value!r} は{wanted.ja}ではありません。")


def _not_a_choice(option: Option, value: object) -> Text:
    known = [str(choice) for choice in option.choices]
    near = nearest(str(value), known)
    listed = ", ".join(known)
    return Text(
        f"{value!r} is not one of: {listed}." + (f" Did you mean {near}?" if near else ""),
        f"{value!r} は選択肢 {listed} にありません。" + (f"{near} のことですか?" if near else ""),
    )
