"""Sample pictures as a table: a row for each prompt and seed, a column for each step."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from core.metrics.run_metrics import Mark, MarkKind, RunMetrics
from core.runs.samples import read_name

Index = QModelIndex | QPersistentModelIndex
GAP = "  ·  "
SAMPLE_ROLE = int(Qt.ItemDataRole.UserRole) + 1


@dataclass(frozen=True, slots=True, order=True)
class SampleRow:
    """What is drawn again and again. `prompt` is 0-based, -1 where the name does not tell; `seed` -1 where none is named."""

    prompt: int
    seed: int


@dataclass(frozen=True, slots=True)
class SamplePicture:
    """One picture. `epoch` where it was drawn between two epochs, as its name tells."""

    path: str
    step: int
    row: SampleRow
    epoch: int | None = None


def picture_of(mark: Mark) -> SamplePicture:
    """What a mark tells."""
    told = read_name(mark.detail)
    if told is None:
        return SamplePicture(mark.detail, mark.step, SampleRow(-1, -1))
    row = SampleRow(told.prompt, -1 if told.seed is None else told.seed)
    return SamplePicture(mark.detail, mark.step, row, told.epoch or None)


class SampleModel(QAbstractTableModel):
    """Follows the marks of a run."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[SampleRow] = []
        self._steps: list[int] = []
        self._pictures: dict[tuple[SampleRow, int], SamplePicture] = {}
        self._marks: Sequence[Mark] = ()
        self._prompts: tuple[str, ...] = ()

    # --- filling ------------------------------------------------------------------------------------------------

    def follow(self, metrics: RunMetrics) -> int:
        """Takes in what is new; begins anew for another run. Returns how many pictures came."""
        marks = metrics.marks
        known = len(self._marks)
        if len(marks) < known or (known and marks[known - 1] is not self._marks[-1]):
            self.clear()
            known = 0
        self._marks = marks
        return self._add(picture_of(mark) for mark in marks[known:] if mark.kind is MarkKind.SAMPLE)

    def clear(self) -> None:
        """Holds no picture."""
        self.beginResetModel()
        self._rows, self._steps, self._pictures, self._marks = [], [], {}, ()
        self.endResetModel()

    def set_prompts(self, texts: Sequence[str]) -> None:
        """What the prompts say, in their order; () where nobody knows."""
        self._prompts = tuple(texts)
        if self._rows:
            self.headerDataChanged.emit(Qt.Orientation.Vertical, 0, len(self._rows) - 1)

    def _add(self, pictures: Iterable[SamplePicture]) -> int:
        new = list(pictures)
        rows = sorted({*self._rows, *(picture.row for picture in new)})
        steps = sorted({*self._steps, *(picture.step for picture in new)})
        for picture in new:
            self._pictures[picture.row, picture.step] = picture  # drawn twice at a step: the later one
        if rows != self._rows or steps[: len(self._steps)] != self._steps:
            self.beginResetModel()
            self._rows, self._steps = rows, steps
            self.endResetModel()
        elif len(steps) > len(self._steps):
            self.beginInsertColumns(QModelIndex(), len(self._steps), len(steps) - 1)
            self._steps = steps
            self.endInsertColumns()
        if new:
            column = bisect_left(steps, min(picture.step for picture in new))
            self.dataChanged.emit(self.index(0, column), self.index(len(rows) - 1, len(steps) - 1))
        return len(new)

    # --- asking -------------------------------------------------------------------------------------------------

    @property
    def count(self) -> int:
        """How many pictures there are."""
        return len(self._pictures)

    def picture(self, index: Index) -> SamplePicture | None:
        """The picture of a cell."""
        if not index.isValid():
            return None
        return self._pictures.get((self._rows[index.row()], self._steps[index.column()]))

    def index_of(self, picture: SamplePicture) -> QModelIndex:
        """The cell of a picture; an invalid one where it is gone."""
        if (picture.row, picture.step) not in self._pictures:
            return QModelIndex()
        return self.index(self._rows.index(picture.row), bisect_left(self._steps, picture.step))

    def series(self, row: SampleRow) -> list[SamplePicture]:
        """All pictures of a prompt and seed, by their steps."""
        found = (self._pictures.get((row, step)) for step in self._steps)
        return [picture for picture in found if picture is not None]

    def beside(self, picture: SamplePicture, rows: int) -> SamplePicture:
        """The picture of another prompt, at the nearest step; the same one where there is none."""
        place = self._rows.index(picture.row) + rows if picture.row in self._rows else -1
        if not 0 <= place < len(self._rows):
            return picture
        return min(self.series(self._rows[place]), key=lambda other: abs(other.step - picture.step), default=picture)

    def prompt_text(self, row: SampleRow) -> str:
        """What the prompt says; "" where nobody knows."""
        return self._prompts[row.prompt] if 0 <= row.prompt < len(self._prompts) else ""

    def row_name(self, row: SampleRow) -> str:
        """`Prompt 1 · seed 42`."""
        if row.prompt < 0:
            return self.tr("Other pictures")
        name = self.tr("Prompt {number}").format(number=row.prompt + 1)
        return name if row.seed < 0 else name + GAP + self.tr("seed {seed}").format(seed=row.seed)

    def step_name(self, picture: SamplePicture) -> str:
        """`Step 300`, `Epoch 2`."""
        if picture.epoch is not None:
            return self.tr("Epoch {epoch}").format(epoch=picture.epoch)
        return self.tr("Step {step}").format(step=picture.step)

    # --- Qt -----------------------------------------------------------------------------------------------------

    def rowCount(self, parent: Index | None = None) -> int:
        """Prompts."""
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index | None = None) -> int:
        """Steps."""
        return 0 if parent is not None and parent.isValid() else len(self._steps)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """The picture's step; its name for the tool tip and for screen readers."""
        picture = self.picture(index)
        if picture is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self.step_name(picture)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{self.row_name(picture.row)}, {self.step_name(picture)}"
        if role == Qt.ItemDataRole.ToolTipRole:
            text = self.prompt_text(picture.row)
            lines = [self.step_name(picture), self.row_name(picture.row), text, os.path.basename(picture.path)]
            return "\n".join(line for line in lines if line)
        return picture if role == SAMPLE_ROLE else None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """The prompts' names."""
        if orientation is not Qt.Orientation.Vertical or not 0 <= section < len(self._rows):
            return None
        row = self._rows[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return self.row_name(row).replace(GAP, "\n")
        return self.prompt_text(row) or None if role == Qt.ItemDataRole.ToolTipRole else None

    def retranslate(self) -> None:
        """The names are in another language."""
        if self._rows:
            self.headerDataChanged.emit(Qt.Orientation.Vertical, 0, len(self._rows) - 1)
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._rows) - 1, len(self._steps) - 1))
