"""Words survive every quoting: real shells where there are some, the documented rules of Windows elsewhere."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.command import cmd, powershell, sh, windows_argv
from core.errors import ValueProblem

SHELLS = [shell for shell in ("sh", "bash", "dash") if shutil.which(shell)]
LETTERS = st.one_of(
    st.sampled_from(" \t\"'\\$`!%^&|<>()*?[]{}~#;=,-@:/.n\u3000あ😀’‚“–"),
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
)
WORDS = st.text(LETTERS, max_size=15)
LINE_WORDS = WORDS.filter(lambda word: not set(word) & set("\n\r\x1a"))
PROGRAMS = LINE_WORDS.filter(lambda word: word.strip() and '"' not in word and not word[0].isspace())
NASTY = [
    "",
    " ",
    "a b",
    'say "hi"',
    "it's",
    "-x",
    "--",
    "$HOME",
    "`id`",
    "100%",
    "%PATH%",
    "a^b&c|d",
    "!x!",
    "C:\\dir\\",
    "C:\\a b\\",
]
NASTY += [
    '\\"',
    '\\\\"',
    "画像　データ\\",
    "a\tb",
    "*",
    "~",
    "#",
    '""',
    '"',
    "^",
    "a=b",
    "(0.9, 0.99)",
    "’quoted‘",
    "%PATH:a=b%",
    "%%",
    "@x",
    ";",
]


def printer(folder: Path) -> Path:
    """A program that writes its words to a file, so that nothing is lost in a pipe's encoding."""
    path = folder / "show argv.py"
    path.write_text("import json, sys\nprint(json.dumps(sys.argv[1:]))\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("shell", SHELLS)
def test_sh_really_passes_the_words(shell: str, tmp_path: Path) -> None:
    program = str(printer(tmp_path))

    @settings(max_examples=40, deadline=None)
    @given(st.lists(st.text(LETTERS, max_size=15), max_size=6))
    @example(NASTY)
    @example(["line\nbreak", "\r\n", "\x01\x7f"])
    def check(words: list[str]) -> None:
        line = sh.join([sys.executable, "-I", "-S", program, *words])
        done = subprocess.run([shell, "-c", line], capture_output=True, check=True, timeout=60)
        assert json.loads(done.stdout) == words

    check()


@given(st.lists(WORDS))
@example(NASTY)
def test_sh_reads_back(words: list[str]) -> None:
    assert sh.split(sh.join(words)) == words


@given(st.lists(WORDS))
@example(NASTY)
def test_windows_command_line_reads_back(words: list[str]) -> None:
    assert windows_argv.arguments(" ".join(map(windows_argv.quote, words))) == words
    # Python's own implementation of the same rules, as a witness
    assert windows_argv.arguments(subprocess.list2cmdline(words)) == words


@given(PROGRAMS, st.lists(LINE_WORDS))
@example("C:\\Program Files\\Python\\python.exe", NASTY)
def test_windows_program_reads_back(program: str, words: list[str]) -> None:
    assert windows_argv.split(windows_argv.join([program, *words])) == [program, *words]


@pytest.mark.parametrize("batch", [True, False])
def test_cmd_reads_back(batch: bool) -> None:
    @given(PROGRAMS, st.lists(LINE_WORDS))
    @example("C:\\学習 (1)\\100% & more\\python.exe", NASTY)
    def check(program: str, words: list[str]) -> None:
        line = cmd.join([program, *words], batch=batch)
        assert cmd_runs(line, batch=batch, variables={"PATH": "C:\\bin", "A": "x", "あ": "y"}) == [program, *words]
        assert cmd.split(line, batch=batch) == [program, *words]

    check()


def cmd_runs(line: str, *, batch: bool, variables: dict[str, str]) -> list[str]:
    """What a program gets from a line: cmd.exe's phases one after the other, written down apart from the code under test.

    Percent expansion comes first and knows no quotation marks; then carets and marks; an operator outside of marks would
    begin another command.
    """
    text = _expand(line, batch=batch, variables=variables)
    passed, quoted, place = [], False, 0
    while place < len(text):
        letter = text[place]
        if letter == "^" and not quoted:
            place += 1
            passed.append(text[place])
        elif letter == '"':
            quoted = not quoted
            passed.append(letter)
        else:
            assert quoted or letter not in "&|<>()", f"{letter} would be an operator in {text}"
            passed.append(letter)
        place += 1
    return windows_argv.split("".join(passed))


def _expand(line: str, *, batch: bool, variables: dict[str, str]) -> str:
    result, place = [], 0
    while place < len(line):
        letter = line[place]
        place += 1
        if letter != "%":
            result.append(letter)
            continue
        if batch and line[place : place + 1] == "%":
            result.append("%")
            place += 1
            continue
        if batch and line[place : place + 1] in {*"0123456789*"}:
            place += 1  # an argument of the batch file, which has none
            continue
        end = line.find("%", place)
        name = line[place:end].partition(":")[0] if end >= 0 else ""
        if end >= 0 and (batch or name.upper() in variables):
            result.append(variables.get(name.upper(), ""))
            place = end + 1
        elif not batch:
            result.append("%")  # at the prompt, an unknown variable stays as it is written
    return "".join(result)


@pytest.mark.parametrize("word", ["a\nb", "a\rb", "a\x1ab", "a\0b", "\ud800"])
def test_cmd_refuses_what_it_cannot_carry(word: str) -> None:
    with pytest.raises(ValueProblem):
        cmd.quote(word)
    with pytest.raises(ValueProblem):
        cmd.quote('C:\\"x".exe', program=True)


def test_cmd_refuses_a_line_that_would_be_cut() -> None:
    assert len(cmd.join(["python", "x" * 8000])) < cmd.LONGEST_LINE
    with pytest.raises(ValueProblem, match="8191"):
        cmd.join(["python", "x" * 8200])


def test_cmd_looks_plain_where_it_can() -> None:
    argv = ["C:\\py thon\\python.exe", "--out", "C:\\a b\\", "100%", 'x "y" & z']
    assert cmd.join(argv) == '"C:\\py thon\\python.exe" --out "C:\\a b\\\\" 100%% ^"x \\^"y\\^" ^& z^"'
    assert cmd.join(["python", "%PATH%"], batch=False) == "python ^%^PATH^%"


@given(PROGRAMS, st.lists(WORDS))
@example("C:\\学習 (1)\\python.exe", NASTY)
@example("/opt/py thon", ["line\nbreak"])
def test_powershell_reads_back(program: str, words: list[str]) -> None:
    line = powershell.join([program, *words])
    assert powershell.split(line) == [program, *words]
    plain = line.removeprefix(powershell.LEGACY + "; ")
    assert (plain == line) == (not powershell.needs_legacy([program, *words]))
    # What PowerShell itself has after reading the literals; then its two ways to build the command line.
    literals = ps_literals(plain)
    assert literals[0] == program
    assert windows_argv.arguments(legacy_line(literals[1:])) == words
    if plain == line:
        assert windows_argv.arguments(" ".join(map(windows_argv.quote, literals[1:]))) == words


def ps_literals(line: str) -> list[str]:
    """The values of the single-quoted strings behind the call operator: in them only the marks, doubled, are special."""
    marks, values, place = "'‘’‚‛", [], 2
    assert line.startswith("& ")
    while place < len(line):
        assert line[place] in marks
        place += 1
        value = []
        while True:
            if line[place] in marks:
                if line[place + 1 : place + 2] and line[place + 1] in marks:
                    value.append(line[place])
                    place += 2
                    continue
                break
            value.append(line[place])
            place += 1
        values.append("".join(value))
        place += 2  # the mark and a blank
    return values


def legacy_line(words: list[str]) -> str:
    """NativeCommandParameterBinder of Windows PowerShell 5.1: quotation marks where there are blanks outside of marks."""
    parts = []
    for word in words:
        marks, backslash, wanted = 0, False, False
        for letter in word:
            if letter == '"' and not backslash:
                marks += 1
            elif letter.isspace() and marks % 2 == 0:
                wanted = True
            backslash = letter == "\\"
        if word:
            parts.append(f'"{word}"' if wanted else word)
    return " ".join(parts)


@pytest.mark.parametrize("word", ["a\0b", "\ud800"])
def test_powershell_refuses_what_it_cannot_carry(word: str) -> None:
    with pytest.raises(ValueProblem):
        powershell.join(["python", word])


@pytest.mark.parametrize(
    ("split", "text", "words"),
    [
        (sh.split, "a \\\n  'b c'\\\n # no word\n", ["a", "b c"]),
        (sh.split, 'x "a\\"b\\$c\\d" e\\ f # comment', ["x", 'a"b$c\\d', "e f"]),
        (sh.split, "  ", []),
        (cmd.split, '@python ^\n  "a b" ^\n  --x=1', ["python", "a b", "--x=1"]),
        (cmd.split, "python ^\r\n --a", ["python", "--a"]),
        (powershell.split, "& 'py' `\n  --a \"x `$z\" b # c", ["py", "--a", "x $z", "b"]),
        (powershell.split, "python \u201ca b\u201d", ["python", "a b"]),
    ],
)
def test_what_people_write_is_read(split: Callable[[str], list[str]], text: str, words: list[str]) -> None:
    assert split(text) == words


@pytest.mark.parametrize(
    ("split", "text"),
    [
        (sh.split, "a 'b"),
        (sh.split, 'a "b'),
        (sh.split, "a; b"),
        (sh.split, "a\nb"),
        (cmd.split, "a & b"),
        (powershell.split, "a 'b"),
    ],
)
def test_what_is_no_single_command_is_refused(split: Callable[[str], list[str]], text: str) -> None:
    with pytest.raises(ValueProblem):
        split(text)
