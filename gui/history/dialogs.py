"""Questions of the History page that block (tests give the page another one), and what may be dropped on it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget


class HistoryDialogs(QObject):
    """Asks with the system's own dialogs."""

    def __init__(self, page: QWidget) -> None:
        super().__init__(page)
        self._page = page

    def delete(self, names: list[str]) -> bool:
        """Whether these runs go into the bin."""
        box = QMessageBox(self._page)
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle("Caddie")
        if len(names) == 1:
            box.setText(self.tr("Move the run “{name}” to the bin?").format(name=names[0]))
        else:
            box.setText(self.tr("Move %n runs to the bin?", "", len(names)))
        box.setInformativeText(
            self.tr("Their folders with curves, logs and settings go. Saved LoRAs and pictures elsewhere stay.")
        )
        yes = box.addButton(self.tr("Move to the bin"), QMessageBox.ButtonRole.DestructiveRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.setDefaultButton(QMessageBox.StandardButton.Cancel)
        box.exec()
        return box.clickedButton() is yes

    def import_folder(self) -> Path | None:
        """Which folder of TensorBoard files or LoRAs to import, None for none."""
        name = QFileDialog.getExistingDirectory(self._page, self.tr("Import runs of a folder"))
        return Path(name) if name else None

    def import_file(self) -> Path | None:
        """Which LoRA or event file to import, None for none."""
        kinds = self.tr("LoRA and TensorBoard files ({0})").format("*.safetensors events.out.tfevents.*")
        name, _ = QFileDialog.getOpenFileName(self._page, self.tr("Import a run"), "", kinds + ";;" + self.tr("All files (*)"))
        return Path(name) if name else None


def dropped(event: QDropEvent) -> Path | None:
    """What can be imported of what is dropped: one folder, LoRA or event file; else None."""
    urls = event.mimeData().urls() if event.mimeData().hasUrls() else []
    if len(urls) != 1 or not urls[0].isLocalFile():
        return None
    path = Path(urls[0].toLocalFile())
    fits = path.suffix.lower() == ".safetensors" or path.name.startswith("events.out.tfevents.") or path.is_dir()
    return path if fits else None
