"""The table of the history: selection that survives a new look, keyboard, editing in place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetrics,
    QGuiApplication,
    QHideEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPen,
)
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

from core.history.record import RunRecord
from gui.models.history_columns import COLUMNS, EDITABLE, NUMERIC, WIDTHS, HistoryCell, column_title
from gui.models.history_table import CELL_ROLE, RECORD_ROLE, HistoryTable
from gui.services import Services
from gui.theme import tokens
from gui.theme.theme import Theme, mono_font
from gui.widgets.badge import paint_badge
from gui.widgets.kept_columns import KeptColumns

Index = QModelIndex | QPersistentModelIndex
PADDING = 10
BAR = 4
HIDDEN_AT_FIRST = ("engine",)


class HistoryDelegate(QStyledItemDelegate):
    """Paints one cell: badges, numbers to the right, what is unknown quietly."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._mono = mono_font(tokens.CAPTION_PT)
        self.hovered = -1
        self.colors: Mapping[Path, str] = {}

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """As wide as its text."""
        cell: HistoryCell = index.data(CELL_ROLE)
        metrics = QFontMetrics(self._mono) if cell.mono else option.fontMetrics
        return QSize(metrics.horizontalAdvance(cell.text) + 2 * PADDING + (16 if cell.badge else 0), tokens.ROW_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draws ground and line, then the content."""
        painter.save()
        colors = self._theme.colors
        area = QRectF(option.rect)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        ground = colors.selection if selected else colors.hover if index.row() == self.hovered else colors.surface
        painter.fillRect(area, QColor(ground))
        painter.setPen(QPen(QColor(colors.border), 1))
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        self._content(painter, option, index, area.adjusted(PADDING, 0, -PADDING, 0))
        if option.state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(QPen(QColor(colors.focus), 2))
            painter.drawRect(area.adjusted(1, 1, -1, -1))
        painter.restore()

    def _content(self, painter: QPainter, option: QStyleOptionViewItem, index: Index, area: QRectF) -> None:
        colors, column = self._theme.colors, COLUMNS[index.column()]
        cell: HistoryCell = index.data(CELL_ROLE)
        font = QFont(self._mono if cell.mono else option.font)
        if column == "name":
            font.setWeight(QFont.Weight.DemiBold)
            color = self.colors.get(index.data(RECORD_ROLE).folder)
            if color is not None:  # its curve below
                painter.fillRect(QRectF(area.left() - PADDING, area.top() + 4, BAR, area.height() - 8), QColor(color))
        painter.setFont(font)
        if cell.badge is not None:
            paint_badge(painter, area, cell.badge, colors)
            return
        painter.setPen(
            QColor(colors.text_muted if cell.key is None else colors.danger_text if cell.text == "NaN" else colors.text)
        )
        text = painter.fontMetrics().elidedText(cell.text, Qt.TextElideMode.ElideRight, int(area.width()))
        side = Qt.AlignmentFlag.AlignRight if column in NUMERIC else Qt.AlignmentFlag.AlignLeft
        painter.drawText(area, int(side | Qt.AlignmentFlag.AlignVCenter), text)


class HistoryView(QTableView):
    """Signals:
    opened: Enter or a double click on a run (outside of what can be edited).
    chosen: other runs are selected.
    search_wanted: Up from the first row.
    delete_wanted: the Delete key.
    """

    opened = Signal(object)
    chosen = Signal()
    search_wanted = Signal()
    delete_wanted = Signal()

    def __init__(self, services: Services, table: HistoryTable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._table = table
        self._delegate = HistoryDelegate(services.theme, self)
        self._held: list[Path] = []
        self._held_current: Path | None = None
        self.actions_menu: QMenu | None = None
        self.setProperty("class", "framed")
        self.setModel(table)
        self.setItemDelegate(self._delegate)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.DoubleClicked | QAbstractItemView.EditTrigger.EditKeyPressed)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)  # Tab leaves the table
        self.setMouseTracking(True)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        vertical, header = self.verticalHeader(), self.horizontalHeader()
        vertical.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        vertical.setDefaultSectionSize(tokens.ROW_HEIGHT)
        vertical.hide()
        header.setHighlightSections(False)
        header.setMinimumSectionSize(48)
        self.columns = KeptColumns(
            self,
            services.settings,
            "history",
            names=COLUMNS,
            widths=WIDTHS,  # pyright: ignore[reportArgumentType]
            title=lambda column: column_title(COLUMNS[column]),
            fixed=("name",),
            hidden=HIDDEN_AT_FIRST,
        )
        header.setSortIndicator(COLUMNS.index("started"), Qt.SortOrder.DescendingOrder)
        self.setSortingEnabled(True)
        table.modelAboutToBeReset.connect(self._hold)
        table.modelReset.connect(self._find_again)
        services.theme.changed.connect(self.viewport().update)
        self.customContextMenuRequested.connect(self._menu_wanted)
        self.doubleClicked.connect(self._double_clicked)
        self.selectionModel().selectionChanged.connect(lambda *_: self.chosen.emit())

    # --- selection ---------------------------------------------------------------------------------------------

    def selected(self) -> list[RunRecord]:
        """The selected runs in the order of the screen."""
        rows = sorted(index.row() for index in self.selectionModel().selectedRows())
        return [self._table.index(row, 0).data(RECORD_ROLE) for row in rows]

    def select(self, folders: list[Path], current: Path | None = None) -> None:
        """Selects these runs, as far as they are shown."""
        model = self.selectionModel()
        rows = sorted(row for folder in folders if (row := self._table.row_of(folder)) is not None)
        model.blockSignals(True)  # one word at the end instead of one a row
        model.clear()
        wanted = self._table.row_of(current) if current is not None else None
        wanted = wanted if wanted is not None else rows[0] if rows else None
        if wanted is not None:
            model.setCurrentIndex(self._table.index(wanted, COLUMNS.index("name")), model.SelectionFlag.NoUpdate)
        for row in rows:
            model.select(self._table.index(row, 0), model.SelectionFlag.Select | model.SelectionFlag.Rows)
        model.blockSignals(False)
        self.viewport().update()
        self.chosen.emit()

    def set_colors(self, colors: Mapping[Path, str]) -> None:
        """Marks runs with the colours of their curves."""
        self._delegate.colors = colors
        self.viewport().update()

    def ensure_current(self) -> None:
        """Makes the first row current where none is."""
        if not self.currentIndex().isValid() and self._table.rowCount():
            self.selectionModel().setCurrentIndex(
                self._table.index(0, COLUMNS.index("name")), self.selectionModel().SelectionFlag.NoUpdate
            )

    def _hold(self) -> None:
        self._held = [record.folder for record in self.selected()]
        current = self.currentIndex().data(RECORD_ROLE)
        self._held_current = current.folder if current is not None else None

    def _find_again(self) -> None:
        self.select(self._held, self._held_current)

    # --- what the user does --------------------------------------------------------------------------------------

    def copy(self) -> None:
        """Copies the selected rows, all where none is, as tab-separated text with a heading."""
        header = self.horizontalHeader()
        visual = [header.logicalIndex(place) for place in range(header.count())]
        columns = [column for column in visual if not self.isColumnHidden(column)]
        records = self.selected() or list(self._table.shown)
        lines = ["\t".join(column_title(COLUMNS[column]) for column in columns)]
        lines += ["\t".join(self._table.cell(record, column).text for column in columns) for record in records]
        QGuiApplication.clipboard().setText("\n".join(lines))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter opens, Delete deletes, Up from the first row goes to the search field."""
        current = self.currentIndex()
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and current.isValid():
            self.opened.emit(current.data(RECORD_ROLE))
        elif event.key() == Qt.Key.Key_Delete:
            self.delete_wanted.emit()
        elif event.key() == Qt.Key.Key_Up and current.row() <= 0 and not event.modifiers():
            self.search_wanted.emit()
        else:
            super().keyPressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """The row under the mouse lights up."""
        super().mouseMoveEvent(event)
        self._hover(self.indexAt(event.position().toPoint()).row())

    def leaveEvent(self, event: object) -> None:
        """No row is under the mouse."""
        super().leaveEvent(event)  # pyright: ignore[reportArgumentType]
        self._hover(-1)

    def hideEvent(self, event: QHideEvent) -> None:
        """Writes what waits to be written."""
        self.columns.flush()
        super().hideEvent(event)

    def _double_clicked(self, index: QModelIndex) -> None:
        if COLUMNS[index.column()] not in EDITABLE:
            self.opened.emit(index.data(RECORD_ROLE))

    def _menu_wanted(self, where: QPoint) -> None:
        if self.actions_menu is not None and self.indexAt(where).isValid():
            self.actions_menu.popup(self.viewport().mapToGlobal(where))

    def _hover(self, row: int) -> None:
        if row != self._delegate.hovered:
            self._delegate.hovered = row
            self.viewport().update()
