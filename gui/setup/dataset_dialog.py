"""The editor of dataset configs: the tables, the form of one of them, what they come to, and the file."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QDialog, QFileDialog, QHBoxLayout, QMessageBox, QSizePolicy, QSplitter, QVBoxLayout, QWidget

from core.dataset.document import DatasetConfig, from_document
from core.dataset.from_folders import folders_named_by
from core.dataset.mend import can_mend, mended
from core.errors import CaddieError
from gui.bridge.dataset_session import DatasetSession
from gui.forms.row import ElidedLabel
from gui.services import Services
from gui.setup.dataset_count import DatasetCount
from gui.setup.dataset_form import DatasetForm
from gui.setup.dataset_tree import DatasetTree
from gui.widgets.base import Button, IconButton, Label, Line, Translated, row
from gui.widgets.dialogs import Keep


class DatasetQuestions(QObject):
    """What the editor asks and waits for; tests give it another one."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window

    def open_file(self, folder: str) -> Path | None:
        """Which config to open, None for none."""
        kinds = self.tr("Dataset configs (*.toml *.json)") + ";;" + self.tr("All files (*)")
        name, _ = QFileDialog.getOpenFileName(self._window, self.tr("Open a dataset config"), folder, kinds)
        return Path(name) if name else None

    def save_file(self, suggestion: str) -> Path | None:
        """Where to save it, None for nowhere."""
        kinds = self.tr("Dataset configs (*.toml *.json)")
        name, _ = QFileDialog.getSaveFileName(self._window, self.tr("Save the dataset config as"), suggestion, kinds)
        if not name:
            return None
        path = Path(name)
        return path if path.suffix else path.with_suffix(".toml")

    def keep_changes(self) -> Keep:
        """Whether to save, throw away or go back."""
        box = QMessageBox(self._window)
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle("Caddie")
        box.setText(self.tr("Save the changes to the dataset config?"))
        box.setInformativeText(self.tr("They are lost otherwise."))
        buttons = QMessageBox.StandardButton
        box.setStandardButtons(buttons.Save | buttons.Discard | buttons.Cancel)
        box.setDefaultButton(buttons.Save)
        answer = box.exec()
        return {buttons.Save: Keep.SAVE, buttons.Discard: Keep.DISCARD}.get(buttons(answer), Keep.CANCEL)


