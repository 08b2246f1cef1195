"""What is said of the open job, kept up to date while somebody edits it."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from core.advice.model import Finding
from core.catalogue.catalogue import Catalogue
from gui.bridge.clock import Delay
from gui.bridge.job_session import JobSession

DELAY = 120
"""Milliseconds between an edit and the new findings: all rules together take less than 5."""


class Advice(QObject):
    """Signals:
    changed: `findings` are others.
    """

    changed = Signal()

    def __init__(self, session: JobSession, catalogue: Catalogue, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._catalogue = catalogue
        self._findings: tuple[Finding, ...] = ()
        self._delay = Delay(self.renew, DELAY, self)
        session.changed.connect(lambda _job: self._delay.start())
        session.options_changed.connect(self._delay.start)
        self._delay.start()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found last, the worst first."""
        return self._findings

    def renew(self) -> None:
        """Looks at the job as it is now."""
        from core.advice.review import review  # late: the window opens without the rules

        self._delay.stop()
        session = self._session
        self._findings = tuple(review(session.job, session.options, self._catalogue, unfinished=True))
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
        session.edit(mend(session.job, session.options, self._catalogue), label)
        self.renew()
