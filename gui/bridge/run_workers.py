"""What the run service does in worker threads. `core.runs` is imported late: the window opens before anything runs."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.catalogue.catalogue import Catalogue
from core.environment.model import Environment
from core.errors import CaddieError
from core.job.model import Job
from core.options.model import OptionSet
from core.runs.outcome import Ending
from gui.bridge.hosting import Hosting
from gui.bridge.run_stop import StopRequest
from gui.bridge.tasks import Tasks

if TYPE_CHECKING:
    from core.metrics.cache import Snapshot
    from core.metrics.run_metrics import RunMetrics
    from core.runs.events import Event
    from core.runs.folder import RunFolder
    from core.runs.follow import Follower

LOG_TAIL = 400_000
"""Bytes of an older log that are read when a run is opened again."""
KEEP_FROM = 64 << 20
"""Bytes of events that a running training tells before its numbers are kept for a window that opens later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """One line of the list of runs. `steps` and `total` are 0 and None where nobody knows."""

    folder: RunFolder
    name: str
    created_at: float
    ending: Ending
    optimizer: str
    steps: int = 0
    total: int | None = None


def start_job(
    job: Job,
    environment: Environment | None,
    options: OptionSet,
    catalogue: Catalogue,
    *,
    runs_dir: Path | None,
    base: Path | None = None,
    hosting: Hosting,
) -> RunFolder:
    """`core.runs.launch.start_run`, `core.runs.builtin.start_builtin_run`, or in this process, as the job says."""
    if job.engine == "builtin":
        from core.job.engine import trains_in_window
        from core.runs.builtin import start_builtin_run

        if trains_in_window(job):
            return hosting.begin(job, options, catalogue, runs_dir, base)

        return start_builtin_run(job, options, catalogue=catalogue, runs_dir=runs_dir, base=base)
    from core.runs.launch import start_run

    assert environment is not None, "the start is refused without one"
    return start_run(job, environment, options, catalogue=catalogue, runs_dir=runs_dir)


def open_run(folder: RunFolder, hosting: Hosting) -> tuple[Follower, RunMetrics, StopRequest, list[Event]]:
    """What tells how it goes on, what was told until now, the stop that was asked for, if one was, and what was told of wishes."""
    from core.metrics.reading import cache_folder, open_metrics
    from core.metrics.run_metrics import RunMetrics
    from core.runs.records import stop_is_urgent
    from core.runs.wishes import told_so_far

    own = hosting.follower(folder, LOG_TAIL)
    metrics, follower = open_metrics(folder, log_tail=LOG_TAIL) if own is None else (RunMetrics(scratch=cache_folder()), own)
    with contextlib.suppress(CaddieError):  # read here, so that the window need not; a damaged job is no reason not to follow
        _ = folder.job
    asked = folder.stop_file.stat().st_mtime if folder.stop_requested() else None
    stop = StopRequest(asked, stop_is_urgent(folder.stop_file), folder.wishes.saves_first)
    return follower, metrics, stop, [] if own is not None else told_so_far(folder)


def keep_when_grown(workers: Tasks, follower: Follower | None, metrics: RunMetrics | None, kept: int, *, over: bool) -> int:
    """Keeps the numbers as columns at the end, and of a long run whenever it has become half as long again.

    Args:
        workers: one of them writes.
        follower: of the run.
        metrics: its numbers.
        kept: bytes of the events that are kept already.
        over: the run is.

    Returns:
        how many bytes are kept then.
    """
    if follower is None or metrics is None or not follower.run.command.companion:
        return kept
    consumed = follower.consumed
    if consumed - kept <= (0 if over else max(KEEP_FROM, kept // 2)):
        return kept
    from core.metrics.cache import snapshot

    workers.start(keep_metrics, snapshot(metrics), follower.run.events_file, consumed)
    return consumed


def keep_metrics(taken: Snapshot, events: Path, consumed: int) -> bool:
    """Writes the cache from which the run is open in a moment the next time."""
    from core.metrics import cache
    from core.metrics.reading import cache_folder

    return cache.save(taken, events, consumed, cache_folder())


def find_running(runs_dir: Path | None) -> RunFolder | None:
    """The newest run that is going on."""
    from core.runs.folder import list_runs

    return next((folder for folder in list_runs(runs_dir)[:100] if not folder.state().is_over), None)


def summaries(runs_dir: Path | None, limit: int) -> list[RunSummary]:
    """The newest runs, as their folders tell."""
    from core.runs.folder import list_runs

    return [_summary(folder) for folder in list_runs(runs_dir)[:limit]]


def _summary(folder: RunFolder) -> RunSummary:
    outcome = folder.outcome()
    try:
        optimizer = folder.job.optimizer_type or "AdamW"
    except CaddieError:
        optimizer = ""
    return RunSummary(
        folder=folder,
        name=folder.name,
        created_at=folder.created_at,
        ending=folder.state() if outcome is None else outcome.ending,
        optimizer=optimizer,
        steps=0 if outcome is None else outcome.steps,
        total=None if outcome is None else outcome.total_steps,
    )
