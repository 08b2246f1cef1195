"""Puts jobs into the queue and opens those that wait: what several pages offer, in one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject

from core.errors import CaddieError
from core.job.model import Job
from core.queue.model import Entry
from core.queue.words import queue_words
from core.text import join_sentences
from gui.bridge.notices import Notice, Tone
from gui.bridge.queue_service import QueuedJob
from gui.services import Services

ADDED_NOTICE = "queue"
EDIT_NOTICE = "queue-edit"


class QueueAdding(QObject):
    """Listens to what pages ask the queue service for, and says what came of it.

    Args:
        services: everything.
        parent: owns it.
    """

    def __init__(self, services: Services, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self._edited: str | None = None
        self._watched_run: Path | None = None
        self._reminded = False
        queue = services.queue
        queue.add_open_wanted.connect(self.add_open)
        queue.add_files_wanted.connect(self.add_files)
        queue.edit_wanted.connect(self.edit)
        queue.added.connect(self._added)
        queue.failed.connect(self._failed)
        queue.changed.connect(self._follow)
        services.session.file_changed.connect(self._tell_edit)
        services.session.replaced.connect(self._tell_edit)

    def add_open(self) -> None:
        """Adds a copy of the open job, unless something is known that would prevent its start."""
        session = self._services.session
        job = session.job if session.job.name else replace(session.job, name=session.name)
        base = session.path.parent if session.path is not None else None
        self._add([(job, base, session.name or self.tr("Untitled job"))])

    def add_files(self, files: Sequence[Path]) -> None:
        """Adds copies of job files; all of them or, where one cannot be added, none."""
        if files:
            self._services.tasks.start(_load_all, tuple(files), done=self._add, failed=self._failed, owner=self)

    def edit(self, entry: Entry) -> None:
        """Opens the job of a waiting entry in Set up; saving writes it back."""
        self._services.navigate.to_file(self._services.queue.job_file(entry.id))

    def _add(self, found: Sequence[tuple[Job, Path | None, str]]) -> None:
        runs = self._services.runs
        say = self._services.translation.say
        for job, _, name in found:
            problems = [problem for problem in runs.problems(job) if not problem.may_start]
            if problems:
                first = problems[0]
                self._post(
                    self.tr("“{name}” was not added to the queue: {why}").format(name=name, why=say(first.text)),
                    "warning",
                    action=self.tr("Show"),
                    page=(first.page, first.topic),
                )
                return
        self._services.queue.add([QueuedJob(job=job, environment=runs.environment_for(job), base=base) for job, base, _ in found])

    def _added(self, entries: list[Entry]) -> None:
        first = entries[0]
        if len(entries) > 1:
            words = self.tr("%n jobs were added to the queue.", "", len(entries))
        else:
            words = self.tr("“{name}” was added to the queue.").format(name=first.name)
        self._post(words, "success", action=self.tr("Show the queue"), page=("queue", first.id), seconds=10)

    def _failed(self, error: BaseException) -> None:
        if isinstance(error, CaddieError):
            self._post(self._services.translation.say(error.text), "danger")
        elif isinstance(error, OSError):
            reason = error.strerror or str(error)
            self._post(self.tr("The queue's files cannot be written: {reason}").format(reason=reason), "danger")
        else:
            self._services.tasks.report(error)

    def _follow(self) -> None:
        """Puts what the queue has just started on show, where nothing else is."""
        self._remind()
        queue, runs = self._services.queue, self._services.runs
        going = [entry.run for entry in queue.snapshot.under_way if entry.run is not None]
        newest = going[-1] if going else None
        if newest == self._watched_run:
            return
        self._watched_run = newest
        shown = runs.current
        known = {folder for entry in queue.snapshot.entries for folder in (entry.run, *entry.former)}
        if newest is None or runs.running or runs.starting or (shown is not None and shown.path not in known):
            return
        from core.runs.folder import RunFolder

        runs.attach(RunFolder(newest))

    def _remind(self) -> None:
        """Once after the window has opened: something waits, and after a restart of the computer nobody starts it."""
        snapshot = self._services.queue.snapshot
        if self._reminded or not self._services.queue.begun:
            return
        self._reminded = True
        if snapshot.waiting and not snapshot.driven and not snapshot.control.paused:
            say, words = self._services.translation.say, queue_words(snapshot)
            self._services.notices.post(
                Notice(
                    text=lambda: join_sentences(*(say(text) for text in words)),
                    action=lambda: self.tr("Show the queue"),
                    run=lambda: self._services.navigate("queue"),
                    key=ADDED_NOTICE,
                )
            )

    def _tell_edit(self) -> None:
        """Says that the open job is one of the queue's, as long as it is."""
        entry_id = self._services.queue.entry_of(self._services.session.path)
        if entry_id == self._edited:
            return
        self._edited = entry_id
        if entry_id is None:
            self._services.notices.clear(EDIT_NOTICE)
            return
        self._services.notices.post(
            Notice(
                text=lambda: self.tr("This job waits in the queue. Saving it (Ctrl+S) changes it there."),
                action=lambda: self.tr("Back to the queue"),
                run=lambda: self._services.navigate("queue", entry_id),
                key=EDIT_NOTICE,
            )
        )

    def _post(
        self, words: str, tone: Tone, *, action: str = "", page: tuple[str, str] = ("", ""), seconds: float | None = None
    ) -> None:
        self._services.notices.post(
            Notice(
                text=lambda: words,
                tone=tone,
                action=(lambda: action) if action else None,
                run=(lambda: self._services.navigate(*page)) if action else None,
                seconds=seconds,
                key=ADDED_NOTICE,
            )
        )


def _load_all(files: Sequence[Path]) -> list[tuple[Job, Path | None, str]]:
    from core.job.store import load_job

    found: list[tuple[Job, Path | None, str]] = []
    for path in files:
        job = load_job(path)
        found.append((job if job.name else replace(job, name=path.stem), path.absolute().parent, path.name))
    return found
