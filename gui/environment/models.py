"""Item models of the page: environments, optimizers with their install state, packages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractListModel, QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

from core.catalogue.spec import OptimizerSpec
from core.environment.model import Environment, OptimizerState, Readiness
from core.environment.packages import PackageRow
from core.text import Text
from gui.models.badges import readiness_badge
from gui.widgets.badge import BadgeLook

Index = QModelIndex | QPersistentModelIndex
BADGE_ROLE = int(Qt.ItemDataRole.UserRole) + 1
DETAIL_ROLE = int(Qt.ItemDataRole.UserRole) + 2
ID_ROLE = int(Qt.ItemDataRole.UserRole) + 3

_SEVERITY = (
    Readiness.MISSING,
    Readiness.BROKEN,
    Readiness.TOO_OLD,
    Readiness.NEEDS_CUDA,
    Readiness.UNKNOWN,
    Readiness.READY,
)


class EnvironmentList(QAbstractListModel):
    """The user's environments: name, where they lie, a badge."""

    def __init__(self, badge: Callable[[Environment], BadgeLook | None]) -> None:
        super().__init__()
        self._badge = badge
        self._items: tuple[Environment, ...] = ()

    def set_items(self, items: Sequence[Environment]) -> None:
        """Shows other environments."""
        self.beginResetModel()
        self._items = tuple(items)
        self.endResetModel()

    def item(self, row: int) -> Environment:
        """The environment of a row."""
        return self._items[row]

    def row_of(self, environment_id: str) -> int:
        """Its row, -1 where it is not in the list."""
        return next((row for row, item in enumerate(self._items) if item.id == environment_id), -1)

    def refresh(self) -> None:
        """Badges or words changed."""
        if self._items:
            self.dataChanged.emit(self.index(0), self.index(len(self._items) - 1))

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008  (Qt's own signature)
        return 0 if parent.isValid() else len(self._items)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        item = self._items[index.row()]
        where = str(item.sd_scripts or item.python)
        if role == Qt.ItemDataRole.DisplayRole:
            return item.name
        if role == Qt.ItemDataRole.ToolTipRole:
            return "\n".join(str(path) for path in (item.python, item.sd_scripts) if path)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            badge = self._badge(item)
            return f"{item.name}, {badge.text}" if badge else item.name
        return {DETAIL_ROLE: where, BADGE_ROLE: self._badge(item), ID_ROLE: item.id}.get(role)


@dataclass(frozen=True, slots=True)
class OptimizerRow:
    """An optimizer with its state in the environment."""

    spec: OptimizerSpec
    state: OptimizerState


class _Table(QAbstractTableModel):
    """A table with translated headers and read-only cells."""

    def __init__(self, say: Callable[[Text], str]) -> None:
        super().__init__()
        self._say = say

    def headers(self) -> Sequence[str]:
        """The column titles."""
        raise NotImplementedError

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.headers())

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self.headers()[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        return None

    def retranslate(self) -> None:
        """The language changed: headers and cells are asked for again."""
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, self.columnCount() - 1)
        if self.rowCount():
            self.dataChanged.emit(self.index(0, 0), self.index(self.rowCount() - 1, self.columnCount() - 1))


class OptimizerTable(_Table):
    """Optimizers, worst first, the catalogue's order within."""

    STATE_COLUMN = 1

    def __init__(self, say: Callable[[Text], str]) -> None:
        super().__init__(say)
        self._rows: tuple[OptimizerRow, ...] = ()

    def headers(self) -> Sequence[str]:
        return (self.tr("Optimizer"), self.tr("State"), self.tr("Why"))

    def set_rows(self, rows: Sequence[OptimizerRow]) -> None:
        """Shows other states."""
        self.beginResetModel()
        self._rows = tuple(sorted(rows, key=lambda row: _SEVERITY.index(row.state.readiness)))
        self.endResetModel()

    def row(self, number: int) -> OptimizerRow:
        """One row."""
        return self._rows[number]

    def row_of(self, optimizer_id: str) -> int:
        """The row of an optimizer, -1 where there is none."""
        return next((number for number, row in enumerate(self._rows) if row.spec.id == optimizer_id), -1)

    @property
    def ready(self) -> int:
        """How many are ready."""
        return sum(row.state.readiness is Readiness.READY for row in self._rows)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        row = self._rows[index.row()]
        badge = readiness_badge(row.state.readiness)
        reason = self._say(row.state.reason) if row.state.reason else ""
        if role == BADGE_ROLE:
            return badge if index.column() == self.STATE_COLUMN else None
        if role == Qt.ItemDataRole.ToolTipRole:
            return reason or None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return (row.spec.name, badge.text, reason)[index.column()]
        return row.spec.id if role == ID_ROLE else None


def _condition(wanted: str) -> str:
    """A version condition as people write it: ≥ 0.44."""
    return wanted.replace(">=", "≥ ").replace("<=", "≤ ").replace("==", "= ").replace(",", ", ")


class PackageTable(_Table):
    """Packages: what is wanted, what is there, and whether it works."""

    STATE_COLUMN = 3

    def __init__(self, say: Callable[[Text], str]) -> None:
        super().__init__(say)
        self._rows: tuple[PackageRow, ...] = ()

    def headers(self) -> Sequence[str]:
        return (self.tr("Package"), self.tr("Wanted"), self.tr("Found"), self.tr("State"), self.tr("For"))

    def set_rows(self, rows: Sequence[PackageRow]) -> None:
        """Shows other packages."""
        self.beginResetModel()
        self._rows = tuple(rows)
        self.endResetModel()

    def row(self, number: int) -> PackageRow:
        """One row."""
        return self._rows[number]

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        row = self._rows[index.row()]
        if role == BADGE_ROLE:
            return self._badge(row) if index.column() == self.STATE_COLUMN else None
        if role == Qt.ItemDataRole.ToolTipRole:
            lines = [self._say(row.reason) if row.reason else "", row.origin or ""]
            return "\n".join(line for line in lines if line) or None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return (row.package, _condition(row.wanted) or "–", row.found or "–", self._badge(row).text, self._users(row))[
                index.column()
            ]
        return None

    def _badge(self, row: PackageRow) -> BadgeLook:
        if row.readiness is not None:
            return readiness_badge(row.readiness)
        if row.found is None:
            return BadgeLook(self.tr("Absent"), "neutral")
        if row.differs:
            return BadgeLook(self.tr("Other version"), "info")
        return BadgeLook(self.tr("Installed"), "neutral")

    def _users(self, row: PackageRow) -> str:
        names = list(row.optimizers)
        if row.by_checkout:
            names.insert(0, "sd-scripts")
        return (
            ", ".join(names)
            if len(names) <= 4
            else self.tr("{names} and {count} more").format(names=", ".join(names[:3]), count=len(names) - 3)
        )
