"""Trainings in the window's own process: begun in a worker, done on a thread of theirs, watched over from here.

While one is under way, Python's garbage is collected in the window's thread alone: a collection that another thread happens to
run would destroy widgets there, which Qt does not survive. And threads take turns more often, so that the window does not wait
five milliseconds each time that it has something to do.
"""

from __future__ import annotations

import gc
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from core.catalogue.catalogue import Catalogue
from core.job.model import Job
from core.options.model import OptionSet

if TYPE_CHECKING:  # the window opens without them
    from core.runs.folder import RunFolder
    from core.runs.follow import Follower
    from core.runs.outcome import Outcome
    from core.training.control import Control
    from core.training.hosted import Host, HostedTraining

TURN = 0.001
"""Seconds after which a thread lets another one run."""
LOOK_MS = 100
ROUNDS = 600
"""Looks between two collections of everything: a minute."""


class Hosting(QObject):
    """The window's own training, if there is one.

    Attributes:
        outcome: of the last one.

    Signals:
        changed: one began, was paused, goes on, or is over.
        ended: it is over, and its memory given back.
    """

    changed = Signal()
    ended = Signal()
    _begun = Signal()
    _loaded = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._host: Host | None = None
        self._watched: HostedTraining | None = None
        self._state: tuple[bool, bool] | None = None
        self._looks = 0
        self._collects = False
        self._turn = sys.getswitchinterval()
        self._frozen = threading.Event()
        self.outcome: Outcome | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._look)
        self._begun.connect(self._watch, Qt.ConnectionType.QueuedConnection)
        self._loaded.connect(self._freeze, Qt.ConnectionType.QueuedConnection)

    @property
    def training(self) -> HostedTraining | None:
        """The one that is under way."""
        return self._host.training if self._host is not None else None

    def of(self, folder: RunFolder | None) -> HostedTraining | None:
        """The one that is under way, where it is that run."""
        training = self.training
        return training if training is not None and training.folder == folder else None

    def begin(self, job: Job, options: OptionSet, catalogue: Catalogue, runs_dir: Path | None, base: Path | None) -> RunFolder:
        """Starts one; for a worker thread.

        Raises:
            Problems: what the built-in trainer cannot do, or values that would make it fail.
            CaddieError: another one is under way, the GPU was lost, packages are missing, or the folder cannot be made.
        """
        from core.training.hosted import Host

        if self._host is None:
            self._host = Host(self._wait_for_freeze)
        self._frozen.clear()
        folder = self._host.begin(job, options, catalogue=catalogue, runs_dir=runs_dir, base=base)
        self._begun.emit()
        return folder

    def follower(self, folder: RunFolder, log_tail: int) -> Follower | None:
        """A follower of the window's own training; None for any other run."""
        return self._host.follower(folder, log_tail=log_tail) if self._host is not None else None

    def leave(self, folder: RunFolder) -> None:
        """The run is not on show any more."""
        if self._host is not None:
            self._host.leave(folder)

    def stop(self, *, save: bool) -> None:
        """Asks the training to end."""
        training = self.training
        if training is not None:
            training.control.stop(save=save)
            self._look()

    def close(self) -> None:
        """Ends the training with a save, where nobody has asked it to end otherwise, and waits for it."""
        training = self.training
        if training is not None:
            training.control.stop(save=not training.control.is_stopping())
            training.wait()
        self._look()
        self._timer.stop()

    def wait(self, seconds: float) -> bool:
        """Waits for the end, the window standing still; returns whether it came."""
        training = self.training
        return training is None or training.wait(seconds)

    def _watch(self) -> None:
        assert self._host is not None
        if self._watched is not None and self._watched.is_over:
            self._over(self._watched)
        # It may be over already, and that has to be told as well.
        self._watched = self._host.latest
        if gc.isenabled():
            gc.disable()
            self._collects = True
        self._turn = sys.getswitchinterval()
        sys.setswitchinterval(TURN)
        self._looks = 0
        self._timer.start()
        self._look()

    def _wait_for_freeze(self, control: Control) -> None:
        """For the training's thread."""
        self._loaded.emit()
        while not self._frozen.wait(0.1) and not control.is_stopping():
            pass

    def _freeze(self) -> None:
        # A collection looks at everything there is. The libraries alone are half a second of that, and stay anyway.
        gc.collect(1)
        gc.freeze()
        self._frozen.set()

    def _look(self) -> None:
        training = self._watched
        if training is None:
            return
        if training.is_over:
            self._over(training)
            return
        state = (training.control.paused, training.control.waiting)
        if state != self._state:
            self._state = state
            self.changed.emit()
        if self._collects:
            self._looks += 1
            gc.collect(2 if self._looks % ROUNDS == 0 else 1 if self._looks % 10 == 0 else 0)

    def _over(self, training: HostedTraining) -> None:
        from core.training.session import free_memory

        self._timer.stop()
        self._watched = self._state = None
        training.wait()
        self.outcome = training.outcome
        if self._collects:
            self._collects = False
            gc.enable()
        sys.setswitchinterval(self._turn)
        free_memory()
        gc.unfreeze()  # what was frozen of the window's own may be dropped by now
        self.changed.emit()
        self.ended.emit()
