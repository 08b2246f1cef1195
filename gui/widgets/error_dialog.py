"""Errors, in words, with details that can be copied."""

from __future__ import annotations

import platform
import traceback

from PySide6.QtCore import qVersion
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QPlainTextEdit, QVBoxLayout, QWidget

from core.errors import CaddieError
from gui.bridge.translation import Translation
from gui.theme import tokens
from gui.theme.theme import Theme, mono_font
from gui.widgets.base import Button, IconLabel, Label, Translated, row


class ErrorDialog(Translated, QDialog):
    """Says what went wrong. A `CaddieError` speaks for itself; anything else is a fault of Caddie with its traceback.

    Further errors that arrive while it is open are added to it, so that a storm of errors makes one dialog.
    """

    def __init__(self, theme: Theme, translation: Translation, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._translation = translation
        self._errors: list[BaseException] = []
        self.setModal(False)
        self.resize(640, 260)
        self._icon = IconLabel(theme, "error", role="danger_text", size=28)
        self._heading = Label("", "title", wrap=True)
        self._text = Label("", wrap=True)
        self._details = QPlainTextEdit()
        self._details.setReadOnly(True)
        self._details.setFont(mono_font(tokens.CAPTION_PT))
        self._details.hide()
        self._toggle = Button(theme, classes="quiet", icon="chevron-down")
        self._copy = Button(theme, icon="copy")
        self._close = Button(theme, classes="primary")
        self._toggle.clicked.connect(self._toggle_details)
        self._copy.clicked.connect(self.copy)
        self._close.clicked.connect(self.close)
        self._close.setDefault(True)
        heading = row(self._icon, self._heading, spacing=tokens.M)
        heading.setStretch(1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(tokens.XL, tokens.XL, tokens.XL, tokens.L)
        layout.setSpacing(tokens.M)
        layout.addLayout(heading)
        layout.addWidget(self._text)
        layout.addWidget(self._details, 1)
        layout.addStretch(0)
        layout.addLayout(row(self._toggle, 1, self._copy, self._close))
        self.retranslate()

    @property
    def errors(self) -> tuple[BaseException, ...]:
        """What it shows."""
        return tuple(self._errors)

    def add(self, error: BaseException) -> None:
        """Shows an error (the first one in words, all in the details)."""
        if not self.isVisible():
            self._errors.clear()
        self._errors.append(error)
        self.retranslate()
        unexpected = not all(isinstance(item, (CaddieError, OSError)) for item in self._errors)
        self._details.setVisible(unexpected)
        self.show()
        self.raise_()

    def details(self) -> str:
        """Everything a report needs."""
        head = f"{platform.platform()} · Python {platform.python_version()} · Qt {qVersion()}"
        return "\n".join([head, *(_trace(error) for error in self._errors)])

    def copy(self) -> None:
        """Copies the message and the details."""
        QGuiApplication.clipboard().setText(f"{self._text.text()}\n\n{self.details()}")

    def retranslate(self) -> None:
        """Says it in the language on screen."""
        self.setWindowTitle(self.tr("Something went wrong"))
        self._toggle.setText(self.tr("Details"))
        self._copy.setText(self.tr("Copy"))
        self._close.setText(self.tr("Close"))
        if not self._errors:
            return
        first = self._errors[0]
        self._heading.setText(
            self.tr("That did not work")
            if isinstance(first, (CaddieError, OSError))
            else self.tr("Something unexpected happened")
        )
        text = self._sentence(first)
        if len(self._errors) > 1:
            text += "\n\n" + self.tr("And {count} more; see the details.").format(count=len(self._errors) - 1)
        self._text.setText(text)
        self._details.setPlainText(self.details())

    def _sentence(self, error: BaseException) -> str:
        if isinstance(error, CaddieError):
            return self._translation.say(error.text)
        if isinstance(error, OSError):
            return str(error)
        return self.tr(
            "This is a fault in Caddie: {error}. Your job is still open; save it before you go on. The details help to mend it."
        ).format(error=f"{type(error).__name__}: {error}")

    def _toggle_details(self) -> None:
        self._details.setVisible(self._details.isHidden())
        if not self._details.isHidden() and self.height() < 420:
            self.resize(self.width(), 420)


def _trace(error: BaseException) -> str:
    return "".join(traceback.format_exception(type(error), error, error.__traceback__))
