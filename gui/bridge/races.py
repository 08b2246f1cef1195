"""Races off the GUI thread: made, looked at, written as a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from core.catalogue.catalogue import Catalogue
from core.environment.model import Environment
from core.job.model import Job
from core.text import Language, Text
from gui.bridge.tasks import Tasks

if TYPE_CHECKING:  # the window opens without them
    from core.metrics.run_metrics import RunMetrics
    from core.race.plan import Entrant
    from core.race.report import Line, Standing
    from core.race.store import Race


@dataclass(frozen=True, slots=True, kw_only=True)
class RaceLook:
    """A race at one moment.

    Attributes:
        race: which.
        lines: every training.
        table: the standings, the best first.
        caution: what must not be concluded.
        metrics: name of a training -> its curves.
        over: nothing trains or waits any more.
        paused: nothing more is started.
    """

    race: Race
    lines: tuple[Line, ...]
    table: tuple[Standing, ...]
    caution: Text | None
    metrics: dict[str, RunMetrics]
    over: bool
    paused: bool


class Races(QObject):
    """Signals:
    made: a Race that was begun.
    refused: the error that kept one from beginning.
    listed: list of Race, the newest first.
    looked: a RaceLook.
    written: path of a page.
    """

    made = Signal(object)
    refused = Signal(object)
    listed = Signal(object)
    looked = Signal(object)
    written = Signal(object)

    def __init__(self, tasks: Tasks, catalogue: Catalogue, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tasks = tasks
        self._catalogue = catalogue
        self._looking = False

    def begin(self, job: Job, racing: Sequence[Entrant], environment: Environment | None, base: Path | None) -> None:
        """Checks every training, writes the race down and starts it."""
        catalogue = self._catalogue

        def work() -> Race:
            from core.race.check import refuse
            from core.race.store import create_race, start_race

            refuse(racing, environment, catalogue)
            race = create_race(job, racing, environment=environment, base=base)
            start_race(race)
            return race

        self._tasks.start(work, done=self.made.emit, failed=self.refused.emit, owner=self)

    def list(self) -> None:
        """Finds the races."""

        def work() -> list[Race]:
            from core.race.store import list_races

            return list_races()

        self._tasks.start(work, done=self.listed.emit, owner=self)

    def look(self, race: Race) -> None:
        """How it stands; nothing while the last look is not over."""
        if self._looking:
            return
        self._looking = True
        self._tasks.start(lambda: _look(race), done=self._on_looked, failed=self._on_failed, owner=self)

    def pause(self, race: Race, on: bool) -> None:
        """Starts nothing more; or lets it go on."""

        def work() -> None:
            from core.race.store import start_race

            if on:
                race.queue.pause()
            else:
                start_race(race)

        self._tasks.start(work, owner=self)

    def write(self, race: Race, path: Path, language: Language) -> None:
        """Writes the page."""

        def work() -> Path:
            from core.race.page import write_page

            write_page(race, path, language)
            return path

        self._tasks.start(work, done=self.written.emit, owner=self)

    def _on_looked(self, look: RaceLook) -> None:
        self._looking = False
        self.looked.emit(look)

    def _on_failed(self, error: BaseException) -> None:
        self._looking = False
        self._tasks.report(error)


def _look(race: Race) -> RaceLook:
    from core.metrics.reading import read_metrics
    from core.race.report import caution, lines_of, standings
    from core.race.store import is_over, tag_runs
    from core.runs.folder import RunFolder

    snapshot = race.queue.read()
    tag_runs(race, snapshot)
    lines = lines_of(race)
    table = standings(lines)
    records = {line.member.name: line.record for line in lines if line.record is not None and line.record.damage is None}
    return RaceLook(
        race=race,
        lines=lines,
        table=table,
        caution=caution(table),
        metrics={name: read_metrics(RunFolder(record.folder)) for name, record in records.items()},
        over=is_over(snapshot),
        paused=snapshot.control.paused,
    )
