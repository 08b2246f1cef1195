"""Draws the cells of the quick-reference table: badges, quiet words, group lines, the bar of the optimizer in use."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPen
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from gui.models.optimizer_columns import COLUMNS, Cell
from gui.models.optimizer_table import CELL_ROLE, CURRENT_ROLE, SPEC_ROLE
from gui.theme import tokens
from gui.theme.theme import Theme, mono_font
from gui.widgets.badge import paint_badge

Index = QModelIndex | QPersistentModelIndex
PADDING = 10
BAR = 4


class OptimizerDelegate(QStyledItemDelegate):
    """Paints one cell. `grouped` says that rows of one family stand together."""

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._mono = mono_font(tokens.CAPTION_PT)
        self.grouped = True
        self.hovered = -1

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """As wide as its text."""
        cell: Cell = index.data(CELL_ROLE)
        metrics = QFontMetrics(self._mono) if cell.mono else option.fontMetrics
        return QSize(metrics.horizontalAdvance(cell.text) + 2 * PADDING + (16 if cell.badge else 0), tokens.ROW_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draws ground, lines, then the content."""
        painter.save()
        colors = self._theme.colors
        area = QRectF(option.rect)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        ground = colors.selection if selected else colors.hover if index.row() == self.hovered else colors.surface
        painter.fillRect(area, QColor(ground))
        first = self._first_of_family(index)
        painter.setPen(QPen(QColor(colors.control_border if first and self.grouped else colors.border), 1))
        if index.row() and (first or not self.grouped or index.column() != COLUMNS.index("category")):
            painter.drawLine(area.topLeft(), area.topRight())
        self._content(painter, option, index, area, first)
        has_focus = bool(option.state & QStyle.StateFlag.State_HasFocus)
        if has_focus:
            painter.setPen(QPen(QColor(colors.focus), 2))
            painter.drawRect(area.adjusted(1, 1, -1, -1))
        painter.restore()

    def _content(self, painter: QPainter, option: QStyleOptionViewItem, index: Index, area: QRectF, first: bool) -> None:
        colors = self._theme.colors
        cell: Cell = index.data(CELL_ROLE)
        column = COLUMNS[index.column()]
        inner = area.adjusted(PADDING, 0, -PADDING, 0)
        font = QFont(self._mono if cell.mono else option.font)
        ink = colors.text
        if column == "category":
            if self.grouped and not first:
                return
            font.setWeight(QFont.Weight.DemiBold)
            ink = colors.text_muted
        elif column == "name":
            font.setWeight(QFont.Weight.DemiBold)
            if index.data(CURRENT_ROLE):
                painter.fillRect(QRectF(area.left(), area.top() + 4, BAR, area.height() - 8), QColor(colors.accent))
        if cell.quiet:
            ink = colors.text_muted
            font.setItalic(cell.quiet == "unknown" and cell.text.isascii())  # slanted Japanese is ugly
        painter.setFont(font)
        if cell.badge is not None:
            paint_badge(painter, inner, cell.badge, colors)
            return
        painter.setPen(QColor(ink))
        text = painter.fontMetrics().elidedText(cell.text.replace("\n", " "), Qt.TextElideMode.ElideRight, int(inner.width()))
        painter.drawText(inner, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), text)

    def _first_of_family(self, index: Index) -> bool:
        if not self.grouped or index.row() == 0:
            return True
        above = index.sibling(index.row() - 1, index.column())
        return above.data(SPEC_ROLE).category.id != index.data(SPEC_ROLE).category.id
