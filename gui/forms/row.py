"""One row of a form: label, editor, reset, and what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from core.text import Text
from gui.forms.described import Described, Say, first_sentence
from gui.forms.editors import Editor, make_editor, set_class
from gui.forms.fields import Field, Stored


@dataclass(frozen=True, slots=True)
class FormTools:
    """What rows need from the window: `say` puts a text into its language, `icon` draws one in its theme."""

    say: Say
    icon: Callable[[str], QIcon]


class FieldRow(QFrame):
    """Shows one field of the job.

    Attributes:
        edited: the user gave the field (1st) a value (2nd).
        focused: this row's description should be shown.
    """

    edited = Signal(object, object)
    focused = Signal(object)

    def __init__(self, described: Described, tools: FormTools, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.described = described
        self._say = tools.say
        self._icon = tools.icon
        self._stored: Stored = None
        self._problem: Text | None = None
        self.setProperty("class", "field-row")
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 6, 0, 6)
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
        block = QVBoxLayout()
        block.setContentsMargins(0, 4, 0, 0)
        block.setSpacing(1)
        self._title = QLabel(self)
        titled = self.described.title is not None
        self._title.setProperty("class", "field-title" if titled else "field-name")
        self._title.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)
        self._short = QLabel(self)
        self._short.setProperty("class", "field-code" if titled else "field-help")
        self._short.setWordWrap(not titled)
        for label in (self._title, self._short):
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
            block.addWidget(label)
        block.addStretch(1)
        self._grid.addLayout(block, 0, 1, 2, 1)

    def _add_reset(self) -> None:
        self.reset = QToolButton(self)
        self.reset.setProperty("class", "quiet")
        self.reset.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # Ctrl+Backspace in the editor does the same
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
            self._title.setText(say(described.title))
            self._short.setText(name)
        else:
            self._title.setText(name)
            self._short.setText(first_sentence(say(described.help)))
        self._short.setVisible(bool(self._short.text()))
        tip = say(described.help)
        for label in (self._title, self._short):
            label.setToolTip(f"<p>{tip}</p>" if tip else "")
        self.reset.setToolTip(self.tr("Back to the default"))
        self.reset.setAccessibleName(self.tr("Reset {0}").format(name))
        if self._problem is not None and self._problem_label is not None:
            self._problem_label.setText(say(self._problem))

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
        super().changeEvent(event)
