"""The command that runs a job with the built-in trainer: Caddie's own, on the job's file."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from core.command import cmd, powershell, sh
from core.command.export import Format, encode
from core.errors import CaddieError
from core.files import write_atomically
from core.job.model import Job
from core.job.store import dumps
from core.paths import PROJECT_ROOT
from core.text import Text


def builtin_argv(job_file: Path) -> list[str]:
    """`python main.py run JOB`, with whole paths. The engine is named: the command means what it says for any job."""
    python = Path(os.path.abspath(sys.executable))
    if python.name.lower() == "pythonw.exe":
        python = python.with_name("python.exe")  # the window's own has no console to say anything in
    return [str(python), str(PROJECT_ROOT / "main.py"), "run", str(job_file.absolute()), "--engine", "builtin"]


def builtin_line(job_file: Path, format: Format) -> str:
    """That command in one line of a shell (sh, bat, ps1), or as a JSON list (argv).

    Raises:
        CaddieError: the shell cannot say one of the paths.
    """
    words = builtin_argv(job_file)
    if format == "argv":
        return json.dumps(words, ensure_ascii=False, indent=2)
    if format == "bat":
        cmd.join(words)  # refuses what is too long
        return " ".join([cmd.quote(words[0], program=True), *map(cmd.quote, words[1:])])
    if format == "ps1":
        return " ".join(["&", powershell.literal(words[0]), *map(powershell.argument, words[1:])])
    return sh.join(words)


def builtin_text(job: Job, job_file: Path, format: Format) -> str:
    """The whole text of an export: a script that runs the job's file, or (toml) the job itself.

    Raises:
        CaddieError: the shell cannot say one of the paths.
    """
    if format == "toml":
        return dumps(job)
    line = builtin_line(job_file, format)
    if format == "bat":
        return f"@echo off\r\nchcp 65001 >nul\r\n{line}\r\n"  # the paths are UTF-8
    if format == "ps1":
        return line + "\r\n"
    return line + "\n" if format == "argv" else f"#!/bin/sh\nexec {line}\n"


def export_builtin(job: Job, job_file: Path, path: Path, format: Format) -> None:
    """Writes an export.

    Args:
        job: the job.
        job_file: its file, which the scripts name.
        path: where to write.
        format: what to write.

    Raises:
        CaddieError: the shell cannot say one of the paths, or the file cannot be written.
    """
    data = encode(builtin_text(job, job_file, format), format)
    try:
        write_atomically(path, data, executable=format == "sh")
    except OSError as error:
        reason = error.strerror or str(error)
        raise CaddieError(Text(f"{path} could not be written: {reason}", f"{path} に書き込めませんでした: {reason}")) from error
