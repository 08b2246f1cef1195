"""The editor widgets of a form. Numbers are text: nothing is rounded, clipped or dropped on its way into the job.

Each editor is two one-way bindings: what the user does goes out through `edited`, what the job says comes in through
`show_stored`, which never answers with `edited` and leaves the text alone when it already means the same.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QDir, QEvent, QObject, QRandomGenerator, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QIcon, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gui.forms.fields import Field, Inheriting, Shape, Stored


def same_stored(one: Stored, other: Stored) -> bool:
    """Whether two stored values are the same, their types included (1 is not True, and 1.0 is not 1)."""
    return repr(one) == repr(other)


def set_class(widget: QWidget, name: str, on: bool) -> None:
    """Gives a widget a word of its `class` property, or takes it, and lets the theme look again when it changed."""
    words = str(widget.property("class") or "").split()
    if (name in words) == on:
        return
    words = [*words, name] if on else [word for word in words if word != name]
    widget.setProperty("class", " ".join(words))
    widget.style().unpolish(widget)
    widget.style().polish(widget)


class Editor(QWidget):
    """Base of all editors.

    Attributes:
        edited: the user changed the value to this `Stored`.
        focused: the editor got the keyboard focus.
    """

    edited = Signal(object)
    focused = Signal()

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.field = field
        self._default = field.default()

    def show_stored(self, stored: Stored) -> None:
        """Shows what the job says, without an echo."""
        raise NotImplementedError

    def set_invalid(self, invalid: bool) -> None:
        """Marks the editor, so that the theme can paint a wrong value."""
        for widget in self._inputs():
            set_class(widget, "wrong", invalid)

    def retranslate(self) -> None:
        """Renews what is written in the editor in the window's language."""

    def renew_icons(self, icon: Callable[[str], QIcon]) -> None:
        """Takes the icons of the present theme."""

    def default_words(self) -> str:
        """What an empty editor says about the default."""
        if self._default is None:
            return self.tr("not set")
        origins = {
            "general": self.tr("{0}, from [general]"),
            "dataset": self.tr("{0}, from the dataset"),
            "job": self.tr("{0}, from the job"),
        }
        return origins.get(self._origin(), self.tr("default {0}")).format(self._default)

    def default_label(self) -> str:
        """The same as short as it goes, with a capital."""
        if self._default is None:
            return self.tr("Default")
        origins = {"general": "[general]: {0}", "dataset": self.tr("Dataset: {0}"), "job": self.tr("Job: {0}")}
        return origins.get(self._origin(), self.tr("Default: {0}")).format(self._default)

    def _origin(self) -> str:
        return self.field.origin if isinstance(self.field, Inheriting) else ""

    def _inputs(self) -> list[QWidget]:
        return []

    def _watch(self, *widgets: QWidget) -> None:
        for widget in widgets:
            widget.installEventFilter(self)
            widget.setAccessibleName(self.field.name)
        self.setFocusProxy(widgets[0])
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.FocusIn:
            self.focused.emit()
        if event.type() == QEvent.Type.ShortcutOverride and _is_undo(event):
            # The window's undo knows every edit of the job; a text field's own knows only what was typed into it.
            event.ignore()
            return True
        if event.type() in (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress) and _is_reset(event):
            # Taken here before it can be anybody's shortcut.
            event.accept()
            if event.type() == QEvent.Type.KeyPress:
                self.edited.emit(None)
            return True
        return super().eventFilter(watched, event)

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
        super().changeEvent(event)


def _is_reset(event: QEvent) -> bool:
    return (
        isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_R and event.modifiers() == Qt.KeyboardModifier.ControlModifier
    )


def _is_undo(event: QEvent) -> bool:
    keys = QKeySequence.StandardKey
    return isinstance(event, QKeyEvent) and (event.matches(keys.Undo) or event.matches(keys.Redo))


def editor_row(editor: QWidget) -> QHBoxLayout:
    """The layout of an editor whose parts stand side by side."""
    layout = QHBoxLayout(editor)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(4)
    return layout


class _PathLine(QLineEdit):
    """A line that takes a dropped file or folder as its text."""

    dropped = Signal(str)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls():
            event.acceptProposedAction()
        else:
            super().dragEnterEvent(event)

    def dropEvent(self, event: QDropEvent) -> None:
        local = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        if not local:
            super().dropEvent(event)
            return
        event.acceptProposedAction()
        self.dropped.emit(QDir.toNativeSeparators(local[0]))


