"""Words to and from one line of a POSIX shell (sh, dash, bash).

Rules: https://pubs.opengroup.org/onlinepubs/9699919799/utilities/V3_chap02.html#tag_18_02
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from core.errors import ValueProblem
from core.text import Text

_ESCAPED_IN_DOUBLE = '$`"\\'
_OPERATORS = "|&;<>()\n"


def quote(word: str) -> str:
    """One word, quoted where it needs to be. Raises ValueProblem for a NUL, which no command line can carry."""
    if "\0" in word:
        raise ValueProblem(Text(f"{word!r} has a NUL character.", f"{word!r} に NUL 文字が含まれています。"))
    return shlex.quote(word)


def join(argv: Sequence[str]) -> str:
    """The line that runs these words.

    Raises:
        ValueProblem: a NUL in a word.
    """
    return " ".join(map(quote, argv))


def split(text: str) -> list[str]:
    """The words that a shell would make of one simple command.

    Lines that end in a backslash go on in the next; comments are left out. Nothing is expanded: `$NAME`, `~` and `*`
    stay as they are.

    Raises:
        ValueProblem: an unclosed quotation mark, or an operator (`|`, `;`, a second line) after the command.
    """
    words = split_commands(text)
    if len(words) > 1:
        raise ValueProblem(Text("There is more than one command.", "コマンドが 2 つ以上あります。"))
    return words[0] if words else []


def split_commands(text: str) -> list[list[str]]:
    """Like `split` for a whole script: the words of each command in it. Redirections count as commands of their own."""
    return _Reader(text).commands()


class _Reader:
    """Reads letter by letter, as the standard describes the making of words."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._place = 0
        self._word: list[str] | None = None
        self._words: list[str] = []
        self._commands: list[list[str]] = []

    def commands(self) -> list[list[str]]:
        while self._place < len(self._text):
            self._take()
        self._end_command()
        return self._commands

    def _take(self) -> None:
        letter = self._text[self._place]
        self._place += 1
        if letter == "\\":
            self._backslash()
        elif letter == "'":
            self._begin().append(self._until("'"))
        elif letter == '"':
            self._double()
        elif letter in " \t" or (letter == "\r" and self._text.startswith("\n", self._place)):
            self._end_word()  # a line's end as Windows writes it; between quotation marks it is a part of the word
        elif letter in _OPERATORS:
            self._end_command()
        elif letter == "#" and self._word is None:
            end = self._text.find("\n", self._place)
            self._place = len(self._text) if end < 0 else end
        else:
            self._begin().append(letter)

    def _begin(self) -> list[str]:
        if self._word is None:
            self._word = []
        return self._word

    def _end_word(self) -> None:
        if self._word is not None:
            self._words.append("".join(self._word))
        self._word = None

    def _end_command(self) -> None:
        self._end_word()
        if self._words:
            self._commands.append(self._words)
        self._words = []

    def _backslash(self) -> None:
        if self._text.startswith("\r\n", self._place):
            self._place += 1
        following = self._text[self._place : self._place + 1]
        self._place += 1
        if following != "\n":  # a backslash and the end of the line vanish together
            self._begin().append(following or "\\")

    def _until(self, mark: str) -> str:
        end = self._text.find(mark, self._place)
        if end < 0:
            raise ValueProblem(Text(f"A {mark} is never closed.", f"{mark} が閉じられていません。"))
        inside = self._text[self._place : end]
        self._place = end + 1
        return inside

    def _double(self) -> None:
        word = self._begin()
        while True:
            letter = self._text[self._place : self._place + 1]
            if not letter:
                raise ValueProblem(Text('A " is never closed.', '" が閉じられていません。'))
            self._place += 1
            if letter == '"':
                return
            if letter == "\\":
                following = self._text[self._place : self._place + 1]
                self._place += 1
                if following == "\n":
                    continue
                word.append(following if following and following in _ESCAPED_IN_DOUBLE else letter + following)
            else:
                word.append(letter)
