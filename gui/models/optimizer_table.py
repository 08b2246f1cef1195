"""The quick-reference table as a Qt model, and its filter."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import Any, Literal

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, QSortFilterProxyModel, Qt, Signal

from core.catalogue.spec import LrMethod, OptimizerSpec
from core.environment.model import OptimizerState, Readiness
from gui.models.optimizer_columns import COLUMNS, Cell, ColumnId, column_help, column_title, make_cell
from gui.services import Services

Index = QModelIndex | QPersistentModelIndex

CELL_ROLE = int(Qt.ItemDataRole.UserRole) + 1
SPEC_ROLE = int(Qt.ItemDataRole.UserRole) + 2
CURRENT_ROLE = int(Qt.ItemDataRole.UserRole) + 3

Installed = Literal["any", "ready", "not-ready"]


class OptimizerTable(QAbstractTableModel):
    """One row an optimizer, one column a fact. Follows the language, the environment and the open job."""

    def __init__(self, services: Services, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self._specs = tuple(services.catalogue)
        self._cells: dict[tuple[str, ColumnId], Cell] = {}
        self._states: dict[str, OptimizerState] = {}
        self._current = self._spec_of_job()
        environments = services.environments
        for signal in (environments.environments_changed, environments.selected_changed, environments.report_changed):
            signal.connect(self._refresh_states)
        services.translation.changed.connect(self.retranslate)
        services.session.changed.connect(self._follow_job)

    @property
    def current(self) -> OptimizerSpec | None:
        """The optimizer that the open job uses; None for a class of the user's own."""
        return self._current

    def spec(self, row: int) -> OptimizerSpec:
        """The optimizer of a row."""
        return self._specs[row]

    def row_of(self, optimizer_id: str) -> int | None:
        """The row of an optimizer, None where it is not in the catalogue."""
        return next((row for row, spec in enumerate(self._specs) if spec.id == optimizer_id), None)

    def state(self, spec: OptimizerSpec) -> OptimizerState:
        """Its install state, asked once until something changes."""
        if spec.id not in self._states:
            self._states[spec.id] = self._services.environments.state(spec)
        return self._states[spec.id]

    def cell(self, row: int, column: int) -> Cell:
        """One cell."""
        spec, name = self._specs[row], COLUMNS[column]
        found = self._cells.get((spec.id, name))
        if found is None:
            found = make_cell(name, spec, self.state(spec), self._services.translation)
            self._cells[spec.id, name] = found
        return found

    # --- Qt ----------------------------------------------------------------------------------------------------

    def rowCount(self, parent: Index | None = None) -> int:
        """Number of optimizers."""
        return 0 if parent is not None and parent.isValid() else len(self._specs)

    def columnCount(self, parent: Index | None = None) -> int:
        """Number of columns."""
        return 0 if parent is not None and parent.isValid() else len(COLUMNS)

    def data(self, index: Index, role: int = int(Qt.ItemDataRole.DisplayRole)) -> Any:
        """What Qt asks of a cell."""
        if not index.isValid():
            return None
        if role == SPEC_ROLE:
            return self._specs[index.row()]
        if role == CURRENT_ROLE:
            return self._specs[index.row()] is self._current
        cell = self.cell(index.row(), index.column())
        if role == CELL_ROLE:
            return cell
        if role == Qt.ItemDataRole.DisplayRole:
            return cell.text
        if role == Qt.ItemDataRole.ToolTipRole:
            return cell.full or cell.text
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{column_title(COLUMNS[index.column()])}: {cell.text}"
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = int(Qt.ItemDataRole.DisplayRole)) -> Any:
        """Column titles and what they mean."""
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(COLUMNS):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return column_title(COLUMNS[section])
        if role == Qt.ItemDataRole.ToolTipRole:
            return column_help(COLUMNS[section])
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        return None

    # --- inside ------------------------------------------------------------------------------------------------

    def retranslate(self) -> None:
        """Says everything again in the language on screen."""
        self._cells.clear()
        self._changed_everywhere()
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(COLUMNS) - 1)

    def _refresh_states(self, *_: object) -> None:
        self._states.clear()
        for key in [key for key in self._cells if key[1] == "state"]:
            del self._cells[key]
        self._changed_everywhere()

    def _spec_of_job(self) -> OptimizerSpec | None:
        return self._services.catalogue.find_for_options(self._services.session.job.options)

    def _follow_job(self, *_: object) -> None:
        current = self._spec_of_job()
        if current is not self._current:
            self._current = current
            self._changed_everywhere()

    def _changed_everywhere(self) -> None:
        if self._specs:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._specs) - 1, len(COLUMNS) - 1))


