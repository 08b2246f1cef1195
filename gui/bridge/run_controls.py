"""What may be asked of the run on show beside its end: pause, save, sample; and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from core.errors import CaddieError
from core.runs.events import Event, Started, Wished
from core.runs.wish_words import ASKED, wish_words
from core.text import Text
from gui.bridge.hosting import Hosting
from gui.bridge.tasks import Tasks

if TYPE_CHECKING:
    from core.runs.folder import RunFolder
    from core.runs.wishes import Wish


class Deaf(str, Enum):
    """Why nobody in the training hears a wish."""

    NO = ""
    OFF = "off"  # the job wants no companion
    SOON = "soon"  # the first step is not done yet
    ALWAYS = "always"  # the script, or the way it is run, allows none


@dataclass(frozen=True, slots=True)
class Controls:
    """How the run on show can be guided.

    Attributes:
        possible: there is something to be asked, now or as a rule; else the buttons are not even shown.
        hosted: the window itself trains it: it cannot be ended without being asked, and ends with the window.
        paused: it is to hold.
        waiting: it holds.
        samples: the job names a file of prompts.
        hears: what it can be asked for: `save`, `sample`, `pause`.
        deaf: why it hears nothing.
    """

    possible: bool = False
    hosted: bool = False
    paused: bool = False
    waiting: bool = False
    samples: bool = False
    hears: frozenset[str] = frozenset()
    deaf: Deaf = Deaf.NO

    def can(self, wish: str) -> bool:
        """Whether it can be asked for that."""
        return wish in self.hears


class RunControls(QObject):
    """Hands wishes on: straight to the window's own training, through files to one in a process of its own.

    Signals:
        changed: `now` or `word` is another.
        failed: a wish was not fulfilled; the word (Text) on it.
    """

    changed = Signal()
    failed = Signal(object)

    def __init__(self, hosting: Hosting, workers: Tasks, failed: Callable[[BaseException], None], parent: QObject) -> None:
        super().__init__(parent)
        self._hosting = hosting
        self._workers = workers
        self._report = failed
        self._forget(None)
        hosting.changed.connect(self.changed)

    def _forget(self, folder: RunFolder | None) -> None:
        self._folder = folder
        self._engine = ""
        self._deaf = Deaf.NO
        self._hears: frozenset[str] = frozenset()
        self._samples = self._paused = self._holding = False
        self.word: Text | None = None

    @property
    def now(self) -> Controls:
        """How things stand. `word` says what became of the last wish."""
        if not self._engine:
            return Controls()
        training = self._hosting.of(self._folder)
        if training is not None:
            control = training.control
            return Controls(True, True, control.paused, control.waiting, self._samples, self._hears)
        return Controls(True, False, self._paused, self._holding, self._samples, self._hears, self._deaf)

    def show_run(self, folder: RunFolder | None) -> None:
        """Another run is on show, its files read; None for none."""
        self._forget(folder)
        if folder is not None:
            try:
                job = folder.job  # already read
            except CaddieError:
                pass  # its file is damaged: nobody knows what trains it
            else:
                self._engine = job.engine
                self._samples = bool(job.options.get("sample_prompts"))
                self._paused = folder.wishes.paused
                if job.engine == "builtin":
                    self._hears = frozenset(("save", "sample", "pause") if self._samples else ("save", "pause"))
                else:
                    self._deaf = Deaf.SOON if job.companion else Deaf.OFF
        self.changed.emit()

    def hear(self, events: Iterable[Event], *, since: float | None, late: bool = False) -> bool:
        """Takes in what the training tells; returns whether it goes on in spite of a stop.

        Args:
            events: new ones.
            since: when a stop was asked for, seconds since the epoch; None where none was.
            late: they were told before anybody listened.
        """
        told = [event for event in events if isinstance(event, Started | Wished)]
        goes_on = False
        for event in told:
            if isinstance(event, Started):
                self._hears = frozenset(event.hears) or (self._hears if self._engine == "builtin" else frozenset())
                self._deaf = Deaf.NO if self._hears else (Deaf.OFF if self._deaf is Deaf.OFF else Deaf.ALWAYS)
                continue
            self.word = wish_words(event)
            if event.stage == "failed" and not late:
                self.failed.emit(self.word)
            if event.stage == "done" and event.wish in ("pause", "go-on"):
                self._holding = event.wish == "pause"
            # A file's time may be that of a coarse clock.
            answers = since is not None and event.time > since - 1
            goes_on = goes_on or (answers and (event.wish, event.stage) == ("save-then-stop", "failed"))
        if told:
            self.changed.emit()
        return goes_on

    def pause(self, *, on: bool) -> None:
        """Holds the training between two steps, or lets it go on."""
        training, folder = self._hosting.of(self._folder), self._folder
        if training is not None:
            (training.control.pause if on else training.control.go_on)()
        elif folder is not None and self._engine:
            self._paused = on
            failed = partial(self._not_paused, folder, on)
            self._workers.start(lambda: folder.wishes.pause(on=on), failed=failed, owner=self)
        self._say(ASKED["pause" if on else "go-on"])

    def _not_paused(self, folder: RunFolder, on: bool, error: BaseException) -> None:
        if folder is self._folder:
            self._paused = not on
        self._not_asked(error)

    def _not_asked(self, error: BaseException) -> None:
        self._say(None)
        self._report(error)

    def ask(self, wish: Wish) -> None:
        """Asks for a save or for sample pictures now."""
        training, folder = self._hosting.of(self._folder), self._folder
        if training is not None:
            training.control.ask(wish)
        elif folder is not None and self._engine:
            self._workers.start(lambda: folder.wishes.ask(wish), failed=self._not_asked, owner=self)
        self._say(ASKED[wish])

    def _say(self, word: Text | None) -> None:
        self.word = word
        self.changed.emit()

    def request_stop(self, folder: RunFolder, *, now: bool, save: bool) -> None:
        """Writes the files that ask for the end; for a worker thread."""
        if save and self._engine:
            folder.wishes.save_at_stop()
        folder.request_stop(now=now)
