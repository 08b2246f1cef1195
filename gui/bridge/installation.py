"""Making an environment in a worker thread: what the computer has, and one set-up at a time."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import shiboken6
from PySide6.QtCore import QCoreApplication, QObject, Qt, Signal

from gui.bridge.tasks import Tasks

if TYPE_CHECKING:  # the window opens without them
    from core.wizard.hardware import Hardware
    from core.wizard.journal import Journal
    from core.wizard.plan import Choice, Step
    from core.wizard.pythons import FoundPython
    from core.wizard.recipes import Recipe, TorchBuild
    from core.wizard.run import Outcome
    from core.wizard.script import Format


@dataclass(frozen=True, slots=True, kw_only=True)
class Possibilities:
    """What can be chosen on this computer.

    Attributes:
        recipes, builds: all of them; `best` is the build that fits.
        pythons: those that sd-scripts runs with, the best first.
        hardware: what was found.
        git: whether there is one.
        unfinished: set-ups that were cut off.
    """

    recipes: tuple[Recipe, ...]
    builds: tuple[TorchBuild, ...]
    best: TorchBuild
    pythons: tuple[FoundPython, ...]
    hardware: Hardware
    git: bool
    unfinished: tuple[Journal, ...]


class Installation(QObject):
    """Looks, carries out, exports.

    Signals:
        looked: Possibilities.
        stepped: id of a step, and `running`, `done`, `failed` or `skipped`.
        output: what a command prints.
        finished: an Outcome, or the error that kept it from beginning.
    """

    looked = Signal(object)
    stepped = Signal(str, str)
    output = Signal(str)
    finished = Signal(object)
    _stepped = Signal(str, str)
    _said = Signal(str)

    def __init__(self, tasks: Tasks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tasks = tasks
        self._stop: threading.Event | None = None
        self._stepped.connect(self.stepped, Qt.ConnectionType.QueuedConnection)
        self._said.connect(self.output, Qt.ConnectionType.QueuedConnection)
        application = QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.stop)

    @property
    def running(self) -> bool:
        """Whether one is at work."""
        return self._stop is not None

    def look(self) -> None:
        """Finds out what can be chosen; `looked` comes within a second or two."""
        self._tasks.start(_look, done=self.looked.emit, owner=self)

    def start(self, choice: Choice) -> None:
        """Begins one; nothing while another is at work."""
        if self.running:
            return
        self._stop = stop = threading.Event()
        told = _Told(self)

        def work() -> Outcome:
            from core.wizard.run import carry_out

            return carry_out(choice, told, stop)

        self._tasks.start(work, done=self._end, failed=self._end, owner=self)

    def stop(self) -> None:
        """Ends the one that is at work, with all that it started; it can go on later."""
        if self._stop is not None:
            self._stop.set()

    def export(self, choice: Choice, path: Path, format: Format) -> None:
        """Writes the script; an error is reported."""

        def work() -> None:
            from core.wizard.script import export_script

            export_script(choice, path, format)

        self._tasks.start(work, owner=self)

    def _end(self, result: object) -> None:
        self._stop = None
        self.finished.emit(result)

    def tell(self, kind: Literal["step", "output"], *words: str) -> None:
        """From the worker: passes it on to the GUI thread."""
        if shiboken6.isValid(self):
            (self._stepped if kind == "step" else self._said).emit(*words)


class _Told:
    """Speaks from the worker thread."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation

    def step(self, step: Step, state: str) -> None:
        self._installation.tell("step", step.id, state)

    def output(self, text: str) -> None:
        self._installation.tell("output", text)


def _look() -> Possibilities:
    import shutil

    from core.wizard.hardware import find_hardware
    from core.wizard.journal import all_journals
    from core.wizard.pythons import find_pythons
    from core.wizard.recipes import best_build, load_builds, load_recipes

    recipes, builds, hardware = load_recipes(), load_builds(), find_hardware()
    return Possibilities(
        recipes=recipes,
        builds=builds,
        best=best_build(builds, hardware),
        pythons=tuple(find_pythons(recipes[0])),
        hardware=hardware,
        git=shutil.which("git") is not None,
        unfinished=tuple(journal for journal in all_journals() if journal.began and not journal.finished),
    )
