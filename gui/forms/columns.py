"""A layout of equal columns, as many as there is room for."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtWidgets import QLayout, QLayoutItem, QWidget


class ColumnsLayout(QLayout):
    """Puts its items row by row into columns of equal width, and is as high as that needs.

    The number of columns follows from the width alone, so the height does too: a parent that asks for the height of a
    width gets the true one before anything is placed.

    Args:
        least: least width of a column before there are several, in logical pixels.
        most: highest number of columns.
        gap: pixels between two columns.
    """

    def __init__(self, parent: QWidget | None = None, *, least: int, most: int, gap: int) -> None:
        self._items: list[QLayoutItem] = []  # first: Qt asks for the items while it is made
        self._heights: dict[int, int] = {}
        super().__init__(parent)
        self._least, self._most, self._gap = least, most, gap
        self.setContentsMargins(0, 0, 0, 0)

    def columns(self, width: int) -> int:
        """How many columns that width has room for, in logical pixels."""
        return min(max((width + self._gap) // (self._least + self._gap), 1), self._most)

    def addItem(self, item: QLayoutItem) -> None:
        self._items.append(item)

    def count(self) -> int:
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def expandingDirections(self) -> Qt.Orientation:
        return Qt.Orientation(0)

    def invalidate(self) -> None:
        self._heights.clear()
        super().invalidate()

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        if width not in self._heights:
            self._heights[width] = self._arrange(QRect(0, 0, width, 0), place=False)
        return self._heights[width]

    def setGeometry(self, rect: QRect) -> None:
        super().setGeometry(rect)
        self._arrange(rect, place=True)

    def sizeHint(self) -> QSize:
        width = max((item.sizeHint().width() for item in self._shown()), default=0)
        return QSize(width, self.heightForWidth(width))

    def minimumSize(self) -> QSize:
        # The least height is that of the widest form: a higher one would leave gaps there.
        items = self._shown()
        width = max((item.minimumSize().width() for item in items), default=0)
        return QSize(width, max((item.minimumSize().height() for item in items), default=0))

    def _shown(self) -> list[QLayoutItem]:
        return [item for item in self._items if not item.isEmpty()]

    def _arrange(self, rect: QRect, *, place: bool) -> int:
        """Lays the items out in `rect`, for good where `place` says so; returns the height that they need."""
        items = self._shown()
        columns = self.columns(rect.width())
        width = (rect.width() - (columns - 1) * self._gap) // columns
        top = 0
        for start in range(0, len(items), columns):
            highest = 0
            for column, item in enumerate(items[start : start + columns]):
                height = item.heightForWidth(width) if item.hasHeightForWidth() else item.sizeHint().height()
                if place:
                    # Each has its own height: stretched to its neighbour's, its parts would drift apart.
                    left = rect.x() + column * (width + self._gap)
                    item.setGeometry(QRect(left, rect.y() + top, width, height))
                highest = max(highest, height)
            top += highest
        return top
