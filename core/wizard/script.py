"""The whole set-up as one script that runs without Caddie: .sh, .bat or .ps1."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from core.command import cmd, powershell, sh
from core.command.export import encode
from core.environment.variables import SAFE_VARIABLES
from core.files import write_atomically
from core.wizard.plan import Choice, Download, Run, Step, Write, steps_of

Format = Literal["sh", "bat", "ps1"]
_TITLE = "Sets up sd-scripts; written by Caddie"


def script_of(choice: Choice, format: Format) -> str:
    """The text of the script. It stops at the first step that fails, and refuses a folder that holds something.

    Args:
        choice: what was chosen.
        format: whose shell.

    Raises:
        ValueProblem: a path that this shell cannot say.
    """
    windows = format != "sh"
    steps = steps_of(choice, windows=windows)
    return {"sh": _sh, "bat": _bat, "ps1": _ps1}[format](choice, steps)


def export_script(choice: Choice, path: Path, format: Format) -> None:
    """Writes the script.

    Raises:
        ValueProblem: a path that this shell cannot say.
        OSError: the file cannot be written.
    """
    write_atomically(path, encode(script_of(choice, format), format), executable=format == "sh")


def _parts(choice: Choice, steps: Sequence[Step], line: Callable[[Run], str], other: Callable[[Download | Write], list[str]]):
    """(title, lines) of each step."""
    for step in steps:
        lines: list[str] = []
        for action in step.actions:
            lines += [line(action)] if isinstance(action, Run) else other(action)
        yield step.title.en, lines


def _sh(choice: Choice, steps: Sequence[Step]) -> str:
    folder, above = sh.quote(str(choice.folder)), sh.quote(str(choice.folder.parent))

    def other(action: Download | Write) -> list[str]:
        if isinstance(action, Write):
            file = sh.quote(str(action.path))
            make = f"mkdir -p -- {sh.quote(str(action.path.parent))}"
            return [f"[ -e {file} ] || {{ {make} && printf '%s' {sh.quote(action.content)} > {file}; }}"]
        unpack = f"mkdir -p -- {folder} && unzip -q source.zip -d unpacked && mv unpacked/*/* unpacked/*/.[!.]* {folder}/"
        return [
            f"cd -- {above}",
            f"curl --fail --location --output source.zip {sh.quote(action.address)}",
            unpack,
            "rm -r source.zip unpacked",
        ]

    def line(action: Run) -> str:
        return f"cd -- {folder if action.inside else above}\n{sh.join(action.argv)}"

    lines = ["#!/bin/sh", f"# {_TITLE}", "set -e"]
    lines += [f"export {name}={value}" for name, value in SAFE_VARIABLES.items()]
    complain = f"echo {sh.quote(f'{choice.folder} is not empty.')} >&2; exit 1"
    lines += [f'if [ -n "$(ls -A {folder} 2>/dev/null)" ]; then {complain}; fi', f"mkdir -p -- {above}"]
    for title, parts in _parts(choice, steps, line, other):
        lines += ["", f"echo {sh.quote(f'== {title}')}", *parts]
    return "\n".join([*lines, "echo == Done", ""])


def _bat(choice: Choice, steps: Sequence[Step]) -> str:
    def quoted(text: str) -> str:
        word = cmd.quote(text, program=True)
        return word if word.startswith('"') else f'"{word}"'

    folder, above = quoted(str(choice.folder)), quoted(str(choice.folder.parent))
    failed = "|| goto failed"

    def other(action: Download | Write) -> list[str]:
        if isinstance(action, Write):
            file = quoted(str(action.path))
            lines = [
                f"if exist {file} goto written",
                f"if not exist {quoted(str(action.path.parent))} mkdir {quoted(str(action.path.parent))}",
            ]
            lines += [
                f"{'>' if place == 0 else '>>'}{file} echo {text}" for place, text in enumerate(action.content.splitlines())
            ]
            return [*lines, ":written"]
        return [
            f"cd /d {above} {failed}",
            f"curl --fail --location --output source.zip {cmd.quote(action.address)} {failed}",
            f"if not exist {folder} mkdir {folder} {failed}",
            f"tar -xf source.zip --strip-components=1 -C {folder} {failed}",
            "del source.zip",
        ]

    def line(action: Run) -> str:
        first, *rest = action.argv
        command = " ".join([cmd.quote(first, program=True), *map(cmd.quote, rest)])
        cmd.check_length(command)
        return f"cd /d {folder if action.inside else above} {failed}\r\n{command} {failed}"

    lines = ["@echo off", f"rem {_TITLE}", "setlocal EnableExtensions DisableDelayedExpansion", "chcp 65001 >nul"]
    lines += [f'set "{name}={value}"' for name, value in SAFE_VARIABLES.items()]
    lines += [f"dir /b /a {folder} 2>nul | findstr . >nul && (echo The folder is not empty. & goto failed)"]
    lines += [f"if not exist {above} mkdir {above}"]
    for title, parts in _parts(choice, steps, line, other):
        lines += ["", f"echo == {title}", *parts]
    lines += ["", "echo == Done", "pause", "exit /b 0", ":failed", "echo This step failed.", "pause", "exit /b 1"]
    return "".join(f"{line}\r\n" for line in lines)


def _ps1(choice: Choice, steps: Sequence[Step]) -> str:
    folder, above = powershell.literal(str(choice.folder)), powershell.literal(str(choice.folder.parent))
    check = 'if ($LASTEXITCODE) { throw "The step failed with $LASTEXITCODE." }'

    def other(action: Download | Write) -> list[str]:
        if isinstance(action, Write):
            file, beside = powershell.literal(str(action.path)), powershell.literal(str(action.path.parent))
            text = powershell.literal(action.content)
            write = f"[IO.File]::WriteAllText({file}, {text})"
            return [
                f"if (-not (Test-Path -LiteralPath {file})) {{ New-Item -ItemType Directory -Force {beside} | Out-Null; {write} }}"
            ]
        return [
            f"Set-Location -ErrorAction Stop -LiteralPath {above}",
            f"Invoke-WebRequest -ErrorAction Stop -UseBasicParsing -Uri {powershell.literal(action.address)} -OutFile source.zip",
            "Expand-Archive -ErrorAction Stop -LiteralPath source.zip -DestinationPath unpacked",
            f"Move-Item -ErrorAction Stop -LiteralPath (Get-ChildItem unpacked)[0].FullName -Destination {folder}",
            "Remove-Item -Recurse source.zip, unpacked",
        ]

    def line(action: Run) -> str:
        first, *rest = action.argv
        command = " ".join(["&", powershell.literal(first), *map(powershell.argument, rest)])
        return f"Set-Location -ErrorAction Stop -LiteralPath {folder if action.inside else above}\r\n{command}\r\n{check}"

    lines = [f"# {_TITLE}", "$ErrorActionPreference = 'Stop'", powershell.LEGACY]
    lines += [f"$env:{name} = {powershell.literal(value)}" for name, value in SAFE_VARIABLES.items()]
    full = f"(Test-Path -LiteralPath {folder}) -and (Get-ChildItem -Force -LiteralPath {folder})"
    lines += [f"if ({full}) {{ throw 'The folder is not empty.' }}"]
    lines += [f"New-Item -ItemType Directory -Force {above} | Out-Null"]
    lines += ["# What git and pip print on their error stream is no error of this script.", "$ErrorActionPreference = 'Continue'"]
    for title, parts in _parts(choice, steps, line, other):
        lines += ["", f"Write-Host {powershell.literal(f'== {title}')}", *parts]
    return "".join(f"{line}\r\n" for line in [*lines, "Write-Host '== Done'"])
