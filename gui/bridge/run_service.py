"""Runs in the window: started and followed in worker threads, so that a slow disk never freezes anything.

A run belongs to nobody: it goes on when the window closes, and `look_for_running` finds it again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from core.catalogue.catalogue import Catalogue
from core.environment.model import Environment
from core.errors import CaddieError
from core.job.model import Job
from core.job.optimizer import is_fast
from core.options.model import OptionSet
from core.runs.outcome import Ending, Outcome
from gui.bridge.hosting import Hosting
from gui.bridge.kept_log import KeptLog
from gui.bridge.preflight import PreflightFailed, Preflights
from gui.bridge.run_controls import RunControls
from gui.bridge.run_places import Environments
from gui.bridge.run_problems import StartProblem, find_problems
from gui.bridge.run_stop import StopRequest, StopStage
from gui.bridge.run_workers import RunSummary, find_running, keep_when_grown, open_run, start_job, summaries
from gui.bridge.tasks import Tasks

if TYPE_CHECKING:  # numpy and psutil are imported when there is a run: the window opens without them
    from core.metrics.run_metrics import RunMetrics
    from core.runs.console import Progress
    from core.runs.events import Event
    from core.runs.folder import RunFolder
    from core.runs.follow import Follower, Update

POLL_MS = 100
SLICE = 2000
"""Events taken in at once: a few milliseconds."""


class RunService(QObject):
    """One run on show: started here, or found.

    Signals:
        current_changed: another run is on show (`current`), and all numbers begin anew; once more when its files are
            read (`opened`).
        started: a RunFolder that was just started.
        found: a run that was going on already is on show, its files read.
        updated: an Update; `metrics`, `progress` and `log` hold it already.
        ended: the Outcome of the run on show.
        refused: StartProblems, the job was not started.
        failed: a CaddieError, the start did not work.
        starting_changed: `starting` is another.
        stop_changed: `stop_stage` is another.
    """

    current_changed = Signal()
    started = Signal(object)
    found = Signal()
    updated = Signal(object)
    ended = Signal(object)
    refused = Signal(object)
    failed = Signal(object)
    starting_changed = Signal()
    stop_changed = Signal()

    def __init__(
        self,
        tasks: Tasks,
        catalogue: Catalogue,
        environments: Environments,
        options_for: Callable[[str], OptionSet],
        *,
        runs_dir: Path | None = None,
        preflights: Preflights | None = None,
        parent: QObject | None = None,
    ) -> None:
        """Nothing is read or started.

        Args:
            tasks: takes the errors nobody expected.
            catalogue: knows the optimizers.
            environments: what can train.
            options_for: what a script accepts.
            runs_dir: where runs are; the user's own folder when None.
            preflights: tries the optimizer before a start; None starts without.
            parent: owns it.
        """
        super().__init__(parent)
        self._catalogue = catalogue
        self._environments = environments
        self._options_for = options_for
        self._runs_dir = runs_dir
        self._preflights = preflights
        self._report = tasks.report
        # A disk that hangs must hold up neither the start of a run nor the rest of the window.
        self._workers = Tasks(self, threads=2)
        self._workers.unhandled.connect(tasks.report)
        self.hosting = Hosting(self)
        self.controls = RunControls(self.hosting, self._workers, tasks.report, self)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._tick)
        self._current: RunFolder | None = None
        self._follower: Follower | None = None
        self._opened_now = False
        self._kept = 0
        self._waiting: deque[Event] = deque()
        self._update: Update | None = None
        self._log = KeptLog()
        self._to_announce: RunFolder | None = None
        self._starting = False
        self._stop = StopRequest()
        self._stop_stage = StopStage.NONE
        self._metrics: RunMetrics | None = None
        self.progress: Progress | None = None
        self.ending = Ending.STARTING
        self.outcome: Outcome | None = None

    # --- what is on show ---------------------------------------------------------------------------------------

    @property
    def current(self) -> RunFolder | None:
        """The run on show, None before the first."""
        return self._current

    @property
    def name(self) -> str:
        """What a person calls it; "" where there is none."""
        folder = self._current
        if folder is None:
            return ""
        return folder.name if self._opened_now else folder.path.name

    @property
    def metrics(self) -> RunMetrics:
        """Its numbers; another object for another run."""
        if self._metrics is None:
            from core.metrics.run_metrics import RunMetrics

            self._metrics = RunMetrics()
        return self._metrics

    @property
    def opened(self) -> bool:
        """Whether name, job and command of the run on show can be asked for without a look at the disk."""
        return self._opened_now

    @property
    def running(self) -> bool:
        """Whether the run on show goes on."""
        return self._current is not None and not self.ending.is_over

    @property
    def starting(self) -> bool:
        """Whether a start is under way."""
        return self._starting

    @property
    def stop_stage(self) -> StopStage:
        """How far a stop of the run on show has gone."""
        return self._stop_stage

    @property
    def log(self) -> str:
        """The last part of its log."""
        return self._log.text

    # --- starting ----------------------------------------------------------------------------------------------

    def environment_for(self, job: Job) -> Environment | None:
        """What would train the job: the environment it names, else the selected one; none for the built-in trainer."""
        if job.engine == "builtin":
            return None
        return self._environments.get(job.environment) if job.environment else self._environments.selected

    def problems(self, job: Job) -> tuple[StartProblem, ...]:
        """What prevents a start, as far as can be told without touching the disk."""
        environment = self.environment_for(job)
        report = self._environments.report(environment.id) if environment is not None else None
        spec = self._catalogue.find_for_options(job.options)
        state = None
        if spec is not None and environment is not None and environment == self._environments.selected:
            state = self._environments.state(spec, fast=is_fast(job, spec))
        options = self._options_for(job.script)
        kept = self._preflights.problems(job, environment) if self._preflights is not None else ()
        args = {"environment": environment, "report": report, "state": state, "options": options}
        return find_problems(job, **args, catalogue=self._catalogue) + kept

    def start(self, job: Job, *, base: Path | None = None, anyway: bool = False) -> bool:
        """Starts a job, unless something prevents it (`refused`). `base`: where a built-in training's relative paths start.

        With `anyway` its optimizer is not tried before.
        """
        if self._starting:
            return False
        if problems := [problem for problem in self.problems(job) if not problem.may_start]:
            self.refused.emit(tuple(problems))
            return False
        place, options = self.environment_for(job), self._options_for(job.script)
        work = partial(start_job, job, place, options, self._catalogue, runs_dir=self._runs_dir, base=base, hosting=self.hosting)
        check = self._preflights
        if check is not None:
            check.keep(job, place, None)
            if check.wanted(job) and not anyway:
                work = partial(check.before, work, job, place, options)
        self._set_starting(True)
        failed = partial(self._not_launched, job, place)
        self._workers.start(work, done=self._launched, failed=failed, owner=self)
        return True

    def _launched(self, folder: RunFolder) -> None:
        self._set_starting(False)
        self.attach(folder)
        self.started.emit(folder)

    def _not_launched(self, job: Job, place: Environment | None, error: BaseException) -> None:
        if isinstance(error, PreflightFailed) and self._preflights is not None:
            self._preflights.keep(job, place, error.report)
        self._set_starting(False)
        if isinstance(error, PreflightFailed):
            self.refused.emit(self.problems(job))
        elif isinstance(error, CaddieError):
            self.failed.emit(error)
        else:
            self._report(error)

    def _set_starting(self, on: bool) -> None:
        self._starting = on
        self.starting_changed.emit()

    # --- following ---------------------------------------------------------------------------------------------

    def attach(self, folder: RunFolder) -> None:
        """Puts a run on show and follows it to its end. The run that was on show goes on by itself."""
        self.detach()
        self._current = folder
        self._workers.start(
            open_run,
            folder,
            self.hosting,
            done=lambda made: self._opened(folder, made),
            failed=lambda error: self._lost(folder, error),
        )
        self.current_changed.emit()

    def detach(self) -> None:
        """Takes the run off the show and stops following it; it goes on."""
        self._timer.stop()
        if self._current is not None:
            self.hosting.leave(self._current)
        self.controls.show_run(None)
        self._current = self._follower = self._update = self.progress = self.outcome = None
        self._opened_now = False
        self._waiting.clear()
        self._log.clear()
        self._stop = StopRequest()
        self._set_stage(StopStage.NONE)
        self._metrics = None
        self.ending = Ending.STARTING

    def look_for_running(self) -> None:
        """Attaches to the latest run that is going on, if nothing else is on show."""
        self._workers.start(find_running, self._runs_dir, done=self._found, owner=self)

    def recent(self, done: Callable[[list[RunSummary]], None], *, limit: int = 50, owner: QObject | None = None) -> None:
        """Reads the list of runs, the newest first, and hands it to `done`."""
        self._workers.start(summaries, self._runs_dir, limit, done=done, owner=owner or self)

    def close(self) -> None:
        """Ends the window's own training, follows no more and lets the workers end."""
        self.hosting.close()
        if self._preflights is not None:
            self._preflights.close()
        self.detach()
        self._workers.wait()
        self.hosting.close()  # a worker may just have begun one, and nothing would end it any more

    def _found(self, folder: RunFolder | None) -> None:
        if folder is not None and self._current is None and not self._starting:
            self.attach(folder)
            self._to_announce = folder

    def _opened(self, folder: RunFolder, made: tuple[Follower, RunMetrics, StopRequest, list[Event]]) -> None:
        if folder is self._current:
            self._follower, self._metrics, self._stop, told = made
            self._kept = self._follower.consumed
            self._opened_now = True
            self.controls.show_run(folder)
            self.controls.hear(told, since=None, late=True)
            self.current_changed.emit()
            if folder is self._to_announce:
                self._to_announce = None
                self.found.emit()
            self._poll()

    def _lost(self, folder: RunFolder, error: BaseException) -> None:
        if folder is not self._current:
            return
        if isinstance(error, CaddieError):
            self.failed.emit(error)
        else:
            self._report(error)
        self.detach()
        self.current_changed.emit()

    def _poll(self) -> None:
        follower = self._follower
        if follower is not None:
            self._workers.start(
                follower.poll,
                done=lambda update: self._arrived(follower, update),
                failed=lambda error: self._missed(follower, error),
            )

    def _missed(self, follower: Follower, error: BaseException) -> None:
        if follower is not self._follower:
            return
        if isinstance(error, OSError):
            self._timer.start(10 * POLL_MS)  # a network drive that is away comes back; the run goes on meanwhile
        else:
            self._lost(follower.run, error)

    def _arrived(self, follower: Follower, update: Update) -> None:
        if follower is not self._follower:
            return  # of a run that is not on show any more
        self._update = update
        if self.controls.hear(update.events, since=self._stop.asked):
            self._stop = StopRequest()  # the save that should have come first was not possible
        self._waiting.extend(update.events)
        self._log.add(update.log)
        self._take()

    def _tick(self) -> None:
        if self._waiting or self._update is not None:
            self._take()
        else:
            self._poll()

    def _take(self) -> None:
        """Takes in a slice of what arrived; the window draws and answers between two of them."""
        update = self._update
        assert update is not None
        self.metrics.feed([self._waiting.popleft() for _ in range(min(SLICE, len(self._waiting)))])
        if self._waiting:
            self._timer.start(0)
            return
        self._update = None
        self.progress, self.ending, self.outcome = update.progress, update.ending, update.outcome
        self._follow_stop()
        follower = self._follower
        over = update.ending.is_over and not update.behind
        self._kept = keep_when_grown(self._workers, follower, self._metrics, self._kept, over=over)
        if over:
            self._follower = None
        else:
            self._timer.start(0 if update.behind else POLL_MS)
        self.updated.emit(update)
        # A listener may have put another run on show.
        if over and self._follower is None and follower is not None and follower.run is self._current:
            self._set_stage(StopStage.NONE)
            self.ended.emit(update.outcome)

    # --- stopping ----------------------------------------------------------------------------------------------

    def stop(self, *, now: bool = False, save: bool = False) -> None:
        """Asks the run on show to end, with a save before it or without; with `now` it is ended without being asked."""
        folder = self._current
        if folder is None or self.ending.is_over:
            return
        self._stop.ask(now=now, save=save)
        self._follow_stop()
        if self.hosting.of(folder) is not None:
            self.hosting.stop(save=save)
        work = partial(self.controls.request_stop, folder, now=now, save=save)
        self._workers.start(work, failed=self._cannot_stop, owner=self)

    def _cannot_stop(self, error: BaseException) -> None:
        self._stop = StopRequest()
        self._set_stage(StopStage.NONE)
        self._report(error)

    def _follow_stop(self) -> None:
        if self._current is not None and not self.ending.is_over:
            companion = self._follower is None or self._follower.run.command.companion
            self._set_stage(self._stop.stage(hosted=self.controls.now.hosted, companion=companion))

    def _set_stage(self, stage: StopStage) -> None:
        if stage is not self._stop_stage:
            self._stop_stage = stage
            self.stop_changed.emit()
