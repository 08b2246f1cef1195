"""The names, kept in sight while the table is scrolled sideways."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from gui.models.optimizer_columns import COLUMNS
from gui.theme import tokens

NAME = COLUMNS.index("name")


class FrozenNames(QTableView):
    """A second view on the same rows that shows only the names, above the left edge of the table.

    It is there only while the table's own column of names is scrolled out of sight. Keys stay with the table.
    """

    def __init__(self, table: QTableView) -> None:
        super().__init__(table)
        self._table = table
        self.setProperty("class", "frozen")
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setModel(table.model())
        self.setSelectionModel(table.selectionModel())
        self.setItemDelegate(table.itemDelegate())
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(table.selectionMode())
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setShowGrid(False)
        for column in range(len(COLUMNS)):
            self.setColumnHidden(column, column != NAME)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setDefaultSectionSize(tokens.ROW_HEIGHT)
        self.verticalHeader().hide()
        self.horizontalHeader().setSectionsClickable(False)
        table.verticalScrollBar().valueChanged.connect(self.verticalScrollBar().setValue)
        self.verticalScrollBar().valueChanged.connect(table.verticalScrollBar().setValue)
        table.horizontalScrollBar().valueChanged.connect(self.place)
        table.horizontalHeader().sectionResized.connect(self.place)
        table.horizontalHeader().sectionMoved.connect(self.place)
        self.hide()

    def place(self, *_: object) -> None:
        """Puts itself over the left edge of the table, or away."""
        table = self._table
        if table.columnViewportPosition(NAME) >= 0 or table.horizontalScrollBar().maximum() == 0:
            self.hide()
            return
        width, frame = table.columnWidth(NAME), table.frameWidth()
        height = table.horizontalHeader().height()
        self.setColumnWidth(NAME, width)
        self.horizontalHeader().setFixedHeight(height)
        self.setGeometry(frame, frame, width + 1, table.viewport().height() + height)
        if not self.isVisible():
            self.show()
            self.raise_()
        self.verticalScrollBar().setValue(table.verticalScrollBar().value())
