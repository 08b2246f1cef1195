"""One row of a form: label, editor, reset, and what is wrong."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QIcon, QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from core.text import Text
from gui.forms.described import Described, Say, first_sentence
from gui.forms.editors import Editor, set_class
from gui.forms.fields import Field, Stored
from gui.forms.make import make_editor

MINIMUM_ELIDED = 40
"""Pixels that an elided label asks for at least."""


@dataclass(frozen=True, slots=True)
class FormTools:
    """What rows need from the window: `say` puts a text into its language, `icon` draws one in its theme."""

    say: Say
    icon: Callable[[str], QIcon]


class ElidedLabel(QLabel):
    """One line that ends in … where there is no room; the help says it in full."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._full = ""

    def set_full(self, text: str) -> None:
        """Sets the text."""
        self._full = text
        self._elide()

    def full(self) -> str:
        """The whole text."""
        return self._full

    def minimumSizeHint(self) -> QSize:
        """Room for a few letters: the text on screen is of the former width and would forbid a narrower one."""
        return QSize(min(MINIMUM_ELIDED, super().sizeHint().width()), super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        self.setText(self.fontMetrics().elidedText(self._full, Qt.TextElideMode.ElideRight, max(self.width(), MINIMUM_ELIDED)))


class FieldRow(QFrame):
    """Shows one field of the job.

    Attributes:
        edited: the user gave the field (1st) a value (2nd).
        focused: this row's description should be shown.
        acted: the button beside the editor was pressed (the description).
    """

    edited = Signal(object, object)
    focused = Signal(object)
    acted = Signal(object)

    def __init__(self, described: Described, tools: FormTools, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.described = described
        self._say = tools.say
        self._icon = tools.icon
        self._stored: Stored = None
        self._problem: Text | None = None
        self._has_effect = True
        self.setProperty("class", "field-row")
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 5, 0, 5)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(2)
        self._grid.setColumnStretch(1, 5)
        self._grid.setColumnStretch(2, 6)
        self._add_bar()
        self._add_label()
        self.editor: Editor = make_editor(described.field, self)
        self.editor.edited.connect(self._on_edited)
        self.editor.focused.connect(lambda: self.focused.emit(self.described))
        self._grid.addWidget(self.editor, 0, 2, Qt.AlignmentFlag.AlignTop)
        self.action: QToolButton | None = self._add_action() if described.action.en else None
        self._add_reset()
        self._problem_label: QLabel | None = None
        self.retranslate()
        self.renew_icons()

    @property
    def field(self) -> Field:
        """What is edited."""
        return self.described.field

    @property
    def problem(self) -> Text | None:
        """What is wrong with the value, or None."""
        return self._problem

    def _add_bar(self) -> None:
        self._bar = QFrame(self)
        self._bar.setFixedWidth(3)
        self._bar.setProperty("class", "change-bar")
        self._grid.addWidget(self._bar, 0, 0, 2, 1)

    def _add_label(self) -> None:
        self._labels = block = QVBoxLayout()
        block.setSpacing(1)
        self._title = ElidedLabel(self)
        titled = self.described.title is not None
        self._title.setProperty("class", "field-title" if titled else "field-name")
        self._title.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)
        self._short = ElidedLabel(self)
        self._short.setProperty("class", "field-code" if titled else "field-help")
        for label in (self._title, self._short):
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
            block.addWidget(label)
        block.addStretch(1)
        self._grid.addLayout(block, 0, 1, 2, 1)

    def _add_action(self) -> QToolButton:
        button = QToolButton(self.editor)
        button.setProperty("class", "button")
        button.clicked.connect(lambda: self.acted.emit(self.described))
        inside = self.editor.layout()
        assert inside is not None
        inside.addWidget(button)
        return button

    def _add_reset(self) -> None:
        self.reset = QToolButton(self)
        self.reset.setProperty("class", "quiet")
        self.reset.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # Ctrl+R in the editor does the same
        self.reset.clicked.connect(lambda: self._on_edited(None))
        policy = self.reset.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.reset.setSizePolicy(policy)
        self.reset.hide()
        self._grid.addWidget(self.reset, 0, 3, Qt.AlignmentFlag.AlignTop)

    def _on_edited(self, stored: Stored) -> None:
        self.edited.emit(self.field, stored)

    def show_stored(self, stored: Stored) -> None:
        """Shows what the job says, its mark and its problem."""
        self._stored = stored
        self.editor.show_stored(stored)
        is_set = stored is not None
        self.reset.setVisible(is_set)
        set_class(self._bar, "set", is_set)
        self._show_problem(self.field.problem(stored))

    def set_effect(self, has_effect: bool) -> None:
        """Dims the labels of a field that does nothing beside the job's other values; it can be edited all the same."""
        if has_effect != self._has_effect:
            self._has_effect = has_effect
            for label in (self._title, self._short):
                set_class(label, "idle", not has_effect)
            self._say_help()

    def _show_problem(self, problem: Text | None) -> None:
        self._problem = problem
        self.editor.set_invalid(problem is not None)
        set_class(self._bar, "wrong", problem is not None)
        if problem is None:
            if self._problem_label is not None:
                self._problem_label.hide()
            return
        if self._problem_label is None:
            self._problem_label = QLabel(self)
            self._problem_label.setProperty("class", "field-problem")
            self._problem_label.setWordWrap(True)
            self._grid.addWidget(self._problem_label, 1, 2, 1, 2)
        self._problem_label.setText(self._say(problem))
        self._problem_label.show()

    def renew_icons(self) -> None:
        """Takes the icons of the present theme."""
        self.reset.setIcon(self._icon("reset"))
        self.editor.renew_icons(self._icon)

    def retranslate(self) -> None:
        """Renews all words in the window's language."""
        described, say = self.described, self._say
        name = described.field.name
        if described.title is not None:
            self._title.set_full(say(described.title))
            self._short.set_full(name)
        else:
            self._title.set_full(name)
            self._short.set_full(first_sentence(say(described.help)))
        alone = not self._short.full()
        self._short.setVisible(not alone)
        self._labels.setContentsMargins(0, 8 if alone else 4, 0, 0)  # one line stands beside the middle of the editor
        self._say_help()
        if self.action is not None:
            self.action.setText(say(described.action))
        default = described.field.default()
        back = self.tr("Back to the default") if default is None else self.tr("Back to the default: {0}").format(default)
        self.reset.setToolTip(f"{back} (Ctrl+R)")
        self.reset.setAccessibleName(self.tr("Reset {0}").format(name))
        if self._problem is not None and self._problem_label is not None:
            self._problem_label.setText(say(self._problem))

    def _say_help(self) -> None:
        tip = html.escape(self._say(self.described.help))
        idle = "" if self._has_effect else html.escape(self.tr("Has no effect with the present values."))
        words = "".join(f"<p>{part}</p>" for part in (tip, idle) if part)
        for label in (self._title, self._short):
            label.setToolTip(words)

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
        super().changeEvent(event)
