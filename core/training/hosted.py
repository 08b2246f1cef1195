"""A training on a thread of this process: the window's own. Its run folder is like any other's, so that everything else follows
it as usual; whoever hosts it hears of the events without any file in between. Nothing here imports torch before the thread does.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TextIO, TypeAlias

from core.catalogue.catalogue import Catalogue
from core.errors import CaddieError
from core.job.model import Job
from core.options.model import OptionSet
from core.runs.builtin import checked_plan, hosted_command
from core.runs.events import Event
from core.runs.evidence import Seen, gather
from core.runs.folder import RunFolder, update_processes
from core.runs.follow import Follower
from core.runs.judge import judge
from core.runs.launch import start_prepared
from core.runs.outcome import Outcome
from core.runs.processes import identify
from core.runs.records import write_outcome
from core.text import Text
from core.training.control import Control
from core.training.log_lines import LogLines
from core.training.places import at
from core.training.plan import Plan
from core.training.reporting import EventFile, Reporter
from core.training.session import End, borrowed_process, free_memory, train

_LOGGERS = ("core.training", "py.warnings", "torch", "diffusers", "transformers", "accelerate")
"""Whose records go into the log: nobody else in this process uses them while it trains."""
Loaded: TypeAlias = Callable[[Control], None]
_logger = logging.getLogger(__name__)


class HostedTraining:
    """One training.

    Args:
        folder: of the run, with its job in it.
        plan: of the job, with whole paths.
        loaded: called by its thread when the libraries are there and nothing of the training is. Whoever gives it also frees the
            memory at the end, with `free_memory`; else the thread does.
    """

    def __init__(self, folder: RunFolder, plan: Plan, *, loaded: Loaded | None = None) -> None:
        self.folder = folder
        self.control = Control(folder.stop_file)
        self.outcome: Outcome | None = None
        self.context_lost = False
        self._plan = plan
        self._loaded = loaded
        self._events: deque[Event] | None = deque()
        self._seen = Seen()
        self._thread = threading.Thread(target=self._work, name="caddie-training")

    def start(self) -> None:
        """Writes down who trains, and begins.

        Raises:
            OSError: the run's folder cannot be written.
        """
        update_processes(self.folder, host=identify(os.getpid()), started_at=time.time())
        self._thread.start()

    @property
    def is_over(self) -> bool:
        """Whether it has ended and freed what it held."""
        return self.outcome is not None

    def wait(self, seconds: float | None = None) -> bool:
        """Waits for the end; returns whether it came."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def take_events(self) -> list[Event]:
        """What happened since the last look, in order."""
        events = self._events
        return [events.popleft() for _ in range(len(events))] if events else []

    def leave_events(self) -> None:
        """Nobody looks any more: nothing is kept for him."""
        self._events = None

    @property
    def keeps_events(self) -> bool:
        """Whether every event so far can still be taken, or has been."""
        return self._events is not None

    def _hear(self, event: Event) -> None:
        self._seen.add(event)
        events = self._events
        if events is not None:
            events.append(event)

    def _work(self) -> None:
        end = End("raised", "the training did not begin")
        # Files of a full disk fail once more when they are closed, which must not take away the end.
        with contextlib.suppress(OSError), contextlib.ExitStack() as held:
            reporter = Reporter(self._hear)
            try:
                log = held.enter_context(open(self.folder.log_file, "a", encoding="utf-8", newline="\n"))
                file = EventFile(self.folder.events_file)
                held.callback(file.close)
                for listener in (file, LogLines(log)):
                    reporter.listen(listener)
                held.enter_context(_records_into(log))
                held.enter_context(borrowed_process())
                if self._loaded is not None:
                    importlib.import_module("core.training.prepare")
                    self._loaded(self.control)
                end = End("stopped") if self.control.is_stopping() else train(self._plan, reporter, self.control, log)
            except Exception as error:  # noqa: BLE001 -- no file for the log, no torch: an end like any other
                end = End("raised", f"{type(error).__name__}: {error}")
            reporter.finished(end.how, end.error)
        self.context_lost = end.context_lost
        if self._loaded is None:
            free_memory()
        self._conclude(end)

    def _conclude(self, end: End) -> None:
        evidence = gather(self.folder, exit_code=None, ended_at=time.time(), heard=self._seen)
        # Where the disk is full, the events could not say it.
        outcome = judge(replace(evidence, how=end.how, raised=end.error))
        try:
            write_outcome(self.folder.outcome_file, outcome)
        except FileNotFoundError:
            pass  # somebody has deleted the run
        except OSError:
            _logger.exception("The outcome (%s) is not written", outcome.sentence.en)
        self.outcome = outcome


