"""Tries the optimizer before each start, once for the same settings, and keeps what it found."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, TypeVar

from core.catalogue.catalogue import Catalogue
from core.environment.model import Environment
from core.errors import CaddieError
from core.job.model import Job
from core.options.model import OptionSet
from core.text import Text, join_sentences
from gui.bridge.run_problems import StartProblem

if TYPE_CHECKING:  # a window that starts nothing does not need it
    from core.preflight.model import Report

KEY = "preflight"
"""The setting's name; it is on until somebody switches it off."""
Made = TypeVar("Made")


class Switches(Protocol):
    """What is needed of `Settings`."""

    def flag(self, key: str, default: bool = False, /) -> bool:
        """A switch, or `default`."""
        ...


class PreflightFailed(CaddieError):
    """The optimizer did not pass, so nothing was started.

    Attributes:
        report: what was found.
    """

    def __init__(self, report: Report) -> None:
        super().__init__(words_of(report))
        self.report = report


def words_of(report: Report) -> Text:
    """What is wrong and what to do, in one paragraph."""
    texts = [text for text in (report.problem, report.advice) if text is not None]
    return Text(join_sentences(*(text.en for text in texts)), join_sentences(*(text.ja for text in texts)))


class Preflights:
    """What passed in this session, and what did not pass last.

    A training by the built-in trainer is not tried here: it takes the same two steps itself before it loads anything.
    """

    def __init__(self, settings: Switches, catalogue: Catalogue) -> None:
        self._settings = settings
        self._catalogue = catalogue
        self._passed: set[str] = set()
        self._failed: tuple[Job, str | None, Report] | None = None
        self._stop = threading.Event()

    @property
    def enabled(self) -> bool:
        """Whether a start is preceded by a preflight."""
        return self._settings.flag(KEY, True)

    def wanted(self, job: Job) -> bool:
        """Whether the start of that job is preceded by one."""
        return self.enabled and job.engine != "builtin"

    def before(self, launch: Callable[[], Made], job: Job, environment: Environment | None, options: OptionSet) -> Made:
        """Launches if the optimizer passes, cannot be tried, or passed before. For a worker thread.

        Raises:
            PreflightFailed: it did not pass, or was stopped.
        """
        from core.preflight.request import question
        from core.preflight.trial import preflight

        asked = question(job, options, self._catalogue)
        key = asked.key(environment)
        if key not in self._passed:
            report = preflight(asked, environment, stop=self._stop)
            if report.ending in ("failed", "stopped"):
                raise PreflightFailed(report)
            if report.ending == "passed":
                self._passed.add(key)
        return launch()

    def keep(self, job: Job, environment: Environment | None, report: Report | None) -> None:
        """Remembers what a job failed with; None forgets it."""
        self._failed = None if report is None else (_nameless(job), environment.id if environment else None, report)

    def problems(self, job: Job, environment: Environment | None) -> tuple[StartProblem, ...]:
        """Why that job did not pass; nothing once anything of it has changed."""
        if self._failed is None:
            return ()
        failed, place, report = self._failed
        if failed != _nameless(job) or place != (environment.id if environment else None) or report.ending != "failed":
            return ()
        if report.error.startswith(("ImportError", "ModuleNotFoundError")):
            spec = self._catalogue.find_for_options(job.options)
            return (StartProblem(words_of(report), "environment", spec.id if spec else "", may_start=True),)
        return (StartProblem(words_of(report), "setup", "option:optimizer_type", may_start=True),)

    def close(self) -> None:
        """Ends a trial that is under way."""
        self._stop.set()


def _nameless(job: Job) -> Job:
    return replace(job, name="")
