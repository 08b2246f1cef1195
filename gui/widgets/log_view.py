"""What a command prints, as it comes: read only, bounded, and at the end unless somebody scrolled away."""

from __future__ import annotations

from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from gui.theme import tokens
from gui.theme.theme import mono_font

_MAX_LINES = 5000


class LogView(QPlainTextEdit):
    """Monospaced, without wrapping."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setReadOnly(True)
        self.setFont(mono_font(tokens.CAPTION_PT))
        self.setMaximumBlockCount(_MAX_LINES)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setTabChangesFocus(True)

    def add_output(self, text: str) -> None:
        """More of it. A carriage return begins a new line: bars are not drawn here."""
        bar = self.verticalScrollBar()
        at_end = bar.value() >= bar.maximum() - 4
        cursor = QTextCursor(self.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.insertText(text.replace("\r\n", "\n").replace("\r", "\n"))
        if at_end:
            bar.setValue(bar.maximum())
