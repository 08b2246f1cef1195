"""The interface language: Qt's own words and Caddie's, switched while the window is open."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QObject, QTranslator, Signal

from core.text import Language, Text
from gui.bridge.settings import Settings

SPOKEN = "CADDIE_LANGUAGE"
_log = logging.getLogger(__name__)


class Translation(QObject):
    """Installs the translators for the language of the settings.

    Every widget with text answers `QEvent.LanguageChange`, which Qt sends when translators come and go.

    Signals:
        changed: after the switch; item models that show `core` texts refresh on it.
    """

    changed = Signal()

    def __init__(self, application: QCoreApplication, settings: Settings, folder: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._application = application
        self._settings = settings
        self._folder = folder
        self._translators: list[QTranslator] = []
        self._spoken_before = os.environ.get(SPOKEN)
        self._language: Language = "en"
        settings.changed.connect(self._on_setting)
        self._switch(settings.effective_language)

    @property
    def language(self) -> Language:
        """The language on screen."""
        return self._language

    def say(self, text: Text) -> str:
        """A text of `core` in the language on screen."""
        return text.in_language(self._language)

    def uninstall(self) -> None:
        """Takes the translators out of the application."""
        self._drop()
        if self._spoken_before is None:
            os.environ.pop(SPOKEN, None)
        else:
            os.environ[SPOKEN] = self._spoken_before

    def _drop(self) -> None:
        for translator in self._translators:
            self._application.removeTranslator(translator)
            translator.deleteLater()
        self._translators.clear()

    def _on_setting(self, key: str) -> None:
        if key == "language" and self._settings.effective_language != self._language:
            self._switch(self._settings.effective_language)
            self.changed.emit()

    def _switch(self, language: Language) -> None:
        self._drop()
        self._language = language
        # What core says by itself (a training in this process, and the children of it) is in the window's language too.
        os.environ[SPOKEN] = language
        files = [(f"caddie_{language}", str(self._folder))]
        if language != "en":  # the sources are English; caddie_en holds the plurals only
            files.insert(0, (f"qtbase_{language}", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)))
        for name, folder in files:
            translator = QTranslator(self)
            if translator.load(name, folder):
                self._application.installTranslator(translator)
                self._translators.append(translator)
            else:
                _log.warning("No translation %s in %s", name, folder)
                translator.deleteLater()
