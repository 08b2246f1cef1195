"""What may be asked of the run on show beside its end: pause, save, sample. Only the built-in trainer hears it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from core.errors import CaddieError
from gui.bridge.hosting import Hosting
from gui.bridge.tasks import Tasks

if TYPE_CHECKING:
    from core.runs.folder import RunFolder
    from core.runs.wishes import Wish


@dataclass(frozen=True, slots=True)
class Controls:
    """How the run on show can be guided.

    Attributes:
        possible: it hears wishes at all.
        hosted: the window itself trains it: it cannot be ended without being asked, and ends with the window.
        paused: it is to hold.
        waiting: it holds.
        samples: it knows what to draw.
    """

    possible: bool = False
    hosted: bool = False
    paused: bool = False
    waiting: bool = False
    samples: bool = False


class RunControls(QObject):
    """Hands wishes on: straight to the window's own training, through files to one in a process of its own.

    Signals:
        changed: `now` is another.
    """

    changed = Signal()

    def __init__(self, hosting: Hosting, workers: Tasks, failed: Callable[[BaseException], None], parent: QObject) -> None:
        super().__init__(parent)
        self._hosting = hosting
        self._workers = workers
        self._failed = failed
        self._folder: RunFolder | None = None
        self._possible = False
        self._samples = False
        self._paused = False
        hosting.changed.connect(self.changed)

    @property
    def now(self) -> Controls:
        """How things stand."""
        if not self._possible:
            return Controls()
        training = self._hosting.of(self._folder)
        if training is not None:
            control = training.control
            return Controls(True, True, control.paused, control.waiting, self._samples)
        return Controls(True, False, self._paused, self._paused, self._samples)

    def show_run(self, folder: RunFolder | None) -> None:
        """Another run is on show, its files read; None for none."""
        self._folder = folder
        self._possible = self._samples = self._paused = False
        if folder is not None:
            try:
                job = folder.job  # already read
            except CaddieError:
                pass  # its file is damaged: nobody knows what trains it
            else:
                self._possible = job.engine == "builtin"
                self._samples = bool(job.options.get("sample_prompts"))
                self._paused = self._possible and folder.wishes.paused
        self.changed.emit()

    def pause(self, *, on: bool) -> None:
        """Holds the training between two steps, or lets it go on."""
        training, folder = self._hosting.of(self._folder), self._folder
        if training is not None:
            (training.control.pause if on else training.control.go_on)()
        elif folder is not None and self._possible:
            self._paused = on
            failed = partial(self._not_paused, folder, on)
            self._workers.start(lambda: folder.wishes.pause(on=on), failed=failed, owner=self)
        self.changed.emit()

    def _not_paused(self, folder: RunFolder, on: bool, error: BaseException) -> None:
        if folder is self._folder:
            self._paused = not on
            self.changed.emit()
        self._failed(error)

    def ask(self, wish: Wish) -> None:
        """Asks for a save or for sample pictures now."""
        training, folder = self._hosting.of(self._folder), self._folder
        if training is not None:
            training.control.ask(wish)
        elif folder is not None and self._possible:
            self._workers.start(lambda: folder.wishes.ask(wish), failed=self._failed, owner=self)

    def request_stop(self, folder: RunFolder, *, now: bool, save: bool) -> None:
        """Writes the files that ask for the end; for a worker thread."""
        if save and self._possible:
            folder.wishes.save_at_stop()
        folder.request_stop(now=now)
