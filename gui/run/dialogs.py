"""Questions of the Run page that block. Tests give the page another one."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget


class RunDialogs(QObject):
    """Asks with the system's own dialogs."""

    def __init__(self, page: QWidget) -> None:
        super().__init__(page)
        self._page = page

    def start_second(self, running: str) -> bool:
        """Whether to start although another run goes on."""
        return self._yes(
            self.tr("“{name}” is still running. Start another run beside it?").format(name=running),
            self.tr("Both share the GPU and its memory. The running one goes on; it stays in the list of runs."),
            self.tr("Start anyway"),
        )

    def stop(self, unsaved_steps: int | None) -> bool:
        """Whether to stop. `unsaved_steps` since the last save, None where nothing was saved yet."""
        detail = (
            self.tr("Nothing has been saved yet.")
            if unsaved_steps is None
            else self.tr("The last %n steps have not been saved.", "", unsaved_steps)
        )
        return self._yes(self.tr("Stop the training?"), detail, self.tr("Stop the training"))

    def save(self, title: str, suggestion: Path, kind: str) -> Path | None:
        """Where to save, None for nowhere."""
        name, _ = QFileDialog.getSaveFileName(self._page, title, str(suggestion), kind)
        return Path(name) if name else None

    def _yes(self, question: str, detail: str, label: str) -> bool:
        box = QMessageBox(self._page)
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle("Caddie")
        box.setText(question)
        box.setInformativeText(detail)
        yes = box.addButton(label, QMessageBox.ButtonRole.AcceptRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.setDefaultButton(QMessageBox.StandardButton.Cancel)
        box.exec()
        return box.clickedButton() is yes
