"""Questions to the user that block: files, and whether to keep changes. Tests give the window another one."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from core.convert.endings import ENDINGS


class Keep(str, Enum):
    """What to do with unsaved changes."""

    SAVE = "save"
    DISCARD = "discard"
    CANCEL = "cancel"


class Dialogs(QObject):
    """Asks with the system's own dialogs."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window

    def open_file(self, folder: str) -> Path | None:
        """Which job file to open, None for none."""
        name, _ = QFileDialog.getOpenFileName(self._window, self.tr("Open job"), folder, self._filter())
        return Path(name) if name else None

    def import_file(self, folder: str) -> Path | None:
        """Which file of another program to import, None for none."""
        kinds = self.tr("Settings, scripts and LoRA files ({0})").format(" ".join(f"*{ending}" for ending in ENDINGS))
        name, _ = QFileDialog.getOpenFileName(self._window, self.tr("Import"), folder, kinds + ";;" + self.tr("All files (*)"))
        return Path(name) if name else None

    def log_file(self, folder: str) -> Path | None:
        """Which log to explain, None for none."""
        kinds = self.tr("Logs (*.txt *.log)") + ";;" + self.tr("All files (*)")
        name, _ = QFileDialog.getOpenFileName(self._window, self.tr("Explain a log"), folder, kinds)
        return Path(name) if name else None

    def save_file(self, suggestion: str) -> Path | None:
        """Where to save the job, None for nowhere."""
        name, _ = QFileDialog.getSaveFileName(self._window, self.tr("Save job as"), suggestion, self._filter())
        if not name:
            return None
        path = Path(name)
        return path if path.suffix else path.with_suffix(".toml")

    def keep_changes(self, name: str) -> Keep:
        """Whether to save, throw away or go back."""
        box = QMessageBox(self._window)
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle("Caddie")
        box.setText(self.tr("Save the changes to “{name}”?").format(name=name))
        box.setInformativeText(self.tr("They are lost otherwise."))
        buttons = QMessageBox.StandardButton
        box.setStandardButtons(buttons.Save | buttons.Discard | buttons.Cancel)
        box.setDefaultButton(buttons.Save)
        answer = box.exec()
        return {buttons.Save: Keep.SAVE, buttons.Discard: Keep.DISCARD}.get(buttons(answer), Keep.CANCEL)

    def about(self, text: str) -> None:
        """Shows what Caddie is."""
        QMessageBox.about(self._window, self.tr("About Caddie"), text)

    def _filter(self) -> str:
        return self.tr("Jobs and sd-scripts configurations (*.toml)") + ";;" + self.tr("All files (*)")
