"""The watchdogs for somebody who follows a run in a terminal: what they see of the loss, of d, and of a standstill."""

from __future__ import annotations

import time
from collections.abc import Callable

from core.catalogue.loader import load_catalogue
from core.errors import CaddieError
from core.metrics.run_metrics import RunMetrics
from core.runs.folder import RunFolder
from core.runs.follow import Update
from core.watch.model import Alarm
from core.watch.watchdogs import Moment, Watchdogs


class Alarms:
    """Takes every update of a run that goes on.

    Args:
        run: the run.
        clock: seconds that never go back.
    """

    def __init__(self, run: RunFolder, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._metrics = RunMetrics()
        try:
            job = run.job
        except (CaddieError, OSError):
            job = None
        self._dogs = Watchdogs(self._metrics, job, load_catalogue())
        self._run, self._clock = run, clock
        self._active_at = clock()

    def take(self, update: Update) -> list[Alarm]:
        """The alarms that this update brings."""
        self._metrics.feed(update.events)
        if update.events or update.log or self._run.wishes.paused:
            self._active_at = self._clock()
        over = update.ending.is_over
        moment = Moment(idle=self._clock() - self._active_at, log=update.log, over=over)
        found = list(self._dogs.look(moment))
        while self._dogs.behind:
            found += self._dogs.look(Moment(over=over))
        return found
