"""Which editor a field gets."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from gui.forms.choosers import ChoiceEditor, SuggestEditor, TriStateEditor
from gui.forms.editors import Editor, LineEditor, LinesEditor, PathEditor, SeedEditor
from gui.forms.fields import Field, Shape

_EDITORS: dict[Shape, type[Editor]] = {
    Shape.LINE: LineEditor,
    Shape.TRI_STATE: TriStateEditor,
    Shape.CHOICE: ChoiceEditor,
    Shape.SUGGEST: SuggestEditor,
    Shape.FILE_OPEN: PathEditor,
    Shape.FILE_SAVE: PathEditor,
    Shape.FOLDER: PathEditor,
    Shape.LINES: LinesEditor,
    Shape.SEED: SeedEditor,
}


def make_editor(field: Field, parent: QWidget | None = None) -> Editor:
    """The editor that a field wants."""
    return _EDITORS[field.shape](field, parent)
