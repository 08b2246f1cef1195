"""The dataset config that is being edited: its file, its undo history, what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from core.dataset.config import Fault, Place, document_faults
from core.dataset.document import DatasetConfig, from_document
from core.dataset.files import config_of, save_config
from core.dataset.source import decode
from core.errors import CaddieError
from core.text import Text
from gui.bridge.tasks import Tasks

_MOST_STATES = 500


@dataclass(frozen=True, slots=True)
class _State:
    config: DatasetConfig
    merge: str = ""


class DatasetSession(QObject):
    """Holds the config. Widgets read `config`, write with `edit`, and listen to `changed`.

    Signals:
        changed: the config is another one.
        file_changed: `path`, `modified` or `outdated` is another.
        replaced: another config is in its place, not an edit of the former one.
        saved: it was written (its path).
        conflict: it was not written, because the file was changed by somebody else meanwhile (the path).
        unreadable: a file could not be read (its path and the error).
    """

    changed = Signal()
    file_changed = Signal()
    replaced = Signal()
    saved = Signal(object)
    conflict = Signal(object)
    unreadable = Signal(object, object)

    def __init__(self, tasks: Tasks, masked_loss: Callable[[], bool], parent: QObject | None = None) -> None:
        """`masked_loss` says whether the job uses masks, which decides about some keys."""
        super().__init__(parent)
        self._tasks = tasks
        self._masked_loss = masked_loss
        self._history = [_State(from_document({}))]
        self._index = 0
        self._clean: int | None = 0
        self._path: Path | None = None
        self._known: bytes | None = None
        self._outdated = False
        self._busy = False
        self._faults: tuple[Fault, ...] | None = None

    # --- reading -----------------------------------------------------------------------------------------------

    @property
    def config(self) -> DatasetConfig:
        """The config as it is now."""
        return self._history[self._index].config

    @property
    def path(self) -> Path | None:
        """Its file; None while it has none."""
        return self._path

    @property
    def modified(self) -> bool:
        """Whether it differs from its file."""
        return self._index != self._clean

    @property
    def outdated(self) -> bool:
        """Whether somebody else changed the file since it was read."""
        return self._outdated

    @property
    def busy(self) -> bool:
        """Whether a file is being read or written."""
        return self._busy

    @property
    def masked_loss(self) -> bool:
        """Whether the job uses masks."""
        return self._masked_loss()

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What is wrong with it."""
        if self._faults is None:
            self._faults = document_faults(self.config.document(), masked_loss=self.masked_loss)
        return self._faults

    def faults_at(self, place: Place) -> tuple[Fault, ...]:
        """What is wrong with one table."""
        return tuple(fault for fault in self.faults if fault.place == place)

    # --- editing -----------------------------------------------------------------------------------------------

    def edit(self, config: DatasetConfig, *, merge: str = "") -> None:
        """Makes `config` the present one; edits in a row with the same non-empty `merge` are undone as one."""
        present = self._history[self._index]
        if config.text == present.config.text:
            return
        was_modified = self.modified
        if merge and merge == present.merge and self._index == len(self._history) - 1 and self._index != self._clean:
            self._history[self._index] = _State(config, merge)
        else:
            del self._history[self._index + 1 :]
            if self._clean is not None and self._clean > self._index:
                self._clean = None
            self._history.append(_State(config, merge))
            self._index += 1
            surplus = len(self._history) - _MOST_STATES
            if surplus > 0:
                del self._history[:surplus]
                self._index -= surplus
                self._clean = None if self._clean is None or self._clean < surplus else self._clean - surplus
        self._announce(was_modified)

    @property
    def can_undo(self) -> bool:
        """Whether there is an earlier state."""
        return self._index > 0

    @property
    def can_redo(self) -> bool:
        """Whether something was undone."""
        return self._index < len(self._history) - 1

    def undo(self) -> None:
        """Goes one state back."""
        if self.can_undo:
            self._go(self._index - 1)

    def redo(self) -> None:
        """Goes one state forward."""
        if self.can_redo:
            self._go(self._index + 1)

    def _go(self, index: int) -> None:
        was_modified = self.modified
        self._index = index
        self._announce(was_modified)

    def _announce(self, was_modified: bool) -> None:
        self._faults = None
        self.changed.emit()
        if was_modified != self.modified:
            self.file_changed.emit()

    def job_changed(self) -> None:
        """The job is another one, on which some faults depend."""
        self._faults = None
        self.changed.emit()

    # --- files -------------------------------------------------------------------------------------------------

    def new(self, config: DatasetConfig, *, modified: bool = False) -> None:
        """Begins a config without a file."""
        self._replace(config, None, None)
        if modified:
            self._clean = None
            self.file_changed.emit()

    def load(self, path: Path) -> None:
        """Reads a file in a worker."""

        def work() -> tuple[DatasetConfig, bytes]:
            try:
                content = path.read_bytes()
                return config_of(decode(content, is_json=path.suffix.lower() == ".json")), content
            except (OSError, UnicodeDecodeError) as error:
                raise CaddieError(Text(f"It cannot be read: {error}", f"読めません: {error}")) from error

        def done(read: tuple[DatasetConfig, bytes]) -> None:
            self._busy = False
            self._replace(read[0], path, read[1])

        def failed(error: BaseException) -> None:
            self._busy = False
            self.unreadable.emit(path, error)
            self.file_changed.emit()

        self._begin(work, done, failed)

    def save(self, path: Path, *, force: bool = False) -> None:
        """Writes the file in a worker.

        Args:
            path: where to; its own file from then on.
            force: also where somebody else changed it meanwhile.
        """
        config, index = self.config, self._index
        known = self._known if path == self._path else None
        check = path == self._path and not force

        def work() -> bytes | None:
            if check and path.exists() and path.read_bytes() != known:
                return None
            save_config(config, path)
            return path.read_bytes()

        def done(written: bytes | None) -> None:
            self._busy = False
            if written is None:
                self._outdated = True
                self.file_changed.emit()
                self.conflict.emit(path)
                return
            self._path, self._known, self._outdated = path, written, False
            self._clean = index if index < len(self._history) and self._history[index].config is config else None
            self.file_changed.emit()
            self.saved.emit(path)

        def failed(error: BaseException) -> None:
            self._busy = False
            self.file_changed.emit()
            self._tasks.report(error)

        self._begin(work, done, failed)

    def look_at_file(self) -> None:
        """Finds out in a worker whether somebody else changed the file."""
        path, known = self._path, self._known
        if path is None or self._busy:
            return

        def work() -> bool:
            try:
                return path.read_bytes() != known
            except OSError:  # gone, or a drive that is away: saving makes it anew, or says why not
                return False

        def done(outdated: bool) -> None:
            if path == self._path and known is self._known and outdated != self._outdated:
                self._outdated = outdated
                self.file_changed.emit()

        self._tasks.start(work, done=done, failed=self._tasks.report, owner=self)

    def _begin(self, work: Callable[[], object], done: Callable[..., None], failed: Callable[[BaseException], None]) -> None:
        if self._busy:
            return
        self._busy = True
        self._tasks.start(work, done=done, failed=failed, owner=self)
        self.file_changed.emit()

    def _replace(self, config: DatasetConfig, path: Path | None, content: bytes | None) -> None:
        self._history, self._index, self._clean = [_State(config)], 0, 0
        self._path, self._known, self._outdated = path, content, False
        self._faults = None
        self.changed.emit()
        self.replaced.emit()
        self.file_changed.emit()
