"""How one page asks for another without knowing it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from core.job.model import Job


class Navigator(QObject):
    """`navigate("setup")` shows a page; `navigate("environment", "Prodigy")` also says what about.

    Signals:
        requested: page id and topic ("" for none). The main window listens and calls `Page.activated(topic)`.
        demo_requested: the demo's job is wanted in place of the open one. The main window asks about unsaved changes.
        job_requested: a Job is wanted in place of the open one, as a new one. The main window asks likewise.
        file_requested: a job file (Path) is wanted in Set up. The main window asks likewise.
    """

    requested = Signal(str, str)
    demo_requested = Signal()
    job_requested = Signal(object)
    file_requested = Signal(object)

    def __call__(self, page_id: str, topic: str = "") -> None:
        """Asks for a page."""
        self.requested.emit(page_id, topic)

    def to_demo(self) -> None:
        """Asks for the demo."""
        self.demo_requested.emit()

    def to_job(self, job: Job) -> None:
        """Asks for a job in Set up."""
        self.job_requested.emit(job)

    def to_file(self, path: Path) -> None:
        """Asks for a job file in Set up."""
        self.file_requested.emit(path)
