"""What the page "Queue" asks for: files. Tests give it another one."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog, QWidget


class QueueDialogs(QObject):
    """Asks with the system's own dialogs."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window

    def job_files(self, folder: str) -> list[Path]:
        """Which job files to add."""
        kinds = self.tr("Job files (*.toml)") + ";;" + self.tr("All files (*)")
        names, _ = QFileDialog.getOpenFileNames(self._window, self.tr("Add job files"), folder, kinds)
        return [Path(name) for name in names]

    def script_file(self, folder: str) -> Path | None:
        """Where to write a script that trains all that waits."""
        kinds = ";;".join([self.tr("Batch file (*.bat)"), self.tr("PowerShell script (*.ps1)"), self.tr("Shell script (*.sh)")])
        name, chosen = QFileDialog.getSaveFileName(self._window, self.tr("Export the queue"), folder, kinds)
        if not name:
            return None
        path = Path(name)
        return path if path.suffix else path.with_suffix(chosen[chosen.rindex(".") : chosen.rindex(")")])
