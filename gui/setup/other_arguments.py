"""Arguments that nobody described: shown, marked, editable, never dropped."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from core.errors import nearest
from core.text import join_sentences
from gui.forms.binding import FormBinding
from gui.forms.described import Described
from gui.forms.row import FieldRow, FormTools
from gui.setup.optimizer_model import loose_field
from gui.theme.theme import Theme
from gui.widgets.base import Button, Label, Translated


class OtherArguments(Translated, QWidget):
    """A table of name and value for what the form does not know, with a place to add more.

    Signals:
        focused: a row's description should be shown.
        added: the user wants this argument (1st) with this literal (2nd).
    """

    focused = Signal(object)
    added = Signal(str, str)

    def __init__(self, theme: Theme, binding: FormBinding, tools: FormTools, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._binding = binding
        self._tools = tools
        self._rows: list[FieldRow] = []
        self._known: tuple[str, ...] = ()
        self._described = True
        self.heading = Label("", "section", parent=self)
        self.hint = Label("", "caption", wrap=True, parent=self)
        self._list = QVBoxLayout()
        self._list.setSpacing(0)
        self.name, self.value = QLineEdit(self), QLineEdit(self)
        for line in (self.name, self.value):
            line.setProperty("class", "mono")
            line.returnPressed.connect(self._add)
            line.textChanged.connect(self._renew_button)
        self.add = Button(theme, icon="plus", classes="quiet", parent=self)
        self.add.clicked.connect(self._add)
        self.more = Button(theme, icon="plus", classes="quiet", parent=self)
        self.more.clicked.connect(self._open_adder)
        self.adder = QWidget(self)
        adder = QHBoxLayout(self.adder)
        adder.setContentsMargins(0, 0, 0, 0)
        adder.setSpacing(8)
        adder.addWidget(self.name, 5)
        adder.addWidget(self.value, 6)
        adder.addWidget(self.add)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.heading)
        layout.addWidget(self.hint)
        layout.addLayout(self._list)
        layout.addWidget(self.adder)
        layout.addWidget(self.more, alignment=Qt.AlignmentFlag.AlignLeft)
        self.adder.hide()
        self.retranslate()
        self._renew_button()

    @property
    def names(self) -> list[str]:
        """The arguments that are shown."""
        return [row.field.name for row in self._rows]

    def row(self, name: str) -> FieldRow | None:
        """The row of an argument."""
        return next((row for row in self._rows if row.field.name == name), None)

    def show_names(self, names: Sequence[str], known: Sequence[str], *, described: bool) -> None:
        """Shows these arguments.

        Args:
            names: arguments of the job that the form does not know.
            known: the ones that it does know, to point at a misspelt name.
            described: whether there is a form at all; without one, unknown is the rule and no fault.
        """
        self._known, self._described = tuple(known), described
        if not described:
            self.adder.show()
            self.more.hide()
        if self.names != list(names):
            self.release()
            for name in names:
                self._show(name)
        self.retranslate()

    def _open_adder(self) -> None:
        self.adder.show()
        self.more.hide()
        self.name.setFocus()

    def _show(self, name: str) -> None:
        row = FieldRow(Described(field=loose_field(name)), self._tools, self)
        row.focused.connect(self.focused)
        self._binding.add([row])
        self._rows.append(row)
        self._list.addWidget(row)
        if self.isVisible():
            row.show()

    def release(self) -> None:
        """Lets go of the rows."""
        self._binding.remove(self._rows)
        for row in self._rows:
            self._list.removeWidget(row)
            row.hide()
            row.deleteLater()
        self._rows = []

    def _add(self) -> None:
        name, value = self.name.text().strip(), self.value.text().strip()
        if not self._can_add():
            return
        self.name.clear()
        self.value.clear()
        self.added.emit(name, value)
        self.name.setFocus()

    def _can_add(self) -> bool:
        # sd-scripts gives the name to the constructor as a keyword, so nothing else can work.
        return self.name.text().strip().isidentifier() and bool(self.value.text().strip())

    def _renew_button(self) -> None:
        self.add.setEnabled(self._can_add())

    def renew_icons(self) -> None:
        """Takes the icons of the present theme."""
        for row in self._rows:
            row.renew_icons()

    def retranslate(self) -> None:
        self.heading.setText(self.tr("Other arguments") if self._described else self.tr("Arguments"))
        self.hint.setText(self._words())
        self.hint.setVisible(bool(self.hint.text()))
        self.name.setPlaceholderText(self.tr("name"))
        self.value.setPlaceholderText(self.tr("value, as Python writes it: 0.01, True, (0.9, 0.99), 'text'"))
        self.name.setAccessibleName(self.tr("Name of the new argument"))
        self.value.setAccessibleName(self.tr("Value of the new argument"))
        self.add.setText(self.tr("Add"))
        self.more.setText(self.tr("Add another argument"))
        self.heading.setVisible(bool(self._rows) or not self._described)

    def _words(self) -> str:
        if not self._described or not self._rows:
            return ""
        words = [
            self.tr(
                "This optimizer does not take these in its newest version: unless yours does, sd-scripts stops after loading the model."
            )
        ]
        for name in self.names:
            near = nearest(name, self._known)
            if near is not None:
                words.append(self.tr("{0}: did you mean {1}?").format(name, near))
        return join_sentences(*words)
