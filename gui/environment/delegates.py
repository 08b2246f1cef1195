"""How rows are painted: a badge in a cell, and an environment with name, place and badge."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from gui.environment.models import BADGE_ROLE, DETAIL_ROLE
from gui.theme import tokens
from gui.theme.theme import Theme
from gui.widgets.badge import BadgeLook, badge_width, paint_badge

Index = QModelIndex | QPersistentModelIndex
_ROW_HEIGHT = 60


class BadgeDelegate(QStyledItemDelegate):
    """Paints a cell's badge over the cell's ground."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        look = index.data(BADGE_ROLE)
        bare = QStyleOptionViewItem(option)
        self.initStyleOption(bare, index)
        bare.text = ""  # pyright: ignore[reportAttributeAccessIssue]
        style = bare.widget.style()  # pyright: ignore[reportAttributeAccessIssue]
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, bare, painter, bare.widget)  # pyright: ignore[reportAttributeAccessIssue]
        if isinstance(look, BadgeLook):
            area = QRectF(option.rect).adjusted(tokens.S, 0, -tokens.XS, 0)  # pyright: ignore[reportAttributeAccessIssue]
            paint_badge(painter, area, look, self._theme.colors)

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        look = index.data(BADGE_ROLE)
        hint = super().sizeHint(option, index)
        if isinstance(look, BadgeLook):
            metrics = QFontMetricsF(option.font)  # pyright: ignore[reportAttributeAccessIssue]
            hint.setWidth(round(badge_width(metrics, look.text)) + 2 * tokens.M)
        return hint


class EnvironmentDelegate(QStyledItemDelegate):
    """A row of the environment list."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        colors = self._theme.colors
        state = option.state  # pyright: ignore[reportAttributeAccessIssue]
        box = QRectF(option.rect).adjusted(tokens.XS, 2, -tokens.XS, -2)  # pyright: ignore[reportAttributeAccessIssue]
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        if state & QStyle.StateFlag.State_Selected:
            painter.setBrush(QColor(colors.selection))
            painter.drawRoundedRect(box, tokens.RADIUS, tokens.RADIUS)
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.setBrush(QColor(colors.hover))
            painter.drawRoundedRect(box, tokens.RADIUS, tokens.RADIUS)
        if state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(QPen(QColor(colors.focus), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(box.adjusted(1, 1, -1, -1), tokens.RADIUS, tokens.RADIUS)
        self._write(painter, box.adjusted(tokens.M, 6, -tokens.S, -6), option.font, index)  # pyright: ignore[reportAttributeAccessIssue]
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(160, _ROW_HEIGHT)

    def _write(self, painter: QPainter, area: QRectF, font: QFont, index: Index) -> None:
        colors = self._theme.colors
        upper = QRectF(area.left(), area.top(), area.width(), area.height() / 2)
        lower = QRectF(area.left(), area.center().y(), area.width(), area.height() / 2)
        small = QFont(font)
        small.setPointSizeF(tokens.CAPTION_PT)
        look = index.data(BADGE_ROLE)
        if isinstance(look, BadgeLook):
            painter.setFont(small)
            width = badge_width(QFontMetricsF(small), look.text)
            paint_badge(painter, QRectF(upper.right() - width, upper.top(), width, upper.height()), look, colors)
            upper.setWidth(upper.width() - width - tokens.S)
        bold = QFont(font)
        bold.setWeight(QFont.Weight.DemiBold)
        self._line(painter, upper, (bold, colors.text), index.data(), Qt.TextElideMode.ElideRight)
        self._line(painter, lower, (small, colors.text_muted), index.data(DETAIL_ROLE), Qt.TextElideMode.ElideMiddle)

    @staticmethod
    def _line(painter: QPainter, area: QRectF, pen: tuple[QFont, str], text: str, elide: Qt.TextElideMode) -> None:
        font, color = pen
        painter.setFont(font)
        painter.setPen(QColor(color))
        shown = QFontMetricsF(font).elidedText(text, elide, area.width())
        painter.drawText(area, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)
