"""Starts real runs of real children, and waits for what they become."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from core.job.model import Job
from core.job.store import save_job
from core.paths import PROJECT_ROOT
from core.runs.events import Event
from core.runs.folder import RunFolder, make_run_folder, prepare
from core.runs.follow import Follower, Update
from core.runs.launch import COMPANION, companion_variables, start_supervisor
from core.runs.outcome import Outcome
from core.runs.processes import RUN_MARK
from core.runs.records import RunCommand

BAD_CHILD = Path(__file__).with_name("bad_child.py")
DEMO = Path(__file__).with_name("checkout")
PATIENCE = 60.0
"""Seconds after which a test gives up. Nothing is measured with it."""


def start(
    argv: Sequence[str],
    *,
    name: str = "test",
    companion: bool = False,
    output_dir: Path | None = None,
    logging_dir: Path | None = None,
    cwd: Path = PROJECT_ROOT,
    environment: dict[str, str] | None = None,
    python: str = sys.executable,
    runs_dir: Path | None = None,
    launcher: Sequence[str] = (),
) -> RunFolder:
    """Starts `python [launcher] [companion] argv…` through the real folder, supervisor and all."""
    folder = make_run_folder(name, runs_dir)
    save_job(Job(name=name, companion=companion), folder.job_file)
    variables = {RUN_MARK: str(folder.path), "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1", **(environment or {})}
    if companion:
        variables = {**companion_variables(folder), **variables}
    command = RunCommand(
        argv=(python, *launcher, *((str(COMPANION),) if companion else ()), *argv),
        cwd=str(cwd),
        environment=variables,
        name=name,
        companion=companion,
        output_dir=None if output_dir is None else str(output_dir),
        logging_dir=None if logging_dir is None else str(logging_dir),
        created_at=time.time(),
    )
    prepare(folder, command)
    start_supervisor(folder)
    return folder


def start_bad(mode: str, *arguments: object, **options: object) -> RunFolder:
    """Starts a child that behaves badly."""
    return start([str(BAD_CHILD), mode, *map(str, arguments)], **options)  # type: ignore[arg-type]


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Waits for a condition; fails with `what` after a long time."""
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until, f"still not: {what}"
        time.sleep(0.05)


def wait_for_end(run: RunFolder) -> Outcome:
    """Waits until the run is over."""
    wait_until(lambda: run.outcome() is not None, f"the end of {run}; log: {log_of(run)[-2000:]}")
    outcome = run.outcome()
    assert outcome is not None
    return outcome


def log_of(run: RunFolder) -> str:
    """The raw log, and what the supervisor said."""
    said = run.supervisor_log.read_text(encoding="utf-8") if run.supervisor_log.exists() else ""
    return run.log_file.read_text(encoding="utf-8", errors="replace") + said


def follow_to_end(follower: Follower) -> tuple[list[Event], str, Update]:
    """Polls until the end; returns all events, all text and the last update."""
    events: list[Event] = []
    text: list[str] = []
    last: list[Update] = []

    def poll() -> bool:
        update = follower.poll()
        events.extend(update.events)
        text.append(update.log)
        last[:] = [update]
        return update.outcome is not None

    wait_until(poll, "the end")
    return events, "".join(text), last[0]


def living(run: RunFolder) -> list[psutil.Process]:
    """Every living process that carries the run's mark, whoever its parent is."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and process.environ().get(RUN_MARK) == str(run.path):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found
