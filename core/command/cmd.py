"""Words to and from one line of cmd.exe, typed at the prompt or written into a batch file.

A line passes three readers: cmd's percent signs, then cmd's quotation marks and special characters, then the program's
own cutting (`windows_argv`). cmd knows no escaped quotation mark: each one switches its quoting on or off. So a word
without one is quoted plainly, and in a word with one every special character, the marks included, gets a caret, so
that cmd never begins to quote.

Delayed expansion (`!NAME!`) is off by default and switched off in exports; then `!` is an ordinary character.

Rules: https://learn.microsoft.com/windows-server/administration/windows-commands/cmd
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from core.command import windows_argv
from core.errors import ValueProblem
from core.text import Text

LONGEST_LINE: Final = 8191
"""Characters that cmd.exe takes in one line. https://learn.microsoft.com/troubleshoot/windows-client/shell-experience/command-line-string-limitation"""

_SPECIAL = frozenset('()%!^"<>&|')
# cmd ends a line at these, whatever the quoting.
_LINE_ENDS = {"\n": "\\n", "\r": "\\r", "\x1a": "Ctrl-Z"}


def quote(word: str, *, batch: bool = True, program: bool = False) -> str:
    """One word.

    Args:
        word: what the program is to get.
        batch: for a batch file, where `%%` is a percent sign; at the prompt it cannot be escaped inside quotation marks.
        program: it is the program's own name, for which other rules hold.

    Raises:
        ValueProblem: the end of a line in the word, a character that no command line can carry, or a quotation mark in
            the name of the program.
    """
    for end, shown in _LINE_ENDS.items():
        if end in word:
            raise ValueProblem(
                Text(
                    f"{word!r}: cmd.exe cannot take a line break ({shown}).",
                    f"{word!r}: cmd.exe では改行 ({shown}) を使用できません。",
                )
            )
    plain = windows_argv.quote_program(word) if program else windows_argv.quote(word)
    if '"' not in word and (batch or "%" not in word):
        if not plain.startswith('"') and _needs_marks(word):
            plain = f'"{plain}"' if not plain.endswith("\\") or program else f'"{plain}{_trailing_backslashes(plain)}"'
        return plain.replace("%", "%%")
    careted: list[str] = []
    after_percent = False
    for letter in plain:
        if letter == "%" and batch:
            careted.append("%%")
        else:
            # At the prompt a caret behind the percent sign makes the name of the variable one that nobody has.
            careted.append(f"^{letter}" if letter in _SPECIAL or after_percent else letter)
        after_percent = letter == "%" and not batch
    return "".join(careted)


def _needs_marks(word: str) -> bool:
    # Beside the special characters: what cmd takes for a separator in front of a program's name, and a leading @.
    return any(letter in _SPECIAL - {"%"} or letter in ",;=@" for letter in word)


def _trailing_backslashes(text: str) -> str:
    return "\\" * (len(text) - len(text.rstrip("\\")))


def join(argv: Sequence[str], *, batch: bool = True) -> str:
    """The line that runs these words.

    Raises:
        ValueProblem: a word that cmd.exe cannot carry, or a line longer than `LONGEST_LINE`.
    """
    line = " ".join(quote(word, batch=batch, program=place == 0) for place, word in enumerate(argv))
    check_length(line)
    return line


def check_length(line: str) -> None:
    """Raises ValueProblem where the line is too long for cmd.exe, which would cut it."""
    if len(line) > LONGEST_LINE:
        raise ValueProblem(
            Text(
                f"The command has {len(line)} characters; cmd.exe takes {LONGEST_LINE}. Export a .ps1 or a .toml file.",
                f"コマンドが {len(line)} 文字あります。cmd.exe の上限は {LONGEST_LINE} 文字です。.ps1 か .toml で書き出してください。",
            )
        )


def split(text: str, *, batch: bool = True) -> list[str]:
    """The words that a program would get from one command. Lines that end in a caret go on in the next.

    A `%NAME%` is not expanded and stays as it is.

    Raises:
        ValueProblem: an operator (`|`, `&`, `<`, `>`, a second line) after the command.
    """
    commands = split_commands(text, batch=batch)
    if len(commands) > 1:
        raise ValueProblem(Text("There is more than one command.", "コマンドが 2 つ以上あります。"))
    return commands[0] if commands else []


def split_commands(text: str, *, batch: bool = True) -> list[list[str]]:
    """Like `split` for a whole batch file: the words of each command in it. Redirections count as commands."""
    lines = [windows_argv.split(line.lstrip(" \t@")) for line in _without_cmd(text.replace("\r\n", "\n"), batch=batch)]
    return [words for words in lines if words]


def _without_cmd(text: str, *, batch: bool) -> list[str]:
    """The lines as programs get them: cmd's percent signs, carets and operators taken away."""
    if batch:
        text = text.replace("%%", "%")
    lines: list[list[str]] = [[]]
    quoted = False
    place = 0
    while place < len(text):
        letter = text[place]
        if letter == "\n":
            lines.append([])
            quoted = False
        elif letter == '"':
            quoted = not quoted
            lines[-1].append(letter)
        elif letter == "^" and not quoted:
            place += 1
            following = text[place : place + 1]
            if following == "\n":  # the caret and the end of the line vanish, and the next character is no special one
                place += 1
                following = text[place : place + 1]
            lines[-1].append(following)
        elif letter in "&|<>" and not quoted:
            lines.append([])
        else:
            lines[-1].append(letter)
        place += 1
    return ["".join(line) for line in lines]