@dataclass(frozen=True, slots=True)
class Filter:
    """What to show. Everything that is set has to hold.

    Attributes:
        text: words; see `OptimizerFilter`.
        category: id of a category, "" for all.
        method: LR method, None for all.
        installed: by install state.
        max_state: at most so many bytes of state per parameter, None for all; unknown then does not show.
    """

    text: str = ""
    category: str = ""
    method: LrMethod | None = None
    installed: Installed = "any"
    max_state: float | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it shows everything."""
        return self == Filter() or (self == Filter(text=self.text) and not self.text.strip())


def folded(text: str) -> str:
    """Text for comparing: full-width and half-width alike, no case."""
    return unicodedata.normalize("NFKC", text).casefold()


@dataclass(slots=True)
class _Words:
    names: str
    prose: str
    compact: str = field(init=False)

    def __post_init__(self) -> None:
        self.compact = self.names.replace("-", "").replace("_", "").replace(" ", "")


class OptimizerFilter(QSortFilterProxyModel):
    """Filters and sorts an `OptimizerTable`.

    All words of the text have to be found. They are looked for in names first (name, --optimizer_type, other
    spellings, family, packages, in both languages); only when no optimizer has them there, in the descriptions too.
    So "adamw" finds the AdamWs and not everything that is compared with AdamW, and "メモリ" finds descriptions.

    Signals:
        filter_changed: other rows may show.
    """

    filter_changed = Signal()

    def __init__(self, table: OptimizerTable, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._table = table
        self._filter = Filter()
        self._in_prose = False
        self._words = {table.spec(row).id: _words(table.spec(row)) for row in range(table.rowCount())}
        self.setSourceModel(table)
        self.setDynamicSortFilter(True)
        table.dataChanged.connect(self._states_changed)

    @property
    def filter(self) -> Filter:
        """What is shown."""
        return self._filter

    def set_filter(self, wanted: Filter) -> None:
        """Shows something else."""
        if wanted == self._filter:
            return
        self._filter = wanted
        words = self._wanted_words()
        self._in_prose = bool(words) and not any(_has(item.names, item.compact, words) for item in self._words.values())
        self.invalidate()
        self.filter_changed.emit()

    def filterAcceptsRow(self, source_row: int, source_parent: Index) -> bool:
        """Whether a row shows."""
        spec, wanted = self._table.spec(source_row), self._filter
        if wanted.category and spec.category.id != wanted.category:
            return False
        if wanted.method is not None and spec.lr_method is not wanted.method:
            return False
        if wanted.max_state is not None and (spec.state_bytes is None or spec.state_bytes > wanted.max_state):
            return False
        if wanted.installed != "any":
            ready = self._table.state(spec).readiness is Readiness.READY
            if ready is not (wanted.installed == "ready"):
                return False
        words = self._wanted_words()
        own = self._words[spec.id]
        return _has(own.names, own.compact, words) or (self._in_prose and _has(f"{own.names} {own.prose}", "", words))

    def lessThan(self, left: Index, right: Index) -> bool:
        """Sorts by the cells' keys; what has none comes last in both directions."""
        one = self._table.cell(left.row(), left.column()).key
        other = self._table.cell(right.row(), right.column()).key
        if one is None or other is None:
            if one is other:
                return left.row() < right.row()
            return (other is None) is (self.sortOrder() == Qt.SortOrder.AscendingOrder)
        return left.row() < right.row() if one == other else one < other

    def _wanted_words(self) -> list[str]:
        return folded(self._filter.text).split()

    def _states_changed(self) -> None:
        if self._filter.installed != "any":
            self.invalidate()
            self.filter_changed.emit()


def _has(text: str, compact: str, words: list[str]) -> bool:
    return all(word in text or (compact and word.replace("-", "").replace("_", "") in compact) for word in words)


def _words(spec: OptimizerSpec) -> _Words:
    names = [
        spec.id,
        spec.name,
        spec.optimizer_type,
        *spec.aliases,
        *spec.mistaken_names,
        spec.category.name.en,
        spec.category.name.ja,
        *(item.package for item in spec.requirements),
        *(option for form in spec.old_forms for option in form.options),
    ]
    texts = [spec.summary, spec.pick_when, spec.schedulers.note, *(note.text for note in (*spec.cautions, *spec.tips))]
    facts = (spec.homepage, spec.background, spec.low_precision, spec.since, spec.wanted_arguments, spec.other_options)
    texts += [fact.text for fact in facts if fact.text is not None]
    prose = " ".join(f"{text.en} {text.ja}" for text in texts)
    return _Words(folded(" ".join(names)), folded(prose))
