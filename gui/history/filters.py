"""Above the table: the search field (placed by the page) and a row of filters."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QWidget

from core.errors import CaddieError
from core.history.query import COLUMNS as QUERY_COLUMNS
from core.history.query import parse
from core.history.record import SOURCES
from core.runs.outcome import Ending
from gui.bridge.clock import Delay
from gui.models.history_columns import source_word
from gui.models.history_table import HistoryFilter
from gui.run.words import ending_word
from gui.services import Services
from gui.theme import tokens
from gui.widgets.base import Label, SearchField, Translated, set_class

OUTCOMES = (Ending.FINISHED.value, Ending.RUNNING.value, Ending.STOPPED.value, Ending.FAILED.value, Ending.LOST.value, "damaged")


class HistoryFilters(Translated, QWidget):
    """Signals: changed (a HistoryFilter)."""

    changed = Signal(object)

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self._error: CaddieError | None = None
        self._last = HistoryFilter()
        self._tell_soon = Delay(self._tell, 120, self)
        self.search = SearchField(services.theme)
        self.search.setMinimumWidth(220)
        self.optimizer, self.outcome, self.source, self.tag = (QComboBox() for _ in range(4))
        self.problem = Label("", "danger", wrap=True)
        self.problem.hide()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(tokens.S)
        for box in self._boxes:
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
            box.setMaximumWidth(200)
            layout.addWidget(box)
        self.outcome.addItem("", "")
        self.source.addItem("", "")
        for word in OUTCOMES:
            self.outcome.addItem("", word)
        for word in SOURCES:
            self.source.addItem("", word)
        self.offer([], [])
        self.search.textChanged.connect(lambda _text: self._tell_soon.start())
        for box in self._boxes:
            box.currentIndexChanged.connect(self._tell)
        self.retranslate()

    @property
    def _boxes(self) -> tuple[QComboBox, ...]:
        return (self.optimizer, self.outcome, self.source, self.tag)

    def offer(self, optimizers: list[str], tags: list[str]) -> None:
        """Offers what there is; a choice that is gone falls back to everything."""
        for box, words in ((self.optimizer, optimizers), (self.tag, tags)):
            if [box.itemData(row) for row in range(1, box.count())] == words and box.count():
                continue
            chosen = box.currentData()
            box.blockSignals(True)
            box.clear()
            box.addItem(self._anything(box), "")
            for word in words:
                box.addItem(word, word)
            box.setCurrentIndex(max(0, box.findData(chosen)) if chosen else 0)
            box.blockSignals(False)
        self.tag.setVisible(bool(tags))
        self._tell()

    def clear(self) -> None:
        """Empties every field and tells once."""
        for widget in (self.search, *self._boxes):
            widget.blockSignals(True)
            if isinstance(widget, QComboBox):
                widget.setCurrentIndex(0)
            else:
                widget.clear()
            widget.blockSignals(False)
        self._tell()

    def retranslate(self) -> None:
        """Names the fields and their choices."""
        self.search.setPlaceholderText(self.tr("Search, or e.g. loss<0.1 (press /)"))
        self.search.setAccessibleName(self.tr("Search"))
        columns = ", ".join(QUERY_COLUMNS)
        self.search.setToolTip(
            self.tr(
                "Words, or conditions on columns: optimizer:prodigy loss<0.1 -tag:bad\nColumns: {columns}\n"
                "Memory in GiB, duration in seconds."
            ).format(columns=columns)
        )
        for box, name in (
            (self.optimizer, self.tr("Optimizer")),
            (self.outcome, self.tr("Outcome")),
            (self.source, self.tr("Source")),
            (self.tag, self.tr("Tag")),
        ):
            box.setAccessibleName(name)
            box.setToolTip(name)
            box.setItemText(0, self._anything(box))
        for row, word in enumerate(OUTCOMES, 1):
            self.outcome.setItemText(row, self.tr("Damaged") if word == "damaged" else ending_word(Ending(word)))
        for row, word in enumerate(SOURCES, 1):
            self.source.setItemText(row, source_word(word))
        self._tell_problem()

    def _anything(self, box: QComboBox) -> str:
        if box is self.optimizer:
            return self.tr("Every optimizer")
        if box is self.outcome:
            return self.tr("Every outcome")
        return self.tr("Every source") if box is self.source else self.tr("Every tag")

    def _tell(self, *_: object) -> None:
        self._tell_soon.stop()
        conditions, self._error = self._last.conditions, None
        try:
            conditions = parse(self.search.text())
        except CaddieError as error:
            self._error = error  # the rows stay as they are until the words make sense
        self._tell_problem()
        self._last = HistoryFilter(
            conditions=conditions,
            optimizer=self.optimizer.currentData() or "",
            outcome=self.outcome.currentData() or "",
            source=self.source.currentData() or "",
            tag=self.tag.currentData() or "",
        )
        self.changed.emit(self._last)

    def _tell_problem(self) -> None:
        wrong = self._error is not None
        self.problem.setText(self._services.translation.say(self._error.text) if self._error is not None else "")
        self.problem.setVisible(wrong)
        set_class(self.search, "wrong" if wrong else "")
