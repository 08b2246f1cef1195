"""Questions of the Run page that block. Tests give the page another one."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QObject
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget


class End(str, Enum):
    """How a training is to end."""

    SAVE = "save"
    STOP = "stop"


def choose_end(parent: QWidget, question: str, detail: str, save: str, stay: str) -> End | None:
    """Asks whether a training saves, ends without it, or goes on (None).

    Args:
        parent: the window.
        question, detail: what is asked.
        save: the button that saves.
        stay: the button that changes nothing.
    """
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle("Caddie")
    box.setText(question)
    box.setInformativeText(detail)
    saves = box.addButton(save, QMessageBox.ButtonRole.AcceptRole)
    stops = box.addButton(QCoreApplication.translate("RunDialogs", "Stop without saving"), QMessageBox.ButtonRole.DestructiveRole)
    stays = box.addButton(stay, QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(saves)
    box.setEscapeButton(stays)
    box.exec()
    return {saves: End.SAVE, stops: End.STOP}.get(box.clickedButton())  # pyright: ignore[reportArgumentType, reportCallIssue]


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

    def stop(self, unsaved_steps: int | None, *, may_save: bool = False) -> End | None:
        """How to stop, None for not at all.

        Args:
            unsaved_steps: since the last save, None where nothing was saved yet.
            may_save: the training can save before it ends.
        """
        detail = (
            self.tr("Nothing has been saved yet.")
            if unsaved_steps is None
            else self.tr("The last %n steps have not been saved.", "", unsaved_steps)
        )
        if not may_save:
            return End.STOP if self._yes(self.tr("Stop the training?"), detail, self.tr("Stop the training")) else None
        return choose_end(self._page, self.tr("Stop the training?"), detail, self.tr("Save and stop"), self.tr("Cancel"))

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
