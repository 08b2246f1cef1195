"""A job as something that can be taken elsewhere: argv as JSON, a script for sh, cmd.exe or PowerShell, or the job file.

The scripts go into the checkout, make the process's environment safe (sd-scripts dies where its Japanese messages cannot
be printed) and run the plain command, without Caddie's companion. Each can be written on any system for any other. What
of Caddie the job itself needs (its optimizers, the loss for the emo series) is named in them, and looked for first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, get_args

from core.command import cmd, powershell, sh
from core.command.build import LAUNCHER, build_argv
from core.command.surroundings import Surroundings, separator_for, surroundings_of
from core.environment.model import Environment
from core.environment.variables import TRAINING_VARIABLES
from core.errors import CaddieError, Problems, ValueProblem
from core.files import write_atomically
from core.job.model import Job
from core.job.store import dumps
from core.options.model import OptionSet
from core.text import Text

Format = Literal["argv", "sh", "bat", "ps1", "toml"]
FORMATS: Final[tuple[Format, ...]] = get_args(Format)


def export_job(job: Job, format: Format, *, environment: Environment, options: OptionSet) -> str:
    """The text of the export. Batch and PowerShell files have Windows' line ends.

    Args:
        job: what to export.
        format: `argv` is a JSON list; the others are files of these endings.
        environment: its interpreter and checkout are named in the script.
        options: what the job's script accepts.

    Raises:
        Problems: values that a command line, or this format, cannot carry.
        CaddieError: the environment has no checkout (only `toml` needs none), or Caddie's folder cannot be named.
    """
    if format == "toml":
        return dumps(job)
    if environment.sd_scripts is None:
        raise CaddieError(
            Text(
                f"The environment {environment.name} has no checkout of sd-scripts.",
                f"環境 {environment.name} に sd-scripts のフォルダーが設定されていません。",
            )
        )
    checkout = str(environment.sd_scripts)
    around = surroundings_of(job)
    argv = build_argv(job, python=str(environment.python), checkout=checkout, options=options, companion=around.companion)
    if format == "argv":
        return json.dumps(argv, ensure_ascii=False, indent=2) + "\n"
    check_words(argv, checkout, around, format)
    return _SCRIPT_WRITERS[format](argv, checkout, around)


def export_file(
    job: Job,
    path: Path,
    format: Format | None = None,
    *,
    environment: Environment,
    options: OptionSet,
) -> Path:
    """Writes an export.

    Args:
        job, environment, options: as in `export_job`.
        path: the file; its ending names the format where `format` is None (`.json` is `argv`).
        format: the format.

    Returns:
        The path.

    Raises:
        Problems, CaddieError: as `export_job`; an ending that names no format; a file that cannot be written.
    """
    chosen = format or format_of(path)
    data = encode(export_job(job, chosen, environment=environment, options=options), chosen)
    try:
        write_atomically(path, data, executable=chosen == "sh")
    except OSError as error:
        reason = error.strerror or str(error)
        raise CaddieError(Text(f"{path} could not be written: {reason}", f"{path} に書き込めませんでした: {reason}")) from error
    return path


def encode(text: str, kind: Format) -> bytes:
    """The bytes of the file: UTF-8, with a byte order mark where PowerShell 5.1 would take it for another code page."""
    return text.encode("utf-8-sig" if kind == "ps1" else "utf-8")


def format_of(path: Path) -> Format:
    """The format that a file's ending names. Raises CaddieError."""
    ending = path.suffix.lower().removeprefix(".")
    named: dict[str, Format] = {"json": "argv", "cmd": "bat", **{kind: kind for kind in FORMATS}}
    if ending not in named:
        listed = ", ".join(f".{name}" for name in sorted(named))
        raise CaddieError(
            Text(
                f"{path.name}: the ending has to be one of {listed}.",
                f"{path.name}: 拡張子は {listed} のいずれかにしてください。",
            )
        )
    return named[ending]


def check_words(argv: Sequence[str], folder: str | None, around: Surroundings, format: Format) -> None:
    """Raises Problems for what the format cannot carry; arguments as in `sh_lines`."""
    _check_words(argv, _WORD_WRITERS[format])
    _check_words([word for word in (folder, around.marker) if word], _FOLDER_WRITERS[format])


def _check_words(words: Sequence[str], write: Callable[[str], str]) -> None:
    problems: list[Text] = []
    for word in words:
        try:
            write(word)
        except ValueProblem as problem:
            problems.append(problem.text)
    if problems:
        raise Problems(Text("This cannot be exported in this format:", "この形式では書き出せません:"), problems)


