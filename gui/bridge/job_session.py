"""The one open job: its file, its undo history, its autosave."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from core.job.model import Job
from core.options.model import OptionSet
from gui.bridge.autosave import Autosave
from gui.bridge.options import Options
from gui.bridge.settings import Settings

HISTORY_LIMIT = 500


@dataclass(frozen=True, slots=True)
class JobFiles:
    """How a job is read and written: `core.job.store.load_job` and `save_job`, and which files are listed as recent."""

    load: Callable[[Path], Job]
    save: Callable[[Job, Path], None]
    is_remembered: Callable[[Path], bool] = lambda _: True


@dataclass(frozen=True, slots=True)
class _State:
    job: Job
    label: str
    merge: str = ""


class JobSession(QObject):
    """Holds the job. Widgets read `job`, write with `edit`, and listen to `changed`.

    Signals:
        changed: the job is another one (the new job).
        file_changed: `path` or `modified` changed.
        replaced: another job is in its place (new, opened, restored), not an edit of the former one.
        options_changed: `options` are others: another script, another checkout.
    """

    changed = Signal(object)
    file_changed = Signal()
    replaced = Signal()
    options_changed = Signal()

    def __init__(
        self,
        job: Job,
        *,
        files: JobFiles,
        options: Options,
        settings: Settings,
        autosave: Autosave | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._files = files
        self._option_sets = options
        self._settings = settings
        self._autosave = autosave
        self._path: Path | None = None
        self._history = [_State(job, "")]
        self._index = 0
        self._clean: int | None = 0  # index of the saved state; None when it is no longer in the history
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(1500)
        self._timer.timeout.connect(self._write_autosave)
        options.changed.connect(self.options_changed)

    # --- reading -----------------------------------------------------------------------------------------------

    @property
    def job(self) -> Job:
        """The job as it is now."""
        return self._history[self._index].job

    @property
    def path(self) -> Path | None:
        """Its file, None while it has none."""
        return self._path

    @property
    def modified(self) -> bool:
        """Whether the job differs from its file (or from how it was made)."""
        return self._index != self._clean

    @property
    def name(self) -> str:
        """What to call it: its name, the file's stem, or "" for a new one."""
        return self.job.name or (self._path.stem if self._path else "")

    @property
    def options(self) -> OptionSet:
        """The options of the job's script."""
        return self.options_for(self.job.script)

    def options_for(self, script: str) -> OptionSet:
        """The options of any script."""
        return self._option_sets.for_script(script)

    @property
    def scripts(self) -> tuple[str, ...]:
        """The training scripts that are known."""
        return self._option_sets.scripts()

    @property
    def recent(self) -> list[Path]:
        """Recent job files, the latest first."""
        return self._settings.recent

    # --- editing -----------------------------------------------------------------------------------------------

    def edit(self, job: Job, label: str, *, merge: str = "") -> None:
        """Makes `job` the present one and remembers the former for undo.

        Args:
            job: a copy of `self.job` with a change.
            label: what was done, translated, for the menu ("Change learning rate").
            merge: edits in a row with the same non-empty word count as one (typing into one field).
        """
        present = self._history[self._index]
        # repr too: 1, 1.0 and True are equal to Python and different to sd-scripts.
        if job == present.job and repr(job) == repr(present.job):
            return
        was_modified = self.modified
        script_changed = job.script != present.job.script
        if merge and merge == present.merge and self._index == len(self._history) - 1 and self._index != self._clean:
            self._history[self._index] = _State(job, label, merge)
        else:
            del self._history[self._index + 1 :]
            if self._clean is not None and self._clean > self._index:
                self._clean = None
            self._history.append(_State(job, label, merge))
            self._index += 1
            self._forget_oldest()
        self._announce(was_modified, script_changed=script_changed)

    @property
    def can_undo(self) -> bool:
        """Whether there is an earlier state."""
        return self._index > 0

    @property
    def can_redo(self) -> bool:
        """Whether something was undone."""
        return self._index < len(self._history) - 1

    @property
    def undo_label(self) -> str:
        """What `undo` would take back, "" for nothing."""
        return self._history[self._index].label if self.can_undo else ""

    @property
    def redo_label(self) -> str:
        """What `redo` would do again, "" for nothing."""
        return self._history[self._index + 1].label if self.can_redo else ""

    def undo(self) -> None:
        """Goes one state back."""
        if self.can_undo:
            self._go(self._index - 1)

    def redo(self) -> None:
        """Goes one state forward."""
        if self.can_redo:
            self._go(self._index + 1)

    # --- files -------------------------------------------------------------------------------------------------

    def new(self, job: Job) -> None:
        """Begins another job without a file."""
        self._replace(job, None)

    def open(self, path: Path) -> None:
        """Opens a job file.

        Raises:
            CaddieError: it is no job. The present job stays.
            OSError: it cannot be read.
        """
        job = self._files.load(path)
        self._replace(job, path)
        self._remember(path)

    def restore(self, job: Job, path: Path | None) -> None:
        """Takes a job from an autosave: the file is `path`, the content counts as not saved."""
        self._replace(job, path)
        self._clean = None
        self._timer.start()
        self.file_changed.emit()

    def save(self) -> None:
        """Writes the job to its file. Raises OSError or CaddieError; must have a path."""
        assert self._path is not None, "save_as gives the job a file"
        self.save_as(self._path)

    def save_as(self, path: Path) -> None:
        """Writes the job to another file, which is its file from now on. Raises OSError or CaddieError."""
        self._files.save(self.job, path)
        self._path = path
        self._clean = self._index
        self._remember(path)
        self._drop_autosave()
        self.file_changed.emit()

    def close(self) -> None:
        """Ends the session in an orderly way: the autosave is not needed any more."""
        self._drop_autosave()

    # --- inside ------------------------------------------------------------------------------------------------

    def _replace(self, job: Job, path: Path | None) -> None:
        self._history = [_State(job, "")]
        self._index = 0
        self._clean = 0
        self._path = path
        self._drop_autosave()
        self.changed.emit(job)
        self.options_changed.emit()
        self.file_changed.emit()
        self.replaced.emit()

    def _remember(self, path: Path) -> None:
        if self._files.is_remembered(path):
            self._settings.add_recent(path)

    def _go(self, index: int) -> None:
        was_modified = self.modified
        script_changed = self._history[index].job.script != self.job.script
        self._index = index
        self._announce(was_modified, script_changed=script_changed)

    def _announce(self, was_modified: bool, *, script_changed: bool) -> None:
        if self.modified:
            self._timer.start()
        else:
            self._drop_autosave()
        if script_changed:
            self.options_changed.emit()
        self.changed.emit(self.job)
        if was_modified != self.modified:
            self.file_changed.emit()

    def _forget_oldest(self) -> None:
        surplus = len(self._history) - HISTORY_LIMIT
        if surplus > 0:
            del self._history[:surplus]
            self._index -= surplus
            self._clean = None if self._clean is None or self._clean < surplus else self._clean - surplus

    def _write_autosave(self) -> None:
        if self._autosave is not None and self.modified:
            self._autosave.write(self.job, self._path)

    def _drop_autosave(self) -> None:
        self._timer.stop()
        if self._autosave is not None:
            self._autosave.drop()
