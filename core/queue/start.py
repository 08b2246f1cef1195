"""Starts the training of an entry, as `run JOB` and the window's button do, and ties it to the entry before it begins."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from core.catalogue.catalogue import Catalogue
from core.catalogue.loader import load_catalogue
from core.environment.model import Environment
from core.errors import CaddieError, Problems
from core.job.check import refuse_faults
from core.job.missing import missing_faults
from core.job.model import Job
from core.options.model import OptionSet
from core.options.reader import read_checkout
from core.options.snapshot import snapshot_for
from core.queue.lanes import lane_variables
from core.queue.model import Entry
from core.queue.store import Queue
from core.runs.folder import RunFolder
from core.runs.launch import start_run, start_supervisor
from core.text import Text


class Withdrawn(CaddieError):
    """The entry was changed by somebody else meanwhile; nothing was started."""


@dataclass(frozen=True)
class Starter:
    """Starts entries of one queue.

    Attributes:
        queue: the queue.
        runs_dir: where the run's folders are made; the user's runs folder if None.
    """

    queue: Queue
    runs_dir: Path | None = None

    def start(self, entry: Entry, lane: str) -> RunFolder:
        """Starts the training of an entry that was claimed (its state is STARTING), and returns at once.

        Raises:
            CaddieError: it cannot be started; nothing of it runs. Its cause is an OSError where the disk is at fault.
            Withdrawn: see there.
        """
        job = self.queue.job(entry.id)
        catalogue = load_catalogue()
        variables = lane_variables(lane)

        def begin(folder: RunFolder) -> None:
            # Known to the entry before anything can train: whoever comes after a sudden death finds it.
            if not self.queue.put(replace(entry, run=folder.path), over=entry):
                raise Withdrawn(Text("The entry was changed meanwhile.", "項目が変更されました。"))
            start_supervisor(folder)

        if job.engine == "builtin":
            from core.runs.builtin import start_builtin_run

            return start_builtin_run(
                job,
                builtin_options(job),
                catalogue=catalogue,
                runs_dir=self.runs_dir,
                base=entry.base,
                variables=variables,
                begin=begin,
            )
        environment = needed_environment(entry)
        options = options_of(job, environment)
        refuse_what_fails(job, options, catalogue)
        if entry.preflight:
            _try_optimizer(job, environment, options, catalogue)
        return start_run(job, environment, options, catalogue=catalogue, runs_dir=self.runs_dir, variables=variables, begin=begin)


def needed_environment(entry: Entry) -> Environment:
    """Where an entry for sd-scripts trains.

    Raises:
        CaddieError: nobody said.
    """
    if entry.environment is None or entry.environment.sd_scripts is None:
        raise CaddieError(
            Text(
                f"“{entry.name}” trains with sd-scripts, but was added without an environment.",
                f"「{entry.name}」は sd-scripts で学習するジョブですが、環境なしで追加されています。",
            )
        )
    return entry.environment


def builtin_options(job: Job) -> OptionSet:
    """What a job for the built-in trainer is checked against."""
    return snapshot_for(job.script) or OptionSet(script=job.script, options={}, source="snapshot")


def options_of(job: Job, environment: Environment) -> OptionSet:
    """What the job's script accepts in that checkout.

    Raises:
        CaddieError: the checkout has no such script, or it cannot be read.
    """
    checkout = environment.sd_scripts
    assert checkout is not None, "needed_environment gives none without"
    if not (checkout / job.script).is_file():
        raise CaddieError(Text(f"{job.script} is not in {checkout}.", f"{checkout} に {job.script} がありません。"))
    return read_checkout(checkout, [job.script])[job.script]


def refuse_what_fails(job: Job, options: OptionSet, catalogue: Catalogue) -> None:
    """Raises Problems for what would make a job for sd-scripts fail, or what it lacks."""
    missing = missing_faults(job, options)
    if missing:
        heading = Text("This job is not complete:", "このジョブには不足があります:")
        raise Problems(heading, [fault.sentence() for fault in missing])
    refuse_faults(job, options, catalogue)


def _try_optimizer(job: Job, environment: Environment, options: OptionSet, catalogue: Catalogue) -> None:
    from core.preflight.request import question
    from core.preflight.trial import preflight

    report = preflight(question(job, options, catalogue), environment)
    if report.ending == "failed":
        told = [text for text in (report.problem, report.advice) if text is not None]
        heading = Text("The preflight failed, so it was not started:", "事前テストに失敗したため、開始しませんでした:")
        raise Problems(heading, told)