def lines_of(argv: Sequence[str]) -> list[list[str]]:
    """The command cut into lines for reading: the launcher, its options, the script, then one option a line."""
    start = 1 + len(LAUNCHER)
    script = next((place for place, word in enumerate(argv) if place >= start and word.endswith(".py")), None)
    lines: list[list[str]] = [list(argv[:start])]
    for place, word in enumerate(argv[start:], start):
        if place == script or re.match(r"--[A-Za-z_]", word):
            lines.append([word])
        else:
            lines[-1].append(word)
    return lines


def variable_lines(around: Surroundings, syntax: Literal["sh", "bat", "ps1"]) -> list[str]:
    """Lines that set what the command needs around it; none where the plain command is enough.

    Raises:
        CaddieError: Caddie's folder cannot be named in PYTHONPATH.
        ValueProblem: the format cannot carry its path.
    """
    folder, others = around.module_path, around.variables.items()
    separator = "" if folder is None else separator_for(folder)
    if syntax == "sh":
        # What PYTHONPATH held before stays, behind it. In an assignment of its own: some shells split the words of `export`.
        rest = f'"${{PYTHONPATH:+{separator}$PYTHONPATH}}"'
        path = [] if folder is None else [f"PYTHONPATH={sh.quote(folder)}{rest}", "export PYTHONPATH"]
        return [*path, *(f"export {name}={value}" for name, value in others)]
    if syntax == "bat":
        first = [] if folder is None else [f'if defined PYTHONPATH set "PYTHONPATH={separator}%PYTHONPATH%"']
        path = [] if folder is None else [f'set "PYTHONPATH={_batch_text(folder)}%PYTHONPATH%"']
        return [*first, *path, *(f'set "{name}={value}"' for name, value in others)]
    path = []
    if folder is not None:
        rest = f"$(if ($env:PYTHONPATH) {{ '{separator}' + $env:PYTHONPATH }})"
        path = [f"$env:PYTHONPATH = {powershell.literal(folder)} + {rest}"]
    return [*path, *(f"$env:{name} = {powershell.literal(value)}" for name, value in others)]


def _batch_text(text: str) -> str:
    """What stands between the quotation marks of a quoted word."""
    return _batch_folder(text)[1:-1]


def sh_lines(argv: Sequence[str], folder: str | None, around: Surroundings) -> str:
    """What runs one command in a shell of its own, which ends with it.

    Args:
        argv: the command.
        folder: where it is run, with the variables of a training; None for any folder and no variables.
        around: what it needs.
    """
    command = "exec " + " \\\n  ".join(sh.join(line) for line in lines_of(argv)) + "\n"
    if folder is None:
        return command
    variables = "".join(f"export {name}={value}\n" for name, value in TRAINING_VARIABLES.items())
    if around.marker:
        variables += f"[ -f {sh.quote(around.marker)} ] || {{ echo {sh.quote(_GONE)} >&2; exit 1; }}\n"
    variables += "".join(f"{line}\n" for line in variable_lines(around, "sh"))
    # "-" would be the folder before; with CDPATH, `cd` could go elsewhere.
    quoted = sh.quote(f"./{folder}" if folder.startswith("-") else folder)
    return f"{variables}CDPATH= cd -- {quoted} || exit 1\n{command}"


def _sh(argv: Sequence[str], checkout: str, around: Surroundings) -> str:
    return f"#!/bin/sh\n# {_TITLE}\n{sh_lines(argv, checkout, around)}"


def bat_lines(argv: Sequence[str], folder: str | None, around: Surroundings, *, leave: str) -> list[str]:
    """What runs one command in a batch file; arguments as in `sh_lines`.

    Args:
        leave: the statement that leaves these lines when something is missing.

    Raises:
        Problems: the command is too long for cmd.exe.
    """
    first, *others = lines_of(argv)
    program = " ".join([cmd.quote(first[0], program=True), *map(cmd.quote, first[1:])])
    # The blank in front of a line that goes on is eaten by the caret; a second one separates the words.
    command = " ^\n  ".join([program, *(" ".join(map(cmd.quote, line)) for line in others)])
    _check_length(command)
    if folder is None:
        return [command]
    variables = [f'set "{name}={value}"' for name, value in TRAINING_VARIABLES.items()]
    if around.marker:
        variables.append(f"if not exist {_batch_folder(around.marker)} >&2 echo {_GONE}& {leave}")
    variables += variable_lines(around, "bat")
    return [*variables, f"cd /d {_batch_folder(folder)} || {leave}", command]