class DatasetDialog(Translated, QDialog):
    """Signals:
    saved: a config was written, which a count of the job may have looked at.
    """

    saved = Signal()

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowFlags(Qt.WindowType.Window)
        self._services = services
        self.questions = DatasetQuestions(self)
        self.session = DatasetSession(services.tasks, lambda: services.session.job.options.get("masked_loss") is True, self)
        self._after_save: Callable[[Path], None] | None = None
        self._owner = parent.window() if parent is not None else None
        if self._owner is not None:
            self._owner.installEventFilter(self)
        theme = services.theme
        self._file = ElidedLabel()
        self._file.setProperty("class", "title")
        self._file.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.mend_button = Button(theme, icon="tip")
        self._problem = Label("", "danger", wrap=True)
        self.undo, self.redo = IconButton(theme, "undo"), IconButton(theme, "redo")
        self.open_button = Button(theme, icon="file", classes="quiet")
        self.from_folders = Button(theme, icon="folder", classes="quiet")
        self.save_button, self.save_as_button = Button(theme, icon="save"), Button(theme)
        self.use_button = Button(theme, icon="success", classes="primary")
        self.close_button = Button(theme)
        self._stale = Label("", "warning", wrap=True)
        self.reload_button, self.overwrite_button = Button(theme), Button(theme)
        self._stale_line = QWidget()
        self.tree = DatasetTree(services, self.session)
        self.form = DatasetForm(services, self.session)
        self.count = DatasetCount(services, self.session)
        self._build()
        self._connect()
        self.retranslate()
        self._show_state()
        screen = self.screen().availableGeometry()
        self.resize(min(1240, screen.width() - 40), min(780, screen.height() - 60))

    def _build(self) -> None:
        stale = QHBoxLayout(self._stale_line)
        stale.setContentsMargins(0, 0, 0, 0)
        stale.addWidget(self._stale, 1)
        stale.addWidget(self.reload_button)
        stale.addWidget(self.overwrite_button)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 8, 0)
        column.setSpacing(8)
        column.addWidget(self.tree, 3)
        column.addWidget(Line())
        column.addWidget(self.count, 4)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        split.addWidget(left)
        split.addWidget(self.form)
        split.setStretchFactor(0, 2)
        split.setStretchFactor(1, 5)
        split.setSizes([360, 880])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(8)
        head = row(self._file, self.mend_button, self.undo, self.redo, self.from_folders, self.open_button)
        head.setStretch(0, 1)
        layout.addLayout(head)
        layout.addWidget(self._problem)
        layout.addWidget(self._stale_line)
        layout.addWidget(split, 1)
        layout.addLayout(row(1, self.save_as_button, self.save_button, self.use_button, self.close_button))
        for button in (self.save_as_button, self.save_button, self.use_button, self.close_button, self.open_button):
            button.setAutoDefault(False)
        for button in (self.mend_button, self.from_folders, self.reload_button, self.overwrite_button):
            button.setAutoDefault(False)

    def _connect(self) -> None:
        session, services = self.session, self._services
        self.tree.chosen.connect(self.form.show_place)
        self.undo.clicked.connect(session.undo)
        self.redo.clicked.connect(session.redo)
        self.mend_button.clicked.connect(self.mend)
        self.open_button.clicked.connect(self._open)
        self.from_folders.clicked.connect(self.make_from_folders)
        self.save_button.clicked.connect(self.save)
        self.save_as_button.clicked.connect(self.save_as)
        self.use_button.clicked.connect(self.use)
        self.close_button.clicked.connect(self.close)
        self.reload_button.clicked.connect(self._reload)
        self.overwrite_button.clicked.connect(lambda: self._write(session.path, force=True))
        session.changed.connect(self._show_state)
        session.file_changed.connect(self._show_state)
        session.saved.connect(self._on_saved)
        session.conflict.connect(lambda _path: self._drop_after_save())
        session.unreadable.connect(self._on_unreadable)
        services.session.changed.connect(self._on_job)
        keys = QKeySequence.StandardKey
        shortcuts = ((keys.Undo, session.undo), (keys.Redo, session.redo), (keys.Save, self.save), (keys.Open, self._open))
        for key, action in shortcuts:
            QShortcut(QKeySequence(key), self).activated.connect(action)

    def mend(self) -> None:
        """Writes what was meant, where that is plain."""
        try:
            self.session.edit(mended(self.session.config, self.session.faults))
        except CaddieError as error:
            self._services.tasks.report(error)

    # --- opening -----------------------------------------------------------------------------------------------

    def open_for_job(self) -> None:
        """Shows the config that the job names, or else one of its folders, or else an empty one."""
        self._problem.setText("")
        job = self._services.session.job
        named = job.options.get("dataset_config")
        if not self.isVisible():
            self.show()
            self.tree.tree.setFocus()
        self.raise_()
        self.count.set_active(True)
        if isinstance(named, str) and named:
            path = Path(os.path.join(self._services.counting.base() or "", named))
            if path != self.session.path or not self.session.modified:
                self._leave(lambda: self.session.load(path))
            else:
                self.session.look_at_file()
        elif self.session.path is None and not self.session.modified:
            self.session.new(_blank())
            if folders_named_by(job):
                self.make_from_folders()

    def make_from_folders(self) -> None:
        """Begins a config that trains what the job's folders do; they are looked at in a worker."""
        from core.dataset.from_folders import config_of_job

        job, base = self._services.session.job, self._services.counting.base()

        def done(config: DatasetConfig) -> None:
            self._leave(lambda: self.session.new(config, modified=True))

        tasks = self._services.tasks
        tasks.start(config_of_job, job, base, done=done, failed=self._say_problem, owner=self)

    def _open(self) -> None:
        here = str(self.session.path.parent) if self.session.path is not None else ""
        path = self.questions.open_file(here)
        if path is not None:
            self._leave(lambda: self.session.load(path))

    def _reload(self) -> None:
        if self.session.path is not None:
            self.session.load(self.session.path)

    def _on_unreadable(self, path: Path, error: BaseException) -> None:
        words = self._services.translation.say(error.text) if isinstance(error, CaddieError) else str(error)
        self._problem.setText(f"{path}: {words}")
        self._show_state()

    def _say_problem(self, error: BaseException) -> None:
        if not isinstance(error, CaddieError):
            self._services.tasks.report(error)
            return
        self._problem.setText(self._services.translation.say(error.text))
        self._show_state()

    # --- saving ------------------------------------------------------------------------------------------------

    def save(self) -> None:
        """Writes the file; asks where, if it has none."""
        self._write(self.session.path)

    def save_as(self) -> None:
        """Asks for a file and writes it."""
        self._write(None)

    def use(self) -> None:
        """Writes the file and lets the job name it."""
        if self.session.path is not None and not self.session.modified:
            self._name_in_job(self.session.path)
        else:
            self._write(self.session.path, after=self._name_in_job)

    def _write(self, path: Path | None, *, force: bool = False, after: Callable[[Path], None] | None = None) -> None:
        if path is None:
            path = self.questions.save_file(self._suggestion())
        if path is not None and not self.session.busy:
            self._after_save = after
            self.session.save(path, force=force)

    def _suggestion(self) -> str:
        if self.session.path is not None:
            return str(self.session.path)
        job = self._services.session
        folder = job.job.options.get("train_data_dir")
        near = (
            Path(os.path.join(self._services.counting.base() or "", folder)).parent
            if isinstance(folder, str) and folder
            else None
        )
        if near is None and job.path is not None:
            near = job.path.parent
        return str((near or Path()) / "dataset.toml")

    def _name_in_job(self, path: Path) -> None:
        session = self._services.session
        job = session.job.with_option("dataset_config", str(path))
        for name in ("train_data_dir", "reg_data_dir", "in_json"):  # sd-scripts passes over them beside a config
            job = job.with_option(name, None)
        session.edit(job, self.tr("Use the dataset config"))

    def _on_saved(self, path: Path) -> None:
        self._problem.setText("")
        self.saved.emit()
        after, self._after_save = self._after_save, None
        if after is not None:
            after(path)

    def _drop_after_save(self) -> None:
        self._after_save = None

    # --- leaving -----------------------------------------------------------------------------------------------

    def _leave(self, then: Callable[[], None]) -> None:
        """Does something that loses what is not saved, unless it is to be kept."""
        if not self.session.modified:
            then()
            return
        answer = self.questions.keep_changes()
        if answer is Keep.SAVE:
            self._write(self.session.path, after=lambda _path: then())
        elif answer is Keep.DISCARD:
            then()

    def reject(self) -> None:
        """Esc and the window's cross: asks about what is not saved."""
        self._leave(self._close)

    def _close(self) -> None:
        self.count.set_active(False)
        if self.session.modified:
            self.session.new(_blank())
        super().reject()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The window that this one belongs to does not close over what is not saved."""
        if event.type() == QEvent.Type.Close and watched is self._owner and self._keeps_open():
            event.ignore()
            return True
        return super().eventFilter(watched, event)

    def _keeps_open(self) -> bool:
        owner = self._owner
        if owner is None or not self.isVisible() or not self.session.modified:
            return False
        answer = self.questions.keep_changes()

        def close_both(_path: Path) -> None:
            owner.close()

        if answer is Keep.SAVE:
            self._write(self.session.path, after=close_both)
        elif answer is Keep.DISCARD:
            self._close()
        return answer is not Keep.DISCARD

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.ActivationChange and self.isActiveWindow():
            self.session.look_at_file()
        super().changeEvent(event)

    # --- what is shown -----------------------------------------------------------------------------------------

    def _on_job(self) -> None:
        if self.isVisible():
            self.session.job_changed()

    def _show_state(self) -> None:
        session = self.session
        name = str(session.path) if session.path is not None else self.tr("New dataset config")
        self._file.set_full(("• " if session.modified else "") + name)
        self._file.setToolTip(name)
        self.setWindowTitle(self.tr("Dataset config") + f" – {session.path.name if session.path is not None else name}")
        self._problem.setVisible(bool(self._problem.text()))
        self._stale_line.setVisible(session.outdated)
        plain = sum(can_mend(session.config, fault) for fault in session.faults)
        self.mend_button.setVisible(plain > 0)
        self.mend_button.setText(self.tr("Mend ({0})").format(plain))
        self.undo.setEnabled(session.can_undo)
        self.redo.setEnabled(session.can_redo)
        self.save_button.setEnabled(session.modified and not session.busy)
        self.save_as_button.setEnabled(not session.busy)
        named = self._services.session.job.options.get("dataset_config")
        used = session.path is not None and str(session.path) == named and not session.modified
        self.use_button.setEnabled(not used and not session.busy)
        self.from_folders.setVisible(folders_named_by(self._services.session.job))

    def retranslate(self) -> None:
        """Sets every visible text in the language on screen."""
        self.mend_button.setToolTip(self.tr("Corrects names and values where it is plain what was meant"))
        self.undo.set_text(self.tr("Undo (Ctrl+Z)"))
        self.redo.set_text(self.tr("Redo"))
        self.open_button.setText(self.tr("Open …"))
        self.from_folders.setText(self.tr("From the job's folders"))
        self.from_folders.setToolTip(self.tr("Makes a dataset config of the folders that the job names, with their repeats"))
        self.save_button.setText(self.tr("Save"))
        self.save_as_button.setText(self.tr("Save as …"))
        self.use_button.setText(self.tr("Save and use in the job"))
        self.close_button.setText(self.tr("Close"))
        self._stale.setText(self.tr("The file was changed by another program meanwhile."))
        self.reload_button.setText(self.tr("Read it anew"))
        self.overwrite_button.setText(self.tr("Write over it"))
        self._show_state()


def _blank() -> DatasetConfig:
    """What a new config begins with."""
    return from_document({"datasets": [{"subsets": [{"image_dir": ""}]}]})
