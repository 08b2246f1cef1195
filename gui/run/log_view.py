"""The log of a run: bounded, searchable, following its end until the user looks elsewhere."""

from __future__ import annotations

from collections import deque

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut, QTextCursor, QTextDocument
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from gui.bridge.throttle import Throttle
from gui.theme import tokens
from gui.theme.theme import Theme, mono_font
from gui.widgets.base import IconButton, Label, SearchField, Translated

LINES_KEPT = 20_000
LINES_AT_ONCE = 1_500
"""Lines put into the view between two looks at the user's events: some ten milliseconds."""
FLUSH_MS = 60


class LogView(Translated, QWidget):
    """Text that grows. `bar` holds its tools; whoever shows the view puts it where there is room.

    Signals:
        open_file, open_folder: the user wants them.
    """

    open_file = Signal()
    open_folder = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lines: deque[str] = deque(maxlen=LINES_KEPT)
        self._part = ""
        self._throttle = Throttle(self._flush, FLUSH_MS, self)
        self.text = QPlainTextEdit()
        self.search = SearchField(theme)
        self.found_label = Label("", "caption")
        self.previous_button = IconButton(theme, "chevron-up")
        self.next_button = IconButton(theme, "chevron-down")
        self.follow = QCheckBox()
        self.wrap = QCheckBox()
        self.copy_button = IconButton(theme, "copy")
        self.file_button = IconButton(theme, "file")
        self.folder_button = IconButton(theme, "folder")
        self._build()
        self.retranslate()

    def _build(self) -> None:
        text = self.text
        text.setReadOnly(True)
        text.setMaximumBlockCount(LINES_KEPT)
        text.setUndoRedoEnabled(False)
        text.setFont(mono_font(tokens.CAPTION_PT + 0.5))
        text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.search.setMinimumWidth(130)
        self.search.setMaximumWidth(240)
        text.setMinimumHeight(56)
        self.follow.setChecked(True)
        self.bar = QWidget()
        bar = QHBoxLayout(self.bar)
        bar.setContentsMargins(tokens.L, 0, 0, tokens.XS)
        bar.setSpacing(tokens.XS)
        for widget in (self.search, self.previous_button, self.next_button, self.found_label):
            bar.addWidget(widget)
        bar.addStretch(1)
        for box in (self.follow, self.wrap):
            bar.addWidget(box)
            bar.addSpacing(tokens.S)
        for button in (self.copy_button, self.file_button, self.folder_button):
            bar.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, tokens.S, 0, 0)
        layout.addWidget(text, 1)
        self.search.returnPressed.connect(self.find_next)
        self.search.textChanged.connect(self._search_changed)
        self.search.left.connect(text.setFocus)
        self.next_button.clicked.connect(self.find_next)
        self.previous_button.clicked.connect(self.find_previous)
        self.follow.toggled.connect(self._follow_toggled)
        self.wrap.toggled.connect(self._wrap_toggled)
        self.copy_button.clicked.connect(self._copy)
        self.file_button.clicked.connect(self.open_file)
        self.folder_button.clicked.connect(self.open_folder)
        text.verticalScrollBar().actionTriggered.connect(self._scrolled_by_hand)
        text.verticalScrollBar().rangeChanged.connect(self._range_changed)
        for keys, action in (
            (QKeySequence.StandardKey.Find, self._begin_search),
            (QKeySequence.StandardKey.FindNext, self.find_next),
            (QKeySequence.StandardKey.FindPrevious, self.find_previous),
        ):
            for widget in (self, self.bar):
                QShortcut(QKeySequence(keys), widget, action, context=Qt.ShortcutContext.WidgetWithChildrenShortcut)

    # --- text --------------------------------------------------------------------------------------------------

    def append(self, text: str) -> None:
        """Adds text at the end. What is more than the view keeps is dropped from its beginning, unseen."""
        if not text:
            return
        *whole, self._part = (self._part + text).split("\n")
        self._lines.extend(whole)
        self._throttle.call()

    def set_text(self, text: str) -> None:
        """Another log."""
        self._throttle.cancel()
        self._lines.clear()
        self._part = ""
        self.text.clear()
        self.follow.setChecked(True)
        self.append(text)

    @property
    def waiting(self) -> int:
        """Lines that are not in the view yet."""
        return len(self._lines)

    def _flush(self) -> None:
        if not self._lines:
            return
        batch = [self._lines.popleft() for _ in range(min(LINES_AT_ONCE, len(self._lines)))]
        bar = self.text.verticalScrollBar()
        place = bar.value()
        blocks = self.text.blockCount()
        empty = self.text.document().isEmpty()
        self.text.appendPlainText("\n".join(batch))
        if self.follow.isChecked():
            bar.setValue(bar.maximum())
        else:
            # What the user reads stays where it is, also when lines above it are dropped.
            dropped = blocks + len(batch) - self.text.blockCount() - (1 if empty else 0)
            bar.setValue(max(0, place - max(0, dropped)))
        if self._lines:
            self._throttle.call()

    # --- reading -----------------------------------------------------------------------------------------------

    def _scrolled_by_hand(self) -> None:
        bar = self.text.verticalScrollBar()
        self.follow.setChecked(bar.sliderPosition() >= bar.maximum())

    def _range_changed(self, _low: int, high: int) -> None:
        if self.follow.isChecked():  # a view that became smaller still shows its end
            self.text.verticalScrollBar().setValue(high)

    def _follow_toggled(self, on: bool) -> None:
        if on:
            bar = self.text.verticalScrollBar()
            bar.setValue(bar.maximum())

    def _wrap_toggled(self, on: bool) -> None:
        mode = QPlainTextEdit.LineWrapMode
        self.text.setLineWrapMode(mode.WidgetWidth if on else mode.NoWrap)

    def _copy(self) -> None:
        if self.text.textCursor().hasSelection():
            self.text.copy()
        else:
            from PySide6.QtGui import QGuiApplication

            QGuiApplication.clipboard().setText(self.text.toPlainText())

    # --- searching ---------------------------------------------------------------------------------------------

    def _begin_search(self) -> None:
        self.search.setFocus()
        self.search.selectAll()

    def _search_changed(self, words: str) -> None:
        self.found_label.clear()
        if words:
            # From the start of what is selected, so that a longer word goes on at the same place.
            cursor = self.text.textCursor()
            cursor.setPosition(cursor.selectionStart())
            self.text.setTextCursor(cursor)
            self._find(QTextDocument.FindFlag(0))

    def find_next(self) -> None:
        """Goes to the next place, and on from the top after the last."""
        self._find(QTextDocument.FindFlag(0))

    def find_previous(self) -> None:
        """Goes to the place before, and on from the bottom before the first."""
        self._find(QTextDocument.FindFlag.FindBackward)

    def _find(self, flags: QTextDocument.FindFlag) -> None:
        words = self.search.text()
        if not words:
            return
        found = self.text.find(words, flags)
        if not found:
            before = self.text.textCursor()
            around = QTextCursor(self.text.document())
            if flags & QTextDocument.FindFlag.FindBackward:
                around.movePosition(QTextCursor.MoveOperation.End)
            self.text.setTextCursor(around)
            found = self.text.find(words, flags)
            if not found:
                self.text.setTextCursor(before)
        self.found_label.setText("" if found else self.tr("Not found"))
        if found:
            self.follow.setChecked(False)  # or the next line would tear the view away
            self.text.centerCursor()

    def retranslate(self) -> None:
        """Sets every visible text in the language on screen."""
        self.search.setPlaceholderText(self.tr("Search the log"))
        self.previous_button.set_text(self.tr("Previous place"))
        self.next_button.set_text(self.tr("Next place"))
        self.follow.setText(self.tr("Follow"))
        self.follow.setToolTip(self.tr("Keep the newest line in sight"))
        self.wrap.setText(self.tr("Wrap"))
        self.copy_button.set_text(self.tr("Copy the selection, or all"))
        self.file_button.set_text(self.tr("Open the log file"))
        self.folder_button.set_text(self.tr("Open the run's folder"))
        self.text.setAccessibleName(self.tr("Log"))
        self.found_label.clear()
