"""Below the table: what the selected runs have in common and what not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QTabWidget, QWidget

from core.history.record import RunRecord
from gui.history.differ_view import DifferView
from gui.history.ends_view import EndsView
from gui.services import Services
from gui.widgets.base import Translated

if TYPE_CHECKING:
    from gui.history.curves_view import CurvesView


class HistoryTabs(Translated, QTabWidget):
    """Curves, end values, differences: one at a time.

    Signals:
        colored: which run has which colour.
    """

    colored = Signal(object)

    def __init__(self, services: Services, differ: DifferView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self._chosen: Sequence[RunRecord] = ()
        self.curves: CurvesView | None = None
        self.ends = EndsView(services)
        self._differ = differ
        self.setDocumentMode(True)
        for widget in (self.ends, differ):
            self.addTab(widget, "")
        self.retranslate()

    def build(self) -> None:
        """Makes the curves, once: importing what draws takes longer than showing a thousand runs."""
        if self.curves is not None:
            return
        from gui.history.curves_view import CurvesView

        self.curves = CurvesView(self._services)
        self.curves.colored.connect(self.colored)
        self.insertTab(0, self.curves, "")
        self.setCurrentIndex(0)
        self.retranslate()
        self.curves.show_runs(self._chosen)

    def show_runs(self, chosen: Sequence[RunRecord], records: Sequence[RunRecord]) -> None:
        """Shows the chosen of all runs."""
        self._chosen = chosen
        if self.curves is not None:
            self.curves.show_runs(chosen)
        self.ends.show_runs(chosen, records)
        self._differ.show_runs(chosen)

    def retranslate(self) -> None:
        """Sets every visible text in the language on screen."""
        if self.curves is not None:
            self.setTabText(self.indexOf(self.curves), self.tr("Curves"))
        self.setTabText(self.indexOf(self.ends), self.tr("End values"))
        self.setTabText(self.indexOf(self._differ), self.tr("What differs"))
