"""The job of a run, to be started again from anywhere."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from core.advice.facts import PATHS
from core.job.model import Job
from core.job.store import load_job
from core.runs.folder import RunFolder
from core.runs.records import RunCommand, read_command

_WRITTEN: Final = ("output_dir", "logging_dir")


def job_of(folder: Path) -> Job:
    """The job of a run.

    The built-in trainer reads relative paths from the folder of the job's own file; a copy of it that has no file yet would lose
    them, so they are made absolute. sd-scripts reads them from its own folder, wherever the job is.

    Raises:
        CaddieError: the job cannot be read.
    """
    run = RunFolder(folder)
    job = load_job(run.job_file)
    command = read_command(run.command_file)
    base = _base(job, command) if job.engine == "builtin" and command is not None else None
    if base is None:
        return job
    for name in PATHS:
        value = job.options.get(name)
        if not isinstance(value, str) or not value.strip() or Path(value).is_absolute():
            continue
        if name in _WRITTEN or (base / value).exists():  # else it may be the name of a model on a hub
            job = job.with_option(name, os.path.normpath(base / value))
    return job


def _base(job: Job, command: RunCommand) -> Path | None:
    words = command.argv
    if "--base" in words[:-1]:
        return Path(words[words.index("--base") + 1])
    # A training on a thread of the window has no command line; where it writes to says where it started from.
    relative = job.options.get("output_dir")
    if not isinstance(relative, str) or not relative or command.output_dir is None or Path(relative).is_absolute():
        return None
    whole, parts = Path(command.output_dir), Path(relative).parts
    return Path(*whole.parts[: -len(parts)]) if parts and whole.parts[-len(parts) :] == parts else None
