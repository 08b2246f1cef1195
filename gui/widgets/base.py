"""Small shared widgets. They know the theme and nothing of Caddie's subject."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QLineEdit, QPushButton, QToolButton, QVBoxLayout, QWidget

from gui.theme import tokens
from gui.theme.theme import Theme


def set_class(widget: QWidget, classes: str) -> None:
    """Gives a widget its look in the stylesheet, also after it was shown."""
    if widget.property("class") == classes:
        return
    widget.setProperty("class", classes)
    widget.style().unpolish(widget)
    widget.style().polish(widget)


class Translated:
    """Mix-in (before the Qt class): `retranslate` is called when the language changes."""

    def retranslate(self) -> None:
        """Sets every visible text."""

    def changeEvent(self, event: QEvent) -> None:
        """Follows the language."""
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
        super().changeEvent(event)  # pyright: ignore[reportAttributeAccessIssue]


class Label(QLabel):
    """A label with a class of the stylesheet: `headline`, `title`, `lead`, `section`, `muted`, `caption`, `danger`."""

    def __init__(self, text: str = "", classes: str = "", *, wrap: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        if classes:
            self.setProperty("class", classes)
        self.setWordWrap(wrap)


class Card(QFrame):
    """A raised surface with a vertical layout (`body`)."""

    def __init__(self, parent: QWidget | None = None, *, margin: int = tokens.L) -> None:
        super().__init__(parent)
        self.setProperty("class", "card")
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(margin, margin, margin, margin)
        self.body.setSpacing(tokens.S)


class Line(QFrame):
    """A hairline."""

    def __init__(self, parent: QWidget | None = None, *, vertical: bool = False) -> None:
        super().__init__(parent)
        self.setProperty("class", "line")
        if vertical:
            self.setFixedWidth(1)
        else:
            self.setFixedHeight(1)


class Button(QPushButton):
    """A push button with an icon that follows the theme. `classes`: `primary`, `quiet`, `danger` or none."""

    def __init__(self, theme: Theme, text: str = "", *, icon: str = "", classes: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self._theme = theme
        self._icon_name = icon
        self._role = {"primary": "on_accent", "danger": "danger_text", "link wrong": "danger_text"}.get(classes, "text")
        if classes:
            self.setProperty("class", classes)
        self.setIconSize(QSize(16, 16))
        if icon:
            theme.changed.connect(self._paint_icon)
            self._paint_icon()

    def set_icon(self, name: str) -> None:
        """Another icon."""
        if not self._icon_name:
            self._theme.changed.connect(self._paint_icon)
        self._icon_name = name
        self._paint_icon()

    def _paint_icon(self) -> None:
        self.setIcon(self._theme.icon(self._icon_name, self._role))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter presses the button too, not only Space."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.isAutoRepeat():
            self.click()
        else:
            super().keyPressEvent(event)


class IconButton(QToolButton):
    """A quiet button that is only an icon; its text goes to the tool tip and to screen readers."""

    def __init__(self, theme: Theme, icon: str, *, role: str = "text_muted", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._icon_name = icon
        self._role = role
        self.setProperty("class", "quiet")
        self.setIconSize(QSize(18, 18))
        theme.changed.connect(self._paint_icon)
        self._paint_icon()

    def set_icon(self, name: str) -> None:
        """Another icon."""
        self._icon_name = name
        self._paint_icon()

    def set_text(self, text: str) -> None:
        """Says what the button does."""
        self.setToolTip(text)
        self.setAccessibleName(text)

    def _paint_icon(self) -> None:
        self.setIcon(self._theme.icon(self._icon_name, self._role))


class IconLabel(QLabel):
    """A small picture in a colour of the theme."""

    def __init__(
        self, theme: Theme, icon: str, *, role: str = "text_muted", size: int = 18, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._icon_name = icon
        self._role = role
        self._size = size
        self.setFixedSize(size, size)
        theme.changed.connect(self._paint_icon)
        self._paint_icon()

    def _paint_icon(self) -> None:
        size = QSize(self._size, self._size)
        self.setPixmap(self._theme.icon(self._icon_name, self._role).pixmap(size, self.devicePixelRatioF()))


class SearchField(QLineEdit):
    """A field with a magnifying glass and a clear button; Escape empties it, then gives the focus on.

    Signals:
        left: Escape in the empty field, or Down.
    """

    left = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setClearButtonEnabled(True)
        self._glass = self.addAction(theme.icon("search", "text_muted"), QLineEdit.ActionPosition.LeadingPosition)
        theme.changed.connect(self._paint_icon)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape clears, Escape again or Down leaves."""
        if event.key() == Qt.Key.Key_Escape:
            if self.text():
                self.clear()
            else:
                self.left.emit()
        elif event.key() == Qt.Key.Key_Down:
            self.left.emit()
        else:
            super().keyPressEvent(event)

    def _paint_icon(self) -> None:
        self._glass.setIcon(self._theme.icon("search", "text_muted"))


class EmptyState(QWidget):
    """What to show where there is nothing: an icon, a sentence, what to do, and at most one button."""

    def __init__(self, theme: Theme, icon: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.heading = Label("", "title")
        self.text = Label("", "muted", wrap=True)
        self.button = Button(theme)
        self.button.hide()
        for label in (self.heading, self.text):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.text.setFixedWidth(480)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(tokens.XL, tokens.XXL, tokens.XL, tokens.XXL)
        layout.setSpacing(tokens.M)
        layout.addStretch(1)
        centre = Qt.AlignmentFlag.AlignHCenter
        layout.addWidget(IconLabel(theme, icon, size=40), alignment=centre)
        layout.addWidget(self.heading, alignment=centre)
        layout.addLayout(row(1, self.text, 1))  # an alignment would take the height for another width, and cut lines off
        layout.addWidget(self.button, alignment=centre)
        layout.addStretch(2)

    def set_texts(self, heading: str, text: str, button: str = "") -> None:
        """Sets the words; the button shows when it has one."""
        self.heading.setText(heading)
        self.text.setText(text)
        self.text.setVisible(bool(text))
        self.button.setText(button)
        self.button.setVisible(bool(button))


def row(*widgets: QWidget | int, spacing: int = tokens.S, stretch: bool = False) -> QHBoxLayout:
    """A horizontal layout without margins; a number is a stretch factor, `stretch` pushes all to the left."""
    layout = QHBoxLayout()
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(spacing)
    for widget in widgets:
        if isinstance(widget, int):
            layout.addStretch(widget)
        else:
            layout.addWidget(widget)
    if stretch:
        layout.addStretch(1)
    return layout
