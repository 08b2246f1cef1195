"""The queue as a Qt model: one row an entry, in the order in which they are started; rows are dragged to other places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from PySide6.QtCore import (
    QAbstractTableModel,
    QByteArray,
    QMimeData,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)

from core.queue.model import ALL_LANES, NO_LANE, STATE_WORDS, Entry, Snapshot, State
from gui.run.words import duration
from gui.services import Services
from gui.widgets.badge import BadgeLook, BadgeTone

if TYPE_CHECKING:
    from core.runs.console import Progress

Index = QModelIndex | QPersistentModelIndex
Column = Literal["number", "name", "state", "optimizer", "steps", "left", "gpu", "environment"]
COLUMNS: tuple[Column, ...] = get_args(Column)
NUMERIC: tuple[Column, ...] = ("number", "steps", "left")
MIME = "application/x-caddie-queue-entry"
CELL_ROLE = int(Qt.ItemDataRole.UserRole) + 1

_TONES: dict[State, BadgeTone] = {
    State.WAITING: "neutral",
    State.HELD: "violet",
    State.STARTING: "info",
    State.RUNNING: "info",
    State.DONE: "success",
    State.STOPPED: "neutral",
    State.FAILED: "danger",
}


@dataclass(frozen=True, slots=True)
class QueueCell:
    """What a cell shows.

    Attributes:
        text: words.
        badge: instead of them.
        share: 0 to 1, how far it is; None where there is no bar.
        tip: tool tip.
    """

    text: str = ""
    badge: BadgeLook | None = None
    share: float | None = None
    tip: str = ""


class QueueTable(QAbstractTableModel):
    """Signals:
    moved: an entry's id and its new place, counted in the order without it.
    """

    moved = Signal(str, int)

    def __init__(self, services: Services, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self._snapshot = Snapshot()
        self._progress: Mapping[str, Progress] = {}
        services.translation.changed.connect(self.retranslate)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """In order."""
        return self._snapshot.entries

    def row_of(self, entry_id: str) -> int | None:
        """Where an entry stands."""
        return next((row for row, entry in enumerate(self.entries) if entry.id == entry_id), None)

    def show(self, snapshot: Snapshot, progress: Mapping[str, Progress]) -> None:
        """Shows what is new; rows stay rows where the entries are the same ones."""
        same = [entry.id for entry in snapshot.entries] == [entry.id for entry in self.entries]
        if not same:
            self.beginResetModel()
        self._snapshot, self._progress = snapshot, progress
        if not same:
            self.endResetModel()
        elif self.entries:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self.entries) - 1, len(COLUMNS) - 1))

    def cell(self, row: int, column: Column) -> QueueCell:
        """What a cell shows."""
        entry = self.entries[row]
        if column == "number":
            return QueueCell(f"{row + 1}")
        if column == "name":
            return QueueCell(entry.name, tip=entry.name)
        if column == "state":
            return self._state(entry)
        if column == "optimizer":
            return QueueCell(entry.optimizer, tip=entry.optimizer)
        if column == "steps":
            return self._steps(entry)
        if column == "left":
            progress = self._progress.get(entry.id)
            return QueueCell("" if progress is None or progress.eta is None else duration(progress.eta))
        if column == "gpu":
            return QueueCell(
                "" if entry.lane in (None, NO_LANE) else self.tr("all") if entry.lane == ALL_LANES else entry.lane or ""
            )
        if entry.engine == "builtin":
            return QueueCell(self.tr("Built-in trainer"))
        place = entry.environment
        return QueueCell("" if place is None else place.name, tip="" if place is None else f"{place.python}\n{place.sd_scripts}")

    def _state(self, entry: Entry) -> QueueCell:
        say = self._services.translation.say
        words = say(STATE_WORDS[entry.state])
        if entry.damaged:
            return QueueCell(badge=BadgeLook(self.tr("damaged"), "danger"), tip=say(entry.problem) if entry.problem else "")
        last = self._snapshot.control.stop_after == entry.id and not entry.state.is_over
        tip = say(entry.problem) if entry.problem is not None else ""
        if last:
            words = self.tr("{state}, then pause").format(state=words)
            tip = self.tr("The queue pauses when this one is over.")
        return QueueCell(badge=BadgeLook(words, "warning" if last else _TONES[entry.state]), tip=tip)

    def _steps(self, entry: Entry) -> QueueCell:
        progress = self._progress.get(entry.id)
        if progress is None:
            return QueueCell("" if entry.steps is None else f"{entry.steps:,}")
        total = progress.total or entry.steps
        if not total:
            return QueueCell(f"{progress.step:,}")
        return QueueCell(f"{progress.step:,} / {total:,}", share=min(1.0, progress.step / total))

    # --- Qt ----------------------------------------------------------------------------------------------------

    def rowCount(self, parent: Index | None = None) -> int:
        """Entries."""
        return 0 if parent is not None and parent.isValid() else len(self.entries)

    def columnCount(self, parent: Index | None = None) -> int:
        """Columns."""
        return 0 if parent is not None and parent.isValid() else len(COLUMNS)

    def data(self, index: Index, role: int = int(Qt.ItemDataRole.DisplayRole)) -> Any:
        """What a cell shows."""
        if not index.isValid():
            return None
        cell = self.cell(index.row(), COLUMNS[index.column()])
        if role == CELL_ROLE:
            return cell
        if role in (int(Qt.ItemDataRole.DisplayRole), int(Qt.ItemDataRole.AccessibleTextRole)):
            return cell.badge.text if cell.badge is not None else cell.text
        return cell.tip or None if role == int(Qt.ItemDataRole.ToolTipRole) else None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = int(Qt.ItemDataRole.DisplayRole)) -> Any:
        """Titles of the columns."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == int(Qt.ItemDataRole.TextAlignmentRole):
            side = Qt.AlignmentFlag.AlignRight if COLUMNS[section] in NUMERIC else Qt.AlignmentFlag.AlignLeft
            return int(side | Qt.AlignmentFlag.AlignVCenter)
        if role != int(Qt.ItemDataRole.DisplayRole):
            return None
        titles: dict[Column, str] = {
            "number": "#",
            "name": self.tr("Job"),
            "state": self.tr("State"),
            "optimizer": self.tr("Optimizer"),
            "steps": self.tr("Steps"),
            "left": self.tr("Time left"),
            "gpu": self.tr("GPU"),
            "environment": self.tr("Environment"),
        }
        return titles[COLUMNS[section]]

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Rows can be dragged, and dropped between others."""
        if not index.isValid():
            return Qt.ItemFlag.ItemIsDropEnabled
        return Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsDragEnabled

    def supportedDropActions(self) -> Qt.DropAction:
        """Only moving."""
        return Qt.DropAction.MoveAction

    def mimeTypes(self) -> list[str]:
        """What may be dropped here."""
        return [MIME]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:
        """The id of the dragged entry."""
        data = QMimeData()
        if indexes:
            data.setData(MIME, QByteArray(self.entries[indexes[0].row()].id.encode()))
        return data

    def dropMimeData(self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: Index) -> bool:
        """Asks for a move; False, so that the view does not take the row away itself."""
        del action, column
        entry_id = bytes(data.data(MIME).data()).decode()
        present = self.row_of(entry_id)
        if present is not None:
            target = row if row >= 0 else parent.row() if parent.isValid() else len(self.entries)
            self.moved.emit(entry_id, target - (present < target))
        return False

    def retranslate(self) -> None:
        """Says it in the language on screen."""
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(COLUMNS) - 1)
        if self.entries:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self.entries) - 1, len(COLUMNS) - 1))
