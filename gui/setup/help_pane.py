"""The pane beside the form that explains the field one is in."""

from __future__ import annotations

import html
from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from core.catalogue.spec import OptimizerSpec
from core.text import Text
from gui.forms.described import Described
from gui.forms.row import FormTools
from gui.widgets.base import Label, Translated


class HelpPane(Translated, QFrame):
    """Follows the focus: a field's name, what it does, type, default, examples with their sources; or the optimizer."""

    def __init__(self, tools: FormTools, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tools = tools
        self._shown: Described | OptimizerSpec | None = None
        self.setProperty("class", "side")
        self._title = Label("", "title", wrap=True)
        self._name = Label("", "field-code", wrap=True)
        self._text = Label("", "", wrap=True)
        self._facts = Label("", "muted", wrap=True)
        self._facts.setTextFormat(Qt.TextFormat.RichText)
        for label in (self._title, self._name, self._text, self._facts):
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        inner = QWidget()
        inner.setProperty("class", "scrolled")
        body = QVBoxLayout(inner)
        body.setContentsMargins(16, 16, 16, 16)
        body.setSpacing(8)
        for label in (self._title, self._name, self._text, self._facts):
            body.addWidget(label)
        body.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(inner)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(area)
        self.retranslate()

    @property
    def described(self) -> Described | None:
        """The field that is explained."""
        return self._shown if isinstance(self._shown, Described) else None

    def explain(self, described: Described) -> None:
        """Explains a field."""
        self._shown = described
        self.retranslate()

    def explain_optimizer(self, spec: OptimizerSpec | None) -> None:
        """Explains an optimizer; None is a class of one's own, of which nothing is known."""
        self._shown = spec
        self.retranslate()

    def retranslate(self) -> None:
        shown = self._shown
        if isinstance(shown, Described):
            self._say_field(shown)
        elif shown is not None:
            self._say_optimizer(shown)
        else:
            self._title.setText(self.tr("Help"))
            self._text.setText(self.tr("Click into a field, or reach it with Tab, to read here what it does."))
            self._name.hide()
            self._facts.hide()

    def _say_field(self, described: Described) -> None:
        say, field = self._tools.say, described.field
        self._title.setText(say(described.title) if described.title is not None else field.name)
        self._name.setText(field.name)
        self._name.setVisible(described.title is not None)
        self._text.setText(say(described.help) or self.tr("Nobody has described this one yet."))
        facts = [(self.tr("Type"), say(described.kind)), (self.tr("Default"), field.default() or self.tr("none"))]
        if described.unit is not None:
            facts.append((self.tr("Unit"), say(described.unit)))
        lines = _paragraphs(facts)
        if described.examples:
            heading = self.tr("Examples")  # lupdate does not look into f-strings
            lines += f"<p><b>{html.escape(heading)}</b>"
            lines += "".join(self._example(value, source) for value, source in described.examples) + "</p>"
        self._facts.setText(lines)
        self._facts.show()

    def _say_optimizer(self, spec: OptimizerSpec) -> None:
        say = self._tools.say
        self._title.setText(spec.name)
        self._name.setText(spec.optimizer_type)
        self._name.setVisible(spec.optimizer_type != spec.name)
        self._text.setText(say(spec.pick_when))
        facts = [(self.tr("Learning rate"), say(spec.learning_rate.reason)), (self.tr("Scheduler"), say(spec.schedulers.note))]
        facts += [(self.tr("Tip"), say(tip.text)) for tip in spec.tips]
        self._facts.setText(_paragraphs(facts))
        self._facts.show()

    def _example(self, value: str, source: Text) -> str:
        return f"<br><code>{html.escape(value)}</code> — {html.escape(self._tools.say(source))}"


def _paragraphs(facts: Sequence[tuple[str, str]]) -> str:
    """Each with its heading; those without words are left out."""
    return "".join(f"<p><b>{html.escape(label)}</b><br>{html.escape(words)}</p>" for label, words in facts if words)
