"""The history for the window: read, changed and imported in worker threads. Nothing of it is touched before it is asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QFile, QObject, Signal

from core.catalogue.catalogue import Catalogue
from core.errors import CaddieError
from core.text import Text
from gui.bridge.tasks import Task, Tasks

if TYPE_CHECKING:
    from core.history.differ import Difference
    from core.history.imports import ImportedRun
    from core.history.index import Listing
    from core.history.record import RunRecord

_TOLD_EVERY = 20
"""Folders between two words to the GUI thread."""


class _Stopped(Exception):
    """Nobody wants the answer any more."""


class History(QObject):
    """Every run, as the folders tell.

    Signals:
        changed: `listing` is another.
        loading_changed: `loading` is another.
        progressed: how many folders were looked at, and how many there are.
        failed: what kept the list from being read.
        imported: the ImportedRuns that came in.
        removed: how many runs went into the bin.
    """

    changed = Signal()
    loading_changed = Signal()
    progressed = Signal(int, int)
    failed = Signal(object)
    imported = Signal(object)
    removed = Signal(int)

    def __init__(
        self, tasks: Tasks, catalogue: Catalogue, *, runs_dir: Path | None = None, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._tasks = tasks
        self._catalogue = catalogue
        self._runs_dir = runs_dir
        self._stop = threading.Event()
        self._loading = self._again = False
        self.listing: Listing | None = None
        application = QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.close)

    @property
    def loading(self) -> bool:
        """Whether the folders are being looked at."""
        return self._loading

    def close(self) -> None:
        """Ends what is under way; what was read until then is kept."""
        self._stop.set()

    def load(self) -> None:
        """Looks at the folders; once more afterwards where it is asked for meanwhile."""
        if self._loading:
            self._again = True
            return
        self._loading, self._again = True, False
        self._tasks.start(self._read, done=self._loaded, failed=self._not_loaded, owner=self)
        self.loading_changed.emit()

    def note(self, record: RunRecord, tags: Sequence[str] | None, notes: str | None) -> None:
        """Writes what the user says about a run. What goes wrong is told, and the list is read again."""
        from core.history.notes import write_notes

        def work() -> None:
            write_notes(record.folder, tags=tags, notes=notes)

        self._tasks.start(work, failed=self._not_noted, owner=self)

    def bring_in(self, path: Path) -> None:
        """Imports what lies at a path (`imported`, then `changed`)."""
        from core.history.imports import import_runs

        def work() -> list[ImportedRun]:
            return import_runs(path, self._catalogue, runs_dir=self._runs_dir, progress=lambda _count: self._check())

        self._tasks.start(work, done=self._brought_in, failed=self._not_brought_in, owner=self)

    def remove(self, folders: Sequence[Path]) -> None:
        """Moves runs into the system's bin."""
        self._tasks.start(to_bin, tuple(folders), done=self._removed, failed=self._not_removed, owner=self)

    def differences(
        self, one: Path, other: Path, done: Callable[[Sequence[Difference]], None], failed: Callable[[BaseException], None]
    ) -> Task:
        """Compares two runs and hands over what differs."""
        from core.history.differ import differences

        return self._tasks.start(differences, one, other, done=done, failed=failed, owner=self)

    # --- inside ------------------------------------------------------------------------------------------------

    def _check(self) -> None:
        if self._stop.is_set():
            raise _Stopped

    def _read(self) -> Listing:
        from core.history.index import list_history

        def told(done: int, total: int) -> None:
            self._check()
            if done % _TOLD_EVERY == 0:
                self.progressed.emit(done, total)

        return list_history(self._runs_dir, progress=told)

    def _loaded(self, listing: Listing) -> None:
        self.listing = listing
        self._loading = False
        self.changed.emit()  # first the rows, then that there are all of them
        self._ended()

    def _not_loaded(self, error: BaseException) -> None:
        self._ended()
        if not isinstance(error, _Stopped):
            self.failed.emit(error)

    def _ended(self) -> None:
        self._loading = False
        self.loading_changed.emit()
        if self._again:
            self.load()

    def _not_noted(self, error: BaseException) -> None:
        self._tasks.report(error)
        self.load()  # the table shows what was typed, and the disk says otherwise

    def _brought_in(self, found: list[ImportedRun]) -> None:
        self.load()
        self.imported.emit(found)

    def _not_brought_in(self, error: BaseException) -> None:
        if not isinstance(error, _Stopped):
            self._tasks.report(error)
            self.load()  # some of it may have come in

    def _removed(self, count: int) -> None:
        self.load()
        self.removed.emit(count)

    def _not_removed(self, error: BaseException) -> None:
        self._tasks.report(error)
        self.load()


def to_bin(folders: Sequence[Path]) -> int:
    """Moves run folders into the system's bin.

    Raises:
        CaddieError: some could not be moved; the others were.
    """
    from core.runs.folder import RunFolder

    kept: list[str] = []
    moved = 0
    for folder in folders:
        if not folder.is_dir():
            continue  # somebody else was faster
        if not RunFolder(folder).state().is_over:
            kept.append(folder.name)  # it has begun again, or another window has not seen its end
            continue
        answer = QFile.moveToTrash(str(folder))
        if answer is True or (isinstance(answer, tuple) and answer[0]):
            moved += 1
        else:
            kept.append(folder.name)
    if kept:
        listed = "\n".join(kept)
        raise CaddieError(
            Text(
                f"These runs stay where they are, because they are still going on or the system's bin did not take them:\n{listed}",
                f"次の実行は移動できませんでした。実行中か、システムのごみ箱が受け付けなかったためです:\n{listed}",
            )
        )
    return moved
