"""How a race stands: the best first, with their curves; what must not be concluded stands beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QFrame,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from core.metrics.quantities import Quantity
from core.metrics.smoothing import Smoothing
from gui.bridge.races import RaceLook, Races
from gui.history.compare_plot import MOST, ComparePlot, Comparison, Overlaid, color_of
from gui.services import Services
from gui.theme import tokens
from gui.widgets.base import Button, Label, Translated, row

if TYPE_CHECKING:  # the window opens without them
    from core.race.store import Race

_NAME_LENGTH = 28
_ROWS = 6
"""Optimizers that are seen without scrolling."""
_EVERY = 2000
"""Milliseconds between two looks at a race that goes on."""


class RaceStandings(Translated, QWidget):
    """Signals:
    page_wanted: a Race whose page is to be written.
    """

    page_wanted = Signal(object)

    def __init__(self, services: Services, races: Races, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self._races = races
        self._look: RaceLook | None = None
        theme = services.theme
        self.which = QComboBox()
        self.which.setMinimumContentsLength(_NAME_LENGTH)
        self.quantity = QComboBox()
        self.quantity.addItem("", Quantity.VALIDATION_LOSS)
        self.quantity.addItem("", Quantity.LOSS)
        self.pause = Button(theme, icon="pause")
        self.page = Button(theme, icon="save")
        self.table = QTableWidget(0, 7)
        self.plot = ComparePlot(theme)
        self._notice = QFrame()
        self._notice_text = Label("", wrap=True)
        self._state = Label("", "caption")
        self._timer = QTimer(self)
        self._timer.setInterval(_EVERY)
        self._lay_out()
        self._timer.timeout.connect(self.look)
        self.which.currentIndexChanged.connect(self._on_race)
        self.quantity.currentIndexChanged.connect(self._draw)
        self.pause.clicked.connect(self._toggle_pause)
        self.page.clicked.connect(self._ask_page)
        races.listed.connect(self._on_listed)
        races.looked.connect(self._on_looked)
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
        header.setSectionResizeMode(6, QHeaderView.ResizeMode.Stretch)
        self._notice.setProperty("class", "notice")
        self._notice.setProperty("tone", "warning")
        inside = QVBoxLayout(self._notice)
        inside.setContentsMargins(tokens.M, tokens.S, tokens.M, tokens.S)
        inside.addWidget(self._notice_text)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, tokens.M, 0, 0)
        layout.setSpacing(tokens.M)
        layout.addLayout(row(self.which, self._state, 1, self.quantity, self.pause, self.page))
        layout.addWidget(table)
        layout.addWidget(self._notice)
        layout.addWidget(self.plot, 1)

    # --- when it looks -----------------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:
        """Looks while it is on screen."""
        super().showEvent(event)
        self._races.list()
        self._timer.start()

    def hideEvent(self, event: QHideEvent) -> None:
        """Rests."""
        super().hideEvent(event)
        self._timer.stop()

    @property
    def race(self) -> Race | None:
        """The race that is shown."""
        return self.which.currentData()

    def look(self) -> None:
        """Asks how the race stands, while it goes on or was not looked at yet."""
        race = self.race
        if race is not None and (self._look is None or self._look.race != race or not self._look.over):
            self._races.look(race)

    def _on_listed(self, races: Sequence[Race]) -> None:
        shown = self.race
        self.which.blockSignals(True)
        self.which.clear()
        for race in races:
            self.which.addItem(f"{race.name}   {race.id[:8]}", race)
        place = next((number for number, race in enumerate(races) if race == shown), 0)
        self.which.setCurrentIndex(place if races else -1)
        self.which.blockSignals(False)
        self._on_race()

    def show_race(self, race: Race) -> None:
        """Shows one that has just begun."""
        self.which.insertItem(0, f"{race.name}   {race.id[:8]}", race)
        self.which.setCurrentIndex(0)

    def _on_race(self) -> None:
        if self._look is not None and self._look.race != self.race:
            self._look = None
        self.look()
        self._fill()

    def _on_looked(self, look: RaceLook) -> None:
        if look.race == self.race:
            self._look = look
            self._fill()

    # --- what is shown -----------------------------------------------------------------------------------------

    def _fill(self) -> None:
        look = self._look
        self.table.setRowCount(0 if look is None else len(look.table))
        if look is not None:
            from core.race.page import cells_of

            problems = {line.member.optimizer: line.problem for line in look.lines if line.problem is not None}
            for number, item in enumerate(look.table):
                problem = problems.get(item.optimizer)
                words = self._services.translation.say(problem) if problem is not None else ""
                for column, text in enumerate((item.optimizer, *cells_of(item), words)):
                    cell = QTableWidgetItem(text)
                    cell.setToolTip(text)
                    if 1 <= column <= 4:
                        cell.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                    self.table.setItem(number, column, cell)
        rows = min(_ROWS, max(1, self.table.rowCount()))
        self.table.setFixedHeight(rows * tokens.ROW_HEIGHT + self.table.horizontalHeader().sizeHint().height() + tokens.XS)
        caution = look.caution if look is not None else None
        self._notice.setVisible(caution is not None)
        self._notice_text.setText(self._services.translation.say(caution) if caution is not None else "")
        self._draw()
        self._say_state()

    def _draw(self) -> None:
        look = self._look
        runs: list[Overlaid] = []
        if look is not None:
            for place, (name, metrics) in enumerate(list(look.metrics.items())[:MOST]):
                runs.append(Overlaid(name, name, metrics, place))
        quantity = self.quantity.currentData()
        steps = max((run.metrics.last_step for run in runs), default=0)
        wanted = Comparison(quantity=quantity, smoothing=Smoothing(window=max(5.0, steps / 20)))
        self.plot.show_runs(runs, wanted, self.tr("No training of this race has told anything yet."))

    def colors(self) -> dict[str, str]:
        """Name of a training -> the colour of its curve."""
        names = list(self._look.metrics) if self._look is not None else []
        return {name: color_of(self._services.theme, place) for place, name in enumerate(names)}

    def _say_state(self) -> None:
        look = self._look
        self.pause.setEnabled(look is not None and not look.over)
        self.page.setEnabled(look is not None and bool(look.metrics))
        self.pause.setText(self.tr("Go on") if look is not None and look.paused else self.tr("Pause"))
        self.pause.setToolTip(self.tr("Starts no further training; what trains goes on to its end."))
        if look is None:
            self._state.setText("")
        elif look.over:
            self._state.setText(self.tr("over"))
        else:
            done = sum(line.record is not None and line.record.ending.is_over for line in look.lines)
            self._state.setText(self.tr("{done} of {all} done").format(done=done, all=len(look.lines)))

    def _toggle_pause(self) -> None:
        if self._look is not None:
            self._races.pause(self._look.race, not self._look.paused)

    def _ask_page(self) -> None:
        if self._look is not None:
            self.page_wanted.emit(self._look.race)

    def retranslate(self) -> None:
        """Says it in the language on screen."""
        headings = (
            self.tr("Optimizer"),
            self.tr("Validation loss"),
            self.tr("Loss at the end"),
            self.tr("Steps/s"),
            self.tr("Peak memory"),
            self.tr("Finished"),
            "",
        )
        self.table.setHorizontalHeaderLabels(headings)
        self.table.setAccessibleName(self.tr("Standings"))
        self.which.setAccessibleName(self.tr("Race"))
        self.quantity.setAccessibleName(self.tr("Curves of"))
        self.quantity.setItemText(0, self.tr("Validation loss"))
        self.quantity.setItemText(1, self.tr("Loss, smoothed"))
        self.page.setText(self.tr("Write as a page …"))
        self._fill()
