"""Words to and from one command of PowerShell, 5.1 (on every Windows) and 7 alike.

PowerShell has to turn its arguments into Windows' one command line, and does it in two ways: up to 7.2 it puts
quotation marks around what has blanks and forgets to escape those inside; from 7.3 on it escapes. The decision
(docs/decisions/0003-powershell-quoting.md): words that both ways treat alike stand in plain single quotes; where
one would not be, the words are quoted for the command line beforehand and `$PSNativeCommandArgumentPassing` asks 7.3
and later for the old way, which leaves such words alone. To older ones it is a variable like any other.

Rules: https://learn.microsoft.com/powershell/module/microsoft.powershell.core/about/about_quoting_rules and
about_parsing; the binder's NeedQuotes in the source of PowerShell.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from core.command import windows_argv
from core.errors import ValueProblem
from core.text import Text

LEGACY: Final = "$PSNativeCommandArgumentPassing = 'Legacy'"
"""Asks PowerShell 7.3 and later to pass arguments as all earlier ones do."""

# PowerShell takes typographic marks for plain ones.
SINGLE_MARKS: Final = "'\u2018\u2019\u201a\u201b"
DOUBLE_MARKS: Final = '"\u201c\u201d\u201e'


def literal(text: str) -> str:
    """A text in single quotes, in which nothing but the marks themselves is special.

    Raises:
        ValueProblem: a character that no command line can carry.
    """
    windows_argv.refuse_impossible(text)
    return "'" + "".join(letter * 2 if letter in SINGLE_MARKS else letter for letter in text) + "'"


def argument(word: str) -> str:
    """One argument, in the `Legacy` way. Raises ValueProblem as `literal` does."""
    return literal(windows_argv.quote(word) if _differs(word) else word)


def needs_legacy(argv: Sequence[str]) -> bool:
    """Whether the two ways of PowerShell pass one of the arguments differently."""
    return any(map(_differs, argv[1:]))


def _differs(word: str) -> bool:
    """Empty words and quotation marks get lost in the old way, and a backslash at the end swallows the mark behind it."""
    return not word or '"' in word or (word.endswith("\\") and any(letter.isspace() for letter in word))


def join(argv: Sequence[str]) -> str:
    """The line that runs these words.

    Raises:
        ValueProblem: a character that no command line can carry.
    """
    if not argv:
        return ""
    call = " ".join(["&", literal(argv[0]), *map(argument, argv[1:])])
    return f"{LEGACY}; {call}" if needs_legacy(argv) else call


def split(text: str) -> list[str]:
    """The words that a program would get from one command, in the `Legacy` way of passing.

    Lines that end in a backtick go on in the next; `$name` is not expanded. A leading `&` and `LEGACY` are left out.

    Raises:
        ValueProblem: an unclosed quotation mark, or more than one command.
    """
    commands = [words for words in split_commands(text) if words[0] != LEGACY.split()[0]]
    if len(commands) > 1:
        raise ValueProblem(Text("There is more than one command.", "コマンドが 2 つ以上あります。"))
    return commands[0] if commands else []


def split_commands(text: str) -> list[list[str]]:
    """Like `split` for a whole script: the words of each command in it."""
    return [passed(words) for words in _Reader(text).commands()]


def passed(words: Sequence[str]) -> list[str]:
    """What a program gets: PowerShell joins the words into one line in the `Legacy` way, and the program cuts it."""
    line: list[str] = []
    for word in words[1:]:
        if not word:
            continue  # the old way loses empty arguments
        line.append(f'"{word}"' if _gets_marks(word) else word)
    return [words[0], *windows_argv.arguments(" ".join(line))]


def _gets_marks(word: str) -> bool:
    """NeedQuotes of PowerShell: blanks outside quotation marks, where a backslash in front takes a mark's meaning."""
    marks = 0
    backslash = False
    for letter in word:
        if letter == '"' and not backslash:
            marks += 1
        elif letter.isspace() and marks % 2 == 0:
            return True
        backslash = letter == "\\"
    return False


class _Reader:
    """Makes the words of commands, as PowerShell does in argument mode."""

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
        if letter == "`":
            self._backtick()
        elif letter in SINGLE_MARKS:
            self._quoted(SINGLE_MARKS, escapes=False)
        elif letter in DOUBLE_MARKS:
            self._quoted(DOUBLE_MARKS, escapes=True)
        elif letter in " \t" or (letter == "\r" and self._text.startswith("\n", self._place)):
            self._end_word()  # a line's end as Windows writes it; between quotation marks it is a part of the word
        elif letter in "\n;|":
            self._end_command()
        elif letter == "&" and self._word is None and not self._words:
            pass  # the call operator
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

    def _backtick(self) -> None:
        if self._text.startswith("\r\n", self._place):
            self._place += 1
        following = self._text[self._place : self._place + 1]
        self._place += 1
        if following != "\n":
            self._begin().append(_ESCAPES.get(following, following))

    def _quoted(self, marks: str, *, escapes: bool) -> None:
        word = self._begin()
        while True:
            letter = self._text[self._place : self._place + 1]
            self._place += 1
            if not letter:
                raise ValueProblem(Text("A quotation mark is never closed.", "引用符が閉じられていません。"))
            if letter in marks:
                following = self._text[self._place : self._place + 1]
                if not following or following not in marks:
                    return
                self._place += 1
                word.append(letter)
            elif letter == "`" and escapes:
                following = self._text[self._place : self._place + 1]
                self._place += 1
                word.append(_ESCAPES.get(following, following))
            else:
                word.append(letter)


_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
