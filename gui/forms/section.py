"""A titled group of fields that is built when it is first needed, with its advanced fields folded away."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from core.text import Text
from gui.forms.binding import FormBinding
from gui.forms.described import Described
from gui.forms.grid import RowGrid
from gui.forms.row import FieldRow, FormTools

_ROW_GUESS = 52
"""Height of a row that is not built yet, in logical pixels; keeps the scroll bar about right."""


class FormSection(QFrame):
    """A card with a heading, rows, and an "advanced" fold.

    Attributes:
        built: the rows are there now (they were made by `build`).
        focused: a row's description should be shown.
    """

    built = Signal()
    focused = Signal(object)

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
        self._fields = tuple(fields)
        self._binding = binding
        self._tools = tools
        self._basic: RowGrid | None = None
        self._advanced: RowGrid | None = None
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(16, 12, 16, 12)
        self.body.setSpacing(4)
        self._add_heading()
        self._fold = QPushButton(self)
        self._fold.setProperty("class", "quiet fold")
        self._fold.setCheckable(True)
        self._fold.setVisible(any(field.advanced for field in self._fields))
        self._fold.toggled.connect(self._unfold)
        self.body.addWidget(self._fold)
        self._placehold()
        self.retranslate()

    def _add_heading(self) -> None:
        self._title = QLabel(self)
        self._title.setProperty("class", "title")
        self._hint = QLabel(self)
        self._hint.setProperty("class", "muted")
        self._hint.setWordWrap(True)
        self._hint.setVisible(self._help is not None)
        self.heading = QHBoxLayout()
        self.heading.addWidget(self._title)
        self.heading.addStretch(1)
        self.body.addLayout(self.heading)
        self.body.addWidget(self._hint)

    def _placehold(self) -> None:
        basic = sum(not field.advanced for field in self._fields)
        self.setMinimumHeight(64 + basic * _ROW_GUESS)

    @property
    def fields(self) -> tuple[Described, ...]:
        """All fields, advanced ones too, built or not."""
        return self._fields

    @property
    def is_built(self) -> bool:
        """Whether the rows are there."""
        return self._basic is not None

    @property
    def rows(self) -> list[FieldRow]:
        """The rows that are built, in order."""
        return [row for grid in (self._basic, self._advanced) if grid is not None for row in grid.rows]

    def build(self) -> None:
        """Makes the rows (once)."""
        if self._basic is not None:
            return
        self.setMinimumHeight(0)
        self._basic = self._make_grid(lambda field: not field.advanced, place=self.body.indexOf(self._fold))
        self.built.emit()

    def reveal(self, key: str) -> FieldRow | None:
        """Builds and unfolds what is needed to show a field; None where it is not in this section."""
        found = next((field for field in self._fields if field.field.key == key), None)
        if found is None:
            return None
        self.build()
        if found.advanced:
            self._fold.setChecked(True)
        return next((row for row in self.rows if row.field.key == key), None)

    def release(self) -> None:
        """Lets go of the rows, before the section is deleted."""
        self._binding.remove(self.rows)

    def unfold_set(self) -> None:
        """Opens the fold when the job says something there: what counts must not be hidden."""
        if any(row_is_set for row_is_set in self._advanced_is_set()):
            self._fold.setChecked(True)

    def _advanced_is_set(self) -> list[bool]:
        job = self._binding.job
        return [field.field.get(job) is not None for field in self._fields if field.advanced]

    def _make_grid(self, wanted: Callable[[Described], bool], *, place: int) -> RowGrid:
        grid = RowGrid(self)
        rows = [FieldRow(field, self._tools, grid) for field in self._fields if wanted(field)]
        for row in rows:
            row.focused.connect(self.focused)
        grid.set_rows(rows)
        self._binding.add(rows)
        self.body.insertWidget(place, grid)
        return grid

    def _unfold(self, open_: bool) -> None:
        if open_ and self._advanced is None:
            self.build()
            self._advanced = self._make_grid(lambda field: field.advanced, place=self.body.indexOf(self._fold) + 1)
        if self._advanced is not None:
            self._advanced.setVisible(open_)
        self.renew_icons()

    def renew_icons(self) -> None:
        """Takes the icons of the present theme."""
        self._fold.setIcon(self._tools.icon("chevron-up" if self._fold.isChecked() else "chevron-down"))
        for row in self.rows:
            row.renew_icons()

    def retranslate(self) -> None:
        """Renews all words in the window's language."""
        self._title.setText(self._tools.say(self.title))
        if self._help is not None:
            self._hint.setText(self._tools.say(self._help))
        advanced = sum(field.advanced for field in self._fields)
        self._fold.setText(self.tr("More ({0})").format(advanced))
        self.renew_icons()

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
        super().changeEvent(event)
