"""Rows for a group of fields, made when they are first needed, the advanced ones folded away."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, Signal
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from gui.forms.binding import FormBinding
from gui.forms.described import Described
from gui.forms.grid import RowGrid
from gui.forms.row import FieldRow, FormTools

_ROW_GUESS = 56
"""Height of a row that is not built yet, in logical pixels; keeps the scroll bar about right."""


class FieldGroup(QWidget):
    """Signals:
    focused: a row's description should be shown.
    acted: the button of a row was pressed (its description).
    """

    focused = Signal(object)
    acted = Signal(object)

    def __init__(
        self, fields: Sequence[Described], *, binding: FormBinding, tools: FormTools, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.fields = tuple(fields)
        self._binding = binding
        self._tools = tools
        self._basic: RowGrid | None = None
        self._advanced: RowGrid | None = None
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(4)
        self.fold = QPushButton(self)
        self.fold.setProperty("class", "quiet fold")
        self.fold.setCheckable(True)
        self.fold.setVisible(any(field.advanced for field in self.fields))
        self.fold.toggled.connect(self._unfold)
        self._layout.addWidget(self.fold)
        self.setMinimumHeight(_ROW_GUESS * sum(not field.advanced for field in self.fields))
        self.retranslate()

    @property
    def is_built(self) -> bool:
        """Whether the rows are there."""
        return self._basic is not None

    @property
    def rows(self) -> list[FieldRow]:
        """The rows that are built, in order."""
        return [row for grid in (self._basic, self._advanced) if grid is not None for row in grid.rows]

    def build(self) -> None:
        """Makes the rows (once), the advanced ones too where the job says something there."""
        if self._basic is not None:
            return
        self.setMinimumHeight(0)
        self._basic = self._make_grid(lambda field: not field.advanced, place=0)
        job = self._binding.job
        if any(field.advanced and field.field.get(job) is not None for field in self.fields):
            self.fold.setChecked(True)

    def reveal(self, key: str) -> FieldRow | None:
        """Builds and unfolds what is needed to show a field; None where it is not in this group."""
        found = next((field for field in self.fields if field.field.key == key), None)
        if found is None:
            return None
        self.build()
        if found.advanced:
            self.fold.setChecked(True)
        return next((row for row in self.rows if row.field.key == key), None)

    def release(self) -> None:
        """Lets go of the rows, before the group is deleted."""
        self._binding.remove(self.rows)

    def _make_grid(self, wanted: Callable[[Described], bool], *, place: int) -> RowGrid:
        grid = RowGrid(self)
        rows = [FieldRow(field, self._tools, grid) for field in self.fields if wanted(field)]
        for row in rows:
            row.focused.connect(self.focused)
            row.acted.connect(self.acted)
        grid.add(rows)
        self._binding.add(rows)
        self._layout.insertWidget(place, grid)
        if self.isVisible():
            # The layouts would show them in the next round of events, and until then give them no room.
            for row in rows:
                row.show()
            grid.show()
        return grid

    def _unfold(self, open_: bool) -> None:
        if open_ and self._advanced is None:
            self.build()
            if self._advanced is None:
                self._advanced = self._make_grid(lambda field: field.advanced, place=self._layout.count())
        if self._advanced is not None:
            self._advanced.setVisible(open_)
        self.retranslate()

    def renew_icons(self) -> None:
        """Takes the icons of the present theme."""
        self.fold.setIcon(self._tools.icon("chevron-up" if self.fold.isChecked() else "chevron-down"))
        for row in self.rows:
            row.renew_icons()

    def retranslate(self) -> None:
        """Renews the words of the fold; rows renew their own."""
        advanced = sum(field.advanced for field in self.fields)
        words = self.tr("Less") if self.fold.isChecked() else self.tr("More ({0})").format(advanced)
        self.fold.setText(words)
        self.fold.setIcon(self._tools.icon("chevron-up" if self.fold.isChecked() else "chevron-down"))

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
        super().changeEvent(event)
