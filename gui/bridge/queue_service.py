"""The queue in the window: read and changed in one worker thread, one thing after the other, so that no disk holds it up.

The window drives nothing: it looks at the files that the driver and any other window or command line write.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal

from core.environment.model import Environment
from core.job.model import Job
from core.queue.model import Entry, Snapshot
from gui.bridge.tasks import Tasks

if TYPE_CHECKING:  # psutil and numpy: the window opens without them
    from core.queue.progress import Progresses
    from core.queue.store import Queue
    from core.runs.console import Progress

WATCH_MS = 1000
"""Between two looks while the queue is on show."""
GLANCE_MS = 5000
"""Between two looks while it is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedJob:
    """A job to be added, with the place where it trains and the folder from which its relative paths start."""

    job: Job
    environment: Environment | None
    base: Path | None = None


class QueueService(QObject):
    """The user's queue.

    Attributes:
        snapshot: as last read; empty before the first look.
        progress: of what trains, by the id of its entry.

    Signals:
        changed: `snapshot` or `progress` is another.
        added: a list of the entries that were just added.
        failed: an error of something that was asked for.
        add_open_wanted: a copy of the open job is wanted in the queue; `gui.queue.adding` listens to this and the next two.
        add_files_wanted: copies of job files (list of Path) are.
        edit_wanted: an Entry is wanted in Set up.
    """

    changed = Signal()
    added = Signal(object)
    failed = Signal(object)
    add_open_wanted = Signal()
    add_files_wanted = Signal(object)
    edit_wanted = Signal(object)

    def __init__(self, tasks: Tasks, *, folder: Path | None = None, parent: QObject | None = None) -> None:
        """Nothing is read before `begin` or `watch`."""
        super().__init__(parent)
        self._folder = folder
        self._workers = Tasks(self, threads=1)
        self._workers.unhandled.connect(tasks.report)
        self._queue: Queue | None = None
        self._progresses: Progresses | None = None
        self._watched = False
        self._begun = False
        self._closed = False
        self._looking = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.refresh)
        self.snapshot = Snapshot()
        self.progress: Mapping[str, Progress] = {}
        self.known = False

    def begin(self) -> None:
        """Looks at the queue from time to time from now on."""
        self._begun = True
        self.refresh()

    @property
    def begun(self) -> bool:
        """Whether the window is up and looks at the queue from time to time."""
        return self._begun

    def watch(self, *, on: bool) -> None:
        """Looks more often while the queue is on show."""
        self._watched = on
        if on:
            self.refresh()

    def refresh(self) -> None:
        """Looks now."""
        if self._closed or self._looking:
            return
        self._looking = True
        self._workers.start(self._look, done=self._seen, failed=self._not_seen, owner=self)

    def add(self, jobs: Sequence[QueuedJob]) -> None:
        """Puts jobs at the end (`added`)."""

        def put(queue: Queue) -> list[Entry]:
            return [queue.add(item.job, environment=item.environment, base=item.base) for item in jobs]

        self.do(put, done=self.added.emit)

    def start(self) -> None:
        """Starts the queue, or lets it go on."""

        def begin(queue: Queue) -> None:
            from core.queue.launch import start_queue

            start_queue(queue)

        self.do(begin)

    def do(self, action: Callable[[Queue], Any], *, done: Callable[[Any], None] | None = None) -> None:
        """Changes the queue in the worker, then looks at it.

        Args:
            action: gets the queue; what it raises goes to `failed`.
            done: gets what it returned, in this thread.
        """

        def over(result: Any) -> None:
            if done is not None:
                done(result)
            self.refresh()

        def wrong(error: BaseException) -> None:
            self.failed.emit(error)
            self.refresh()

        self._workers.start(lambda: action(self._made()), done=over, failed=wrong, owner=self)

    def job_file(self, entry_id: str) -> Path:
        """The copy of an entry's job."""
        return self._made().job_file(entry_id)

    def entry_of(self, path: Path | None) -> str | None:
        """The id of the entry whose job that file is."""
        return None if path is None else self._made().entry_of(path)

    def close(self) -> None:
        """Looks no more; the queue goes on."""
        self._closed = True
        self._timer.stop()
        self._workers.wait()

    def _made(self) -> Queue:
        if self._queue is None:
            from core.queue.store import Queue

            self._queue = Queue(self._folder)
        return self._queue

    def _look(self) -> tuple[Snapshot, dict[str, Progress]]:
        from core.queue.progress import Progresses

        if self._progresses is None:
            self._progresses = Progresses()
        snapshot = self._made().read()
        return snapshot, self._progresses.look(snapshot)

    def _seen(self, found: tuple[Snapshot, dict[str, Progress]]) -> None:
        self._looking = False
        self._wait()
        first, self.known = not self.known, True
        if first or found != (self.snapshot, self.progress):
            self.snapshot, self.progress = found
            self.changed.emit()

    def _not_seen(self, error: BaseException) -> None:
        self._looking = False
        self._wait()
        self.failed.emit(error)

    def _wait(self) -> None:
        if not self._closed and (self._watched or self._begun):
            self._timer.start(WATCH_MS if self._watched else GLANCE_MS)
