"""The curves of the selected runs over each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QLabel, QVBoxLayout, QWidget

from core.errors import CaddieError
from core.history.compare import COMPARED
from core.history.record import RunRecord
from core.metrics.smoothing import Smoothing
from gui.bridge.history_curves import HistoryCurves
from gui.history.compare_plot import MOST, ComparePlot, Comparison, Overlaid, color_of
from gui.history.words import quantity_word
from gui.models.history_columns import optimizer_name
from gui.run.words import moment
from gui.services import Services
from gui.theme import tokens
from gui.widgets.base import Button, Label, Translated, row

WINDOWS = (1, 10, 50, 200, 1000)
LONGEST = 34


class CurvesView(Translated, QWidget):
    """A plot with its choices.

    Signals:
        colored: which run has which colour.
    """

    colored = Signal(object)

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self._records: list[RunRecord] = []
        self._left_out = 0
        self._places: dict[Path, int] = {}
        self.curves = HistoryCurves(services.tasks, self)
        self.plot = ComparePlot(services.theme)
        self.quantity, self.axis, self.mode, self.baseline, self.smoothing = (QComboBox() for _ in range(5))
        self._labels = [QLabel() for _ in range(3)]
        self.note = Label("", "muted", wrap=True)
        self.fit_button = Button(services.theme, icon="refresh", classes="quiet")
        for quantity in COMPARED:
            self.quantity.addItem("", quantity)
        for axis in ("step", "time"):
            self.axis.addItem("", axis)
        for mode in ("values", "difference", "ratio"):
            self.mode.addItem("", mode)
        for window in WINDOWS:
            self.smoothing.addItem("", window)
        self.smoothing.setCurrentIndex(WINDOWS.index(50))
        self.baseline.addItem("", "")
        self.baseline.setMaximumWidth(260)
        for label, box in zip(self._labels, (self.axis, self.smoothing, self.baseline), strict=True):
            label.setBuddy(box)
        bar = row(self.quantity, self._labels[0], self.axis, self._labels[1], self.smoothing, self._labels[2], self.baseline)
        for widget in (self.mode, self.note, self.fit_button):
            bar.addWidget(widget, 1 if widget is self.note else 0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, tokens.S, 0, 0)
        layout.setSpacing(tokens.S)
        layout.addLayout(bar)
        layout.addWidget(self.plot, 1)
        for box in (self.quantity, self.axis, self.mode, self.smoothing, self.baseline):
            box.currentIndexChanged.connect(self._draw)
        self.fit_button.clicked.connect(self.plot.fit)
        self.curves.changed.connect(self._draw)
        services.theme.changed.connect(self._tell_colors)
        self.retranslate()

    def show_runs(self, records: Sequence[RunRecord]) -> None:
        """Draws these runs; each keeps its colour while it is chosen."""
        self._left_out = max(0, len(records) - MOST)
        self._records = list(records[:MOST])
        chosen = [record.folder for record in self._records]
        self._places = {folder: place for folder, place in self._places.items() if folder in chosen}
        free = iter(sorted(set(range(MOST)) - set(self._places.values())))
        for folder in chosen:
            if folder not in self._places:
                self._places[folder] = next(free)
        self._offer_baselines()
        if self.isVisible():
            self.curves.want(self._records)
        self._tell_colors()
        self._draw()

    def showEvent(self, event: object) -> None:
        """Reads what was chosen while nobody looked."""
        super().showEvent(event)  # pyright: ignore[reportArgumentType]
        self.curves.want(self._records)
        self._draw()

    def _offer_baselines(self) -> None:
        chosen = self.baseline.currentData() or ""
        names = self._names()
        self.baseline.blockSignals(True)
        while self.baseline.count() > 1:
            self.baseline.removeItem(1)
        for record in self._records:
            self.baseline.addItem(names[record.folder], str(record.folder))
        self.baseline.setCurrentIndex(max(0, self.baseline.findData(chosen)) if chosen else 0)
        self.baseline.blockSignals(False)

    def _names(self) -> dict[Path, str]:
        """Names; where several runs have the same, with what tells them apart: the optimizer, the seed, else the time."""
        language = self._services.translation.language
        names: dict[Path, str] = {}
        for record in self._records:
            words = record.name if len(record.name) <= LONGEST else f"{record.name[: LONGEST - 1]}…"
            same = [other for other in self._records if other.name == record.name]
            if len(same) > 1:
                marks = [
                    optimizer_name(record, self._services.catalogue),
                    self._seed(record),
                    moment(record.created_at, language),
                ]
                others = [
                    (optimizer_name(other, self._services.catalogue), self._seed(other), "")
                    for other in same
                    if other is not record
                ]
                apart = next(
                    (mark for place, mark in enumerate(marks) if mark and mark not in {other[place] for other in others}), ""
                )
                words = f"{words} · {apart}"
            names[record.folder] = words
        return names

    def _seed(self, record: RunRecord) -> str:
        return "" if record.seed is None else self.tr("seed {seed}").format(seed=record.seed)

    def _draw(self, *_: object) -> None:
        names = self._names()
        drawn = [
            Overlaid(str(record.folder), names[record.folder], metrics, self._places[record.folder])
            for record in self._records
            if (metrics := self.curves.get(record.folder)) is not None
        ]
        self.mode.setEnabled(bool(self.baseline.currentData()))
        window = self.smoothing.currentData()
        wanted = Comparison(
            quantity=self.quantity.currentData(),
            axis=self.axis.currentData(),
            mode=self.mode.currentData() if self.baseline.currentData() else "values",
            baseline=self.baseline.currentData() or "",
            smoothing=Smoothing(window=window) if window > 1 else None,
        )
        self.plot.show_runs(drawn, wanted, self._empty_words())
        self._tell_note()

    def _empty_words(self) -> str:
        if not self._records:
            return self.tr("Select runs above, and their curves are drawn here over each other.")
        if self.curves.waiting:
            return self.tr("Reading the curves …")
        return self.tr("None of the selected runs has told this.")

    def _tell_note(self) -> None:
        words: list[str] = []
        if self.curves.waiting and self._records:
            words.append(self.tr("{count} still to be read").format(count=self.curves.waiting))
        if self._left_out:
            words.append(self.tr("only the first {count} are drawn").format(count=MOST))
        for record in self._records:
            error = self.curves.error(record.folder)
            if error is not None:
                reason = self._services.translation.say(error.text) if isinstance(error, CaddieError) else str(error)
                words.append(f"{record.name}: {reason}")
        self.note.setText("  ·  ".join(words))

    def _tell_colors(self) -> None:
        self.colored.emit({folder: color_of(self._services.theme, place) for folder, place in self._places.items()})

    def retranslate(self) -> None:
        """Sets every visible text in the language on screen."""
        for number, quantity in enumerate(COMPARED):
            self.quantity.setItemText(number, quantity_word(quantity))
        self.quantity.setAccessibleName(self.tr("What is drawn"))
        for label, box, words in zip(
            self._labels,
            (self.axis, self.smoothing, self.baseline),
            (self.tr("by"), self.tr("Smoothing"), self.tr("Baseline")),
            strict=True,
        ):
            label.setText(words)
            box.setAccessibleName(words)
        self.axis.setItemText(0, self.tr("step"))
        self.axis.setItemText(1, self.tr("seconds"))
        self.mode.setAccessibleName(self.tr("Against the baseline"))
        for number, words in enumerate((self.tr("Values"), self.tr("Difference"), self.tr("Ratio"))):
            self.mode.setItemText(number, words)
        for number, window in enumerate(WINDOWS):
            self.smoothing.setItemText(number, self.tr("off") if window == 1 else self.tr("%n steps", "", window))
        self.baseline.setItemText(0, self.tr("none"))
        self.fit_button.setText(self.tr("Show all"))
        self.fit_button.setToolTip(self.tr("Show the whole curves (F)"))
        self._offer_baselines()
        self._draw()
