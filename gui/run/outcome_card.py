"""The end of a run in words: what happened, what it means, what to do, and what was written."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPlainTextEdit, QSizePolicy, QWidget

from core.runs.outcome import Ending, Outcome
from gui.bridge.translation import Translation
from gui.run.words import duration
from gui.theme import tokens
from gui.theme.theme import Theme, mono_font
from gui.widgets.base import Button, Card, IconButton, Label, Translated

_ICONS = {
    Ending.FINISHED: ("success", "accent_text"),
    Ending.STOPPED: ("stop", "text_muted"),
    Ending.FAILED: ("error", "danger_text"),
    Ending.LOST: ("warning", "warning_text"),
}


class OutcomeCard(Translated, Card):
    """Shown when a run is over.

    Signals:
        show_file: path of the last file that was written.
        closed: the user has read it.
    """

    show_file = Signal(str)
    closed = Signal()

    def __init__(self, theme: Theme, translation: Translation, parent: QWidget | None = None) -> None:
        super().__init__(parent, margin=tokens.M)
        self._theme = theme
        self._translation = translation
        self._outcome: Outcome | None = None
        self.icon = QLabel()
        self.sentence = Label("", "title", wrap=True)
        self.facts = Label("", "caption")
        self.close_button = IconButton(theme, "close")
        self.meaning = Label("", "", wrap=True)
        self.advice = Label("", "", wrap=True)
        self.error = Label("", "danger", wrap=True)
        self.tail_button = Button(theme, icon="terminal", classes="quiet")
        self.tail = QPlainTextEdit()
        self.file_button = Button(theme, icon="folder", classes="quiet")
        self._build()
        self.hide()
        self.retranslate()

    def _build(self) -> None:
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        selectable = Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        for label in (self.sentence, self.meaning, self.advice, self.error):
            label.setTextInteractionFlags(selectable)
        self.error.setFont(mono_font())
        self.tail.setReadOnly(True)
        self.tail.setFont(mono_font(tokens.CAPTION_PT))
        self.tail.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.tail.setFixedHeight(140)
        self.tail.hide()
        self.tail_button.setCheckable(True)
        self.tail_button.toggled.connect(self.tail.setVisible)
        top = QHBoxLayout()
        top.setSpacing(tokens.M)
        top.addWidget(self.icon)
        top.addWidget(self.sentence, 1)
        top.addWidget(self.facts)
        top.addWidget(self.file_button)
        top.addWidget(self.close_button)
        self.body.setSpacing(tokens.XS)
        self.body.addLayout(top)
        for widget in (self.meaning, self.advice, self.error):
            self.body.addWidget(widget)
        self.body.addWidget(self.tail_button, alignment=Qt.AlignmentFlag.AlignLeft)
        self.body.addWidget(self.tail)
        self.file_button.clicked.connect(self._show_file)
        self.close_button.clicked.connect(self._close)
        self._theme.changed.connect(self.retranslate)

    @property
    def outcome(self) -> Outcome | None:
        """What is shown."""
        return self._outcome

    def show_outcome(self, outcome: Outcome | None) -> None:
        """Shows the end of a run; None hides the card."""
        self._outcome = outcome
        self.setVisible(outcome is not None)
        if outcome is not None:
            self.tail_button.setChecked(False)
            self._fill(outcome)

    def _fill(self, outcome: Outcome) -> None:
        say = self._translation.say
        name, role = _ICONS[outcome.ending]
        self.icon.setPixmap(self._theme.icon(name, role).pixmap(QSize(22, 22), self.devicePixelRatioF()))
        self.sentence.setText(say(outcome.sentence))
        steps = self.tr("Steps: {n}").format(n=outcome.steps)
        times = (outcome.started_at, outcome.ended_at)
        took = duration(times[1] - times[0]) if times[0] is not None and times[1] is not None else ""
        self.facts.setText("  ·  ".join(part for part in (steps, took) if part))
        pairs = (
            (self.meaning, self.tr("What it means: {text}"), outcome.explanation),
            (self.advice, self.tr("What to do: {text}"), outcome.advice),
        )
        for label, frame, text in pairs:
            label.setVisible(text is not None)
            label.setText("" if text is None else frame.format(text=say(text)))
        self.error.setText(outcome.error)
        self.error.setVisible(bool(outcome.error))
        self.tail.setPlainText("\n".join(outcome.tail))
        self.tail_button.setVisible(bool(outcome.tail) and outcome.ending is not Ending.FINISHED)
        self._fill_file(outcome.files)

    def _fill_file(self, files: tuple[str, ...]) -> None:
        self.file_button.setVisible(bool(files))
        if files:  # the last one is the result; the others are mostly its former states in the same folder
            self.file_button.setToolTip("\n".join(files))
            self.file_button.setAccessibleName(self.tr("Show {name} in its folder").format(name=Path(files[-1]).name))

    def _show_file(self) -> None:
        if self._outcome is not None and self._outcome.files:
            self.show_file.emit(self._outcome.files[-1])

    def _close(self) -> None:
        self.hide()
        self.closed.emit()

    def retranslate(self) -> None:
        """Sets every visible text in the language on screen."""
        self.tail_button.setText(self.tr("Last lines of the log"))
        self.file_button.setText(self.tr("Show in folder"))
        self.close_button.set_text(self.tr("Close"))
        if self._outcome is not None:
            self._fill(self._outcome)
