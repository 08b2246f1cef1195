"""What the job's images come to: counts, captions, steps, and the sizes they are brought to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFormLayout, QHBoxLayout, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from gui.services import Services
from gui.setup.bucket_bars import BucketBars
from gui.setup.dock_view import EDIT_DATASET, DockView
from gui.theme import tokens
from gui.widgets.badge import BadgeLook
from gui.widgets.base import Button, IconLabel, Label, Line, row

if TYPE_CHECKING:
    from core.dataset.census import Census

_REMARKS = 6
"""So many errors and warnings are shown; the command line lists all."""


class ImagesView(DockView):
    """A button; then numbers and remarks at the left, the buckets at the right."""

    view_id: ClassVar[str] = "images"

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self.counting = services.counting
        self.button = Button(services.theme, icon="image", classes="primary")
        self.button.clicked.connect(self.toggle)
        self.edit = Button(services.theme, icon="edit")
        self.edit.clicked.connect(lambda: self.wanted.emit(EDIT_DATASET))
        self.bars = BucketBars(services.theme)
        self._about = Label("", "muted", wrap=True)
        self._state = Label("", "muted")
        self._stale = Label("", "caption", wrap=True)
        self._heading = Label("", "caption")
        self._facts = QFormLayout()
        self._remarks = QVBoxLayout()
        self._stack = QStackedWidget()
        self._build()
        self.counting.running_changed.connect(self._show_running)
        self.counting.seen.connect(self._show_seen)
        self.counting.finished.connect(self._show_census)
        services.session.changed.connect(self._show_stale)
        self.counting.forgotten.connect(self._show_stale)
        self.retranslate()

    def _build(self) -> None:
        empty = QWidget()
        inside = QVBoxLayout(empty)
        inside.addStretch(1)
        inside.addWidget(self._about)
        inside.addWidget(self._state)
        inside.addStretch(2)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, tokens.S, 0)
        column.setSpacing(tokens.XS)
        column.addWidget(self._stale)
        self._facts.setVerticalSpacing(2)
        column.addLayout(self._facts)
        column.addLayout(self._remarks)
        column.addStretch(1)
        right = QWidget()
        beside = QVBoxLayout(right)
        beside.setContentsMargins(0, 0, 0, 0)
        beside.setSpacing(tokens.XS)
        beside.addWidget(self._heading)
        beside.addWidget(_scrolled(self.bars), 1)
        full = QWidget()
        split = QHBoxLayout(full)
        split.setContentsMargins(0, 0, 0, 0)
        split.setSpacing(tokens.M)
        split.addWidget(_scrolled(left), 1)
        split.addWidget(Line(vertical=True))
        split.addWidget(right, 1)
        self._stack.addWidget(empty)
        self._stack.addWidget(full)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 0, 12, 8)
        layout.addWidget(self._stack)

    # --- what the dock asks ------------------------------------------------------------------------------------

    def badge(self) -> BadgeLook | None:
        """The number of images; that they cannot be trained."""
        if self.census is None or not self.counting.fresh:
            return None
        return BadgeLook("!", "danger") if self.census.errors else BadgeLook(f"{self.census.images:,}")

    def tools(self) -> Sequence[QWidget]:
        """Two buttons: the editor of dataset configs, and the count."""
        return (self.edit, self.button)

    # --- counting ----------------------------------------------------------------------------------------------

    @property
    def census(self) -> Census | None:
        """What is shown."""
        return self.counting.census

    def toggle(self) -> None:
        """Counts the images of the job as it is now; stops the count that is under way."""
        if self.counting.running:
            self.counting.stop()
        else:
            self.counting.start()

    def _show_running(self) -> None:
        running = self.counting.running
        self.button.setText(self.tr("Stop") if running else self.tr("Count the images"))
        if running:
            self._stack.setCurrentIndex(0)
            self._show_seen(0)
            self.badge_changed.emit()
        else:
            self._state.setText("")

    def _show_seen(self, count: int) -> None:
        if self.counting.running:
            self._state.setText(self.tr("{0} images …").format(f"{count:,}"))

    def _show_census(self) -> None:
        self._fill()
        self._show_stale()

    def _show_stale(self, _job: object = None) -> None:
        self._stale.setVisible(self.census is not None and not self.counting.fresh)
        self.badge_changed.emit()

    # --- what is shown -----------------------------------------------------------------------------------------

    def _fill(self) -> None:
        census = self.census
        if census is None:
            return
        while self._facts.rowCount():
            self._facts.removeRow(0)
        for name, number in self._numbers(census):
            self._facts.addRow(Label(name, "muted"), Label(f"{number:,}"))
        while (item := self._remarks.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        say = self._services.translation.say
        remarks = [("error", "danger_text", say(text)) for text in census.errors]
        remarks += [("warning", "warning_text", say(text)) for text in census.warnings]
        for icon, role, words in remarks[:_REMARKS]:
            line = QWidget()
            line.setLayout(row(IconLabel(self._services.theme, icon, role=role, size=16), Label(words, wrap=True)))
            inside = line.layout()
            assert isinstance(inside, QHBoxLayout)
            inside.setStretch(1, 1)
            self._remarks.addWidget(line)
        if len(remarks) > _REMARKS:
            self._remarks.addWidget(Label(self.tr("and %n more", "", len(remarks) - _REMARKS), "caption"))
        bars = [(f"{one.size[0]} × {one.size[1]}", one.count) for dataset in census.datasets for one in dataset.buckets]
        self.bars.show_bars(bars)
        self._stack.setCurrentIndex(1)

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
        self._about.setText(
            self.tr("Counts what will be trained: images with their repeats, captions that are missing, sizes, and steps.")
        )
        self._stale.setText(self.tr("The job or its dataset config has changed since."))
        self._heading.setText(self.tr("Sizes that the images are brought to, with repeats"))
        self.bars.setAccessibleName(self.tr("Sizes that the images are brought to, with repeats"))
        self.button.setText(self.tr("Stop") if self.counting.running else self.tr("Count the images"))
        self.edit.setText(self.tr("Edit the dataset …"))
        self._fill()
        self._show_stale()


def _scrolled(inner: QWidget) -> QScrollArea:
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setProperty("class", "bare")
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(inner)
    return area
