"""The button "Presets" of the optimizer card: save the optimizer's part of the job, put another in its place, share it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog, QInputDialog, QMenu, QMessageBox, QWidget

from core.errors import CaddieError
from core.job.presets import Preset, Presets, apply_preset, list_presets, preset_of, presets_dir, read_preset, save_preset
from gui.bridge.files import open_path
from gui.bridge.notices import Notice
from gui.services import Services
from gui.widgets.base import Button, Translated


class PresetDialogs(QObject):
    """Asks with the system's own dialogs; tests give another one."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self._widget = widget

    def ask_name(self, suggestion: str) -> str | None:
        """What to call a new preset, None for none."""
        name, accepted = QInputDialog.getText(
            self._widget, self.tr("Save as preset"), self.tr("Name of the preset:"), text=suggestion
        )
        return name.strip() or None if accepted else None

    def ask_replace(self, name: str) -> bool:
        """Whether the preset that has this name already may go."""
        question = self.tr("There is a preset “{name}” already. Replace it?").format(name=name)
        return QMessageBox.question(self._widget, "Caddie", question) == QMessageBox.StandardButton.Yes

    def ask_file(self) -> Path | None:
        """Which preset to add to the user's, None for none."""
        kinds = self.tr("Presets (*.toml)") + ";;" + self.tr("All files (*)")
        name, _ = QFileDialog.getOpenFileName(self._widget, self.tr("Import a preset"), "", kinds)
        return Path(name) if name else None


class PresetsButton(Translated, Button):
    """Args:
    services: the window's services.
    dialogs: asks for names and files.
    """

    def __init__(self, services: Services, parent: QWidget | None = None, *, dialogs: PresetDialogs | None = None) -> None:
        super().__init__(services.theme, icon="save", classes="quiet", parent=parent)
        self._services = services
        self.dialogs = dialogs or PresetDialogs(self)
        self._presets: tuple[Preset, ...] | None = None
        menu = QMenu(self)
        self.save = menu.addAction("")
        self.apply = menu.addMenu("")
        menu.addSeparator()
        self.import_ = menu.addAction("")
        self.folder = menu.addAction("")
        self.save.triggered.connect(self._save)
        self.import_.triggered.connect(self._import)
        self.folder.triggered.connect(self._open_folder)
        menu.aboutToShow.connect(self.look)
        self.setMenu(menu)
        self.retranslate()

    def look(self) -> None:
        """Reads the folder anew, off the GUI thread: somebody may have put a file there."""
        job = self._services.session.job
        self.save.setEnabled(bool(job.optimizer_type) or any(name.endswith("learning_rate") for name in job.options))
        self._services.tasks.start(list_presets, done=self._listed, owner=self)

    def retranslate(self) -> None:
        self.setText(self.tr("Presets"))
        self.setToolTip(self.tr("Optimizer, arguments, scheduler and learning rates, for any job"))
        self.save.setText(self.tr("Save as preset…"))
        self.apply.setTitle(self.tr("Apply preset"))
        self.import_.setText(self.tr("Import a preset…"))
        self.folder.setText(self.tr("Open the folder of presets"))
        self._fill()

    # --- inside ------------------------------------------------------------------------------------------------

    def _listed(self, found: Presets) -> None:
        self._presets = found.presets
        self._fill(found)

    def _fill(self, found: Presets | None = None) -> None:
        self.apply.clear()
        if self._presets is None:
            self.apply.addAction(self.tr("Reading …")).setEnabled(False)
            return
        for preset in self._presets:
            action = self.apply.addAction(preset.name.replace("&", "&&"), lambda preset=preset: self._apply(preset))
            action.setToolTip("\n".join(f"{name} = {value}" for name, value in preset.options.items()))
        if not self._presets:
            self.apply.addAction(self.tr("None yet")).setEnabled(False)
        for problem in found.problems if found is not None else ():
            self.apply.addAction(self._services.translation.say(problem)).setEnabled(False)
        self.apply.setToolTipsVisible(True)

    def _apply(self, preset: Preset) -> None:
        session = self._services.session
        label = self.tr("Preset {name}").format(name=preset.name)
        job = apply_preset(session.job, preset, self._services.catalogue)
        if job == session.job:
            self._tell(self.tr("The job says the same as the preset already."))
            return
        session.edit(job, label)
        if preset.left_out:
            listed = ", ".join(preset.left_out)
            self._tell(self.tr("Not taken from the preset, which never touches it: {0}").format(listed))

    def _save(self) -> None:
        spec = self._services.catalogue.find_for_options(self._services.session.job.options)
        name = self.dialogs.ask_name(spec.name if spec is not None else "")
        if name is None:
            return
        try:
            preset = preset_of(self._services.session.job, name)
        except CaddieError as error:
            self._services.tasks.report(error)
            return
        self._write(preset)

    def _import(self) -> None:
        path = self.dialogs.ask_file()
        if path is not None:
            self._services.tasks.start(read_preset, path, done=self._write, owner=self)

    def _write(self, preset: Preset) -> None:
        """Writes it; asks where one of that name is there (a file that appears in between is not replaced)."""
        self._services.tasks.start(list_presets, done=lambda found: self._write_beside(preset, found), owner=self)

    def _write_beside(self, preset: Preset, found: Presets) -> None:
        taken = any(one.name.casefold() == preset.name.casefold() for one in found.presets)
        if taken and not self.dialogs.ask_replace(preset.name):
            return
        self._services.tasks.start(
            lambda: save_preset(preset, replace_it=taken), done=lambda path: self._written(preset.name, path), owner=self
        )

    def _written(self, name: str, path: Path) -> None:
        self._tell(self.tr("Preset saved: {name} ({path})").format(name=name, path=path))

    def _open_folder(self) -> None:
        folder = presets_dir()

        def make() -> Path:
            folder.mkdir(parents=True, exist_ok=True)
            return folder

        self._services.tasks.start(make, done=self._show_folder, owner=self)

    def _show_folder(self, folder: Path) -> None:
        open_path(folder)

    def _tell(self, words: str) -> None:
        self._services.notices.post(Notice(text=lambda: words, seconds=8, key="preset"))
