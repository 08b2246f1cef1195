"""Editors that choose: one of several values, a suggestion, or default, True and False side by side."""

from __future__ import annotations

import shiboken6
from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent, QWheelEvent
from PySide6.QtWidgets import QButtonGroup, QComboBox, QPushButton, QWidget

from gui.forms.editors import Editor, editor_row, same_stored, set_class
from gui.forms.fields import Field, Stored


class _QuietCombo(QComboBox):
    """A combo box that a scrolling wheel does not change in passing."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class ChoiceEditor(Editor):
    """One of several values, the default among them; a value that is none of them is shown as it is."""

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(field, parent)
        self.combo = _QuietCombo(self)
        self.combo.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.combo.setMinimumContentsLength(8)
        self.combo.setProperty("class", "unset")
        self.combo.addItem("", None)
        for choice in field.choices:
            self.combo.addItem(choice, choice)
        editor_row(self).addWidget(self.combo, 1)
        self.combo.activated.connect(self._chosen)
        self._watch(self.combo)
        self.retranslate()

    def _chosen(self, index: int) -> None:
        typed = self.combo.itemData(index)
        self.edited.emit(None if typed is None else self.field.read(typed))

    def show_stored(self, stored: Stored) -> None:
        known = 1 + len(self.field.choices)
        while self.combo.count() > known:
            self.combo.removeItem(known)
        typed = None if stored is None else self.field.typed(stored)
        index = 0 if typed is None else self.combo.findData(typed)
        if index < 0:
            self.combo.addItem(typed or "", typed)
            index = known
        self.combo.setCurrentIndex(index)
        set_class(self.combo, "unset", typed is None)  # the default looks like a placeholder, as it does in a line

    def retranslate(self) -> None:
        self.combo.setItemText(0, self.default_words())

    def _inputs(self) -> list[QWidget]:
        return [self.combo]


class SuggestEditor(Editor):
    """Free text with suggestions."""

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(field, parent)
        self.combo = _QuietCombo(self)
        self.combo.setEditable(True)
        self.combo.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.combo.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.combo.addItems(list(field.choices))
        self.combo.setCurrentIndex(-1)
        editor_row(self).addWidget(self.combo, 1)
        line = self.combo.lineEdit()
        assert line is not None
        self.line = line
        self.line.textEdited.connect(self._typed)
        self.combo.activated.connect(self._chosen)
        self._watch(self.combo, self.line)
        self.retranslate()

    def _typed(self, text: str) -> None:
        self.edited.emit(self.field.read(text))

    def _chosen(self, index: int) -> None:
        # Qt says so too when the focus leaves a line that reads as a suggestion, and that is when it is destroyed.
        if shiboken6.isValid(self.line):
            self._typed(self.combo.itemText(index))

    def show_stored(self, stored: Stored) -> None:
        if not same_stored(self.field.read(self.line.text()), stored):
            self.combo.setEditText(self.field.typed(stored))

    def retranslate(self) -> None:
        self.line.setPlaceholderText(self.default_words())

    def _inputs(self) -> list[QWidget]:
        return [self.combo]


class TriStateEditor(Editor):
    """Default, True or False side by side (and None, where that is a value)."""

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(field, parent)
        self._layout = editor_row(self)
        self._layout.setSpacing(0)
        self._group = QButtonGroup(self)
        self._group.setExclusive(True)
        self._by_typed: dict[str | None, QPushButton] = {}
        self._strange: QPushButton | None = None
        for typed in (None, *field.choices):
            self._add(typed, typed or "")
        self._layout.addStretch(1)
        self._watch(*self._by_typed.values())
        self.retranslate()
        self.show_stored(None)

    def _add(self, typed: str | None, words: str) -> QPushButton:
        button = QPushButton(words, self)
        button.setCheckable(True)
        button.setProperty("class", "segment plain" if typed is None else "segment")
        button.setProperty("place", "first" if typed is None else "last" if typed == self.field.choices[-1] else "middle")
        button.setProperty("typed", typed)
        # A click on the checked one must not uncheck it, and a press on another is the only way to change.
        button.clicked.connect(lambda: self.edited.emit(None if typed is None else self.field.read(typed)))
        button.installEventFilter(self)
        self._group.addButton(button)
        self._by_typed[typed] = button
        self._layout.insertWidget(len(self._by_typed) - 1, button)
        return button

    def button(self, typed: str | None) -> QPushButton:
        """The segment for a typed value (None: the default)."""
        return self._by_typed[typed]

    def show_stored(self, stored: Stored) -> None:
        typed = None if stored is None else self.field.typed(stored)
        if self._strange is not None and self._strange is not self._by_typed.get(typed):
            del self._by_typed[self._strange.property("typed")]
            self._group.removeButton(self._strange)
            self._layout.removeWidget(self._strange)
            self._strange.hide()
            self._strange.deleteLater()
            self._strange = None
        if typed not in self._by_typed:
            self._strange = self._add(typed, typed or "")
        self._by_typed[typed].setChecked(True)
        # Tab reaches the control once, arrow keys move within it.
        for button in self._by_typed.values():
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus if button.isChecked() else Qt.FocusPolicy.ClickFocus)
        self.setFocusProxy(self._by_typed[typed])

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and self._moved(event.key()):
            return True
        return super().eventFilter(watched, event)

    def _moved(self, key: int) -> bool:
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(key))
        if step is None:
            return False
        buttons = list(self._by_typed.values())
        now = next((place for place, button in enumerate(buttons) if button.isChecked()), 0)
        target = buttons[min(max(now + step, 0), len(buttons) - 1)]
        target.setFocus(Qt.FocusReason.TabFocusReason)
        target.click()
        return True

    def retranslate(self) -> None:
        self._by_typed[None].setText(self.default_label())

    def _inputs(self) -> list[QWidget]:
        return list(self._by_typed.values())
