"""Questions of the page that block. Tests give the page another one."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog, QInputDialog, QLineEdit, QMessageBox, QWidget

from core.environment.interpreters import on_windows


class EnvironmentDialogs(QObject):
    """Asks with the system's own dialogs."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window

    def choose_folder(self, start: str) -> Path | None:
        """A folder of sd-scripts, kohya_ss, a venv, …; None for none."""
        name = QFileDialog.getExistingDirectory(
            self._window, self.tr("Choose the folder of sd-scripts, kohya_ss, a venv …"), start
        )
        return Path(name) if name else None

    def choose_python(self, start: str) -> Path | None:
        """An interpreter; None for none. Links are kept: a venv's Python is one."""
        dialog = QFileDialog(self._window, self.tr("Choose the Python that trains"), start)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setOption(QFileDialog.Option.DontResolveSymlinks)
        if on_windows():
            dialog.setNameFilters([self.tr("Python (python.exe)"), self.tr("All files (*)")])
        try:
            return Path(dialog.selectedFiles()[0]) if dialog.exec() and dialog.selectedFiles() else None
        finally:
            dialog.deleteLater()

    def choose_checkout(self, start: str) -> Path | None:
        """The folder that holds train_network.py; None for none."""
        name = QFileDialog.getExistingDirectory(self._window, self.tr("Choose the folder that holds train_network.py"), start)
        return Path(name) if name else None

    def ask_name(self, name: str) -> str | None:
        """What to call an environment; None for no change."""
        text, ok = QInputDialog.getText(
            self._window, self.tr("Rename"), self.tr("Name of this environment:"), QLineEdit.EchoMode.Normal, name
        )
        return text.strip() if ok and text.strip() else None

    def may_remove(self, name: str) -> bool:
        """Whether to forget an environment."""
        box = QMessageBox(self._window)
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle("Caddie")
        box.setText(self.tr("Remove “{name}” from the list?").format(name=name))
        box.setInformativeText(self.tr("Only Caddie forgets it. Nothing is deleted from the disk."))
        remove = box.addButton(self.tr("Remove"), QMessageBox.ButtonRole.DestructiveRole)
        box.setDefaultButton(box.addButton(QMessageBox.StandardButton.Cancel))
        box.exec()
        return box.clickedButton() is remove
