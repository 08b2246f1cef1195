"""Reading a job's options, once each: what nobody has read at the end is something that the trainer does not know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from core.errors import Problems
from core.options.model import OptionValue
from core.text import Text

_Number = TypeVar("_Number", int, float)
_Word = TypeVar("_Word", bound=str)


class OptionReader:
    """The options of a job, under sd-scripts' own names.

    Every room of the trainer takes what is its own and gets sd-scripts' default where the job says nothing. Problems are
    collected, so that all of them are told at once.

    Args:
        options: the job's.
    """

    def __init__(self, options: Mapping[str, OptionValue]) -> None:
        self._options = options
        self._read: set[str] = set()
        self.problems: list[Text] = []
        self.warnings: list[Text] = []

    def has(self, name: str) -> bool:
        """Whether the job says anything about an option; it counts as read."""
        self._read.add(name)
        return name in self._options

    def value(self, name: str) -> OptionValue | None:
        """The value as it stands in the job; None where there is none."""
        self._read.add(name)
        return self._options.get(name)

    def ignore(self, *names: str) -> None:
        """Options that change nothing here, and that nobody would miss: how sd-scripts loads, logs, and the like."""
        self._read.update(names)

    def flag(self, name: str) -> bool:
        """A switch; off where the job says nothing."""
        value = self.value(name)
        if value is None or isinstance(value, bool):
            return bool(value)
        self.refuse(name, value, Text("is not true or false", "は true か false ではありません"))
        return False

    def text(self, name: str, default: str = "") -> str:
        """A text, a path or a word."""
        value = self.value(name)
        if value is None or isinstance(value, str):
            return default if value is None else value
        self.refuse(name, value, Text("is not a text", "は文字列ではありません"))
        return default

    def word(self, name: str, words: Sequence[_Word], default: _Word) -> _Word:
        """One of several words."""
        value = self.text(name, default)
        for word in words:
            if word == value:
                return word
        listed = ", ".join(words)
        self.refuse(name, value, Text(f"is none of: {listed}", f"は次のいずれでもありません: {listed}"))
        return default

    def integer(self, name: str, default: int, *, least: int | None = None) -> int:
        """A whole number."""
        found = self._number(name, least)
        return default if found is None else int(found)

    def maybe_integer(self, name: str, *, least: int | None = None) -> int | None:
        """A whole number, or None where the job says nothing."""
        found = self._number(name, least)
        return None if found is None else int(found)

    def number(self, name: str, default: float, *, least: float | None = None) -> float:
        """A number."""
        found = self._number(name, least, whole=False)
        return default if found is None else found

    def maybe_number(self, name: str, *, least: float | None = None) -> float | None:
        """A number, or None where the job says nothing."""
        return self._number(name, least, whole=False)

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts, as of `network_args`; one text counts as a list of one."""
        value = self.value(name)
        if value is None:
            return ()
        if isinstance(value, list):
            return tuple(map(str, value))
        return (str(value),)

    def refuse(self, name: str, value: object, why: Text) -> None:
        """Remembers that a value will not do.

        Args:
            name: of the option.
            value: what the job says.
            why: goes on after "name = value".
        """
        self.problems.append(Text(f"{name} = {value!r} {why.en}", f"{name} = {value!r} {why.ja}"))

    def warn(self, text: Text) -> None:
        """Remembers what sd-scripts would warn of: it is done as it is said, and is hardly what somebody wants."""
        self.warnings.append(text)

    def unread(self) -> list[str]:
        """The options that nobody has asked for, in the job's order; a switch that is off asks for nothing."""
        return [name for name, value in self._options.items() if name not in self._read and value is not False]

    def finish(self) -> None:
        """Says everything that is wrong with the options.

        Raises:
            Problems: values that will not do, and options that the built-in trainer does not know.
        """
        unknown = [
            Text(
                f"{name} is an option that the built-in trainer does not have.", f"{name} は内蔵トレーナーにないオプションです。"
            )
            for name in self.unread()
        ]
        if self.problems or unknown:
            raise Problems(
                Text(
                    "The built-in trainer cannot run this job as it is. Change what is named here, or run it with sd-scripts:",
                    "内蔵トレーナーはこのジョブをこのままでは実行できません。次の点を直すか、sd-scripts で実行してください:",
                ),
                [*self.problems, *unknown],
            )

    def _number(self, name: str, least: float | None, *, whole: bool = True) -> float | None:
        value = self.value(name)
        if value is None:
            return None
        kinds = (int,) if whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds):
            en, ja = ("is not a whole number", "は整数ではありません") if whole else ("is not a number", "は数値ではありません")
            self.refuse(name, value, Text(en, ja))
            return None
        if least is not None and not value >= least:
            self.refuse(name, value, Text(f"is less than {least}", f"は {least} より小さい値です"))
            return None
        return value
