"""The menu bar."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QAction, QActionGroup, QDesktopServices, QKeySequence
from PySide6.QtWidgets import QMainWindow, QMenu

from core.paths import user_data_dir
from gui.job_actions import JobActions
from gui.services import Services
from gui.widgets.base import Translated
from gui.widgets.dialogs import Dialogs


class Menus(Translated, QMenu):
    """Fills a window's menu bar and keeps it in step. (A QMenu itself only to hear of language changes.)"""

    def __init__(self, window: QMainWindow, services: Services, jobs: JobActions, dialogs: Dialogs) -> None:
        super().__init__(window)
        self._window = window
        self._services = services
        self._jobs = jobs
        self._dialogs = dialogs
        bar = window.menuBar()
        self.file, self.edit, self.view, self.help = (bar.addMenu("") for _ in range(4))
        keys = QKeySequence.StandardKey
        self.new = self._action(self.file, jobs.new, keys.New)
        self.open = self._action(self.file, jobs.open, keys.Open)
        self.import_ = self._action(self.file, jobs.import_file, "Ctrl+I")
        self.recent = self.file.addMenu("")
        self.race = self._action(self.file, self._race, "Ctrl+Shift+R")
        self.file.addSeparator()
        self.save = self._action(self.file, jobs.save, keys.Save)
        self.save_as = self._action(self.file, jobs.save_as, "Ctrl+Shift+S")
        self.file.addSeparator()
        self.quit = self._action(self.file, window.close, "Ctrl+Q")
        self.undo = self._action(self.edit, services.session.undo, keys.Undo)
        self.redo = self._action(self.edit, services.session.redo, "Ctrl+Y")
        self.redo.setShortcuts([QKeySequence("Ctrl+Y"), QKeySequence("Ctrl+Shift+Z")])
        self.language = self.view.addMenu("")
        self.theme = self.view.addMenu("")
        self.watchdogs = self._action(self.view, self._choose_watchdogs)
        self._languages = self._choices(self.language, ("system", "en", "ja"), "language")
        self._themes = self._choices(self.theme, ("system", "light", "dark"), "theme")
        self.demo = self._action(self.help, jobs.open_demo)
        self.explain = self._action(self.help, jobs.explain_log)
        self.data_folder = self._action(self.help, self._open_data_folder)
        self.about = self._action(self.help, self._about)
        self.recent.aboutToShow.connect(self._fill_recent)
        services.session.changed.connect(self._follow)
        services.session.file_changed.connect(self._follow)
        services.settings.changed.connect(self._check)
        self.retranslate()
        self._check("language")
        self._check("theme")

    def retranslate(self) -> None:
        """Names everything."""
        self.file.setTitle(self.tr("&File"))
        self.edit.setTitle(self.tr("&Edit"))
        self.view.setTitle(self.tr("&View"))
        self.help.setTitle(self.tr("&Help"))
        self.new.setText(self.tr("&New job"))
        self.open.setText(self.tr("&Open job…"))
        self.import_.setText(self.tr("&Import settings…"))
        self.race.setText(self.tr("&Race of optimizers…"))
        self.recent.setTitle(self.tr("Open &recent"))
        self.save.setText(self.tr("&Save"))
        self.save_as.setText(self.tr("Save &as…"))
        self.quit.setText(self.tr("&Quit"))
        self.language.setTitle(self.tr("&Language"))
        self.theme.setTitle(self.tr("&Theme"))
        self.watchdogs.setText(self.tr("&Watchdogs and messages…"))
        for actions, names in (
            (self._languages, (self.tr("Like the system"), "English", "日本語")),
            (self._themes, (self.tr("Like the system"), self.tr("Light"), self.tr("Dark"))),
        ):
            for action, name in zip(actions, names, strict=True):
                action.setText(name)
        self.demo.setText(self.tr("Open the de&mo"))
        self.explain.setText(self.tr("&Explain a log…"))
        self.data_folder.setText(self.tr("Open the &data folder"))
        self.about.setText(self.tr("&About Caddie"))
        self._follow()

    def _action(self, menu: QMenu, action: Callable[[], object], key: QKeySequence.StandardKey | str | None = None) -> QAction:
        made = QAction(menu)
        made.triggered.connect(lambda _checked=False: action())
        if key is not None:
            made.setShortcut(QKeySequence(key))
        menu.addAction(made)
        return made

    def _choices(self, menu: QMenu, values: tuple[str, ...], key: str) -> list[QAction]:
        group = QActionGroup(menu)
        actions: list[QAction] = []
        for value in values:
            action = QAction(menu)
            action.setCheckable(True)
            action.setData(value)
            action.triggered.connect(lambda _checked=False, value=value: self._services.settings.set(key, value))
            group.addAction(action)
            menu.addAction(action)
            actions.append(action)
        return actions

    def _check(self, key: str) -> None:
        settings = self._services.settings
        if key == "language":
            present, actions = settings.language, self._languages
        elif key == "theme":
            present, actions = settings.theme, self._themes
        else:
            return
        for action in actions:
            action.setChecked(action.data() == present)

    def _follow(self, *_: object) -> None:
        session = self._services.session
        self.undo.setEnabled(session.can_undo)
        self.redo.setEnabled(session.can_redo)
        undo, redo = session.undo_label, session.redo_label
        self.undo.setText(self.tr("&Undo: {what}").format(what=undo) if undo else self.tr("&Undo"))
        self.redo.setText(self.tr("&Redo: {what}").format(what=redo) if redo else self.tr("&Redo"))

    def _fill_recent(self) -> None:
        self.recent.clear()
        for path in self._services.session.recent:
            self._add_recent(path)
        if self.recent.isEmpty():
            self.recent.addAction(self.tr("None yet")).setEnabled(False)
        else:
            self.recent.addSeparator()
            self.recent.addAction(self.tr("Clear this list"), self._services.settings.clear_recent)

    def _add_recent(self, path: Path) -> None:
        action = self.recent.addAction(path.name, lambda: self._jobs.open_path(path))
        action.setToolTip(str(path))
        action.setEnabled(path.exists())
        self.recent.setToolTipsVisible(True)

    def _race(self) -> None:
        from gui.race.dialog import open_race  # late: the window opens without the plots

        open_race(self._services, self._window)

    def _open_data_folder(self) -> None:
        folder = user_data_dir()
        folder.mkdir(parents=True, exist_ok=True)
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))

    def _choose_watchdogs(self) -> None:
        from gui.run.watch_dialog import WatchDialog  # late: seldom wanted

        dialog = WatchDialog(self._services, self._window)
        dialog.exec()
        dialog.deleteLater()

    def _about(self) -> None:
        self._dialogs.about(
            self.tr(
                "<b>Caddie</b><p>Choose an optimizer for sd-scripts, set it up without mistakes, "
                "and see what it really does.</p><p>Nothing leaves your machine.</p><p>Data: {folder}</p>"
            ).format(folder=user_data_dir())
        )