BAT_BEGIN: Final = (
    "setlocal EnableExtensions DisableDelayedExpansion",
    'set "CADDIE_CODE_PAGE="',
    'for /f "tokens=2 delims=:." %%c in (\'chcp\') do set "CADDIE_CODE_PAGE=%%c"',
    "chcp 65001 >nul",
)
BAT_END: Final = (
    "if defined CADDIE_CODE_PAGE chcp %CADDIE_CODE_PAGE% >nul",
    "rem Started with a double click, the window would close before anything can be read.",
    'if /i "%comspec% /c %~0 " equ "%cmdcmdline:"=%" pause',
    "exit /b %CADDIE_EXIT%",
)


def _bat(argv: Sequence[str], checkout: str, around: Surroundings) -> str:
    lines = [
        "@echo off",
        f"rem {_TITLE}",
        *BAT_BEGIN,
        *bat_lines(argv, checkout, around, leave="goto failed"),
        'set "CADDIE_EXIT=%ERRORLEVEL%"',
        "goto end",
        ":failed",
        'set "CADDIE_EXIT=1"',
        ":end",
        *BAT_END,
    ]
    return "".join(f"{line}\n" for line in lines).replace("\n", "\r\n")


def _batch_folder(folder: str) -> str:
    quoted = cmd.quote(folder, program=True)
    return quoted if quoted.startswith('"') else f'"{quoted}"'


def _check_length(command: str) -> None:
    try:
        cmd.check_length(command.replace(" ^\n ", " "))
    except ValueProblem as problem:
        raise Problems(
            Text("This cannot be exported in this format:", "この形式では書き出せません:"), [problem.text]
        ) from problem


def ps1_lines(argv: Sequence[str], folder: str | None, around: Surroundings, *, leave: str) -> list[str]:
    """What runs one command in PowerShell; arguments as in `bat_lines`."""
    first, *others = lines_of(argv)
    program = " ".join(["&", powershell.literal(first[0]), *map(powershell.argument, first[1:])])
    # Line ends of the file are put in one by one: those inside a value have to stay as they are.
    command = " `\r\n  ".join([program, *(" ".join(map(powershell.argument, line)) for line in others)])
    # What the training prints on its error stream is no error of this script.
    run = ["$ErrorActionPreference = 'Continue'", command]
    if folder is None:
        return run
    variables = [f"$env:{name} = {powershell.literal(value)}" for name, value in TRAINING_VARIABLES.items()]
    if around.marker:
        complain = f"[Console]::Error.WriteLine({powershell.literal(_GONE)}); {leave}"
        variables.append(f"if (-not (Test-Path -LiteralPath {powershell.literal(around.marker)})) {{ {complain} }}")
    variables += variable_lines(around, "ps1")
    return [*variables, f"Set-Location -LiteralPath {powershell.literal(folder)}", *run]


PS1_BEGIN: Final = (
    "$ErrorActionPreference = 'Stop'",
    powershell.LEGACY,
    "try { [Console]::OutputEncoding = New-Object System.Text.UTF8Encoding $false } catch { }  # no console",
)


def _ps1(argv: Sequence[str], checkout: str, around: Surroundings) -> str:
    body = ps1_lines(argv, checkout, around, leave="exit 1")
    lines = [f"# {_TITLE}", *PS1_BEGIN, *body, "exit $LASTEXITCODE"]
    return "".join(f"{line}\r\n" for line in lines)


_TITLE = "A training with sd-scripts, exported by Caddie"
_GONE = (  # no character that means anything to a shell
    "The folder of Caddie has moved, and this training uses its optimizers. Export it again, or run it without the fast"
    " implementation. / Caddie のフォルダーが移動しました。この学習は Caddie のオプティマイザーを使います。"
    "もう一度書き出すか、高速実装をオフにしてください。"
)

_WORD_WRITERS: Mapping[Format, Callable[[str], str]] = MappingProxyType(
    {"sh": sh.quote, "bat": cmd.quote, "ps1": powershell.argument}
)
_FOLDER_WRITERS: Mapping[Format, Callable[[str], str]] = MappingProxyType(
    {"sh": sh.quote, "bat": _batch_folder, "ps1": powershell.literal}
)
_SCRIPT_WRITERS: Mapping[Format, Callable[[Sequence[str], str, Surroundings], str]] = MappingProxyType(
    {"sh": _sh, "bat": _bat, "ps1": _ps1}
)
