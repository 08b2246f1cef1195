"""Opens the set-up of a new sd-scripts and the repair of an environment, and takes in what they made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QWidget

from core.environment.model import Environment
from core.errors import CaddieError
from gui.services import Services

if TYPE_CHECKING:  # the window opens without them
    from core.wizard.plan import Choice
    from gui.wizard.dialog import WizardDialog
    from gui.wizard.repair import RepairDialog


class WizardOpener(QObject):
    """At most one dialog at a time, over one page."""

    def __init__(self, services: Services, page: QWidget) -> None:
        super().__init__(page)
        self._services = services
        self._page = page
        self.dialog: WizardDialog | RepairDialog | None = None

    def open(self) -> None:
        """Shows it; brings it to the front where it is open."""
        from gui.wizard.dialog import WizardDialog, open_wizard

        if self.dialog is not None:
            self.dialog.raise_()
            return
        self.dialog = dialog = WizardDialog(self._services, self._page)
        dialog.made.connect(self._take)
        dialog.finished.connect(self._closed)
        open_wizard(dialog)

    def repair(self, environment: Environment) -> None:
        """Shows what is broken in an environment that was probed."""
        from gui.wizard.repair import RepairDialog

        service = self._services.environments
        report = service.report(environment.id)
        if self.dialog is not None or report is None:
            return
        self.dialog = dialog = RepairDialog(self._services, environment, report, self._page)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.changed.connect(lambda: service.probe(environment.id))
        dialog.finished.connect(self._closed)
        dialog.open()

    def _closed(self) -> None:
        self.dialog = None

    def _take(self, choice: Choice) -> None:
        from core.environment.discover import make_environment
        from core.wizard.plan import venv_python

        try:
            self._services.environments.add(make_environment(venv_python(choice.folder), choice.folder, layout="sd-scripts"))
        except (OSError, CaddieError) as error:
            self._services.tasks.report(error)
