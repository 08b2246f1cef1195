"""Several commands as one script that runs them one after the other: for sh, cmd.exe or PowerShell.

One that fails does not keep the next from running; the script says how many did, and ends with 1 then. Each command has
the variables that it needs and leaves none behind for the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from core.command import powershell, sh
from core.command.export import BAT_BEGIN, BAT_END, PS1_BEGIN, bat_lines, check_words, ps1_lines, sh_lines
from core.command.surroundings import Surroundings
from core.environment.variables import TRAINING_VARIABLES
from core.errors import Problems
from core.runs.folder import slug
from core.text import Text

ScriptFormat = Literal["sh", "bat", "ps1"]

_TITLE = "Trainings one after the other, exported by Caddie"
_FAILED = "failed / 失敗"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One command.

    Attributes:
        name: what a person calls it.
        argv: the command.
        folder: the checkout in which sd-scripts runs; None for a command of Caddie's own, which needs nothing around it.
        around: what a command of sd-scripts needs.
    """

    name: str
    argv: Sequence[str]
    folder: str | None = None
    around: Surroundings = field(default_factory=Surroundings)


def script_of(steps: Sequence[Step], format: ScriptFormat) -> str:
    """The text of the script. Batch and PowerShell files have Windows' line ends.

    Raises:
        Problems: values that the format cannot carry, each with the name of its step.
        CaddieError: Caddie's folder cannot be named.
    """
    problems: list[Text] = []
    for step in steps:
        try:
            check_words(step.argv, step.folder, step.around, format)
        except Problems as error:
            problems += [Text(f"{step.name}: {item.en}", f"{step.name}: {item.ja}") for item in error.problems]
    if problems:
        raise Problems(Text("These jobs cannot be exported:", "次のジョブは書き出せません:"), problems)
    return {"sh": _sh, "bat": _bat, "ps1": _ps1}[format](steps)


def _sh(steps: Sequence[Step]) -> str:
    parts = [f"#!/bin/sh\n# {_TITLE}\nfailed=0\n"]
    for number, step in enumerate(steps, 1):
        label = sh.quote(f"[{number}/{len(steps)}] {step.name}")
        parts.append(f"printf '%s\\n' {label}\n(\n{sh_lines(step.argv, step.folder, step.around)}) || failed=$((failed + 1))\n")
    parts.append(f'[ "$failed" -eq 0 ] || {{ echo "$failed/{len(steps)} {_FAILED}" >&2; exit 1; }}\n')
    return "".join(parts)


def _bat(steps: Sequence[Step]) -> str:
    lines = ["@echo off", f"rem {_TITLE}", *BAT_BEGIN, "set /a CADDIE_FAILED=0"]
    for number, step in enumerate(steps, 1):
        # A name may hold what means something to cmd; of a slug nothing does.
        lines.append(f"echo [{number}/{len(steps)}] {slug(step.name)}")
        lines.append(f"call :job{number}")
        lines.append('if not "%ERRORLEVEL%" == "0" set /a CADDIE_FAILED+=1')
    lines += [
        'set "CADDIE_EXIT=0"',
        'if not "%CADDIE_FAILED%" == "0" set "CADDIE_EXIT=1"',
        f'if not "%CADDIE_FAILED%" == "0" echo %CADDIE_FAILED%/{len(steps)} {_FAILED}',
        *BAT_END,
    ]
    for number, step in enumerate(steps, 1):
        # What is set between `setlocal` and the end of a called part is gone after it.
        body = bat_lines(step.argv, step.folder, step.around, leave="exit /b 1")
        lines += [f":job{number}", "setlocal", *body, "exit /b %ERRORLEVEL%"]
    return "".join(f"{line}\n" for line in lines).replace("\n", "\r\n")


def _ps1(steps: Sequence[Step]) -> str:
    lines = [f"# {_TITLE}", *PS1_BEGIN, "$failed = 0"]
    for number, step in enumerate(steps, 1):
        changed = sorted({*TRAINING_VARIABLES, *step.around.variables, "PYTHONPATH"})
        names = ", ".join(map(powershell.literal, changed))
        lines += [
            f"Write-Host {powershell.literal(f'[{number}/{len(steps)}] {step.name}')}",
            # PowerShell has one environment for the whole script: what a training adds is taken back after it.
            f"$kept = @{{}}; foreach ($name in {names}) {{ $kept[$name] = [Environment]::GetEnvironmentVariable($name) }}",
            "$global:LASTEXITCODE = 1",
            "Push-Location",
            "try {",
            *ps1_lines(step.argv, step.folder, step.around, leave="throw 'Caddie'"),
            "} catch { [Console]::Error.WriteLine($_) }",
            "finally { Pop-Location; foreach ($name in @($kept.Keys)) "
            "{ [Environment]::SetEnvironmentVariable($name, $kept[$name]) } }",
            "$ErrorActionPreference = 'Stop'",
            "if ($LASTEXITCODE -ne 0) { $failed += 1 }",
        ]
    lines += [
        f'if ($failed -ne 0) {{ [Console]::Error.WriteLine("$failed/{len(steps)} {_FAILED}"); exit 1 }}',
        "exit 0",
    ]
    return "".join(f"{line}\r\n" for line in lines)
