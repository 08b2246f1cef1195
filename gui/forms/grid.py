"""Rows side by side where there is room."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QWidget

from gui.forms.columns import ColumnsLayout
from gui.forms.row import FieldRow

COLUMN_WIDTH = 520
"""Least width of a row before rows stand side by side, in logical pixels."""

MOST_COLUMNS = 3
COLUMN_GAP = 32


class RowGrid(QWidget):
    """Lays rows out in one column, or in several when it is wide; Tab goes through them in reading order."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: list[FieldRow] = []
        self._columns = ColumnsLayout(self, least=COLUMN_WIDTH, most=MOST_COLUMNS, gap=COLUMN_GAP)

    @property
    def rows(self) -> list[FieldRow]:
        """The rows in reading order."""
        return list(self._rows)

    @property
    def columns(self) -> int:
        """How many rows stand side by side."""
        return self._columns.columns(self.width())

    def add(self, rows: Sequence[FieldRow]) -> None:
        """Shows these rows after those that are there."""
        self._rows += rows
        for row in rows:
            self._columns.addWidget(row)
