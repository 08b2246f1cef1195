"""The table of sample pictures: thumbnails of what is in sight, the newest step at the right."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from gui.run.pictures import Pictures
from gui.run.sample_model import SAMPLE_ROLE, Index, SampleModel, SamplePicture
from gui.theme import tokens
from gui.theme.theme import Theme

LEAST, MOST = 72, 256
"""Sides of a thumbnail's square, in pixels of the layout."""


class SampleDelegate(QStyledItemDelegate):
    """Paints a picture with its step below."""

    def __init__(self, theme: Theme, pictures: Pictures, view: QTableView) -> None:
        super().__init__(view)
        self._theme = theme
        self._pictures = pictures
        self._view = view
        self.side = LEAST

    def sizeHint(self, _option: QStyleOptionViewItem, _index: Index) -> QSize:
        """The picture's square, the step, and room around."""
        return QSize(self.side + tokens.S, self.side + self._caption() + tokens.S)

    def _caption(self) -> int:
        return self._view.fontMetrics().height() + tokens.XS

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draws a cell; what has not been read yet is asked for."""
        picture = index.data(SAMPLE_ROLE)
        if not isinstance(picture, SamplePicture):
            return
        colors = self._theme.colors
        cell: QRect = option.rect  # pyright: ignore[reportAttributeAccessIssue]
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        half = tokens.XS
        chosen = self._view.hasFocus() and self._view.currentIndex() == index
        if chosen:
            painter.setPen(QColor(colors.focus))
            painter.setBrush(QColor(colors.selection))
            painter.drawRoundedRect(cell.adjusted(1, 1, -1, -1), tokens.RADIUS, tokens.RADIUS)
        square = QRect(cell.left() + half, cell.top() + half, self.side, self.side)
        self._paint_picture(painter, square, picture)
        painter.setPen(QColor(colors.text if chosen else colors.text_muted))
        words = QRect(cell.left(), square.bottom() + 1, cell.width(), self._caption())
        name, metrics = str(index.data()), self._view.fontMetrics()
        if metrics.horizontalAdvance(name) > words.width() and picture.epoch is None:
            name = str(picture.step)  # the word says less than the number
        name = metrics.elidedText(name, Qt.TextElideMode.ElideRight, words.width())
        painter.drawText(words, Qt.AlignmentFlag.AlignCenter, name)
        painter.restore()

    def _paint_picture(self, painter: QPainter, square: QRect, picture: SamplePicture) -> None:
        image = self._pictures.get(picture.path, round(self.side * self._view.devicePixelRatioF()))
        if image is not None:
            size = image.size().scaled(square.size(), Qt.AspectRatioMode.KeepAspectRatio)
            place = QRect(square.topLeft(), size)
            place.moveCenter(square.center())
            painter.drawImage(place, image)
            return
        painter.setPen(QColor(self._theme.colors.border))
        painter.setBrush(QColor(self._theme.colors.raised))
        painter.drawRoundedRect(square.adjusted(0, 0, -1, -1), tokens.RADIUS, tokens.RADIUS)
        if self._pictures.is_broken(picture.path):
            icon = QRect(0, 0, 20, 20)
            icon.moveCenter(square.center())
            self._theme.icon("warning", "text_muted").paint(painter, icon)


class SampleView(QTableView):
    """See the module.

    Signals:
        opened: the SamplePicture that was clicked, or chosen with Enter.
    """

    opened = Signal(object)

    def __init__(self, theme: Theme, model: SampleModel, pictures: Pictures, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._samples = model
        self._follows = True
        self._delegate = SampleDelegate(theme, pictures, self)
        self.setModel(model)
        self.setItemDelegate(self._delegate)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setShowGrid(False)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setCornerButtonEnabled(False)
        self.setMouseTracking(True)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.viewport().setCursor(Qt.CursorShape.PointingHandCursor)
        self.horizontalHeader().hide()
        header = self.verticalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionsClickable(False)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.clicked.connect(self._open)
        pictures.changed.connect(self.viewport().update)
        self._theme = theme
        theme.changed.connect(self._paint)
        self._paint()
        bar = self.horizontalScrollBar()
        bar.rangeChanged.connect(lambda _low, high: bar.setValue(high) if self._follows else None)
        bar.sliderMoved.connect(self._scrolled)
        bar.actionTriggered.connect(lambda _: self._scrolled(bar.sliderPosition()))
        model.modelReset.connect(self._measure)
        model.rowsInserted.connect(self._measure)
        model.columnsInserted.connect(self._measure)

    def picture_at(self, index: QModelIndex) -> SamplePicture | None:
        """The picture of a cell."""
        return self._samples.picture(index)

    def follow(self) -> None:
        """Keeps the newest step in sight, until the user scrolls back."""
        self._follows = True
        self.horizontalScrollBar().setValue(self.horizontalScrollBar().maximum())

    @property
    def side(self) -> int:
        """Of a thumbnail's square."""
        return self._delegate.side

    def _scrolled(self, position: int) -> None:
        self._follows = position >= self.horizontalScrollBar().maximum()

    def wheelEvent(self, event: object) -> None:
        """The wheel goes through the steps where all prompts are in sight."""
        bar = self.horizontalScrollBar()
        angle = event.angleDelta()  # pyright: ignore[reportAttributeAccessIssue]
        if self.verticalScrollBar().maximum() == 0 and angle.x() == 0:
            bar.setValue(bar.value() - angle.y())
            event.accept()  # pyright: ignore[reportAttributeAccessIssue]
        else:
            super().wheelEvent(event)  # pyright: ignore[reportArgumentType]
        self._scrolled(bar.value())

    def _open(self, index: QModelIndex) -> None:
        picture = self._samples.picture(index)
        if picture is not None:
            self.opened.emit(picture)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter and Space open a picture; arrows move as in any table."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self._open(self.currentIndex())
            return
        super().keyPressEvent(event)
        self._scrolled(self.horizontalScrollBar().value())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Makes the pictures as large as there is room for all prompts."""
        super().resizeEvent(event)
        self._measure()

    def _paint(self) -> None:
        colors = self._theme.colors
        self.verticalHeader().setStyleSheet(
            f"QHeaderView, QHeaderView::section {{ background: {colors.surface}; color: {colors.text_muted}; border: none; }}"
            f"QHeaderView::section {{ padding: 0 {tokens.M}px 0 {tokens.XS}px; font-weight: normal; }}"
        )
        self.viewport().update()

    def _measure(self) -> None:
        rows = max(1, self._samples.rowCount())
        extra = self._delegate.sizeHint(QStyleOptionViewItem(), QModelIndex()).height() - self._delegate.side
        room = self.height() - self.horizontalScrollBar().sizeHint().height() - 2
        # At least four steps side by side: the page is there to compare them.
        across = self.viewport().width() // 4 - tokens.S
        self._delegate.side = max(LEAST, min(MOST, across, room // rows - extra))
        cell = self._delegate.sizeHint(QStyleOptionViewItem(), QModelIndex())
        for header, length in ((self.verticalHeader(), cell.height()), (self.horizontalHeader(), cell.width())):
            header.setMinimumSectionSize(1)
            if header.defaultSectionSize() != length:
                header.setDefaultSectionSize(length)
        self.viewport().update()
