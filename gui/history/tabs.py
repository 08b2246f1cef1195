"""Below the table: what the selected runs have in common and what not."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QTabWidget, QWidget

from core.history.record import RunRecord
from gui.history.curves_view import CurvesView
from gui.history.differ_view import DifferView
from gui.history.ends_view import EndsView
from gui.services import Services
from gui.widgets.base import Translated


class HistoryTabs(Translated, QTabWidget):
    """Curves, end values, differences: one at a time."""

    def __init__(self, services: Services, differ: DifferView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.curves = CurvesView(services)
        self.ends = EndsView(services)
        self._differ = differ
        self.setDocumentMode(True)
        for widget in (self.curves, self.ends, differ):
            self.addTab(widget, "")
        self.retranslate()

    def show_runs(self, chosen: Sequence[RunRecord], records: Sequence[RunRecord]) -> None:
        """Shows the chosen of all runs."""
        self.curves.show_runs(chosen)
        self.ends.show_runs(chosen, records)
        self._differ.show_runs(chosen)

    def retranslate(self) -> None:
        """Sets every visible text in the language on screen."""
        self.setTabText(self.indexOf(self.curves), self.tr("Curves"))
        self.setTabText(self.indexOf(self.ends), self.tr("End values"))
        self.setTabText(self.indexOf(self._differ), self.tr("What differs"))
