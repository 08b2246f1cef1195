"""The place of notices: a bar at the top of the window."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from gui.bridge.clock import Delay
from gui.bridge.notices import Notice, Notices
from gui.theme import tokens
from gui.theme.theme import Theme
from gui.widgets.base import Button, IconButton, Label, Translated


class NoticeBar(Translated, QWidget):
    """Shows the latest notice, or takes no room."""

    def __init__(self, theme: Theme, notices: Notices, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._notices: list[Notice] = []  # the last one is shown, lasting ones wait under it
        self._frame = QFrame()
        self._frame.setProperty("class", "notice")
        self._text = Label(wrap=True)
        self._more = Label()  # else nobody knows that another message waits under this one
        self._action = Button(theme)
        self._close = IconButton(theme, "close")
        inner = QHBoxLayout(self._frame)
        inner.setContentsMargins(tokens.M, tokens.S - 2, tokens.S, tokens.S - 2)
        inner.setSpacing(tokens.M)
        inner.addWidget(self._text, 1)
        inner.addWidget(self._more)
        inner.addWidget(self._action)
        inner.addWidget(self._close)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(tokens.L, tokens.M, tokens.L, 0)
        layout.addWidget(self._frame)
        self._delay = Delay(self.dismiss, 8000, self)
        self._action.clicked.connect(self._run)
        self._close.clicked.connect(self.dismiss)
        notices.posted.connect(self.show_notice)
        notices.withdrawn.connect(self._withdraw)
        self.hide()
        self.retranslate()

    @property
    def notice(self) -> Notice | None:
        """What is shown."""
        return self._notices[-1] if self._notices else None

    def show_notice(self, notice: Notice) -> None:
        """Shows a notice above the lasting ones; passing ones and those with its key go."""
        kept = [other for other in self._notices if other.seconds is None and not (other.key and other.key == notice.key)]
        self._notices = [*kept, notice]
        self._show()

    def dismiss(self) -> None:
        """Takes the notice away; a lasting one under it comes to light."""
        if self._notices:
            self._notices.pop()
        self._show()

    def _withdraw(self, key: str) -> None:
        self._notices = [notice for notice in self._notices if key and notice.key != key]
        self._show()

    def _show(self) -> None:
        self._delay.stop()
        notice = self.notice
        if notice is None:
            self.hide()
            return
        self._frame.setProperty("tone", notice.tone)
        for widget in (self._frame, self._text, self._more):
            widget.style().unpolish(widget)
            widget.style().polish(widget)
        self._action.setVisible(notice.action is not None)
        self._more.setVisible(len(self._notices) > 1)
        self.retranslate()
        self.show()
        if notice.seconds is not None:
            self._delay.start(round(notice.seconds * 1000))

    def retranslate(self) -> None:
        """Says it in the language on screen."""
        self._close.set_text(self.tr("Close this message"))
        self._more.setText(self.tr("{count} more").format(count=len(self._notices) - 1))
        notice = self.notice
        if notice is not None:
            self._text.setText(notice.text())
            if notice.action is not None:
                self._action.setText(notice.action())

    def _run(self) -> None:
        notice = self.notice
        self.dismiss()
        if notice is not None and notice.run is not None:
            notice.run()
