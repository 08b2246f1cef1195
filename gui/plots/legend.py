"""The legend of a plot: which curve is which, what it says at the cursor, and whether it is shown."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from gui.plots.curve import Look
from gui.theme import tokens
from gui.theme.theme import Theme

_SWATCH = 18
_WIDEST = "-1.2345e-10"


class Key(QAbstractButton):
    """One curve of the legend: a piece of its line, its name, its value. A click hides or shows the curve."""

    def __init__(self, theme: Theme, name: str, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._look = look
        self._value = ""
        self.setCheckable(True)
        self.setText(name)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)

    def set_name(self, name: str) -> None:
        """Another name."""
        if name != self.text():
            self.setText(name)
            self.updateGeometry()

    def set_look(self, look: Look) -> None:
        """Another line."""
        self._look = look
        self.update()

    def set_value(self, value: str) -> None:
        """What the curve says at the cursor, "" for nothing."""
        if value != self._value:
            self._value = value
            self.update()

    @property
    def value(self) -> str:
        """What the curve says at the cursor."""
        return self._value

    def sizeHint(self) -> QSize:
        """Wide enough for any value, so that the legend does not dance with the numbers."""
        metrics = self.fontMetrics()
        width = _SWATCH + metrics.horizontalAdvance(self.text()) + metrics.horizontalAdvance(_WIDEST) + 4 * tokens.S
        return QSize(width, metrics.height() + tokens.S)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draws it."""
        colors = self._theme.colors
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.underMouse() or self.hasFocus():
            painter.setPen(QColor(colors.focus) if self.hasFocus() else Qt.PenStyle.NoPen)
            painter.setBrush(QColor(colors.hover) if self.underMouse() else Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        on, middle = self.isChecked(), self.height() / 2
        pen = self._look.pen()
        pen.setWidthF(max(2.0, self._look.width))
        if not on:
            pen.setColor(QColor(colors.text_disabled))
            pen.setStyle(Qt.PenStyle.DotLine)
        painter.setPen(pen)
        painter.drawLine(QPointF(tokens.S, middle), QPointF(tokens.S + _SWATCH, middle))
        if self._look.spots:
            painter.setBrush(pen.color())
            painter.setPen(Qt.PenStyle.NoPen)
            painter.drawEllipse(QPointF(tokens.S + _SWATCH / 2, middle), 3.5, 3.5)
        text = QRect(2 * tokens.S + _SWATCH, 0, self.width(), self.height())
        painter.setPen(QColor(colors.text_muted if on else colors.text_disabled))
        flags = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        painter.drawText(text, flags, self.text())
        if on and self._value:
            font = self.font()
            font.setWeight(font.Weight.DemiBold)
            painter.setFont(font)
            painter.setPen(QColor(colors.text))
            name = self.fontMetrics().horizontalAdvance(self.text())
            painter.drawText(text.adjusted(name + tokens.S, 0, 0, 0), flags, self._value)
        painter.end()


class Legend(QWidget):
    """Keys in a row that wraps.

    Signals:
        toggled: key of the curve, whether it is wanted.
    """

    toggled = Signal(str, bool)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._keys: dict[str, Key] = {}
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        theme.changed.connect(self.update)

    @property
    def keys(self) -> dict[str, Key]:
        """The keys by their curves."""
        return dict(self._keys)

    def set_key(self, key: str, name: str, look: Look, *, shown: bool) -> None:
        """Adds a curve, or changes its name and look."""
        button = self._keys.get(key)
        if button is None:
            button = self._keys[key] = Key(self._theme, name, look, self)
            button.toggled.connect(lambda on: self.toggled.emit(key, on))
            button.show()
        button.blockSignals(True)  # only the user's click is a choice
        button.setChecked(shown)
        button.blockSignals(False)
        button.set_name(name)
        button.set_look(look)
        button.resize(button.sizeHint())
        self._arrange(self.width())
        self.updateGeometry()

    def remove(self, key: str) -> None:
        """Takes a curve out."""
        button = self._keys.pop(key, None)
        if button is not None:
            button.hide()
            button.deleteLater()
            self._arrange(self.width())
            self.updateGeometry()

    def set_value(self, key: str, value: str) -> None:
        """What a curve says at the cursor."""
        self._keys[key].set_value(value)

    def hasHeightForWidth(self) -> bool:
        """It wraps."""
        return True

    def heightForWidth(self, width: int) -> int:
        """As many rows as are needed."""
        return self._arrange(width, move=False)

    def sizeHint(self) -> QSize:
        """All in one row."""
        width = sum(button.sizeHint().width() for button in self._keys.values())
        return QSize(max(width, 40), self._arrange(max(self.width(), 40), move=False))

    def minimumSizeHint(self) -> QSize:
        """At least one key wide."""
        return QSize(40, self._arrange(max(self.width(), 40), move=False))

    def resizeEvent(self, _event: object) -> None:
        """Wraps anew."""
        self._arrange(self.width())
        self.updateGeometry()

    def _arrange(self, width: int, *, move: bool = True) -> int:
        x = y = 0
        height = self.fontMetrics().height() + tokens.S
        for button in self._keys.values():
            size = button.sizeHint()
            if x and x + size.width() > width:
                x, y = 0, y + size.height()
            if move:
                button.setGeometry(QRect(x, y, size.width(), size.height()))
            x += size.width()
            height = y + size.height()
        return height
