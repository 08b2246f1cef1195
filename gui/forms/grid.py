"""Rows side by side where there is room."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QLayout, QWidget

from gui.forms.row import FieldRow

COLUMN_WIDTH = 520
"""Least width of a row before rows stand side by side, in logical pixels."""

MOST_COLUMNS = 3


class RowGrid(QWidget):
    """Lays rows out in one column, or in several when it is wide; Tab goes through them in reading order."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: list[FieldRow] = []
        self._columns = 0
        self._layout = QGridLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setHorizontalSpacing(32)
        self._layout.setVerticalSpacing(0)
        # Several columns must be able to become one again, so the grid asks for no more than one.
        self._layout.setSizeConstraint(QLayout.SizeConstraint.SetNoConstraint)

    @property
    def rows(self) -> list[FieldRow]:
        """The rows in reading order."""
        return list(self._rows)

    @property
    def columns(self) -> int:
        """How many rows stand side by side."""
        return self._columns

    def set_rows(self, rows: Sequence[FieldRow]) -> None:
        """Shows these rows and no others; rows that were there before are given back to the caller."""
        self._rows = list(rows)
        self._columns = 0
        self._arrange()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def minimumSizeHint(self) -> QSize:
        return QSize(280, super().minimumSizeHint().height())

    def _arrange(self) -> None:
        gap = self._layout.horizontalSpacing()
        columns = min(max((self.width() + gap) // (COLUMN_WIDTH + gap), 1), MOST_COLUMNS)
        if columns == self._columns:
            return
        self._columns = columns
        while self._layout.takeAt(0) is not None:
            pass
        for column in range(MOST_COLUMNS):
            self._layout.setColumnStretch(column, 1 if column < columns else 0)
        for place, row in enumerate(self._rows):
            self._layout.addWidget(row, place // columns, place % columns)
