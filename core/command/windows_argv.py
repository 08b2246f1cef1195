"""One command line to and from words, as programs on Windows read it (CommandLineToArgvW and Microsoft's C runtime).

Windows hands a program one string; the program cuts it. Python, and nearly everything else, follows these rules:
https://learn.microsoft.com/cpp/c-language/parsing-c-command-line-arguments
"""

from __future__ import annotations

from collections.abc import Sequence

from core.errors import ValueProblem
from core.text import Text


def quote(word: str) -> str:
    """One argument as it stands in the line: backslashes are doubled in front of a quotation mark and nowhere else."""
    refuse_impossible(word)
    if word and not any(letter in ' \t\n\v"' or letter.isspace() for letter in word):
        return word
    pieces = ['"']
    backslashes = 0
    for letter in word:
        if letter == "\\":
            backslashes += 1
            continue
        pieces.append("\\" * (2 * backslashes + 1 if letter == '"' else backslashes))
        pieces.append(letter)
        backslashes = 0
    pieces.append("\\" * (2 * backslashes))
    pieces.append('"')
    return "".join(pieces)


def quote_program(path: str) -> str:
    """The first word, the program: Windows knows no escapes there.

    Raises:
        ValueProblem: a quotation mark in the path, which no file name on Windows can have.
    """
    refuse_impossible(path)
    if '"' in path:
        raise ValueProblem(Text(f"{path!r} cannot be a program on Windows.", f"{path!r} は Windows のプログラム名にできません。"))
    return f'"{path}"' if not path or any(letter.isspace() for letter in path) else path


def refuse_impossible(word: str) -> None:
    """Raises ValueProblem for a NUL or half a surrogate pair, which no command line can carry."""
    if "\0" in word or any("\ud800" <= letter <= "\udfff" for letter in word):
        raise ValueProblem(
            Text(f"{word!r} has a character that no command line can carry.", f"{word!r} に使用できない文字が含まれています。")
        )


def join(argv: Sequence[str]) -> str:
    """The whole line. Raises ValueProblem as `quote` and `quote_program` do."""
    return " ".join([quote_program(argv[0]), *map(quote, argv[1:])]) if argv else ""


def split(line: str) -> list[str]:
    """What a program gets: the rules of the C runtime since 2008, that of the program's own name included."""
    if not line.strip(" \t"):
        return []
    program, rest = _program(line)
    return [program, *arguments(rest)]


def _program(line: str) -> tuple[str, str]:
    quoted = False
    for place, letter in enumerate(line):
        if letter == '"':
            quoted = not quoted
        elif letter in " \t" and not quoted:
            return line[:place].replace('"', ""), line[place:]
    return line.replace('"', ""), ""


def arguments(line: str) -> list[str]:
    """The words after the program."""
    words: list[str] = []
    word: list[str] | None = None
    quoted = False
    place = 0
    while place < len(line):
        letter = line[place]
        if letter in " \t" and not quoted:
            if word is not None:
                words.append("".join(word))
            word = None
            place += 1
            continue
        if word is None:
            word = []
        if letter == "\\":
            end = place
            while end < len(line) and line[end] == "\\":
                end += 1
            count = end - place
            before_mark = end < len(line) and line[end] == '"'
            word.append("\\" * (count // 2 if before_mark else count))
            place = end
            if before_mark and count % 2:
                word.append('"')
                place += 1
            continue
        if letter == '"':
            if quoted and line[place + 1 : place + 2] == '"':  # two marks inside quotation marks are one
                word.append('"')
                place += 1
            else:
                quoted = not quoted
        else:
            word.append(letter)
        place += 1
    if word is not None:
        words.append("".join(word))
    return words
