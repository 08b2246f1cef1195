"""Which optimizers race, each with the rate and the scheduler that it would train with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QFormLayout,
    QHeaderView,
    QSpinBox,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from core.catalogue.spec import OptimizerSpec
from core.effective.effective import effective
from core.environment.model import Readiness
from gui.models.badges import readiness_badge
from gui.services import Services
from gui.theme import tokens
from gui.widgets.base import Label, Translated

if TYPE_CHECKING:  # the window opens without them
    from core.race.plan import Entrant

_SPEC = Qt.ItemDataRole.UserRole
_MOST_SEEDS, _MOST_STEPS = 20, 1_000_000
_SPIN_WIDTH = 160


class ChooseRacers(Translated, QWidget):
    """Signals:
    changed: what is chosen is another.
    """

    changed = Signal()

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self.table = QTableWidget(0, 4)
        self.seeds = QSpinBox()
        self.seeds.setRange(1, _MOST_SEEDS)
        self.steps = QSpinBox()
        self.steps.setRange(0, _MOST_STEPS)
        self.steps.setSingleStep(100)
        for spin in (self.seeds, self.steps):
            spin.setFixedWidth(_SPIN_WIDTH)
        self.hold_out = QCheckBox()
        self.hold_out.setChecked(True)
        self._labels = (Label(), Label())
        self._note = Label("", "caption", wrap=True)
        self._lay_out()
        self._fill()
        self.table.itemChanged.connect(self.changed)
        for spin in (self.seeds, self.steps):
            spin.valueChanged.connect(self.changed)
        self.retranslate()

    def _lay_out(self) -> None:
        table = self.table
        table.setProperty("class", "framed options")
        table.setShowGrid(False)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setTabKeyNavigation(False)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(tokens.ROW_HEIGHT)
        header = table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        form = QFormLayout()
        form.setHorizontalSpacing(tokens.L)
        form.setVerticalSpacing(tokens.S)
        form.addRow(self._labels[0], self.seeds)
        form.addRow(self._labels[1], self.steps)
        form.addRow("", self.hold_out)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, tokens.M, 0, 0)
        layout.setSpacing(tokens.M)
        layout.addWidget(table, 1)
        layout.addLayout(form)
        layout.addWidget(self._note)

    def _fill(self) -> None:
        services = self._services
        mine = services.catalogue.find_for_options(services.session.job.options)
        builtin = services.session.job.engine == "builtin"
        specs = sorted(services.catalogue, key=lambda spec: spec is not mine)  # the job's own stands first
        self._firsts: list[QTableWidgetItem] = []
        self.table.setRowCount(len(specs))
        for row, spec in enumerate(specs):
            state = None if builtin else services.environments.state(spec)
            usable = state is None or state.readiness in (Readiness.READY, Readiness.UNKNOWN)
            first = QTableWidgetItem(spec.name)
            flags = Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsSelectable
            first.setFlags(flags | Qt.ItemFlag.ItemIsEnabled if usable else flags)
            first.setCheckState(Qt.CheckState.Checked if spec is mine and usable else Qt.CheckState.Unchecked)
            first.setData(_SPEC, spec.id)
            self.table.setItem(row, 0, first)
            self._firsts.append(first)
        self.table.setColumnHidden(3, builtin)  # which needs no package of the environment's
        self.table.setCurrentCell(0, 0)

    def chosen(self) -> list[OptimizerSpec]:
        """What is ticked, in the order of the table."""
        found: list[OptimizerSpec] = []
        for item in self._firsts:
            if item.checkState() is Qt.CheckState.Checked:
                spec = self._services.catalogue.get(item.data(_SPEC))
                if spec is not None:
                    found.append(spec)
        return found

    def tick(self, *names: str) -> None:
        """Ticks these and no others."""
        for item in self._firsts:
            item.setCheckState(Qt.CheckState.Checked if item.data(_SPEC) in names else Qt.CheckState.Unchecked)

    def racing(self) -> tuple[Entrant, ...]:
        """What would be trained."""
        return self._entrants(self.chosen())

    def _entrants(self, specs: list[OptimizerSpec]) -> tuple[Entrant, ...]:
        from core.race.plan import entrants

        return entrants(
            self._services.session.job,
            specs,
            self._services.catalogue,
            seeds=self.seeds.value(),
            steps=self.steps.value() or None,
            hold_out=self.hold_out.isChecked(),
        )

    def retranslate(self) -> None:
        """Says it in the language on screen."""
        headings = (self.tr("Optimizer"), self.tr("Learning rate"), self.tr("Scheduler"), self.tr("State"))
        self.table.setHorizontalHeaderLabels(headings)
        self.table.setAccessibleName(self.tr("Optimizers"))
        self._labels[0].setText(self.tr("Seeds"))
        self._labels[1].setText(self.tr("Steps"))
        self.seeds.setAccessibleName(self.tr("Seeds"))
        self.steps.setAccessibleName(self.tr("Steps"))
        self.steps.setSpecialValueText(self.tr("as the job says"))
        self.hold_out.setText(self.tr("Hold a tenth of the images out, for a validation loss, where the job holds out none"))
        self._note.setText(
            self.tr(
                "Data, order, noise and seed are the same for all. With one seed a small lead says nothing; three tell the spread."
            )
        )
        self.table.blockSignals(True)
        self._say_rows()
        self.table.blockSignals(False)

    def _say_rows(self) -> None:
        services = self._services
        builtin = services.session.job.engine == "builtin"
        for row, first in enumerate(self._firsts):
            spec = services.catalogue.get(first.data(_SPEC))
            if spec is None:
                continue
            (one,) = self._entrants([spec])[:1]
            found = effective(one.job, services.catalogue)
            rates = {f"{group.rate:g}" if group.rate is not None else self.tr("its own") for group in found.groups}
            state = None if builtin else services.environments.state(spec)
            ready = "" if state is None else readiness_badge(state.readiness).text
            words = (", ".join(sorted(rates)), services.translation.say(found.scheduler), ready)
            for column, text in enumerate(words, start=1):
                self.table.setItem(row, column, QTableWidgetItem(text))
