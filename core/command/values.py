"""One option value as words of a command line, and back. The rules are argparse's."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import cast

from core.errors import ValueProblem
from core.options.check import WANTED, check_kind
from core.options.model import Option, OptionKind, OptionValue
from core.text import Text

Scalar = bool | int | float | str

# What argparse takes for a negative number and not for an option, in every Python from 3.10 on.
_NEGATIVE = re.compile(r"^-\d+$|^-\d*\.\d+$")


def to_words(option: Option, value: OptionValue) -> list[str]:
    """The words that say `value` for `option`; none at all for a switch that stays as it is.

    Raises:
        ValueProblem: the value is of another kind than the option's, or no command line can say it.
    """
    check_kind(option, value)
    flag = option.flags[0]
    if isinstance(value, bool):
        return _switch_words(option, value)
    if isinstance(value, list):
        return list_words(flag, [scalar_word(option, item) for item in value])
    return one_value(flag, scalar_word(option, value))


def _switch_words(option: Option, value: bool) -> list[str]:
    given = option.kind is OptionKind.FLAG
    if value is given:
        return [option.flags[0]]
    if option.default is given:
        raise _problem(value, "cannot be switched back on a command line", "コマンドラインでは元に戻せません")
    return []


def one_value(flag: str, word: str) -> list[str]:
    """`--name value`, or `--name=value` where argparse would take the value for an option.

    Raises:
        ValueProblem: for "--", which argparse of Pythons before 2024 loses in either form (https://github.com/python/cpython/issues/109475).
    """
    if word == "--":
        raise _problem(word, "two dashes alone cannot be given as a value", "「--」だけの値は指定できません")
    return [f"{flag}={word}"] if word.startswith("-") else [flag, word]


def list_words(flag: str, words: Sequence[str]) -> list[str]:
    """`--name a b c`. Raises ValueProblem where argparse would take an item for an option."""
    if len(words) == 1:
        return one_value(flag, words[0])
    for word in words:
        if word.startswith("-") and not _NEGATIVE.match(word):
            raise _problem(
                word,
                "a list of several items cannot hold one that begins with a dash",
                "複数の値のリストには「-」で始まる値を入れられません",
            )
    return [flag, *words]


def scalar_word(option: Option, value: Scalar) -> str:
    """The word for one value. Raises ValueProblem when argparse would not read the same value from it."""
    if isinstance(value, str):
        if "\0" in value or not _is_unicode(value):
            raise _problem(value, "has a character that no command line can carry", "使用できない文字が含まれています")
        return value
    word = _number_word(value)
    if not math.isnan(value) and parse_scalar(option.kind, word) != value:
        raise _problem(value, "no floating-point number is exactly this", "浮動小数点数では正確に表せません")
    return word


def _number_word(value: int | float) -> str:
    word = repr(value)
    if isinstance(value, float) and word.startswith("-") and not _NEGATIVE.match(word) and math.isfinite(value):
        # argparse takes -1e-05 for an option, but not -0.00001.
        plain = format(Decimal(word), "f")
        return plain if "." in plain else f"{plain}.0"
    return word


def parse_scalar(kind: OptionKind, word: str) -> Scalar:
    """Reads one word as argparse does for an option of that kind.

    Raises:
        ValueProblem: argparse would refuse it.
    """
    try:
        if kind is OptionKind.INT:
            return int(word)
        if kind is OptionKind.FLOAT:
            return float(word)
        if kind is OptionKind.INT_OR_FLOAT:
            return _steps_or_share(word)
    except ValueError:
        wanted = WANTED[kind]
        raise ValueProblem(Text(f"{word!r} is not {wanted.en}.", f"{word!r} は{wanted.ja}ではありません。")) from None
    return word


def _steps_or_share(word: str) -> int | float:
    """As sd-scripts' int_or_float: "10%" and what is below 1 are a share of all steps, the rest a number of steps."""
    if word.endswith("%"):
        return float(word[:-1]) / 100.0
    if re.fullmatch(r"\s*[+-]?[\d_]+\s*", word):
        return int(word)
    share = float(word)
    if share >= 1:
        raise ValueError(word)
    return share


def parse_words(option: Option, words: Sequence[str]) -> OptionValue:
    """The value that the words after a flag say. Raises ValueProblem."""
    if option.kind in (OptionKind.FLAG, OptionKind.OFF_FLAG):
        return option.kind is OptionKind.FLAG
    values = [parse_scalar(option.kind, word) for word in words]
    return cast("OptionValue", values) if option.is_list else values[0]


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _problem(value: object, en: str, ja: str) -> ValueProblem:
    return ValueProblem(Text(f"{value!r}: {en}.", f"{value!r}: {ja}。"))
