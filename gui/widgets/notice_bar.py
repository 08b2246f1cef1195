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
        self._notice: Notice | None = None
        self._frame = QFrame()
        self._frame.setProperty("class", "notice")
        self._text = Label(wrap=True)
        self._action = Button(theme)
        self._close = IconButton(theme, "close")
        inner = QHBoxLayout(self._frame)
        inner.setContentsMargins(tokens.M, tokens.S - 2, tokens.S, tokens.S - 2)
        inner.setSpacing(tokens.M)
        inner.addWidget(self._text, 1)
        inner.addWidget(self._action)
        inner.addWidget(self._close)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(tokens.L, tokens.M, tokens.L, 0)
        layout.addWidget(self._frame)
        self._delay = Delay(self.dismiss, 8000, self)
        self._action.clicked.connect(self._run)
        self._close.clicked.connect(self.dismiss)
        notices.posted.connect(self.show_notice)
        notices.withdrawn.connect(self.dismiss)
        self.hide()
        self.retranslate()

    @property
    def notice(self) -> Notice | None:
        """What is shown."""
        return self._notice

    def show_notice(self, notice: Notice) -> None:
        """Shows a notice in place of the former."""
        self._notice = notice
        self._frame.setProperty("tone", notice.tone)
        for widget in (self._frame, self._text):
            widget.style().unpolish(widget)
            widget.style().polish(widget)
        self._action.setVisible(notice.action is not None)
        self.retranslate()
        self.show()
        self._delay.stop()
        if notice.seconds is not None:
            self._delay.start(round(notice.seconds * 1000))

    def dismiss(self) -> None:
        """Takes the notice away."""
        self._delay.stop()
        self._notice = None
        self.hide()

    def retranslate(self) -> None:
        """Says it in the language on screen."""
        self._close.set_text(self.tr("Close this message"))
        if self._notice is not None:
            self._text.setText(self._notice.text())
            if self._notice.action is not None:
                self._action.setText(self._notice.action())

    def _run(self) -> None:
        notice = self._notice
        self.dismiss()
        if notice is not None and notice.run is not None:
            notice.run()
