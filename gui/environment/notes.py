"""What is wrong with an environment as a whole, as notices, worst first."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from core.environment.findings import Finding, Weight
from core.text import Text
from gui.theme import tokens
from gui.theme.theme import Theme
from gui.widgets.base import Button, IconLabel, Label, Translated

_TONES = {Weight.BLOCKS: "danger", Weight.HAMPERS: "warning", Weight.NOTE: "info"}


class Notes(Translated, QWidget):
    """Signals: `checkout_wanted`: the button beside "no sd-scripts folder"."""

    checkout_wanted = Signal()

    def __init__(self, theme: Theme, say: Callable[[Text], str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._say = say
        self._shown: tuple[tuple[Finding, ...], bool] = ((), False)
        self._labels: list[tuple[Label, Text]] = []
        self._frames: list[QFrame] = []
        self.choose = Button(theme, icon="folder")
        self.choose.clicked.connect(self.checkout_wanted)
        self._choose_row = QWidget()
        line = QHBoxLayout(self._choose_row)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(self.choose)
        line.addStretch(1)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(tokens.S)
        self._layout.addWidget(self._choose_row)
        self.retranslate()

    def show_findings(self, found: Sequence[Finding], *, offer_checkout: bool) -> None:
        """Shows these instead of the former."""
        wanted = (tuple(found), offer_checkout)
        self._choose_row.setVisible(offer_checkout)
        self.setVisible(bool(found) or offer_checkout)
        if wanted == self._shown:
            return
        self._shown = wanted
        for frame in self._frames:
            self._layout.removeWidget(frame)
            frame.hide()
            frame.deleteLater()
        self._frames, self._labels = [], []
        for number, finding in enumerate(found):
            self._layout.insertWidget(number, self._frame(finding))
        self.retranslate()

    def _frame(self, finding: Finding) -> QFrame:
        tone = _TONES[finding.weight]
        frame = QFrame()
        frame.setProperty("class", "notice")
        frame.setProperty("tone", tone)
        label = Label("", wrap=True)
        icon = IconLabel(self._theme, "error" if tone == "danger" else tone, role=f"{tone}_text")
        line = QHBoxLayout(frame)
        line.setContentsMargins(tokens.M, tokens.S, tokens.M, tokens.S)
        line.setSpacing(tokens.S)
        line.addWidget(icon)
        line.addWidget(label, 1)
        self._labels.append((label, finding.text))
        self._frames.append(frame)
        return frame

    def retranslate(self) -> None:
        """Says it in the language on screen."""
        self.choose.setText(self.tr("Choose sd-scripts folder …"))
        for label, text in self._labels:
            label.setText(self._say(text))
