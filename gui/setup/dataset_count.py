"""What an edited dataset config comes to, counted anew after each change: numbers, remarks, and the buckets as bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFormLayout, QHBoxLayout, QProgressBar, QScrollArea, QVBoxLayout, QWidget

from gui.bridge.clock import Delay
from gui.bridge.dataset_counting import DatasetCounting
from gui.bridge.dataset_session import DatasetSession
from gui.services import Services
from gui.setup.bucket_bars import BucketBars
from gui.theme import tokens
from gui.widgets.base import IconLabel, Label, Translated, row

if TYPE_CHECKING:
    from core.dataset.census import Census

_PAUSE = 700
"""Milliseconds without a change before it is counted."""
_REMARKS = 5


class DatasetCount(Translated, QWidget):
    """Counts while it is shown.

    Args:
        services: the window's services.
        session: holds the config.
    """

    def __init__(self, services: Services, session: DatasetSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self._session = session
        self.census: Census | None = None
        self._active = False
        self._last = 0
        self.counting = DatasetCounting(services.tasks, self)
        self.counting.running_changed.connect(self._show_running)
        self.counting.seen.connect(self._show_seen)
        self.counting.finished.connect(self._show_census)
        self._delay = Delay(self._count, _PAUSE, self)
        self._heading = Label("", "section")
        self._state = Label("", "caption")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        policy = self.bar.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.bar.setSizePolicy(policy)
        self._facts = QFormLayout()
        self._facts.setVerticalSpacing(2)
        self._remarks = QVBoxLayout()
        self._sizes = Label("", "caption")
        self.bars = BucketBars(services.theme)
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, tokens.S, 0)
        column.setSpacing(tokens.XS)
        column.addLayout(self._facts)
        column.addWidget(self._sizes)
        column.addWidget(self.bars)
        column.addLayout(self._remarks)
        column.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setProperty("class", "bare")
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inner)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(tokens.XS)
        layout.addLayout(row(self._heading, 1, self._state))
        layout.addWidget(self.bar)
        layout.addWidget(area, 1)
        session.changed.connect(self._changed)
        self._show_running()
        self.retranslate()

    def set_active(self, active: bool) -> None:
        """Counts from now on, or ends what it is at."""
        self._active = active
        if active:
            self._changed()
        else:
            self._delay.stop()
            self.counting.stop()

    def _changed(self) -> None:
        if self._active:
            self._delay.start()

    def _count(self) -> None:
        services = self._services
        job = services.session.job
        self.counting.start(job, services.counting.base(), self._session.config.document())

    # --- what is shown -----------------------------------------------------------------------------------------

    def _show_running(self) -> None:
        running = self.counting.running
        self.bar.setVisible(running)
        self._state.setText("")
        if running:
            self.bar.setRange(0, self._last)  # nothing counted before: a bar that only says that something goes on
            self._show_seen(0)

    def _show_seen(self, count: int) -> None:
        if self.counting.running:
            self._state.setText(self.tr("{0} images …").format(f"{count:,}"))
            if self._last:
                self.bar.setValue(min(count, self._last))

    def _show_census(self, census: Census) -> None:
        self.census = census
        self._last = census.images + census.reg_images
        self._fill()

    def _fill(self) -> None:
        while self._facts.rowCount():
            self._facts.removeRow(0)
        while (item := self._remarks.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        census = self.census
        if census is None:
            return
        for name, number in self._numbers(census) if census.datasets else ():  # zeros beside an error say nothing
            self._facts.addRow(Label(name, "muted"), Label(f"{number:,}"))
        say = self._services.translation.say
        remarks = [("error", "danger_text", say(text)) for text in census.errors]
        remarks += [("warning", "warning_text", say(text)) for text in census.warnings]
        for icon, role, words in remarks[:_REMARKS]:
            self._remarks.addWidget(self._remark(icon, role, words))
        if len(remarks) > _REMARKS:
            self._remarks.addWidget(Label(self.tr("and %n more", "", len(remarks) - _REMARKS), "caption"))
        bars = [(f"{one.size[0]} × {one.size[1]}", one.count) for dataset in census.datasets for one in dataset.buckets]
        self.bars.show_bars(bars)
        self._sizes.setVisible(bool(bars))

    def _remark(self, icon: str, role: str, words: str) -> QWidget:
        line = QWidget()
        line.setLayout(row(IconLabel(self._services.theme, icon, role=role, size=16), Label(words, wrap=True)))
        inside = line.layout()
        assert isinstance(inside, QHBoxLayout)
        inside.setStretch(1, 1)
        return line

    def _numbers(self, census: Census) -> list[tuple[str, int]]:
        numbers = [
            (self.tr("Images"), census.images),
            (self.tr("with repeats"), census.repeated),
            (self.tr("without a caption"), census.without_caption),
            (self.tr("Steps an epoch"), census.steps_per_epoch),
            (self.tr("Epochs"), census.epochs),
            (self.tr("Steps"), census.steps),
        ]
        if census.reg_images:
            numbers.insert(2, (self.tr("Regularization images"), census.reg_images))
        return numbers

    def retranslate(self) -> None:
        """Sets every visible text in the language on screen."""
        self._heading.setText(self.tr("What will be trained"))
        self._sizes.setText(self.tr("Sizes, with repeats"))
        self._sizes.setVisible(bool(self.bars.bars))
        self.bars.setAccessibleName(self.tr("Sizes that the images are brought to, with repeats"))
        self.bar.setAccessibleName(self.tr("Counting the images"))
        self._fill()
