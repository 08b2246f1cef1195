"""The history as a Qt model: filtered and sorted in plain Python, which takes milliseconds for thousands of runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from core.history.notes import clean_tags
from core.history.query import Condition, matching
from core.history.record import RunRecord
from core.runs.outcome import Ending
from gui.models.history_columns import (
    COLUMNS,
    EDITABLE,
    NUMERIC,
    HistoryCell,
    column_help,
    column_title,
    make_cell,
    optimizer_name,
)
from gui.services import Services

Index = QModelIndex | QPersistentModelIndex

CELL_ROLE = int(Qt.ItemDataRole.UserRole) + 1
RECORD_ROLE = int(Qt.ItemDataRole.UserRole) + 2


@dataclass(frozen=True, slots=True)
class HistoryFilter:
    """What to show. Everything that is set has to hold; "" is everything.

    Attributes:
        conditions: of the search field.
        optimizer: its name as shown.
        outcome: an ending, or "damaged".
        source: of `core.history.record.Source`.
        tag: one tag.
    """

    conditions: tuple[Condition, ...] = ()
    optimizer: str = ""
    outcome: str = ""
    source: str = ""
    tag: str = ""


class HistoryTable(QAbstractTableModel):
    """One row a run.

    Signals:
        edited: a RunRecord as it was, and the new tags (None: unchanged) and notes (None: unchanged).
        shown_changed: other rows, or another number of them.
    """

    edited = Signal(object, object, object)
    shown_changed = Signal()

    def __init__(self, services: Services, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self._records: tuple[RunRecord, ...] = ()
        self._shown: list[RunRecord] = []
        self._rows: dict[Path, int] = {}
        self._cells: dict[tuple[Path, int], HistoryCell] = {}
        self._filter = HistoryFilter()
        self._sorted = (COLUMNS.index("started"), Qt.SortOrder.DescendingOrder)
        services.translation.changed.connect(self.retranslate)

    # --- content -----------------------------------------------------------------------------------------------

    @property
    def records(self) -> tuple[RunRecord, ...]:
        """All runs, filtered or not."""
        return self._records

    @property
    def shown(self) -> tuple[RunRecord, ...]:
        """The runs on show, in their order."""
        return tuple(self._shown)

    @property
    def filter(self) -> HistoryFilter:
        """What is shown."""
        return self._filter

    def set_records(self, records: Sequence[RunRecord]) -> None:
        """Takes other runs."""
        if tuple(records) != self._records:
            self._records = tuple(records)
            self._cells.clear()
            self._arrange()

    def replace_record(self, record: RunRecord) -> None:
        """Takes a changed run; its row stays where it is until the next sort."""
        self._records = tuple(record if old.folder == record.folder else old for old in self._records)
        row = self._rows.get(record.folder)
        for column in range(len(COLUMNS)):
            self._cells.pop((record.folder, column), None)
        if row is not None:
            self._shown[row] = record
            self.dataChanged.emit(self.index(row, 0), self.index(row, len(COLUMNS) - 1))

    def set_filter(self, wanted: HistoryFilter) -> None:
        """Shows other runs."""
        if wanted != self._filter:
            self._filter = wanted
            self._arrange()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sorts; what is unknown comes last in both directions."""
        self._sorted = (column, order)
        self._arrange()

    def row_of(self, folder: Path) -> int | None:
        """The row of a run, None where it is not shown."""
        return self._rows.get(folder)

    def cell(self, record: RunRecord, column: int) -> HistoryCell:
        """One cell."""
        found = self._cells.get((record.folder, column))
        if found is None:
            translation = self._services.translation
            damage = translation.say(record.damage) if record.damage is not None else ""
            found = make_cell(COLUMNS[column], record, self._services.catalogue, translation.language, damage)
            self._cells[record.folder, column] = found
        return found

    def names_of_optimizers(self) -> list[str]:
        """Every optimizer among the runs, by name."""
        names = {optimizer_name(record, self._services.catalogue) for record in self._records}
        return sorted((name for name in names if name), key=str.casefold)

    def tags(self) -> list[str]:
        """Every tag among the runs."""
        return sorted({tag for record in self._records for tag in record.tags}, key=str.casefold)

    # --- Qt ----------------------------------------------------------------------------------------------------

    def rowCount(self, parent: Index | None = None) -> int:
        """Number of runs on show."""
        return 0 if parent is not None and parent.isValid() else len(self._shown)

    def columnCount(self, parent: Index | None = None) -> int:
        """Number of columns."""
        return 0 if parent is not None and parent.isValid() else len(COLUMNS)

    def data(self, index: Index, role: int = int(Qt.ItemDataRole.DisplayRole)) -> Any:
        """What Qt asks of a cell."""
        if not index.isValid() or index.row() >= len(self._shown):
            return None
        record = self._shown[index.row()]
        if role == RECORD_ROLE:
            return record
        cell = self.cell(record, index.column())
        if role == CELL_ROLE:
            return cell
        if role == Qt.ItemDataRole.DisplayRole:
            return cell.text
        if role == Qt.ItemDataRole.EditRole:
            return record.notes if COLUMNS[index.column()] == "notes" else cell.text
        if role == Qt.ItemDataRole.ToolTipRole:
            return cell.full or cell.text
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if COLUMNS[index.column()] in NUMERIC else Qt.AlignmentFlag.AlignLeft
            return int(side | Qt.AlignmentFlag.AlignVCenter)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{column_title(COLUMNS[index.column()])}: {cell.text}"
        return None

    def setData(self, index: Index, value: Any, role: int = int(Qt.ItemDataRole.EditRole)) -> bool:
        """Takes tags or notes from the editor; they are written by whoever hears `edited`."""
        if role != Qt.ItemDataRole.EditRole or not index.isValid():
            return False
        record = self._shown[index.row()]
        if COLUMNS[index.column()] == "tags":
            tags, notes = clean_tags([str(value)]), None
        else:
            tags, notes = None, str(value).strip()
        changed = dataclasses.replace(
            record, tags=record.tags if tags is None else tags, notes=record.notes if notes is None else notes
        )
        if changed != record:
            self.replace_record(changed)
            self.edited.emit(record, tags, notes)
        return True

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Tags and notes can be edited."""
        flags = super().flags(index)
        if index.isValid() and COLUMNS[index.column()] in EDITABLE:
            flags |= Qt.ItemFlag.ItemIsEditable
        return flags

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = int(Qt.ItemDataRole.DisplayRole)) -> Any:
        """Column titles and what they mean."""
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(COLUMNS):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return column_title(COLUMNS[section])
        if role == Qt.ItemDataRole.ToolTipRole:
            return column_help(COLUMNS[section]) or None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if COLUMNS[section] in NUMERIC else Qt.AlignmentFlag.AlignLeft
            return int(side | Qt.AlignmentFlag.AlignVCenter)
        return None

    # --- inside ------------------------------------------------------------------------------------------------

    def retranslate(self) -> None:
        """Says everything again in the language on screen."""
        self._cells.clear()
        if self._shown:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._shown) - 1, len(COLUMNS) - 1))
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(COLUMNS) - 1)

    def _arrange(self) -> None:
        self.beginResetModel()
        self._shown = self._in_order(self._matching())
        self._rows = {record.folder: row for row, record in enumerate(self._shown)}
        self.endResetModel()
        self.shown_changed.emit()

    def _matching(self) -> Iterable[RunRecord]:
        wanted, catalogue = self._filter, self._services.catalogue
        for record in matching(self._records, wanted.conditions):
            if wanted.optimizer and optimizer_name(record, catalogue) != wanted.optimizer:
                continue
            if wanted.outcome and not _has_outcome(record, wanted.outcome):
                continue
            if (wanted.source and record.source != wanted.source) or (wanted.tag and wanted.tag not in record.tags):
                continue
            yield record

    def _in_order(self, records: Iterable[RunRecord]) -> list[RunRecord]:
        column, order = self._sorted
        keyed = [(self.cell(record, column).key, record) for record in records]
        known = [(key, record) for key, record in keyed if key is not None]
        known.sort(key=lambda pair: pair[0], reverse=order == Qt.SortOrder.DescendingOrder)  # pyright: ignore[reportArgumentType, reportUnknownLambdaType]
        return [record for _, record in known] + [record for key, record in keyed if key is None]


def _has_outcome(record: RunRecord, wanted: str) -> bool:
    if wanted == "damaged":
        return record.damage is not None
    return record.ending.value == wanted or (wanted == Ending.RUNNING.value and not record.ending.is_over)
