"""One small object per kind of value: what people type, what Python holds, what a command line carries.

Three representations, named everywhere the same way:

* *typed*: the text in an editor (`1e-30`, `0.9, 0.999`, `infinity`);
* *value*: the Python object (`1e-30`, `(0.9, 0.999)`, `math.inf`);
* *literal*: the Python literal after `name=` in `--optimizer_args`, which sd-scripts reads with `ast.literal_eval`
  (`1e-30`, `(0.9, 0.999)`, `1e999`: a literal has no word for infinity, but an overflowing float is one).

Nothing is rounded, clipped or guessed: what cannot be read raises `ValueProblem` with a sentence for the field.
"""

from __future__ import annotations

import ast
import math
from dataclasses import dataclass
from typing import Protocol

from core.errors import ValueProblem, nearest
from core.text import Text

Value = bool | int | float | str | tuple[float | int, ...] | None
"""What an optimizer argument can be."""

_INFINITIES = {"inf": math.inf, "+inf": math.inf, "infinity": math.inf, "∞": math.inf, "-inf": -math.inf}
_TRUE = {"true", "yes", "on", "1"}
_FALSE = {"false", "no", "off", "0"}


class Kind(Protocol):
    """What every kind of value can do."""

    @property
    def name(self) -> str:
        """The word for it in the catalogue's TOML."""
        ...

    def parse(self, typed: str) -> Value:
        """Reads typed text. Raises `ValueProblem`."""
        ...

    def check(self, value: Value) -> None:
        """Raises `ValueProblem` when a value (from a file, say) is not of this kind or outside its limits."""
        ...

    def show(self, value: Value) -> str:
        """The typed form of a value: `parse(show(v)) == v`."""
        ...


def literal(value: Value) -> str:
    """The Python literal for a value, such that `ast.literal_eval(literal(v)) == v`.

    Raises:
        ValueProblem: NaN, which no literal can say.
    """
    if isinstance(value, float):
        if math.isnan(value):
            raise ValueProblem(Text("NaN cannot be given on a command line.", "NaN はコマンドラインで指定できません。"))
        return repr(value).replace("inf", "1e999")
    if isinstance(value, tuple):
        items = ", ".join(literal(item) for item in value)
        return f"({items},)" if len(value) == 1 else f"({items})"
    return repr(value)


def from_literal(text: str) -> Value:
    """Reads a literal as sd-scripts does; lists become tuples.

    Raises:
        ValueProblem: not a Python literal, or one of a type no optimizer argument has.
    """
    try:
        value: object = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise ValueProblem(
            Text(
                f"{text!r} is not a Python literal (write True, 0.01, (0.9, 0.99), or quote a text: 'name').",
                f"{text!r} は Python のリテラルではありません (True, 0.01, (0.9, 0.99)、文字列は 'name' のように書きます)。",
            )
        ) from error
    return _as_value(value, text)


def _as_value(value: object, text: str) -> Value:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        items: list[float | int] = []
        for item in value:  # pyright: ignore[reportUnknownVariableType]
            if isinstance(item, bool) or not isinstance(item, (int, float)):
                raise ValueProblem(
                    Text(f"{text!r}: only numbers can stand in a tuple.", f"{text!r}: タプルには数値のみ指定できます。")
                )
            items.append(item)
        return tuple(items)
    raise ValueProblem(Text(f"{text!r} is of a kind no optimizer takes.", f"{text!r} は対応していない型です。"))


