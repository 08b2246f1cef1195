"""What the error in somebody's log means: the same words as `explain LOG` on the command line."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QPlainTextEdit, QVBoxLayout, QWidget

from core.runs.explain_log import LogVerdict
from gui.services import Services
from gui.theme import tokens
from gui.theme.theme import mono_font
from gui.widgets.base import Label, Translated


class ExplainDialog(Translated, QDialog):
    """Args:
    services: the window's services.
    verdict: what was found.
    name: of the file.
    """

    def __init__(self, services: Services, verdict: LogVerdict, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._say, self._verdict, self._name = services.translation.say, verdict, name
        self.meaning = Label("", "title", wrap=True)
        self.advice = Label("", "", wrap=True)
        self.error = Label(verdict.line, "danger", wrap=True)
        self.error.setFont(mono_font())
        self._heading = Label("", "caption")
        self.tail = QPlainTextEdit("\n".join(verdict.tail))
        self.tail.setReadOnly(True)
        self.tail.setFont(mono_font(tokens.CAPTION_PT))
        self.tail.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.buttons = QDialogButtonBox()
        self.close_button = self.buttons.addButton("", QDialogButtonBox.ButtonRole.RejectRole)
        self.buttons.rejected.connect(self.reject)
        selectable = Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        layout = QVBoxLayout(self)
        layout.setContentsMargins(tokens.L, tokens.L, tokens.L, tokens.L)
        layout.setSpacing(tokens.S)
        for label in (self.meaning, self.advice, self.error):
            label.setTextInteractionFlags(selectable)
            layout.addWidget(label)
        layout.addWidget(self._heading)
        layout.addWidget(self.tail, 1)
        layout.addWidget(self.buttons)
        self.error.setVisible(bool(verdict.line))
        self.resize(760, 460)
        self.retranslate()

    def retranslate(self) -> None:
        known = self._verdict.known
        self.setWindowTitle(self.tr("What {file} says").format(file=self._name))
        self._heading.setText(self.tr("The end of the log"))
        self.close_button.setText(self.tr("Close"))
        if known is not None:
            self.meaning.setText(self._say(known.meaning))
            self.advice.setText(self._say(known.advice))
        elif self._verdict.line:
            self.meaning.setText(self.tr("The cause of this error is not known."))
        else:
            self.meaning.setText(self.tr("No error was found in this log."))
        self.advice.setVisible(known is not None)
