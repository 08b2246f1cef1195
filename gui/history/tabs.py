"""Below the table: what the selected runs have in common and what not."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QTabWidget, QWidget

from core.history.record import RunRecord
from gui.history.differ_view import DifferView
from gui.services import Services
from gui.widgets.base import Translated


class HistoryTabs(Translated, QTabWidget):
    """One view at a time."""

    def __init__(self, services: Services, differ: DifferView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self._differ = differ
        self.setDocumentMode(True)
        self.addTab(differ, "")
        self.retranslate()

    def show_runs(self, records: Sequence[RunRecord]) -> None:
        """Shows these runs."""
        self._differ.show_runs(records)

    def retranslate(self) -> None:
        """Sets every visible text in the language on screen."""
        self.setTabText(self.indexOf(self._differ), self.tr("What differs"))
