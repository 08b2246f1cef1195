"""The watchdogs over the run on show: told at the top of the window, by the system, and obeyed where the user says so."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from core.runs.outcome import Ending
from core.watch.model import CAN_STOP, Alarm, Dog, WatchSettings
from core.watch.surroundings import Around, look_around
from gui.bridge.clock import Delay
from gui.bridge.notices import Notice, Tone
from gui.bridge.run_stop import StopStage
from gui.bridge.settings import Settings
from gui.services import Services

if TYPE_CHECKING:  # numpy is imported when there is a run: the window opens without it
    from core.job.model import Job
    from core.runs.folder import RunFolder
    from core.runs.follow import Update
    from core.watch.watchdogs import Watchdogs

LOOK_MS = 1000
AROUND_MS = 30_000
_TONES: dict[Dog, Tone] = {Dog.NAN_LOSS: "danger", Dog.DIVERGED: "danger", Dog.GPU: "danger", Dog.D_RISING: "info"}
_GIB = 2**30


def watch_settings(settings: Settings) -> WatchSettings:
    """What the user chose; all watch and none stops until then."""
    off, stop = settings.texts("watch_off"), settings.texts("watch_stop")
    return WatchSettings(
        on=frozenset(dog for dog in Dog if dog.value not in off),
        stop=frozenset(dog for dog in CAN_STOP if dog.value in stop),
        minutes=settings.number("watch_minutes", 10),
        free_bytes=settings.number("watch_free_gib", 2) * _GIB,
    )


def notice_key(dog: Dog) -> str:
    """Of the notice of one watchdog: a later word takes the place of a former."""
    return f"watch-{dog.value}"


class Watching(QObject):
    """Looks once a second at a run that goes on, and every half minute at disk and GPU.

    Signals:
        barked: an Alarm that is new, and what Caddie does about it, in words of the language on screen.
    """

    barked = Signal(object, str)

    def __init__(self, services: Services, parent: QObject | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(parent)
        self._services = services
        self._clock = clock
        self._folder: RunFolder | None = None
        self._job: Job | None = None
        self._dogs: Watchdogs | None = None
        self._told: set[Dog] = set()
        self._active_at = 0.0
        self._log = ""
        self._around: Around | None = None
        self._places: tuple[Path, ...] = ()
        self._look = Delay(self.look, LOOK_MS, self)
        self._look_around = Delay(self._ask_around, AROUND_MS, self)
        services.runs.current_changed.connect(self._another)
        services.runs.updated.connect(self._updated)
        services.settings.changed.connect(self._settings_changed)

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """What is to be told of the run on show."""
        return self._dogs.active if self._dogs is not None else ()

    def _another(self) -> None:
        runs = self._services.runs
        if runs.current is self._folder:
            return
        self._leave()
        self._folder = runs.current
        if self._folder is not None:
            read = partial(_read, self._folder)
            done = partial(self._found, self._folder)
            self._services.tasks.start(read, done=done, owner=self)

    def _leave(self) -> None:
        self._look.stop()
        self._look_around.stop()
        for dog in self._told:
            self._services.notices.clear(notice_key(dog))
        self._told.clear()
        self._dogs, self._job, self._places, self._around, self._log = None, None, (), None, ""

    def _found(self, folder: RunFolder, found: tuple[Job | None, tuple[Path, ...]]) -> None:
        if folder is self._folder:
            self._job, self._places = found
            self._begin()

    def _begin(self) -> None:
        """Begins when the folder was read and it is known that the run goes on; what is over is the history's."""
        runs = self._services.runs
        if self._dogs is not None or not self._places or runs.ending is not Ending.RUNNING:
            return
        from core.watch.watchdogs import Watchdogs

        self._dogs = Watchdogs(runs.metrics, self._job, self._services.catalogue, watch_settings(self._services.settings))
        self._active_at = self._clock()
        self._look.start()
        self._ask_around()

    def _updated(self, update: Update) -> None:
        self._begin()
        if update.events or update.log:
            self._active_at = self._clock()
        self._log = (self._log + update.log)[-20_000:] if self._dogs is not None else ""
        if update.ending.is_over and self._dogs is not None:
            self.look()

    def look(self) -> None:
        """Looks now, and again in a second while the run goes on."""
        dogs, runs = self._dogs, self._services.runs
        if dogs is None:
            return
        from core.watch.watchdogs import Moment

        over = runs.ending.is_over
        # While it is paused or asked to end, standing still is what was wanted.
        idle = (
            0.0 if over or runs.controls.now.paused or runs.stop_stage is not StopStage.NONE else self._clock() - self._active_at
        )
        new = dogs.look(Moment(idle=idle, log=self._log, around=self._around, over=over))
        self._log, self._around = "", None
        for alarm in new:
            self._tell(alarm)
        for dog in self._told - {alarm.dog for alarm in dogs.active}:
            self._services.notices.clear(notice_key(dog))
            self._told.discard(dog)
        if over and not dogs.behind:
            self._look.stop()
            self._look_around.stop()
        else:
            self._look.start(0 if dogs.behind else LOOK_MS)

    def _ask_around(self) -> None:
        if self._dogs is not None:
            ask = partial(look_around, self._places)
            self._services.tasks.start(ask, done=partial(self._asked, self._dogs), owner=self)

    def _asked(self, dogs: Watchdogs, around: Around) -> None:
        if dogs is self._dogs and not self._services.runs.ending.is_over:
            self._around = around
            self._look_around.start()

    def _tell(self, alarm: Alarm) -> None:
        services = self._services
        done = self._obey(alarm)
        name = services.runs.name
        self._told.add(alarm.dog)
        services.notices.post(
            Notice(
                text=partial(self._words, name, alarm, done),
                tone=_TONES.get(alarm.dog, "warning"),
                action=lambda: self.tr("Show"),
                run=lambda: services.navigate("run"),
                key=notice_key(alarm.dog),
            )
        )
        self.barked.emit(alarm, done())

    def _words(self, name: str, alarm: Alarm, done: Callable[[], str]) -> str:
        return f"{name}: {self._services.translation.say(alarm.text)} {done()}".strip()

    def _obey(self, alarm: Alarm) -> Callable[[], str]:
        """Saves and ends the training where the user wants that of this watchdog; what was done, in words."""
        runs = self._services.runs
        if self._dogs is None or alarm.dog not in self._dogs.settings.stop or not runs.running:
            return lambda: ""
        if runs.stop_stage is not StopStage.NONE:
            return lambda: ""
        if not runs.controls.now.can("save"):
            return lambda: self.tr("It could not be saved from here, so it goes on.")
        runs.stop(save=True)
        return lambda: self.tr("It is being saved and stopped, as the settings of the watchdogs say.")

    def _settings_changed(self, key: str) -> None:
        if key.startswith("watch_") and self._dogs is not None:
            self._dogs.settings = watch_settings(self._services.settings)


def _read(folder: RunFolder) -> tuple[Job | None, tuple[Path, ...]]:
    """The run's job, and the folders that are written to; for a worker thread."""
    from core.errors import CaddieError

    try:
        job = folder.job
    except (CaddieError, OSError):
        job = None
    places = [folder.path]
    try:
        output = folder.command.output_dir
    except (CaddieError, OSError):
        output = None
    if output:
        places.append(Path(output))
    return job, tuple(places)
