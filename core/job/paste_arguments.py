"""Optimizer arguments in any dialect people paste: name=value pairs with or without quotation marks, commas, brackets.

Understood are the words of a command line (`"betas=0.9,0.99" "weight_decay=0.1"`), kohya_ss' field (the same without
marks), lists with commas or one a line, `name: value`, JSON, and Python keywords.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from core.text import Text

_NAME = re.compile(r"[^\W\d][\w.\-]*")
_WORDS = {"true": "True", "false": "False", "none": "None", "null": "None"}
_INFINITIES = {"inf": "1e999", "+inf": "1e999", "infinity": "1e999", "-inf": "-1e999", "-infinity": "-1e999"}
_BRACKETS = {"(": ")", "[": "]", "{": "}"}
_BETWEEN = " \t\r\n,;、{}[]()\u3000"


@dataclass(slots=True)
class ReadArguments:
    """What was read.

    Attributes:
        arguments: name -> literal, as `--optimizer_args` takes it.
        problems: every reading that had to guess, and every piece that could not be read.
    """

    arguments: dict[str, str] = field(default_factory=dict[str, str])
    problems: list[Text] = field(default_factory=list[Text])

    def add(self, name: str, raw: str) -> None:
        """Takes one pair, its value turned into a literal."""
        self.put(name, self._literal(name, raw))

    def put(self, name: str, literal: str) -> None:
        """Takes one pair as it is."""
        if name in self.arguments:
            self.problems.append(
                Text(f"{name} is given twice; the last one counts.", f"{name} が 2 回指定されています。最後の指定を使います。")
            )
        self.arguments[name] = literal

    def leave(self, words: str) -> None:
        """Says that a piece is no pair."""
        self.problems.append(Text(f"Not read, no name=value: {words}", f"「名前=値」の形でないため読み取れません: {words}"))

    def _literal(self, name: str, raw: str) -> str:
        text = raw.strip()
        inner = text[1:-1] if len(text) >= 2 and text[0] in "\"'" and text[-1] == text[0] else text
        # weight_decay="0.1": the marks were for a shell; mode="x": without them it would be no literal.
        if is_literal(text) and (inner is text or not is_literal(inner)):
            return text
        if inner is not text and is_literal(inner):
            meant = inner.strip()
            self.problems.append(Text(f"{name}: {text} was read as {meant}.", f"{name}: {text} を {meant} として読みました。"))
            return meant
        meant = _WORDS.get(inner.lower()) or _INFINITIES.get(inner.lower())
        if meant is None:
            meant = _mended(inner) or repr(inner)
        self.problems.append(
            Text(f"{name}: {text or 'nothing'} was read as {meant}.", f"{name}: {text or '空の値'} を {meant} として読みました。")
        )
        return meant


def is_literal(text: str) -> bool:
    """Whether sd-scripts can read it (`ast.literal_eval`)."""
    try:
        ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return False
    return True


def _mended(text: str) -> str | None:
    """The literal with words in it such as `true` spelt as Python does, or None where that is not enough."""
    spelt = re.sub(
        r"[^\W\d]\w*", lambda match: _WORDS.get(match[0].lower()) or _INFINITIES.get(match[0].lower()) or match[0], text
    )
    return spelt if is_literal(spelt) else None


def read_words(words: Sequence[str], into: ReadArguments) -> None:
    """Reads the words behind `--optimizer_args`, as a shell handed them over."""
    pairs = [word.partition("=") for word in words]
    if all(name.isidentifier() and equals and "=" not in raw and is_literal(raw) for name, equals, raw in pairs):
        for name, _, raw in pairs:
            into.put(name, raw)
    else:  # quotation marks that this shell does not know, or none where some were needed
        read_arguments(" ".join(words), into)


def read_arguments(text: str, into: ReadArguments) -> None:
    """Reads free text."""
    _Scanner(text, into).run()


class _Scanner:
    def __init__(self, text: str, into: ReadArguments) -> None:
        self._text = text
        self._place = 0
        self._into = into

    def run(self) -> None:
        while True:
            self._skip(_BETWEEN)
            if self._place >= len(self._text):
                return
            if self._text[self._place] in "\"'":
                self._marked()
            else:
                self._pair()

    def _skip(self, letters: str) -> None:
        while self._place < len(self._text) and self._text[self._place] in letters:
            self._place += 1

    def _marked(self) -> None:
        """Something in quotation marks: a JSON key, or a whole pair (or several)."""
        start = self._place
        inside = self._to_mark()
        after = re.compile(r"\s*[:=]").match(self._text, self._place)
        if after and _NAME.fullmatch(inside.strip()):
            self._place = after.end()
            self._into.add(inside.strip(), self._value())
        elif re.match(r"\s*[^\W\d][\w.\-]*\s*[=:]", inside):
            _Scanner(inside, self._into).run()
        else:
            self._into.leave(self._text[start : self._place])

    def _to_mark(self) -> str:
        """The text up to the closing mark (or the end), and goes behind it."""
        mark = self._text[self._place]
        end = self._place + 1
        while end < len(self._text) and self._text[end] != mark:
            end += 2 if self._text[end] == "\\" else 1
        inside = self._text[self._place + 1 : end]
        self._place = min(end + 1, len(self._text))
        return inside.replace("\\" + mark, mark)

    def _pair(self) -> None:
        start = self._place
        named = re.compile(r"(?:--)?([^\W\d][\w.\-]*)\s*[=:](?!=)").match(self._text, start)
        if named:
            self._place = named.end()
            self._into.add(named[1], self._value())
            return
        end = re.compile(r"[^\s,;]+").match(self._text, start)
        self._place = end.end() if end else start + 1
        self._into.leave(self._text[start : self._place])

    def _value(self) -> str:
        """The raw text of a value: in marks, in brackets, or bare with commas between bare ones (`0.9,0.99`)."""
        self._skip(" \t")
        start = self._place
        self._one_value()
        while (more := re.compile(r"\s*,\s*(?=[^\s,;\"'\]})])").match(self._text, self._place)) and not self._begins_pair(
            more.end()
        ):
            self._place = more.end()
            self._one_value()
        return self._text[start : self._place]

    def _begins_pair(self, place: int) -> bool:
        return bool(re.compile(r"[^\W\d][\w.\-]*\s*[=:]").match(self._text, place))

    def _one_value(self) -> None:
        first = self._text[self._place : self._place + 1]
        if first and first in "\"'":
            self._to_mark()
        elif first in _BRACKETS:
            self._to_bracket()
        else:
            bare = re.compile(r"[^\s,;\"'\]})]*").match(self._text, self._place)
            self._place = bare.end() if bare else self._place

    def _to_bracket(self) -> None:
        waiting: list[str] = []
        while self._place < len(self._text):
            letter = self._text[self._place]
            if letter in "\"'":
                self._to_mark()
                continue
            if letter in _BRACKETS:
                waiting.append(_BRACKETS[letter])
            elif waiting and letter == waiting[-1]:
                waiting.pop()
            self._place += 1
            if not waiting:
                return
