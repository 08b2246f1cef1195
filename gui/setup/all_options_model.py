"""Every option of the script as a table: what it is, what the job says, what the script does otherwise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QColor, QFont

from core.command.build import guessed_option
from core.errors import ValueProblem
from core.job.model import Job
from core.options.model import Option, OptionKind, OptionSet, OptionValue
from gui.bridge.job_session import JobSession
from gui.forms.described import Described, first_sentence
from gui.forms.editors import same_stored
from gui.forms.fields import Shape, Stored
from gui.forms.row import FormTools
from gui.theme.theme import Theme, mono_font

Index = QModelIndex | QPersistentModelIndex
Describe = Callable[[Option], Described]

NAME, VALUE, DEFAULT, KIND, HELP = range(5)


class Show(str, Enum):
    """Which options to list."""

    ALL = "all"
    SET = "set"
    WRONG = "wrong"  # wrong values and options that the script does not have


@dataclass(frozen=True, slots=True)
class OptionRow:
    """One row. `known` is False for an option of the job that the script does not have."""

    described: Described
    known: bool

    @property
    def name(self) -> str:
        """The option's name."""
        return self.described.field.name


class AllOptionsModel(QAbstractTableModel):
    """Signals:
    counted: how many options match, are set, and are wrong or unknown, changed.
    """

    counted = Signal()

    def __init__(
        self, session: JobSession, theme: Theme, tools: FormTools, describe: Describe, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._theme, self._tools, self._describe = session, theme, tools, describe
        self._every: list[OptionRow] = []
        self._rows: list[OptionRow] = []
        self._text, self._show = "", Show.ALL
        self._job = session.job
        self._options: OptionSet | None = None
        session.changed.connect(self._on_changed)
        session.options_changed.connect(self.reload)
        theme.changed.connect(self._repaint)
        self.reload()

    # --- rows --------------------------------------------------------------------------------------------------

    def reload(self) -> None:
        """Lists the options of the job's script anew."""
        self.beginResetModel()
        self._job = self._session.job
        self._options = self._session.options
        self._every = [OptionRow(self._describe(option), True) for option in self._options]
        self._every += [self._stranger(name, value) for name, value in self._strangers().items()]
        self._filter()
        self.endResetModel()
        self.counted.emit()

    def _strangers(self) -> dict[str, OptionValue]:
        assert self._options is not None
        return {name: value for name, value in self._job.options.items() if self._options.get(name) is None}

    def _stranger(self, name: str, value: OptionValue) -> OptionRow:
        try:
            option = guessed_option(name, value)
        except ValueProblem:  # a switch that is off: nothing can be guessed from it
            kind = OptionKind.FLAG if isinstance(value, bool) else OptionKind.TEXT
            option = Option(name=name, flags=(f"--{name}",), kind=kind)
        return OptionRow(self._describe(option), False)

    def set_filter(self, text: str, show: Show) -> None:
        """Lists the options whose name or help holds every word of `text`."""
        self.beginResetModel()
        self._text, self._show = text, show
        self._filter()
        self.endResetModel()
        self.counted.emit()

    def _filter(self) -> None:
        words = self._text.casefold().replace("--", " ").split()
        self._rows = [row for row in self._every if self._wanted(row) and self._matches(row, words)]

    def _wanted(self, row: OptionRow) -> bool:
        if self._show is Show.SET:
            return self.stored(row) is not None
        return self._show is Show.ALL or self.is_wrong(row)

    def _matches(self, row: OptionRow, words: list[str]) -> bool:
        described, say = row.described, self._tools.say
        title = say(described.title) if described.title is not None else ""
        hay = f"{row.name} {row.name.replace('_', ' ')} {title} {say(described.help)}".casefold()
        return all(word in hay for word in words)

    def stored(self, row: OptionRow) -> Stored:
        """What the job says for a row."""
        return row.described.field.get(self._job)

    def is_wrong(self, row: OptionRow) -> bool:
        """Whether the script does not have the option, or the value will not do."""
        return not row.known or row.described.field.problem(self.stored(row)) is not None

    def option_row(self, index: Index) -> OptionRow:
        """The row behind an index."""
        return self._rows[index.row()]

    def row_of(self, name: str) -> int | None:
        """Where an option is listed, None where the filter hides it or there is none."""
        return next((place for place, row in enumerate(self._rows) if row.name == name), None)

    def count(self, show: Show) -> int:
        """How many options there are of a sort, whatever the filter."""
        if show is Show.ALL:
            return len(self._every)
        if show is Show.SET:
            return sum(self.stored(row) is not None for row in self._every)
        return sum(self.is_wrong(row) for row in self._every)

    # --- the job -----------------------------------------------------------------------------------------------

    def edit(self, row: OptionRow, stored: Stored, label: str, *, merge: str = "") -> None:
        """Puts a value into the job."""
        self._session.edit(row.described.field.put(self._session.job, stored), label, merge=merge)

    def _on_changed(self, job: Job) -> None:
        before, self._job = self._job, job
        assert self._options is not None
        listed = {row.name for row in self._every if not row.known}
        if before.script != job.script or not set(self._strangers()) <= listed:
            self.reload()
            return
        for place, row in enumerate(self._rows):
            field = row.described.field
            if not same_stored(field.get(before), field.get(job)):
                self.dataChanged.emit(self.index(place, 0), self.index(place, HELP))
        self.counted.emit()

    def _repaint(self) -> None:
        if self._rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._rows) - 1, HELP))

    def retranslate(self) -> None:
        """Takes the words of the language on screen."""
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, HELP)
        self._repaint()

    # --- Qt ----------------------------------------------------------------------------------------------------

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else HELP + 1

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal or role != Qt.ItemDataRole.DisplayRole:
            return None
        return [self.tr("Option"), self.tr("Value"), self.tr("Default"), self.tr("Type"), self.tr("What it does")][section]

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return flags | Qt.ItemFlag.ItemIsEditable if index.column() == VALUE else flags

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self._rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return self._words(row, index.column())
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tip(row)
        if role == Qt.ItemDataRole.ForegroundRole:
            return self._ink(row, index.column())
        if role == Qt.ItemDataRole.FontRole:
            return self._font(row, index.column())
        return None

    def _words(self, row: OptionRow, column: int) -> str:
        field, say = row.described.field, self._tools.say
        if column == NAME:
            return row.name
        if column == VALUE:
            stored = self.stored(row)
            if stored == "":
                return self.tr("empty text")
            return "—" if stored is None else field.typed(stored).replace("\n", "  ")
        if column == DEFAULT:
            return field.default() or ""
        if column == KIND:
            return self._kind(row)
        return first_sentence(say(row.described.help))

    def _kind(self, row: OptionRow) -> str:
        if not row.known:
            return self.tr("unknown")
        return self.tr("choice") if row.described.field.shape is Shape.CHOICE else self._tools.say(row.described.kind)

    def _tip(self, row: OptionRow) -> str:
        problem = row.described.field.problem(self.stored(row))
        parts = [row.name, self._tools.say(row.described.help)]
        if problem is not None:
            parts.append(self._tools.say(problem))
        if not row.known:
            parts.append(self.tr("The script has no such option. It is kept and passed on as it is."))
        return "\n".join(part for part in parts if part)

    def _ink(self, row: OptionRow, column: int) -> QColor | None:
        colors = self._theme.colors
        if column in (NAME, VALUE, KIND) and self.is_wrong(row):
            return QColor(colors.danger_text)
        if column == VALUE and self.stored(row) is not None:
            return QColor(colors.accent_text)
        return None if column == NAME else QColor(colors.text_muted)

    def _font(self, row: OptionRow, column: int) -> QFont | None:
        if column not in (NAME, VALUE, DEFAULT):
            return None
        font = mono_font(9.5)
        font.setBold(column != DEFAULT and self.stored(row) is not None)
        return font
