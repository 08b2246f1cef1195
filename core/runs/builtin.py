"""Starting the built-in trainer as a child: the same run folder, supervisor and outcome as a training of sd-scripts has."""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from core.catalogue.catalogue import Catalogue
from core.environment.interpreters import own_folders
from core.environment.variables import MISLEADING_VARIABLES, TRAINING_VARIABLES
from core.errors import CaddieError, Problems
from core.job.model import Job
from core.options.model import OptionSet
from core.paths import PROJECT_ROOT
from core.runs.folder import RunFolder
from core.runs.launch import companion_variables, run_name, start_prepared, with_variables
from core.runs.processes import RUN_MARK
from core.runs.records import RunCommand
from core.text import Text
from core.training.launch import LAUNCHER, LaunchSettings
from core.training.plan import Plan, plan_of

NEEDED = ("torch", "diffusers", "transformers", "safetensors", "PIL")
"""Modules without which the built-in trainer does not start."""


def start_builtin_run(
    job: Job,
    options: OptionSet,
    *,
    catalogue: Catalogue | None = None,
    runs_dir: Path | None = None,
    base: Path | None = None,
    variables: Mapping[str, str] | None = None,
    begin: Callable[[RunFolder], object] | None = None,
) -> RunFolder:
    """Starts the training of a job in a process of its own and returns at once.

    Args:
        job: what to train.
        options: what the job's script accepts.
        catalogue: knows what the optimizer's arguments need; the shipped one if None.
        runs_dir: where the run's folder is made; the user's runs folder if None.
        base: what relative paths of the job start from; the current folder if None.
        variables: more environment variables for the training.
        begin: starts the training instead of `start_supervisor`, when all of the folder is there.

    Raises:
        Problems: what the built-in trainer cannot do, or values that would make it fail.
        CaddieError: its packages are missing, or the folder or the supervisor cannot be made.
    """
    launch = checked_plan(job, options, catalogue).launch
    start = (base or Path.cwd()).absolute()
    return start_prepared(job, runs_dir, lambda folder: with_variables(_command(job, launch, folder, start), variables), begin)


def checked_plan(job: Job, options: OptionSet, catalogue: Catalogue | None = None) -> Plan:
    """What a job asks for, where nothing is known that prevents it.

    Args:
        job: what to train.
        options: what the job's script accepts.
        catalogue: knows what the optimizer's arguments need; the shipped one if None.

    Raises:
        Problems: what the built-in trainer cannot do, or values that would make it fail.
        CaddieError: its packages are missing.
    """
    from core.catalogue.loader import load_catalogue
    from core.job.check import refuse_faults
    from core.job.missing import missing_faults

    refuse_faults(job, options, catalogue or load_catalogue())
    missing = missing_faults(job, options)
    if missing:
        heading = Text("This job is not complete:", "このジョブには不足があります:")
        raise Problems(heading, [fault.sentence() for fault in missing])
    plan = plan_of(job)
    refuse_without_packages()
    return plan


def refuse_without_packages() -> None:
    """Says which packages of the trainer are missing in this Python.

    Raises:
        CaddieError: some are.
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        names = ", ".join(missing)
        raise CaddieError(
            Text(
                f"The built-in trainer needs packages that are not installed yet ({names}). `python main.py demo` installs them.",
                f"内蔵トレーナーに必要なパッケージがまだインストールされていません ({names})。"
                "`python main.py demo` を実行するとインストールされます。",
            )
        )


def hosted_command(job: Job, folder: RunFolder, base: Path) -> RunCommand:
    """What is written down of a training that a window does itself: nothing is launched."""
    return replace(_command(job, None, folder, base), argv=(), environment={}, unset=(), path_first=())


def _command(job: Job, launch: LaunchSettings | None, folder: RunFolder, base: Path) -> RunCommand:
    def absolute(name: str) -> str | None:
        value = job.options.get(name)
        return str(base / value) if isinstance(value, str) and value else None

    # Its processes are started with this Python and the launcher's own `-m`.
    launcher = (*LAUNCHER, *launch.words()) if launch is not None and launch.several else ()
    name = job.options.get("output_name")
    return RunCommand(
        argv=(sys.executable, "-X", "utf8", *launcher, "-m", "core.training", str(folder.job_file), "--base", str(base)),
        cwd=str(PROJECT_ROOT),
        environment={**TRAINING_VARIABLES, **companion_variables(folder), RUN_MARK: str(folder.path)},
        unset=MISLEADING_VARIABLES,
        path_first=own_folders(Path(os.path.abspath(sys.executable))),
        name=run_name(job),
        companion=True,
        total_steps=None,
        output_dir=absolute("output_dir"),
        output_name=name if isinstance(name, str) and name else None,
        logging_dir=None,
        created_at=time.time(),
    )