class HostedFollower(Follower):
    """Follows a training of this process: events come from its thread, the rest from the run's folder."""

    def __init__(self, training: HostedTraining, *, log_tail: int | None = None) -> None:
        super().__init__(training.folder, log_tail=log_tail)
        self._training = training

    def _outcome(self) -> Outcome | None:
        return self._training.outcome

    def _new_events(self) -> tuple[list[Event], bool]:
        return self._training.take_events(), False


class Host:
    """The trainings of this process: one at a time.

    Args:
        loaded: of each training, see there.
    """

    def __init__(self, loaded: Loaded | None = None) -> None:
        self._loaded = loaded
        self._lock = threading.Lock()
        self._training: HostedTraining | None = None
        self._context_lost = False

    @property
    def latest(self) -> HostedTraining | None:
        """The one that was begun last, over or not."""
        return self._training

    @property
    def training(self) -> HostedTraining | None:
        """The one that is under way; None where none is."""
        training = self._training
        return training if training is not None and not training.is_over else None

    def begin(
        self,
        job: Job,
        options: OptionSet,
        *,
        catalogue: Catalogue | None = None,
        runs_dir: Path | None = None,
        base: Path | None = None,
    ) -> RunFolder:
        """Starts a training and returns at once.

        Args:
            job: what to train.
            options: what the job's script accepts.
            catalogue: knows what the optimizer's arguments need; the shipped one if None.
            runs_dir: where the run's folder is made; the user's runs folder if None.
            base: what relative paths of the job start from; the current folder if None.

        Raises:
            Problems: what the built-in trainer cannot do, or values that would make it fail.
            CaddieError: another one is under way, the GPU was lost, packages are missing, or the folder cannot be made.
        """
        start = (base or Path.cwd()).absolute()
        with self._lock:
            self._refuse()
            plan = at(checked_plan(job, options, catalogue), start)
            begun: list[HostedTraining] = []

            def begin_in(folder: RunFolder) -> None:
                training = HostedTraining(folder, plan, loaded=self._loaded)
                training.start()
                begun.append(training)

            folder = start_prepared(job, runs_dir, lambda made: hosted_command(job, made, start), begin_in)
            self._training = begun[0]
        return folder

    def follower(self, folder: RunFolder, *, log_tail: int | None = None) -> Follower | None:
        """A follower without files in between, for the first who asks; None where the run's files have to be read."""
        training = self._training
        if training is None or training.folder != folder or not training.keeps_events:
            return None
        return HostedFollower(training, log_tail=log_tail)

    def leave(self, folder: RunFolder) -> None:
        """Nobody follows the run from here any more; whoever comes back reads its files."""
        if self._training is not None and self._training.folder == folder:
            self._training.leave_events()

    def _refuse(self) -> None:
        training = self._training
        if training is not None and not training.is_over:
            raise CaddieError(
                Text(
                    f"“{training.folder.name}” is still training in this window, and it can do one at a time. Stop it first, or let "
                    "this job train in a process of its own (Set up, Engine).",
                    f"「{training.folder.name}」がこのウィンドウで学習中です。同時に実行できるのは 1 つだけです。先に停止するか、"
                    "設定ページの「エンジン」で、このジョブを別プロセスで実行するようにしてください。",
                )
            )
        self._context_lost = self._context_lost or (training is not None and training.context_lost)
        if self._context_lost:
            raise CaddieError(
                Text(
                    "An error of CUDA has made the GPU unusable for this window. Restart Caddie, or let this job train in a process "
                    "of its own (Set up, Engine).",
                    "CUDA のエラーにより、このウィンドウからは GPU を使えなくなりました。Caddie を再起動するか、"
                    "設定ページの「エンジン」で、このジョブを別プロセスで実行するようにしてください。",
                )
            )


@contextlib.contextmanager
def _records_into(log: TextIO) -> Iterator[None]:
    """Warnings of the trainer and its libraries go into the run's log as well."""
    handler = logging.StreamHandler(log)
    handler.setLevel(logging.WARNING)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
