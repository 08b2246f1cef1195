"""What is said of the open job, kept up to date while somebody edits it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from core.advice.model import Finding
from core.catalogue.catalogue import Catalogue
from gui.bridge.clock import Delay
from gui.bridge.environment_service import EnvironmentService
from gui.bridge.job_session import JobSession
from gui.bridge.tasks import Tasks

if TYPE_CHECKING:
    from core.advice.facts import Facts  # late: the window opens without what reads models and folders
    from core.environment.model import Environment, ProbeReport

DELAY = 120
"""Milliseconds between an edit and the new findings: all rules together take less than 5."""
DISK_DELAY = 600
"""Milliseconds after the last change of a path until the disk is looked at."""


class Advice(QObject):
    """Signals:
    changed: `findings` are others.
    """

    changed = Signal()

    def __init__(
        self,
        session: JobSession,
        catalogue: Catalogue,
        environments: EnvironmentService,
        tasks: Tasks,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._catalogue = catalogue
        self._environments = environments
        self._tasks = tasks
        self._findings: tuple[Finding, ...] = ()
        self._facts: Facts | None = None
        self._looked_at: tuple[object, ...] = ()
        self._delay = Delay(self.renew, DELAY, self)
        self._disk_delay = Delay(self.look, DISK_DELAY, self)
        session.changed.connect(self._follow)
        session.replaced.connect(self.look)
        session.options_changed.connect(self._delay.start)
        environments.selected_changed.connect(lambda *_: self._disk_delay.start())
        environments.report_changed.connect(lambda *_: self._delay.start())
        self._follow()

    def _follow(self, *_: object) -> None:
        self._delay.start()
        if self._named() != self._looked_at:
            self._disk_delay.start()

    def _named(self) -> tuple[object, ...]:
        """On what the facts depend."""
        from core.advice.facts import paths_of

        return (*paths_of(self._session.job), *self._place())

    def _environment(self) -> Environment | None:
        """The one that would train."""
        named = self._session.job.environment
        return self._environments.get(named) if named else self._environments.selected

    def _place(self) -> tuple[Path | None, Path | None]:
        """Its checkout and its interpreter."""
        environment = self._environment()
        return (environment.sd_scripts, environment.python) if environment is not None else (None, None)

    def _report(self) -> ProbeReport | None:
        """What was seen of the environment that would train."""
        environment = self._environment()
        return self._environments.report(environment.id) if environment is not None else None

    def look(self) -> None:
        """Looks at the disk again, in a worker."""
        from core.advice.facts import gather_facts

        self._disk_delay.stop()
        self._looked_at = named = self._named()
        job, (base, python) = self._session.job, self._place()

        def take(facts: Facts) -> None:
            if named == self._looked_at:  # another look was begun meanwhile
                self._facts = facts
                self.renew()

        self._tasks.start(partial(gather_facts, python=python), job, base, done=take, owner=self)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found last, the worst first."""
        return self._findings

    def renew(self) -> None:
        """Looks at the job as it is now."""
        from core.advice.review import review  # late: the window opens without the rules

        self._delay.stop()
        session = self._session
        self._findings = tuple(
            review(session.job, session.options, self._catalogue, facts=self._facts, report=self._report(), unfinished=True)
        )
        self.changed.emit()

    def mend(self, finding: Finding, label: str) -> None:
        """Applies one fix to the job as it is now; one step of undo."""
        if finding.fix is not None:
            self._session.edit(finding.fix.apply(self._session.job), label)
            self.renew()

    def mend_all(self, label: str) -> None:
        """Applies every fix of an error or a warning; one step of undo."""
        from core.advice.review import mend

        session = self._session
        session.edit(mend(session.job, session.options, self._catalogue, self._facts, self._report()), label)
        self.renew()
