"""The table of the queue: rows are dragged or moved with Alt and an arrow; the selection follows its entry."""

from __future__ import annotations

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPersistentModelIndex, QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QKeySequence, QPainter, QPen, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from core.queue.model import Entry
from gui.models.queue_table import CELL_ROLE, COLUMNS, NUMERIC, QueueCell, QueueTable
from gui.theme import tokens
from gui.theme.theme import Theme
from gui.widgets.badge import paint_badge

Index = QModelIndex | QPersistentModelIndex
PADDING = 10
WIDTHS = {"number": 44, "name": 260, "state": 166, "optimizer": 150, "steps": 140, "left": 110, "gpu": 64, "environment": 150}

NAME_WIDTH = 180
"""Pixels that a job's name has at least."""


class QueueDelegate(QStyledItemDelegate):
    """Paints one cell: badges, a bar under the steps, numbers to the right."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """As wide as its text."""
        cell: QueueCell = index.data(CELL_ROLE)
        text = cell.badge.text if cell.badge is not None else cell.text
        return QSize(option.fontMetrics.horizontalAdvance(text) + 2 * PADDING + (16 if cell.badge else 0), tokens.ROW_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draws ground and line, then the content."""
        painter.save()
        colors, area = self._theme.colors, QRectF(option.rect)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
        painter.fillRect(area, QColor(colors.selection if selected else colors.hover if hovered else colors.surface))
        painter.setPen(QPen(QColor(colors.border), 1))
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        cell: QueueCell = index.data(CELL_ROLE)
        inner = area.adjusted(PADDING, 0, -PADDING, 0)
        painter.setFont(option.font)
        if cell.badge is not None:
            paint_badge(painter, inner, cell.badge, colors)
        else:
            self._text(painter, inner, cell, COLUMNS[index.column()])
        painter.restore()

    def _text(self, painter: QPainter, area: QRectF, cell: QueueCell, column: str) -> None:
        colors = self._theme.colors
        if column == "name":
            font = painter.font()
            font.setWeight(font.Weight.DemiBold)
            painter.setFont(font)
        if cell.share is not None:
            track = QRectF(area.left(), area.bottom() - 7, area.width(), 3)
            painter.fillRect(track, QColor(colors.border))
            painter.fillRect(QRectF(track.left(), track.top(), track.width() * cell.share, 3), QColor(colors.accent))
            area = area.adjusted(0, 0, 0, -5)
        painter.setPen(QColor(colors.text if column in ("name", "steps", "left") else colors.text_muted))
        text = painter.fontMetrics().elidedText(cell.text, Qt.TextElideMode.ElideRight, int(area.width()))
        side = Qt.AlignmentFlag.AlignRight if column in NUMERIC else Qt.AlignmentFlag.AlignLeft
        painter.drawText(area, int(side | Qt.AlignmentFlag.AlignVCenter), text)


class QueueView(QTableView):
    """Signals:
    opened: Enter or a double click on an entry.
    chosen: another entry is selected.
    remove_wanted, hold_wanted: the Delete key, the space bar.
    shift_wanted: Alt and an arrow key: -1 or 1.
    """

    opened = Signal()
    chosen = Signal()
    remove_wanted = Signal()
    hold_wanted = Signal()
    shift_wanted = Signal(int)

    def __init__(self, theme: Theme, table: QueueTable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._table = table
        self._held: str | None = None
        self._row = -1
        self.actions_menu: QMenu | None = None
        self.setProperty("class", "framed")
        self.setModel(table)
        self.setItemDelegate(QueueDelegate(theme, self))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.setDragDropOverwriteMode(False)
        self.setDefaultDropAction(Qt.DropAction.MoveAction)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)  # Tab leaves the table
        self.setMouseTracking(True)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._show_menu)
        vertical, header = self.verticalHeader(), self.horizontalHeader()
        vertical.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        vertical.setDefaultSectionSize(tokens.ROW_HEIGHT)
        vertical.hide()
        header.setHighlightSections(False)
        for column, name in enumerate(COLUMNS):
            self.setColumnWidth(column, WIDTHS[name])
        header.setSectionResizeMode(COLUMNS.index("name"), QHeaderView.ResizeMode.Stretch)
        table.modelAboutToBeReset.connect(self._hold)
        table.modelReset.connect(self._restore)
        self.selectionModel().currentRowChanged.connect(lambda *_: self.chosen.emit())
        theme.changed.connect(self.viewport().update)

    @property
    def current(self) -> Entry | None:
        """The selected entry."""
        row = self.currentIndex().row()
        return self._table.entries[row] if 0 <= row < len(self._table.entries) else None

    def select(self, row: int) -> None:
        """Selects a row that is there."""
        index = self._table.index(row, 0)
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
        self.selectionModel().setCurrentIndex(index, flags)

    def _hold(self) -> None:
        current = self.current
        self._held = current.id if current is not None else None
        self._row = self.currentIndex().row()

    def _restore(self) -> None:
        row = self._table.row_of(self._held) if self._held is not None else None
        last = len(self._table.entries) - 1
        if row is None and last >= 0 and self._row >= 0:  # it was removed: the one in its place
            row = min(self._row, last)
        if row is not None:
            self.select(row)
        self.chosen.emit()

    def _show_menu(self, place: QPoint) -> None:
        if self.actions_menu is not None and self.indexAt(place).isValid():
            self.actions_menu.popup(self.viewport().mapToGlobal(place))

    def mouseDoubleClickEvent(self, event: object) -> None:
        """Opens."""
        super().mouseDoubleClickEvent(event)  # pyright: ignore[reportArgumentType]
        if self.current is not None:
            self.opened.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leaves out the environment where the names would have no room."""
        super().resizeEvent(event)
        others = sum(WIDTHS[name] for name in COLUMNS if name not in ("name", "gpu"))
        self.setColumnHidden(COLUMNS.index("environment"), self.viewport().width() < others + NAME_WIDTH)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """The keys that the class names."""
        key, alt = event.key(), bool(event.modifiers() & Qt.KeyboardModifier.AltModifier)
        if alt and key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self.shift_wanted.emit(-1 if key == Qt.Key.Key_Up else 1)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.opened.emit()
        elif event.matches(QKeySequence.StandardKey.Delete):
            self.remove_wanted.emit()
        elif key == Qt.Key.Key_Space:
            self.hold_wanted.emit()
        else:
            super().keyPressEvent(event)
