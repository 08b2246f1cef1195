"""Log, sample pictures and former runs, one at a time."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QTabWidget, QWidget

from gui.run.log_view import LogView
from gui.run.recent import RecentRuns
from gui.run.samples import SamplePanel
from gui.widgets.base import Translated


class RunTabs(Translated, QTabWidget):
    """The first sample picture of a running training brings its tab to the front, unless the user has chosen another."""

    def __init__(self, log: LogView, samples: SamplePanel, recent: RecentRuns, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._log = log
        self._samples = samples
        self._recent = recent
        self._chosen = False
        self.setDocumentMode(True)
        for widget in (log, samples, recent):
            self.addTab(widget, "")
        self.setCornerWidget(log.bar, Qt.Corner.TopRightCorner)
        self.currentChanged.connect(lambda _: log.bar.setVisible(self.currentWidget() is log))
        self.tabBarClicked.connect(self._choose)
        samples.titled.connect(self._samples_titled)
        samples.arrived.connect(self._samples_arrived)
        self.retranslate()

    def show_run(self, *, on: bool) -> None:
        """Another run is on show, or none: what to look at first."""
        self._chosen = False
        self.setCurrentWidget(self._log if on else self._recent)

    def _choose(self, _index: int) -> None:
        self._chosen = True

    def _samples_titled(self, words: str) -> None:
        self.setTabText(self.indexOf(self._samples), words)

    def _samples_arrived(self) -> None:
        if not self._chosen:
            self._chosen = True
            self.setCurrentWidget(self._samples)

    def retranslate(self) -> None:
        """Sets every visible text in the language on screen."""
        self.setTabText(self.indexOf(self._log), self.tr("Log"))
        self.setTabText(self.indexOf(self._recent), self.tr("Runs"))
        self._samples.retranslate()
