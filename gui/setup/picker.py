"""A compact chooser of the optimizer: a list by category, searched by typing; any other class can be typed."""

from __future__ import annotations

import shiboken6
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFocusEvent, QStandardItem, QStandardItemModel, QWheelEvent
from PySide6.QtWidgets import QComboBox, QCompleter, QWidget

from core.catalogue.catalogue import Catalogue
from core.catalogue.spec import OptimizerSpec
from gui.forms.row import FormTools
from gui.widgets.base import Translated

_TYPE = Qt.ItemDataRole.UserRole


class OptimizerPicker(Translated, QComboBox):
    """Signals:
    picked: the user wants this `--optimizer_type`.
    focused: it got the keyboard focus.
    """

    picked = Signal(str)
    focused = Signal()

    def __init__(self, catalogue: Catalogue, tools: FormTools, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._catalogue = catalogue
        self._tools = tools
        self._shown = ""
        self.setEditable(True)
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.setMaxVisibleItems(24)
        self.setMinimumWidth(160)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._items = QStandardItemModel(self)
        self._headings: list[tuple[QStandardItem, str]] = []
        self._fill()
        self.setModel(self._items)
        completer = QCompleter([spec.name for spec in catalogue], self)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.activated.connect(self._on_completed)
        self.setCompleter(completer)
        line = self.lineEdit()
        assert line is not None
        self.line = line
        self.line.editingFinished.connect(self._on_finished)
        self.activated.connect(self._on_activated)
        self.retranslate()

    def _fill(self) -> None:
        for category in self._catalogue.categories:
            members = [spec for spec in self._catalogue if spec.category.id == category.id]
            if not members:
                continue
            heading = QStandardItem()
            heading.setFlags(Qt.ItemFlag.NoItemFlags)
            self._headings.append((heading, category.id))
            self._items.appendRow(heading)
            for spec in members:
                item = QStandardItem(spec.name)
                item.setData(spec.optimizer_type, _TYPE)
                self._items.appendRow(item)

    def show_choice(self, spec: OptimizerSpec | None, optimizer_type: str) -> None:
        """Shows what the job says, without an echo."""
        self._shown = spec.name if spec is not None else optimizer_type
        place = -1 if spec is None else self.findData(spec.optimizer_type, _TYPE)
        self.setCurrentIndex(place)
        self.setEditText(self._shown)
        self.line.setCursorPosition(0)

    def _on_activated(self, index: int) -> None:
        chosen = self.itemData(index, _TYPE)
        if chosen:
            self._pick(str(chosen))

    def _on_completed(self, name: str) -> None:
        self._take(name)

    def _on_finished(self) -> None:
        if not shiboken6.isValid(self.line):
            return  # the page is being destroyed, and the line loses the focus on its way out
        text = self.line.text().strip()
        if not text:
            self.setEditText(self._shown)
        elif text != self._shown:
            self._take(text)

    def _take(self, text: str) -> None:
        by_name = next((spec for spec in self._catalogue if spec.name.casefold() == text.casefold()), None)
        self._pick(by_name.optimizer_type if by_name is not None else text)

    def _pick(self, optimizer_type: str) -> None:
        spec = self._catalogue.find(optimizer_type)
        self._shown = spec.name if spec is not None else optimizer_type
        self.picked.emit(optimizer_type)

    def focusInEvent(self, event: QFocusEvent) -> None:
        # The line hands its focus to the box, which tells the line of it without an event that a filter could see.
        super().focusInEvent(event)
        self.focused.emit()
        if event.reason() is not Qt.FocusReason.PopupFocusReason:
            self.line.selectAll()

    def wheelEvent(self, event: QWheelEvent) -> None:
        # A wheel that scrolls the page must not choose another optimizer in passing.
        event.ignore()

    def retranslate(self) -> None:
        self.setAccessibleName(self.tr("Optimizer"))
        self.line.setPlaceholderText(self.tr("name, or dotted path of a class"))
        say = self._tools.say
        names = {category.id: say(category.name) for category in self._catalogue.categories}
        for heading, category_id in self._headings:
            heading.setText(names[category_id])
