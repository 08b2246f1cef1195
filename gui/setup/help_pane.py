"""The pane beside the form that explains the field one is in."""

from __future__ import annotations

import html

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from core.text import Text
from gui.forms.described import Described
from gui.forms.row import FormTools
from gui.widgets.base import Label, Translated


class HelpPane(Translated, QFrame):
    """Follows the focus: name, what it does, type, default, examples with their sources."""

    def __init__(self, tools: FormTools, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tools = tools
        self._described: Described | None = None
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
        """What is explained."""
        return self._described

    def explain(self, described: Described) -> None:
        """Explains a field."""
        self._described = described
        self.retranslate()

    def retranslate(self) -> None:
        described = self._described
        if described is None:
            self._title.setText(self.tr("Help"))
            self._text.setText(self.tr("Click into a field, or reach it with Tab, to read here what it does."))
            self._name.hide()
            self._facts.hide()
            return
        say, field = self._tools.say, described.field
        self._title.setText(say(described.title) if described.title is not None else field.name)
        self._name.setText(field.name)
        self._name.setVisible(described.title is not None)
        self._text.setText(say(described.help) or self.tr("Nobody has described this one yet."))
        facts = [(self.tr("Type"), say(described.kind)), (self.tr("Default"), field.default() or self.tr("none"))]
        if described.unit is not None:
            facts.append((self.tr("Unit"), say(described.unit)))
        lines = [f"<p><b>{html.escape(label)}</b><br>{html.escape(value)}</p>" for label, value in facts if value]
        if described.examples:
            heading = self.tr("Examples")  # lupdate does not look into f-strings
            lines.append(f"<p><b>{html.escape(heading)}</b>")
            lines += [self._example(value, source) for value, source in described.examples]
            lines.append("</p>")
        self._facts.setText("".join(lines))
        self._facts.show()

    def _example(self, value: str, source: Text) -> str:
        return f"<br><code>{html.escape(value)}</code> — {html.escape(self._tools.say(source))}"
