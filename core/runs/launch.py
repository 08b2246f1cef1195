"""Starts a run that does not need the process that started it.

The starter prepares the folder and starts a supervisor that detaches itself; the supervisor starts the training. The
training writes straight into the folder's log, so that nothing blocks or breaks when any process of Caddie dies.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path, PureWindowsPath

from core.catalogue.catalogue import Catalogue
from core.detached import start_detached
from core.environment.interpreters import own_folders
from core.environment.model import Environment
from core.environment.variables import MISLEADING_VARIABLES, TRAINING_VARIABLES
from core.errors import CaddieError
from core.job.model import Job
from core.options.model import OptionSet
from core.paths import PROJECT_ROOT
from core.runs.folder import RunFolder, make_run_folder, prepare
from core.runs.processes import RUN_MARK
from core.runs.records import RunCommand
from core.text import Text

COMPANION = Path(__file__).with_name("companion.py")


def start_run(
    job: Job,
    environment: Environment,
    options: OptionSet,
    *,
    catalogue: Catalogue | None = None,
    runs_dir: Path | None = None,
    variables: Mapping[str, str] | None = None,
    begin: Callable[[RunFolder], object] | None = None,
) -> RunFolder:
    """Starts the training of a job and returns at once.

    Args:
        job: what to train.
        environment: the Python and the checkout that train.
        options: what the job's script accepts.
        catalogue: knows what the optimizer's arguments need; the shipped one if None.
        runs_dir: where the run's folder is made; the user's runs folder if None.
        variables: more environment variables for the training.
        begin: starts the training instead of `start_supervisor`, when all of the folder is there.

    Raises:
        Problems: values that would make it fail (`core.job.check`): nothing starts with one of those, whoever asks.
        CaddieError: the environment cannot train, or the folder or the supervisor cannot be made. No process and no folder of a run stays then.
    """
    from core.catalogue.loader import load_catalogue
    from core.command.build import build_argv
    from core.environment.module_path import refuse_hidden_package
    from core.job.check import refuse_faults

    checkout = _checkout(job, environment)
    refuse_faults(job, options, catalogue or load_catalogue())
    refuse_hidden_package(job, environment)
    argv = build_argv(
        job,
        python=str(environment.python),
        checkout=str(checkout),
        options=options,
        companion=str(COMPANION) if job.companion else None,
    )

    def command_of(folder: RunFolder) -> RunCommand:
        return with_variables(run_command(job, argv, environment.python, checkout, folder), variables)

    return start_prepared(job, runs_dir, command_of, begin)


def start_prepared(
    job: Job,
    runs_dir: Path | None,
    command_of: Callable[[RunFolder], RunCommand],
    begin: Callable[[RunFolder], object] | None = None,
) -> RunFolder:
    """Makes a run's folder and starts the supervisor of its command, or whatever else trains it.

    Args:
        job: what is trained; a copy goes into the folder.
        runs_dir: where the folder is made; the user's runs folder if None.
        command_of: the command, for that folder.
        begin: starts the training instead of a supervisor; raises CaddieError or OSError where it cannot.

    Raises:
        CaddieError: the folder or the supervisor cannot be made. No process and no folder of a run stays then.
    """
    from core.job.store import save_job

    try:
        folder = make_run_folder(run_name(job), runs_dir)
    except OSError as error:
        raise _cannot_write(error) from error
    try:
        save_job(job, folder.job_file)
        command = command_of(folder)
        prepare(folder, command)
        _note_surroundings(folder, command)
        (begin or start_supervisor)(folder)
    except (CaddieError, OSError) as error:
        shutil.rmtree(folder.path, ignore_errors=True)  # nothing ran in it
        if isinstance(error, OSError):
            raise _cannot_write(error) from error
        raise
    return folder


def _note_surroundings(folder: RunFolder, command: RunCommand) -> None:
    """Which packages and which checkout train it: what two runs are compared by later."""
    from core.runs.surroundings import look_around, write_surroundings

    python = Path(command.argv[0] if command.argv else sys.executable)
    checkout = Path(command.cwd)
    write_surroundings(folder.path, look_around(python, None if checkout == PROJECT_ROOT else checkout))


def _cannot_write(error: OSError) -> CaddieError:
    return CaddieError(Text(f"The run's folder cannot be written: {error}", f"実行フォルダーに書き込めません: {error}"))


def _checkout(job: Job, environment: Environment) -> Path:
    if environment.sd_scripts is None:
        raise CaddieError(
            Text(
                f"The environment {environment.name} has no sd-scripts folder. Set one on the Environment page.",
                f"環境 {environment.name} に sd-scripts のフォルダーが設定されていません。環境ページで指定してください。",
            )
        )
    if PureWindowsPath(job.script).name != job.script:
        # A job may come from anybody: it names a script of the checkout, not any program on this or another machine.
        raise CaddieError(
            Text(
                f"{job.script!r} is not the name of a script; a job cannot bring a path along.",
                f"{job.script!r} はスクリプト名ではありません。ジョブにパスを指定することはできません。",
            )
        )
    if not (environment.sd_scripts / job.script).is_file():
        raise CaddieError(
            Text(
                f"{job.script} is not in {environment.sd_scripts}.",
                f"{environment.sd_scripts} に {job.script} がありません。",
            )
        )
    if not environment.python.is_file():
        raise CaddieError(
            Text(
                f"The interpreter {environment.python} is not there.",
                f"Python インタープリター {environment.python} が見つかりません。",
            )
        )
    return environment.sd_scripts


def run_name(job: Job) -> str:
    """What to call a run of that job: its name, its output's name, or its optimizer."""
    output = job.options.get("output_name")
    return job.name or (output if isinstance(output, str) else "") or job.optimizer_type or "run"


