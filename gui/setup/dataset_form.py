"""The form of one table of a dataset config: made from the table of keys, with what is inherited and what is wrong."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton, QScrollArea, QVBoxLayout, QWidget

from core.dataset.config import GENERAL, Fault, Place
from core.errors import CaddieError
from gui.bridge.dataset_session import DatasetSession
from gui.forms.described import Described
from gui.forms.editors import LineEditor
from gui.forms.fields import Field, Stored
from gui.forms.grid import RowGrid
from gui.forms.row import FieldRow, FormTools
from gui.services import Services
from gui.setup.dataset_fields import KeyField, describe_keys
from gui.widgets.base import Label, Translated


class DatasetForm(Translated, QScrollArea):
    """Shows the table at `place` and edits it.

    Args:
        services: the window's services.
        session: holds the config.
    """

    def __init__(self, services: Services, session: DatasetSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self._session = session
        self._tools = FormTools(say=services.translation.say, icon=lambda name: services.theme.icon(name, "text_muted"))
        self._place = GENERAL
        self._made: tuple[object, ...] = ()
        self._visit = 0
        self._unfolded = False
        self.rows: list[FieldRow] = []
        self._grids: list[RowGrid] = []
        self.setWidgetResizable(True)
        self.setProperty("class", "bare")
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        inner = QWidget()
        self._column = QVBoxLayout(inner)
        self._column.setContentsMargins(0, 0, 12, 12)
        self._column.setSpacing(4)
        self._title = Label("", "title")
        self._hint = Label("", "muted", wrap=True)
        self._note = Label("", "danger", wrap=True)
        self.fold = QPushButton()
        self.fold.setProperty("class", "quiet fold")
        self.fold.setCheckable(True)
        self.fold.toggled.connect(self._on_fold)
        for widget in (self._title, self._hint, self._note, self.fold):
            self._column.addWidget(widget)
        self._column.addStretch(1)
        self.setWidget(inner)
        session.changed.connect(self.refresh)
        services.theme.changed.connect(self._renew_icons)

    @property
    def place(self) -> Place:
        """The table that is shown."""
        return self._place

    def show_place(self, place: Place) -> None:
        """Shows another table."""
        self._place = place
        self._visit += 1
        self.refresh()
        self.verticalScrollBar().setValue(0)

    def focus_key(self, name: str) -> bool:
        """Puts the cursor into a key's field; False where the table has none."""
        if any(row.field.name == name for row in self._folded()):
            self.fold.setChecked(True)
        row = next((row for row in self.rows if row.field.name == name), None)
        if row is None:
            return False
        self.ensureWidgetVisible(row, 0, 60)
        row.editor.setFocus(Qt.FocusReason.ShortcutFocusReason)
        return True

    def _folded(self) -> list[FieldRow]:
        return [row for row in self.rows if row.described.advanced]

    # --- what is shown -----------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Shows what the config says now; rows are made anew only where others are needed."""
        session = self._session
        if self._place != GENERAL and self._place not in session.config:
            return  # the tree is about to choose another
        described = describe_keys(
            session.config, self._place, self._services.session.job, masked_loss=session.masked_loss, fault=self._fault
        )
        made = (self._place, *((one.field.name, one.field.above) for one in described if isinstance(one.field, KeyField)))
        if made != self._made:
            self._make(described, made)
        values = session.config.values(self._place)
        for row in self.rows:
            row.show_stored(values.get(row.field.name))
        self._show_note()
        self._say_heading()

    def _fault(self, name: str) -> Fault | None:
        return next((fault for fault in self._session.faults_at(self._place) if fault.key == name), None)

    def _show_note(self) -> None:
        shown = {row.field.name for row in self.rows}
        say = self._services.translation.say
        told = [say(fault.text) for fault in self._session.faults_at(self._place) if fault.key not in shown]
        self._note.setText("\n".join(told))
        self._note.setVisible(bool(told))

    def _make(self, described: list[Described], made: tuple[object, ...]) -> None:
        focused = next((row.field.name for row in self.rows if row.isAncestorOf(self.focusWidget() or self)), None)
        same_place = bool(self._made) and self._made[0] == made[0]
        if same_place:  # a row that somebody has just filled stays where it is
            folded = {row.field.name for row in self._folded()}
            stays = {row.field.name for row in self.rows} - folded
            described = [one if one.field.name not in stays | folded else _at(one, one.field.name in folded) for one in described]
        self._made = made
        for grid in self._grids:
            self._column.removeWidget(grid)
            grid.hide()
            grid.deleteLater()
        basic, folded_grid = RowGrid(), RowGrid()
        self._grids = [basic, folded_grid]
        self.rows = []
        for grid, wanted in ((basic, False), (folded_grid, True)):
            rows = [FieldRow(one, self._tools, grid) for one in described if one.advanced is wanted]
            for row in rows:
                row.edited.connect(self._on_edited)
                row.focused.connect(self._on_focused)
            grid.add(rows)
            self.rows += rows
        self._column.insertWidget(self._column.indexOf(self.fold), basic)
        self._column.insertWidget(self._column.indexOf(self.fold) + 1, folded_grid)
        self.fold.setVisible(bool(folded_grid.rows))
        folded_grid.setVisible(self.fold.isChecked())
        self._say_fold()
        if focused is not None and self.focus_key(focused):
            editor = next(row.editor for row in self.rows if row.field.name == focused)
            if isinstance(editor, LineEditor):
                values = self._session.config.values(self._place)
                editor.show_stored(values.get(focused))
                editor.line.end(False)

    def _on_fold(self, open_: bool) -> None:
        if len(self._grids) > 1:
            self._grids[1].setVisible(open_)
        self._say_fold()

    # --- editing -----------------------------------------------------------------------------------------------

    def _on_focused(self, _described: object) -> None:
        self._visit += 1

    def _on_edited(self, field: Field, stored: Stored) -> None:
        session = self._session
        try:
            config = session.config.with_value(self._place, field.name, stored)
        except CaddieError as error:
            self._services.tasks.report(error)
            return
        session.edit(config, merge=f"{self._place}/{field.name}#{self._visit}")
        row = next((row for row in self.rows if row.field.name == field.name), None)
        if row is not None:
            row.show_stored(session.config.values(self._place).get(field.name))

    # --- words -------------------------------------------------------------------------------------------------

    def _say_heading(self) -> None:
        if self._place == GENERAL:
            self._title.setText(self.tr("Settings for all datasets"))
            self._hint.setText(self.tr("They hold wherever a dataset or a subset says nothing else."))
        elif self._place.subset < 0:
            self._title.setText(self.tr("Dataset {0}").format(self._place.dataset + 1))
            self._hint.setText(self.tr("Images of one resolution and batch size. Its subsets inherit what is set here."))
        else:
            self._title.setText(self.tr("Subset {0}").format(self._place.subset + 1))
            self._hint.setText(self.tr("One folder of images, and what is done to them and to their captions."))

    def _say_fold(self) -> None:
        open_ = self.fold.isChecked()
        self.fold.setText(self.tr("Less") if open_ else self.tr("More ({0})").format(len(self._folded())))
        self.fold.setIcon(self._tools.icon("chevron-up" if open_ else "chevron-down"))

    def _renew_icons(self) -> None:
        self._say_fold()
        for row in self.rows:
            row.renew_icons()

    def retranslate(self) -> None:
        """Sets every visible text in the language on screen; rows renew their own."""
        self._say_heading()
        self._say_fold()
        self._show_note()


def _at(described: Described, folded: bool) -> Described:
    return replace(described, advanced=folded)
