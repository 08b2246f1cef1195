"""New, open, save: what the File menu does, and the question before changes are lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QWidget

from core.errors import CaddieError
from core.job.model import Job
from gui.services import Services
from gui.widgets.dialogs import Dialogs, Keep


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

    def open(self) -> bool:
        """Asks for a file and opens it."""
        if not self.may_replace():
            return False
        path = self._dialogs.open_file(self._folder())
        return path is not None and self._open(path)

    def open_path(self, path: Path) -> bool:
        """Opens a given file (recent, dropped, command line)."""
        return self.may_replace() and self._open(path)

    def import_file(self) -> bool:
        """Asks for a file of another program and shows what it would change."""
        path = self._dialogs.import_file(self._folder())
        return path is not None and self.import_path(path)

    def import_path(self, path: Path) -> bool:
        """Shows what a file of another program would change; nothing changes before that was agreed to."""
        from core.convert.read import read_file  # late: seldom wanted
        from gui.setup.import_dialog import ImportDialog

        services = self._services

        def read_and_show() -> None:
            found = read_file(path, services.catalogue, services.session.options)
            window = self.parent()
            dialog = ImportDialog(services, found, path.name, window if isinstance(window, QWidget) else None)
            dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            dialog.open()

        return self._attempt(read_and_show)

    def take(self, path: Path) -> bool:
        """Opens a job that was dropped, imports anything else."""
        from core.convert.read import is_job  # late: seldom wanted

        return self.open_path(path) if is_job(path) else self.import_path(path)

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
