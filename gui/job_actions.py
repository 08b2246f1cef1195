"""New, open, save: what the File menu does, and the question before changes are lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QDialog, QWidget

from core.errors import CaddieError
from core.job.model import Job
from gui.services import Services
from gui.widgets.dialogs import Dialogs, Keep

if TYPE_CHECKING:
    from core.convert.report import Imported
    from core.runs.explain_log import LogVerdict


class JobActions(QObject):
    """The verbs on the open job. Each returns whether it was done."""

    def __init__(self, services: Services, dialogs: Dialogs, make_job: Callable[[], Job], parent: QObject) -> None:
        super().__init__(parent)
        self._services = services
        self._dialogs = dialogs
        self._make_job = make_job

    @property
    def name(self) -> str:
        """What to call the job in a sentence or a title."""
        return self._services.session.name or self.tr("Untitled job")

    def new(self) -> bool:
        """Begins a new job."""
        if not self.may_replace():
            return False
        return self._attempt(lambda: self._services.session.new(self._make_job()))

    def begin_with(self, job: Job) -> bool:
        """Begins a new job with the content of another, and shows it in Set up."""
        if not self.may_replace():
            return False
        self._services.session.new(job)
        self._services.navigate("setup")
        return True

    def show_file(self, path: Path) -> bool:
        """Opens a file and shows it in Set up."""
        if not self.open_path(path):
            return False
        self._services.navigate("setup")
        return True

    def open(self) -> bool:
        """Asks for a file and opens it."""
        if not self.may_replace():
            return False
        path = self._dialogs.open_file(self._folder())
        return path is not None and self._open(path)

    def open_path(self, path: Path) -> bool:
        """Opens a given file (recent, dropped, command line)."""
        return self.may_replace() and self._open(path)

    def import_file(self) -> None:
        """Asks for a file of another program and shows what it would change."""
        path = self._dialogs.import_file(self._folder())
        if path is not None:
            self.import_path(path)

    def import_path(self, path: Path) -> None:
        """Shows what a file of another program would change; nothing changes before that was agreed to."""
        from core.convert.read import read_file  # late: seldom wanted

        services = self._services
        services.tasks.start(
            read_file,
            path,
            services.catalogue,
            services.session.options,
            done=lambda found: self._show_import(found, path.name),
            owner=self,
        )

    def take(self, path: Path) -> None:
        """Opens a job that was dropped, imports anything else."""
        from core.convert.read import is_job  # late: seldom wanted

        self._services.tasks.start(is_job, path, done=lambda own: self._take_as(path, is_own=own), owner=self)

    def _take_as(self, path: Path, *, is_own: bool) -> None:
        if is_own:
            self.open_path(path)
        else:
            self.import_path(path)

    def explain_log(self) -> None:
        """Asks for a log and says what its error means."""
        path = self._dialogs.log_file(self._folder())
        if path is not None:
            self.explain_path(path)

    def explain_path(self, path: Path) -> None:
        """Says what the error in a log means."""
        from core.runs.explain_log import explain_file  # late: seldom wanted

        self._services.tasks.start(explain_file, path, done=lambda found: self._show_verdict(found, path.name), owner=self)

    def open_demo(self) -> bool:
        """Writes the demo into the user's folder and opens its job, ready to start."""
        if not self.may_replace():
            return False
        from core.job.demo import demo_folder, write_demo  # late: seldom wanted

        services = self._services

        def write_and_open() -> None:
            services.session.open(write_demo(demo_folder(), services.catalogue))
            services.navigate("run")

        return self._attempt(write_and_open)

    def save(self) -> bool:
        """Saves to the job's file, asking for one where it has none."""
        if self._services.session.path is None:
            return self.save_as()
        return self._attempt(self._services.session.save)

    def save_as(self) -> bool:
        """Asks for a file and saves there."""
        name = self._services.session.name or self.tr("job")
        path = self._dialogs.save_file(str(Path(self._folder()) / f"{name}.toml"))
        return path is not None and self._attempt(lambda: self._services.session.save_as(path))

    def may_replace(self) -> bool:
        """Whether the present job may go: it is saved, or the user said so."""
        if not self._services.session.modified:
            return True
        answer = self._dialogs.keep_changes(self.name)
        return answer is Keep.DISCARD or (answer is Keep.SAVE and self.save())

    def _show_import(self, found: Imported, name: str) -> None:
        from gui.setup.import_dialog import ImportDialog

        self._show(ImportDialog(self._services, found, name, self._window))

    def _show_verdict(self, found: LogVerdict, name: str) -> None:
        from gui.run.explain_dialog import ExplainDialog

        self._show(ExplainDialog(self._services, found, name, self._window))

    @property
    def _window(self) -> QWidget | None:
        window = self.parent()
        return window if isinstance(window, QWidget) else None

    def _show(self, dialog: QDialog) -> None:
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def _open(self, path: Path) -> bool:
        return self._attempt(lambda: self._services.session.open(path))

    def _attempt(self, action: Callable[[], None]) -> bool:
        try:
            action()
        except (CaddieError, OSError) as error:
            self._services.tasks.report(error)
            return False
        return True

    def _folder(self) -> str:
        session = self._services.session
        path = session.path or next(iter(session.recent), None)
        return str(path.parent if path is not None else Path.home())
