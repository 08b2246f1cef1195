"""The list of former runs."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QHeaderView, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from core.runs.folder import RunFolder
from gui.bridge.run_workers import RunSummary
from gui.bridge.translation import Translation
from gui.run.words import ending_badge, ending_word, moment
from gui.theme.theme import Theme
from gui.widgets.badge import badge_colors
from gui.widgets.base import Label, Translated


class RecentRuns(Translated, QWidget):
    """Former runs, the newest first.

    Signals:
        chosen: the RunFolder to look at.
    """

    chosen = Signal(object)

    def __init__(self, theme: Theme, translation: Translation, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._translation = translation
        self._runs: list[RunSummary] = []
        self._current: RunFolder | None = None
        self.empty = Label("", "muted")
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.tree = QTreeWidget()
        self.tree.setRootIsDecorated(False)
        self.tree.setUniformRowHeights(True)
        self.tree.setAllColumnsShowFocus(True)
        self.tree.setColumnCount(5)
        self.tree.header().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.tree.header().setStretchLastSection(True)
        self.tree.itemActivated.connect(self._activated)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.empty)
        layout.addWidget(self.tree)
        theme.changed.connect(self._fill)
        self.retranslate()

    @property
    def is_empty(self) -> bool:
        """Whether no run is listed."""
        return not self._runs

    def set_runs(self, runs: Sequence[RunSummary], current: RunFolder | None) -> None:
        """Shows these runs; the one on show is bold."""
        if list(runs) == self._runs and current == self._current:
            return
        self._runs, self._current = list(runs), current
        self._fill()

    def _fill(self) -> None:
        selected = self.tree.currentIndex().row()
        self.tree.clear()
        for run in self._runs:
            steps = f"{run.steps:,}" + (f" / {run.total:,}" if run.total else "") if run.steps else ""
            when = moment(run.created_at, self._translation.language)
            item = QTreeWidgetItem([run.name, ending_word(run.ending), run.optimizer, steps, when])
            item.setData(0, Qt.ItemDataRole.UserRole, run.folder)
            item.setToolTip(0, str(run.folder.path))
            item.setForeground(1, self._ink(run))
            if run.folder == self._current:
                font = item.font(0)
                font.setBold(True)
                item.setFont(0, font)
            self.tree.addTopLevelItem(item)
        if 0 <= selected < len(self._runs):
            self.tree.setCurrentIndex(self.tree.model().index(selected, 0))
        self.tree.setVisible(bool(self._runs))
        self.empty.setVisible(not self._runs)

    def _ink(self, run: RunSummary) -> QColor:
        return QColor(badge_colors(self._theme.colors, ending_badge(run.ending).tone)[1])

    def _activated(self, item: QTreeWidgetItem) -> None:
        self.chosen.emit(item.data(0, Qt.ItemDataRole.UserRole))

    def retranslate(self) -> None:
        """Sets every visible text in the language on screen."""
        self.empty.setText(self.tr("No run yet"))
        labels = [self.tr("Run"), self.tr("State"), self.tr("Optimizer"), self.tr("Steps"), self.tr("Started")]
        self.tree.setHeaderLabels(labels)
        self.tree.setAccessibleName(self.tr("Former runs; Enter shows one"))
        self._fill()