@dataclass(frozen=True, slots=True, kw_only=True)
class BoolKind:
    """True or False."""

    name: str = "bool"

    def parse(self, typed: str) -> Value:
        word = typed.strip().casefold()
        if word in _TRUE:
            return True
        if word in _FALSE:
            return False
        raise ValueProblem(Text(f"{typed!r}: write True or False.", f"{typed!r}: True か False を指定してください。"))

    def check(self, value: Value) -> None:
        if not isinstance(value, bool):
            raise ValueProblem(Text(f"{value!r} is neither True nor False.", f"{value!r} は True でも False でもありません。"))

    def show(self, value: Value) -> str:
        return repr(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberKind:
    """A whole number (`int`) or a real one (`float`), with limits.

    Attributes:
        whole: only integers.
        minimum, maximum: limits, None where there is none.
        above_minimum, below_maximum: the limit itself is not allowed.
    """

    whole: bool = False
    minimum: float | None = None
    maximum: float | None = None
    above_minimum: bool = False
    below_maximum: bool = False

    @property
    def name(self) -> str:
        return "int" if self.whole else "float"

    def parse(self, typed: str) -> Value:
        value = self.read(typed)
        self.check(value)
        return value

    def read(self, typed: str) -> int | float:
        """Reads a number, within the limits or not.

        Raises:
            ValueProblem: it is none.
        """
        word = typed.strip()
        try:
            return int(word)
        except ValueError:
            pass
        if self.whole:
            raise ValueProblem(Text(f"{typed!r} is not a whole number.", f"{typed!r} は整数ではありません。"))
        if word.casefold() in _INFINITIES:
            return _INFINITIES[word.casefold()]
        try:
            return float(word)
        except ValueError:
            raise ValueProblem(
                Text(
                    f"{typed!r} is not a number (examples: 0.0001, 1e-4, inf).",
                    f"{typed!r} は数値ではありません (例: 0.0001, 1e-4, inf)。",
                )
            ) from None

    def check(self, value: Value) -> None:
        if isinstance(value, bool) or not isinstance(value, int if self.whole else (int, float)):
            raise ValueProblem(
                Text(f"{value!r} is not a number of the right kind.", f"{value!r} は正しい型の数値ではありません。")
            )
        if math.isnan(value):
            raise ValueProblem(Text("NaN is not a usable number.", "NaN は使えません。"))
        low, high = self.minimum, self.maximum
        if low is not None and (value < low or (self.above_minimum and value == low)):
            raise ValueProblem(
                Text(f"must be more than {low:g}.", f"{low:g} より大きい値が必要です。")
                if self.above_minimum
                else Text(f"must be at least {low:g}.", f"{low:g} 以上の値が必要です。")
            )
        if high is not None and (value > high or (self.below_maximum and value == high)):
            raise ValueProblem(
                Text(f"must be less than {high:g}.", f"{high:g} より小さい値が必要です。")
                if self.below_maximum
                else Text(f"must be at most {high:g}.", f"{high:g} 以下の値が必要です。")
            )

    def show(self, value: Value) -> str:
        return repr(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextKind:
    """Free text, or one of `choices`."""

    choices: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return "choice" if self.choices else "text"

    def parse(self, typed: str) -> Value:
        word = typed.strip()
        if len(word) >= 2 and word[0] == word[-1] and word[0] in "'\"":
            word = word[1:-1]
        self.check(word)
        return word

    def check(self, value: Value) -> None:
        if not isinstance(value, str):
            raise ValueProblem(Text(f"{value!r} is not a text.", f"{value!r} は文字列ではありません。"))
        if "=" in value:
            # sd-scripts splits each argument at "=" and expects exactly two parts.
            raise ValueProblem(
                Text("sd-scripts cannot take a text with '=' in it.", "sd-scripts は '=' を含む文字列を受け取れません。")
            )
        if self.choices and value not in self.choices:
            near = nearest(value, self.choices)
            hint_en = f" Did you mean {near}?" if near else ""
            hint_ja = f" {near} のことですか?" if near else ""
            listed = ", ".join(self.choices)
            raise ValueProblem(
                Text(f"{value!r} is not one of: {listed}.{hint_en}", f"{value!r} は選択肢 {listed} にありません。{hint_ja}")
            )

    def show(self, value: Value) -> str:
        return str(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class TupleKind:
    """Several numbers: `betas`, `eps`. Typed with or without brackets.

    Attributes:
        item: the kind of each number.
        length: how many there must be; None for any.
    """

    item: NumberKind
    length: int | None = None
    name: str = "tuple"

    def parse(self, typed: str, *, like: Value = None) -> Value:
        """Reads typed numbers.

        Args:
            typed: what stands in the field.
            like: a value to give as an example where it cannot be read, such as the default.

        Raises:
            ValueProblem: with a sentence for the field.
        """
        inner = typed.strip()
        if inner[:1] in "([" and inner[-1:] in ")]" and len(inner) >= 2:
            inner = inner[1:-1]
        parts = [part for part in (piece.strip() for piece in inner.replace("、", ",").split(",")) if part]
        values: list[float | int] = []
        for part in parts:
            try:
                values.append(self.item.read(part))
            except ValueProblem:
                raise self._not_numbers(typed, like) from None
        result = tuple(values)
        self.check(result)
        return result

    def _not_numbers(self, typed: str, like: Value) -> ValueProblem:
        count, whole = self.length, self.item.whole
        en = "whole numbers" if whole else "numbers"
        if count is not None:
            en = f"{count} {en if count > 1 else en[:-1]}"
        ja = "整数" if whole else "数値"
        if count is not None:
            ja = f"{ja} {count} 個"
        shown = self.show(like) if isinstance(like, tuple) else ""
        return ValueProblem(
            Text(
                f"{typed!r}: write {en} with commas between" + (f", like {shown}." if shown else "."),
                f"{typed!r}: {ja}をカンマ区切りで指定してください" + (f" (例: {shown})。" if shown else "。"),
            )
        )

    def check(self, value: Value) -> None:
        if not isinstance(value, tuple):
            raise ValueProblem(Text(f"{value!r} is not a list of numbers.", f"{value!r} は数値の組ではありません。"))
        if self.length is not None and len(value) != self.length:
            raise ValueProblem(
                Text(
                    f"needs {self.length} numbers, has {len(value)}.",
                    f"数値が {self.length} 個必要です ({len(value)} 個あります)。",
                )
            )
        for item in value:
            self.item.check(item)

    def show(self, value: Value) -> str:
        assert isinstance(value, tuple)
        return ", ".join(self.item.show(item) for item in value)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiteralKind:
    """Any Python literal: for arguments of classes outside the catalogue whose kind their signature does not tell."""

    name: str = "literal"

    def parse(self, typed: str) -> Value:
        if typed.strip().casefold() in _INFINITIES:
            return _INFINITIES[typed.strip().casefold()]
        return from_literal(typed)

    def check(self, value: Value) -> None:
        TextKind().check(value) if isinstance(value, str) else literal(value)

    def show(self, value: Value) -> str:
        return literal(value)
