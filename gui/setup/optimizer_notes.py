"""What to know before an optimizer is used: its starting learning rate, ignored schedulers, cautions."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from core.catalogue.spec import Note, OptimizerSpec
from core.job.model import Job
from core.text import join_sentences
from gui.forms.described import first_sentence
from gui.forms.row import ElidedLabel, FormTools
from gui.models.optimizer_columns import rate_text
from gui.setup.optimizer_model import LEARNING_RATE, OWN_LEARNING_RATES, wants_learning_rate
from gui.theme.theme import Theme
from gui.widgets.base import Button, IconLabel, Label, Translated

SHOWN_CAUTIONS = 2


class NoteLine(QWidget):
    """An icon and a sentence; the whole text and its source are in the tool tip."""

    def __init__(self, theme: Theme, icon: str, role: str, parent: QWidget | None = None, *, short: bool = False) -> None:
        super().__init__(parent)
        self._short = ElidedLabel(self) if short else None
        self._long = Label("", "", wrap=True, parent=self)
        self._long.setVisible(not short)
        self.button = Button(theme, parent=self)
        self.button.hide()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(IconLabel(theme, icon, role=role, size=16, parent=self), alignment=Qt.AlignmentFlag.AlignTop)
        layout.addWidget(self._short or self._long, 1)
        layout.addWidget(self.button, alignment=Qt.AlignmentFlag.AlignVCenter)

    def say(self, words: str) -> None:
        """Sets the text."""
        if self._short is not None:
            self._short.set_full(words)
        else:
            self._long.setText(words)

    @property
    def words(self) -> str:
        """The text."""
        return self._short.full() if self._short is not None else self._long.text()


class OptimizerNotes(Translated, QFrame):
    """Signals:
    use_starting_rate: put the spec's learning rate into the job.
    """

    use_starting_rate = Signal(object)

    def __init__(self, theme: Theme, tools: FormTools, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._tools = theme, tools
        self._spec: OptimizerSpec | None = None
        self._job = Job()
        self._open = False
        self.rate = NoteLine(theme, "tip", "info_text", self)
        self.rate.button.clicked.connect(lambda: self.use_starting_rate.emit(self._spec))
        self.scheduler = NoteLine(theme, "info", "info_text", self)
        self._cautions: list[NoteLine] = []
        self._list = QVBoxLayout()
        self._list.setSpacing(4)
        self.more = Button(theme, classes="link", parent=self)
        self.more.clicked.connect(self._toggle)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.rate)
        layout.addWidget(self.scheduler)
        layout.addLayout(self._list)
        layout.addWidget(self.more, alignment=Qt.AlignmentFlag.AlignLeft)

    @property
    def cautions(self) -> list[str]:
        """The cautions that are shown."""
        return [line.words for line in self._cautions]

    def show_for(self, spec: OptimizerSpec | None, job: Job) -> None:
        """Shows what matters for this optimizer in this job."""
        other = spec is not self._spec
        self.setVisible(spec is not None)
        self._spec, self._job = spec, job
        if other:
            self._open = False
            self._remake()
        self._say_rate()
        self._say_scheduler()

    def _remake(self) -> None:
        for line in self._cautions:
            self._list.removeWidget(line)
            line.hide()
            line.deleteLater()
        self._cautions = []
        notes = self._spec.cautions if self._spec is not None else ()
        for note in notes if self._open else notes[:SHOWN_CAUTIONS]:
            self._cautions.append(self._make(note))
        self.more.setVisible(len(notes) > SHOWN_CAUTIONS)
        hidden = len(notes) - SHOWN_CAUTIONS
        self.more.setText(self.tr("Show fewer") if self._open else self.tr("Show {0} more").format(hidden))

    def _make(self, note: Note) -> NoteLine:
        line = NoteLine(self._theme, "warning", "warning_text", self, short=not self._open)
        words = self._tools.say(note.text)
        line.say(words if self._open else first_sentence(words))
        line.setToolTip(f"<p>{words}</p><p><i>{self._tools.say(note.source.title)}</i></p>")
        self._list.addWidget(line)
        return line

    def _toggle(self) -> None:
        self._open = not self._open
        self._remake()

    def _say_rate(self) -> None:
        spec = self._spec
        self.rate.setVisible(spec is not None)
        if spec is None:
            return
        start, job = rate_text(spec.learning_rate.start), self._job
        words = [self.tr("Learning rate to start from: {0}.").format(start)]
        own = [name for name in OWN_LEARNING_RATES if name in job.options]
        if own:
            words.append(self.tr("{0} is set and counts instead for its part.").format(", ".join(own)))
        reason = self._tools.say(spec.learning_rate.reason)
        self.rate.say(join_sentences(*words, first_sentence(reason)))
        self.rate.setToolTip(f"<p>{reason}</p><p><i>{self._tools.say(spec.learning_rate.source.title)}</i></p>")
        wanted = wants_learning_rate(job, spec) and LEARNING_RATE not in own
        self.rate.button.setText(self.tr("Use {0}").format(start))
        self.rate.button.setVisible(wanted)

    def _say_scheduler(self) -> None:
        spec = self._spec
        ignored = spec is not None and spec.schedulers.ignored
        self.scheduler.setVisible(ignored)
        if spec is not None and ignored:
            self.scheduler.say(self.tr("Scheduler: {0}").format(self._tools.say(spec.schedulers.note)))

    def retranslate(self) -> None:
        self._remake()
        self._say_rate()
        self._say_scheduler()
