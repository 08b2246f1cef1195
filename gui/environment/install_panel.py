"""pip at work: its log, a stop button, and how it ended."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QProgressBar, QWidget

from core.environment.install import InstallPlan, InstallResult
from core.text import Text
from gui.theme import tokens
from gui.theme.theme import Theme
from gui.widgets.base import Button, Card, IconButton, Label, Translated, row, set_class
from gui.widgets.log_view import LogView


class InstallPanel(Translated, Card):
    """Hidden until something is installed.

    Signals:
        stop_wanted: end pip.
    """

    stop_wanted = Signal()

    def __init__(self, theme: Theme, say: Callable[[Text], str], parent: QWidget | None = None) -> None:
        super().__init__(parent, margin=tokens.M)
        self._say = say
        self._plan: InstallPlan | None = None
        self._result: InstallResult | None = None
        self._stopping = False
        self._heading = Label("", "title")
        self._sentence = Label("", wrap=True)
        self._busy = QProgressBar()
        self._busy.setRange(0, 0)
        self._busy.setTextVisible(False)
        self.stop = Button(theme, icon="stop", classes="danger")
        self.stop.clicked.connect(self._stop)
        self.close_button = IconButton(theme, "close")
        self.close_button.clicked.connect(self.hide)
        self.log = LogView()
        self.log.setMinimumHeight(96)
        self.body.addLayout(row(self._heading, 1, self.stop, self.close_button))
        self.body.addWidget(self._busy)
        self.body.addWidget(self._sentence)
        self.body.addWidget(self.log, 1)
        self.hide()
        self.retranslate()

    @property
    def sentence(self) -> str:
        """How it ended, in words."""
        return self._sentence.text()

    def start(self, plan: InstallPlan) -> None:
        """pip begins."""
        self._plan, self._result, self._stopping = plan, None, False
        self.log.clear()
        self.retranslate()
        self.show()

    def add_output(self, text: str) -> None:
        """More of pip's output."""
        self.log.add_output(text)

    def finish(self, result: InstallResult) -> None:
        """pip ended."""
        self._result = result
        self.retranslate()

    def retranslate(self) -> None:
        """Says it in the language on screen."""
        result = self._result
        names = ", ".join(self._plan.requirements) if self._plan else ""
        self._busy.setVisible(result is None)
        self.stop.setVisible(result is None)
        self.stop.setEnabled(not self._stopping)
        self.stop.setText(self.tr("Stopping …") if self._stopping else self.tr("Stop"))
        self.close_button.setVisible(result is not None)
        self.close_button.set_text(self.tr("Close the log"))
        self.log.setAccessibleName(self.tr("Output of pip"))
        self._sentence.setVisible(result is not None)
        if result is None:
            self._heading.setText(self.tr("Installing {names}").format(names=names))
            return
        if result.ok:
            self._heading.setText(self.tr("Installed {names}").format(names=names))
            words = self.tr("Done in {seconds} s. The environment is being checked again.").format(seconds=round(result.seconds))
        else:
            self._heading.setText(self.tr("Stopped") if result.stopped else self.tr("The installation failed"))
            words = self._say(result.problem) if result.problem else ""
        set_class(self._sentence, "muted" if result.ok or result.stopped else "danger")
        self._sentence.setText(words)

    def _stop(self) -> None:
        self._stopping = True
        self.retranslate()
        self.stop_wanted.emit()
