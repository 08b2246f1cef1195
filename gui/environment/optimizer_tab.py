"""Which optimizers can be used here, and the buttons that install what is missing."""

from __future__ import annotations

from PySide6.QtCore import QAbstractItemModel, QItemSelectionModel, Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QVBoxLayout, QWidget

from core.catalogue.spec import OptimizerSpec
from core.environment.check import everything_missing, optimizer_state
from core.environment.model import ProbeReport
from gui.environment.delegates import BadgeDelegate
from gui.environment.models import OptimizerRow, OptimizerTable
from gui.services import Services
from gui.theme import tokens
from gui.widgets.base import Button, Label, Translated, row


def plain_table(model: QAbstractItemModel) -> QTableView:
    """A read-only table whose rows are selected whole."""
    table = QTableView()
    table.setModel(model)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setShowGrid(False)
    table.setWordWrap(False)
    table.setTabKeyNavigation(False)
    table.setProperty("class", "framed cells")
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(tokens.ROW_HEIGHT)
    table.horizontalHeader().setHighlightSections(False)
    table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    table.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    return table


class OptimizerTab(Translated, QWidget):
    """Signals: `install_wanted`: pip requirements, for one optimizer or for all."""

    install_wanted = Signal(object)

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self._report: ProbeReport | None = None
        self._blocked = False
        self.model = OptimizerTable(services.translation.say)
        self.model.setParent(self)
        self.table = plain_table(self.model)
        self._delegate = BadgeDelegate(services.theme)
        self._delegate.setParent(self)
        self.table.setItemDelegateForColumn(OptimizerTable.STATE_COLUMN, self._delegate)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.table.horizontalHeader().setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        self.table.selectionModel().selectionChanged.connect(self._renew_buttons)
        self.table.activated.connect(lambda _index: self._install_one())
        self.summary = Label("", "muted")
        self.one = Button(services.theme, icon="download")
        self.one.clicked.connect(self._install_one)
        self.all = Button(services.theme, icon="download", classes="primary")
        self.all.clicked.connect(self._install_all)
        services.theme.changed.connect(self.table.viewport().update)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, tokens.M, 0, 0)
        layout.setSpacing(tokens.S)
        layout.addLayout(row(self.summary, 1, self.one, self.all))
        layout.addWidget(self.table, 1)
        self.retranslate()

    def show_report(self, report: ProbeReport) -> None:
        """Shows the states of another report; the selected optimizer stays selected."""
        self._report = report
        kept = self.selected
        self.model.set_rows([OptimizerRow(spec, optimizer_state(spec, report)) for spec in self._services.catalogue])
        if kept is not None:
            self.select(kept.id)
        self.retranslate()

    def set_blocked(self, blocked: bool) -> None:
        """While pip works no other installation can begin."""
        self._blocked = blocked
        self._renew_buttons()

    @property
    def selected(self) -> OptimizerSpec | None:
        """The optimizer of the selected row."""
        rows = self.table.selectionModel().selectedRows()
        return self.model.row(rows[0].row()).spec if rows else None

    def select(self, optimizer_id: str) -> None:
        """Selects an optimizer and shows its row."""
        number = self.model.row_of(optimizer_id)
        if number >= 0:
            index = self.model.index(number, 0)
            flags = QItemSelectionModel.SelectionFlag
            self.table.selectionModel().setCurrentIndex(index, flags.ClearAndSelect | flags.Rows)
            self.table.scrollTo(index)

    @property
    def missing(self) -> tuple[str, ...]:
        """What pip would be asked for to make every optimizer ready."""
        return everything_missing(self._services.catalogue.optimizers, self._report) if self._report else ()

    def retranslate(self) -> None:
        """Says it in the language on screen."""
        self.model.retranslate()
        self.table.setAccessibleName(self.tr("Install state of every optimizer"))
        count = self.model.rowCount()
        self.summary.setText(self.tr("{ready} of {count} ready").format(ready=self.model.ready, count=count))
        self._renew_buttons()

    def _renew_buttons(self, *_: object) -> None:
        spec = self.selected
        wanted = self._to_install(spec)
        name = spec.name if spec is not None else ""
        self.one.setVisible(bool(wanted))
        self.one.setText(self.tr("Install what {name} needs").format(name=name))
        self.one.setEnabled(not self._blocked)
        missing = self.missing
        self.all.setVisible(bool(missing))
        self.all.setText(self.tr("Install all missing ({count})").format(count=len(missing)))
        self.all.setToolTip(", ".join(missing))
        self.all.setEnabled(not self._blocked)

    def _to_install(self, spec: OptimizerSpec | None) -> tuple[str, ...]:
        return optimizer_state(spec, self._report).to_install if spec is not None and self._report is not None else ()

    def _install_one(self) -> None:
        wanted = self._to_install(self.selected)
        if wanted and not self._blocked:
            self.install_wanted.emit(wanted)

    def _install_all(self) -> None:
        if self.missing:
            self.install_wanted.emit(self.missing)
