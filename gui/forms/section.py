"""A card with a heading and a group of fields."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, Signal
from PySide6.QtWidgets import QFrame, QLabel, QVBoxLayout, QWidget

from core.text import Text
from gui.forms.binding import FormBinding
from gui.forms.described import Described
from gui.forms.group import FieldGroup
from gui.forms.row import FieldRow, FormTools


class FormSection(QFrame):
    """Signals:
    focused: a row's description should be shown.
    acted: the button of a row was pressed (its description).
    """

    focused = Signal(object)
    acted = Signal(object)

    def __init__(
        self,
        title: Text,
        fields: Sequence[Described],
        *,
        binding: FormBinding,
        tools: FormTools,
        help_text: Text | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setProperty("class", "card")
        self.title = title
        self._help = help_text
        self._note: Text | None = None
        self._tools = tools
        self._title = QLabel(self)
        self._title.setProperty("class", "title")
        self._hint = QLabel(self)
        self._hint.setProperty("class", "muted")
        self._hint.setWordWrap(True)
        self._hint.setVisible(help_text is not None)
        self.group = FieldGroup(fields, binding=binding, tools=tools, parent=self)
        self.group.focused.connect(self.focused)
        self.group.acted.connect(self.acted)
        body = QVBoxLayout(self)
        body.setContentsMargins(16, 12, 16, 12)
        body.setSpacing(4)
        self._note_label = QLabel(self)
        self._note_label.setProperty("class", "warning")
        self._note_label.setWordWrap(True)
        self._note_label.hide()
        for widget in (self._title, self._hint, self._note_label, self.group):
            body.addWidget(widget)
        self.retranslate()

    @property
    def fields(self) -> tuple[Described, ...]:
        """All fields, advanced ones too, built or not."""
        return self.group.fields

    @property
    def rows(self) -> list[FieldRow]:
        """The rows that are built, in order."""
        return self.group.rows

    def build(self) -> None:
        """Makes the rows (once)."""
        self.group.build()

    def reveal(self, key: str) -> FieldRow | None:
        """Builds and unfolds what is needed to show a field; None where it is not in this section."""
        return self.group.reveal(key)

    def set_note(self, note: Text | None) -> None:
        """Says something about the present job under the heading; None for nothing."""
        self._note = note
        self._note_label.setText(self._tools.say(note) if note is not None else "")
        self._note_label.setVisible(note is not None)

    @property
    def note(self) -> str:
        """What is said under the heading."""
        return self._note_label.text()

    def release(self) -> None:
        """Lets go of the rows, before the section is deleted."""
        self.group.release()

    def renew_icons(self) -> None:
        """Takes the icons of the present theme."""
        self.group.renew_icons()

    def retranslate(self) -> None:
        """Renews all words in the window's language."""
        self._title.setText(self._tools.say(self.title))
        if self._help is not None:
            self._hint.setText(self._tools.say(self._help))
        self.set_note(self._note)

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
        super().changeEvent(event)
