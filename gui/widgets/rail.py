"""The navigation rail: one button a page, arrow keys and Ctrl+number."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QButtonGroup, QFrame, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from gui.pages.page import PageEntry, page_title
from gui.theme import tokens
from gui.theme.theme import Theme
from gui.widgets.base import Translated

WIDTH = 108


class Rail(Translated, QFrame):
    """Shows the pages; emits `chosen` with a page id."""

    chosen = Signal(str)

    def __init__(self, theme: Theme, entries: Sequence[PageEntry], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._entries = entries
        self._buttons: dict[str, QToolButton] = {}
        self.setProperty("class", "rail")
        self.setFixedWidth(WIDTH)
        self._group = QButtonGroup(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(tokens.S, tokens.M, tokens.S, tokens.M)
        layout.setSpacing(tokens.XS)
        for number, entry in enumerate(entries, start=1):
            layout.addWidget(self._button(entry, number))
        layout.addStretch(1)
        theme.changed.connect(self._paint_icons)
        self._paint_icons()
        self.retranslate()

    def select(self, page_id: str) -> None:
        """Marks the page that is shown."""
        self._buttons[page_id].setChecked(True)

    def retranslate(self) -> None:
        """Names the pages."""
        self.setAccessibleName(self.tr("Pages"))
        for number, (page_id, button) in enumerate(self._buttons.items(), start=1):
            button.setText(page_title(page_id))
            button.setToolTip(f"{page_title(page_id)} (Ctrl+{number})")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrow keys go from page to page."""
        step = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
            return
        buttons = list(self._buttons.values())
        focused = next((index for index, button in enumerate(buttons) if button.hasFocus()), 0)
        target = buttons[(focused + step) % len(buttons)]
        target.setFocus(Qt.FocusReason.TabFocusReason)
        target.click()

    def _button(self, entry: PageEntry, number: int) -> QToolButton:
        button = QToolButton(self)
        button.setProperty("class", "rail")
        button.setCheckable(True)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        button.setIconSize(QSize(24, 24))
        button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        button.setFixedHeight(60)
        button.setShortcut(f"Ctrl+{number}")
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        button.clicked.connect(lambda: self.chosen.emit(entry.page_id))
        # Arrow keys in a QToolButton of a group move Qt's own selection without a click; the rail does it itself.
        button.installEventFilter(self)
        self._group.addButton(button)
        self._buttons[entry.page_id] = button
        return button

    def eventFilter(self, watched: object, event: object) -> bool:
        """Hands arrow keys of the buttons to the rail."""
        if not isinstance(event, QKeyEvent) or event.type() != QKeyEvent.Type.KeyPress:
            return False
        if event.key() not in (Qt.Key.Key_Down, Qt.Key.Key_Up):
            return False
        self.keyPressEvent(event)
        return True

    def _paint_icons(self) -> None:
        for entry in self._entries:
            self._buttons[entry.page_id].setIcon(self._theme.icon(entry.icon, "text_muted", checked="accent_text"))