def run_command(job: Job, argv: list[str], python: Path, checkout: Path, folder: RunFolder) -> RunCommand:
    """The command of a run with everything around it: safe variables, the companion's variables, the run's mark.

    Raises:
        CaddieError: Caddie's optimizers cannot be put on its module path.
    """
    from core.command.surroundings import own_variables, surroundings_of

    environment = {**TRAINING_VARIABLES, **own_variables(surroundings_of(job)), RUN_MARK: str(folder.path)}
    if job.companion:
        environment |= companion_variables(folder)
    total = job.options.get("max_train_steps")
    return RunCommand(
        argv=tuple(argv),
        cwd=str(checkout),
        environment=environment,
        unset=MISLEADING_VARIABLES,
        path_first=own_folders(python),
        name=run_name(job),
        companion=job.companion,
        total_steps=total if isinstance(total, int) and "max_train_epochs" not in job.options else None,
        output_dir=_absolute(job.options.get("output_dir"), checkout),
        output_name=_text(job.options.get("output_name")),
        logging_dir=_absolute(job.options.get("logging_dir"), checkout),
        created_at=time.time(),
    )


def with_variables(command: RunCommand, variables: Mapping[str, str] | None) -> RunCommand:
    """The command with more environment variables."""
    return replace(command, environment={**command.environment, **variables}) if variables else command


def companion_variables(folder: RunFolder) -> Mapping[str, str]:
    """What the companion reads from its environment."""
    return {"CADDIE_EVENTS": str(folder.events_file), "CADDIE_STOP": str(folder.stop_file)}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _absolute(value: object, base: Path) -> str | None:
    return str(base / value) if isinstance(value, str) and value else None


def start_supervisor(folder: RunFolder) -> None:
    """Starts a supervisor for a prepared folder; it goes on without this process.

    A supervisor that finds the training already there watches that one instead of starting another.

    Raises:
        CaddieError: it cannot be started.
    """
    try:
        start_detached("core.runs.supervisor", str(folder.path), folder.supervisor_log)
    except OSError as error:
        raise _cannot_start(str(error)) from error


def _cannot_start(reason: str) -> CaddieError:
    return CaddieError(
        Text(
            f"The process that watches over the training could not be started: {reason}",
            f"学習を監視するプロセスを起動できませんでした: {reason}",
        )
    )
