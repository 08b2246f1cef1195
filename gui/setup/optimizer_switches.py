"""Two switches under the optimizer: run it fast, and tell it the loss. Each is there only for optimizers it is about."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from core.catalogue.spec import OptimizerSpec
from core.job.model import Job
from core.job.optimizer import fast_hindrance, is_fast, loss_hindrance, wants_loss
from core.text import join_sentences
from gui.forms.row import FormTools
from gui.setup.optimizer_notes import NoteLine
from gui.theme.theme import Theme
from gui.widgets.base import Label, Translated


class Switch(QWidget):
    """A switch, what it does, and what stands against it or has to be known once it is on.

    Signals:
        wanted: switched on or off by a person.
    """

    wanted = Signal(bool)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.box = QCheckBox(self)
        self.box.clicked.connect(self.wanted)
        self.words = Label("", "muted", wrap=True, parent=self)
        self.warning = NoteLine(theme, "warning", "warning_text", self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        inner = QVBoxLayout()
        inner.setContentsMargins(28, 0, 0, 0)  # the words stand under the label of the switch
        inner.addWidget(self.words)
        inner.addWidget(self.warning)
        layout.addWidget(self.box)
        layout.addLayout(inner)

    def show_state(self, on: bool, words: str, warning: str, *, possible: bool = True) -> None:
        """Shows how it stands, without an echo. What is on can be switched off, also where it is not possible."""
        self.box.setChecked(on)
        self.box.setEnabled(on or possible)
        self.words.setText(words)
        self.box.setAccessibleDescription(join_sentences(words, warning))
        self.warning.setVisible(bool(warning))
        self.warning.say(warning)


class OptimizerSwitches(Translated, QWidget):
    """See the module.

    Signals:
        fast_wanted: the fast implementation should be used, or not.
        loss_wanted: the companion should hand over the loss, or not.
    """

    fast_wanted = Signal(bool)
    loss_wanted = Signal(bool)

    def __init__(self, theme: Theme, tools: FormTools, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tools = tools
        self._spec: OptimizerSpec | None = None
        self._job = Job()
        self.fast = Switch(theme, self)
        self.fast.wanted.connect(self.fast_wanted)
        self.loss = Switch(theme, self)
        self.loss.wanted.connect(self.loss_wanted)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.fast)
        layout.addWidget(self.loss)
        self.retranslate()

    def show_for(self, spec: OptimizerSpec | None, job: Job) -> None:
        """Shows the switches that this job's optimizer has."""
        self._spec, self._job = spec, job
        has_fast = spec is not None and spec.fast is not None
        has_loss = wants_loss(job.optimizer_type)
        self.fast.setVisible(has_fast)
        self.loss.setVisible(has_loss)
        self.setVisible(has_fast or has_loss)
        self._say_fast()
        self._say_loss()

    def _say_fast(self) -> None:
        spec = self._spec
        if spec is None or spec.fast is None:
            return
        say, on = self._tools.say, is_fast(self._job, spec)
        hindrance = fast_hindrance(self._job, spec)
        words = self.tr("Caddie's own {0}: the same numbers as {1}, in less time per step.")
        shown = [words.format(spec.fast.optimizer_type, spec.fast.equals)]
        if on:
            shown += [say(note.text) for note in spec.fast.notes]
            shown.append(self.tr("The training needs Caddie's folder where it is; it loads this one package from there."))
        warning = "" if hindrance is None else say(hindrance)
        self.fast.show_state(on, join_sentences(*shown), warning, possible=hindrance is None)

    def _say_loss(self) -> None:
        if not wants_loss(self._job.optimizer_type):
            return
        hindrance = loss_hindrance(self._job)
        words = self.tr(
            "sd-scripts never tells this optimizer the loss that it steers by. Switched on, Caddie's companion hands it the"
            " loss of each step: the mean of its micro-batches."
        )
        caution = self.tr(
            "The training becomes another one than sd-scripts alone would do: a learning rate that suited it before may not"
            " suit it any more."
        )
        warning = "" if not self._job.hand_loss else caution if hindrance is None else self._tools.say(hindrance)
        self.loss.show_state(self._job.hand_loss, words, warning)

    def retranslate(self) -> None:
        self.fast.box.setText(self.tr("Fast implementation"))
        self.loss.box.setText(self.tr("Hand over the loss"))
        self._say_fast()
        self._say_loss()