class LineEditor(Editor):
    """One line of text: numbers, tuples, names."""

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(field, parent)
        self.line = self._make_line()
        self.layout_ = editor_row(self)
        self.layout_.addWidget(self.line, 1)
        self.line.textEdited.connect(self._typed)
        self._watch(self.line)
        self._stored: Stored = None
        self.retranslate()

    def _make_line(self) -> QLineEdit:
        return QLineEdit(self)

    def _typed(self, text: str) -> None:
        self._stored = self.field.read(text)
        self._show_placeholder()
        self.edited.emit(self._stored)

    def show_stored(self, stored: Stored) -> None:
        self._stored = stored
        if not same_stored(self.field.read(self.line.text()), stored):
            self.line.setText(self.field.typed(stored))
            self.line.setCursorPosition(0)
        self._show_placeholder()

    def _show_placeholder(self) -> None:
        words = self.tr("empty text") if self._stored == "" else self.default_words()
        self.line.setPlaceholderText(words)

    def retranslate(self) -> None:
        self._show_placeholder()

    def _inputs(self) -> list[QWidget]:
        return [self.line]


class PathEditor(LineEditor):
    """A path with a chooser; files and folders can be dropped on it."""

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(field, parent)
        self.browse = QToolButton(self)
        self.browse.setProperty("class", "button browse")
        self.browse.clicked.connect(self.choose)
        self.layout_.addWidget(self.browse)
        self.retranslate()

    def _make_line(self) -> QLineEdit:
        line = _PathLine(self)
        line.dropped.connect(self.accept)
        return line

    def choose(self) -> None:
        """Opens the system's file dialog."""
        here, title = self.line.text(), self.browse.toolTip()
        if self.field.shape is Shape.FOLDER:
            chosen = QFileDialog.getExistingDirectory(self, title, here)
        elif self.field.shape is Shape.FILE_SAVE:
            chosen = QFileDialog.getSaveFileName(self, title, here)[0]
        else:
            chosen = QFileDialog.getOpenFileName(self, title, here)[0]
        if chosen:
            self.accept(QDir.toNativeSeparators(chosen))

    def renew_icons(self, icon: Callable[[str], QIcon]) -> None:
        self.browse.setIcon(icon("folder" if self.field.shape is Shape.FOLDER else "file"))

    def accept(self, path: str) -> None:
        """Takes a chosen or dropped path."""
        self.line.setText(path)
        self._typed(path)

    def retranslate(self) -> None:
        super().retranslate()
        if hasattr(self, "browse"):
            folder = self.field.shape is Shape.FOLDER
            words = self.tr("Choose a folder") if folder else self.tr("Choose a file")
            self.browse.setToolTip(words)
            self.browse.setAccessibleName(words)


class SeedEditor(LineEditor):
    """A whole number, or one by chance."""

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(field, parent)
        self.roll = QToolButton(self)
        self.roll.setProperty("class", "button browse")
        self.roll.clicked.connect(self._roll)
        self.layout_.addWidget(self.roll)
        self.retranslate()

    def _roll(self) -> None:
        number = str(QRandomGenerator.system().bounded(2**31 - 1))
        self.line.setText(number)
        self._typed(number)

    def renew_icons(self, icon: Callable[[str], QIcon]) -> None:
        self.roll.setIcon(icon("dice"))

    def retranslate(self) -> None:
        super().retranslate()
        if hasattr(self, "roll"):
            self.roll.setToolTip(self.tr("A number by chance"))
            self.roll.setAccessibleName(self.tr("A number by chance"))


class LinesEditor(Editor):
    """Several texts, one a line; grows with its text up to a limit."""

    most_lines = 8

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(field, parent)
        self.text = QPlainTextEdit(self)
        self.text.setTabChangesFocus(True)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.text)
        self._showing = False
        self._least_lines = 1
        self.text.textChanged.connect(self._changed)
        self._watch(self.text)
        self.retranslate()
        self._fit()

    def _changed(self) -> None:
        self._fit()
        if not self._showing:
            self.edited.emit(self.field.read(self.text.toPlainText()))

    def show_stored(self, stored: Stored) -> None:
        if same_stored(self.field.read(self.text.toPlainText()), stored):
            return
        self._showing = True
        try:
            self.text.setPlainText(self.field.typed(stored))
        finally:
            self._showing = False

    def set_least_lines(self, lines: int) -> None:
        """Is at least so many lines high."""
        self._least_lines = lines
        self._fit()

    def _fit(self) -> None:
        lines = min(max(self.text.document().blockCount(), self._least_lines), self.most_lines)
        margins = 2 * int(self.text.document().documentMargin()) + 2 * self.text.frameWidth() + 8
        self.text.setFixedHeight(lines * self.text.fontMetrics().lineSpacing() + margins)
        # A font for another script may be a pixel higher than the lines that were counted.
        fits = self.text.document().blockCount() <= lines
        policy = Qt.ScrollBarPolicy.ScrollBarAlwaysOff if fits else Qt.ScrollBarPolicy.ScrollBarAsNeeded
        self.text.setVerticalScrollBarPolicy(policy)

    def retranslate(self) -> None:
        self.text.setPlaceholderText(self.tr("one value a line"))

    def _inputs(self) -> list[QWidget]:
        return [self.text]
