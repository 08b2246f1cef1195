"""End values of the selected runs, with the spread from seed to seed."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QHeaderView, QStackedWidget, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from core.history.record import RunRecord
from core.history.seeds import SeedGroup, Spread, seed_groups
from gui.models.history_columns import figure, optimizer_name
from gui.run.words import ending_word, memory
from gui.services import Services
from gui.widgets.base import Label, Translated

_WIDTHS = (300, 70, 170, 170, 150)


class EndsView(Translated, QWidget):
    """A row a job; below it its runs, one a seed."""

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self._groups: list[SeedGroup] = []
        self._chosen: set[str] = set()
        self.message = Label("", "muted", wrap=True)
        self.message.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.tree = QTreeWidget()
        self.tree.setColumnCount(6)
        self.tree.setUniformRowHeights(True)
        self.tree.setAllColumnsShowFocus(True)
        header = self.tree.header()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setStretchLastSection(True)
        for column, width in enumerate(_WIDTHS):
            header.resizeSection(column, width)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.message)
        self.stack.addWidget(self.tree)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.stack)
        services.theme.changed.connect(self._fill)
        self.retranslate()

    def show_runs(self, chosen: Sequence[RunRecord], records: Sequence[RunRecord]) -> None:
        """Shows these runs, with the other seeds of their jobs."""
        groups = seed_groups(chosen, records)
        wanted = {record.id for record in chosen}
        if groups != self._groups or wanted != self._chosen:
            self._groups, self._chosen = groups, wanted
            self._fill()

    def _fill(self) -> None:
        self.tree.clear()
        self.stack.setCurrentWidget(self.tree if self._groups else self.message)
        for group in self._groups:
            top = self._group_row(group)
            self.tree.addTopLevelItem(top)
            if len(group.runs) > 1:
                for record in group.runs:
                    top.addChild(self._run_row(record, counted=record in group.counted))
                top.setExpanded(len(self._groups) <= 4)

    def _group_row(self, group: SeedGroup) -> QTreeWidgetItem:
        first = next((record for record in group.runs if record.id in self._chosen), group.runs[0])
        name = optimizer_name(first, self._services.catalogue)
        several = len(group.runs) > 1
        rate = f" · {figure(first.rate)}" if first.rate is not None else ""
        title = f"{name}{rate}" if several and name else first.name
        seeds = str(len(group.counted)) if several else "–" if first.seed is None else str(first.seed)
        item = QTreeWidgetItem(
            [
                title,
                self.tr("%n seeds", "", int(seeds)) if several else seeds,
                _words(group.loss),
                _words(group.validation_loss),
                _words(group.steps_per_second),
                "–" if group.memory is None else memory(group.memory.mean),
            ]
        )
        item.setToolTip(0, "\n".join((first.optimizer, *first.arguments)))
        font = item.font(0)
        font.setBold(True)
        item.setFont(0, font)
        return item

    def _run_row(self, record: RunRecord, *, counted: bool) -> QTreeWidgetItem:
        values = (record.loss, record.validation_loss, record.steps_per_second)
        name = (
            record.name
            if counted
            else self.tr("{name} ({outcome}, not counted)").format(name=record.name, outcome=ending_word(record.ending))
        )
        seed = "–" if record.seed is None else str(record.seed)
        numbers = ["–" if value is None else figure(value) for value in values]
        item = QTreeWidgetItem([name, seed, *numbers, memory(record.memory)])
        item.setToolTip(0, str(record.folder))
        if record.id in self._chosen:
            font = item.font(0)
            font.setBold(True)
            item.setFont(0, font)
        if not counted:
            for column in range(6):
                item.setForeground(column, QColor(self._services.theme.colors.text_muted))
        return item

    def retranslate(self) -> None:
        """Sets every visible text in the language on screen."""
        self.message.setText(self.tr("Select runs above to see their end values, with the spread from seed to seed."))
        labels = [self.tr("Job"), self.tr("Seed"), self.tr("Loss at end"), self.tr("Validation loss")]
        self.tree.setHeaderLabels([*labels, self.tr("Steps/s"), self.tr("Memory")])
        self.tree.setAccessibleName(self.tr("End values"))
        help_text = self.tr("Mean ± standard deviation over the seeds. A smaller difference between two jobs says nothing.")
        for column in (2, 3, 4):
            self.tree.headerItem().setToolTip(column, help_text)
        self._fill()


def _words(value: Spread | None) -> str:
    if value is None:
        return "–"
    if value.sd is None or math.isnan(value.sd):
        return figure(value.mean)
    return f"{figure(value.mean)} ± {value.sd:.2g}"
