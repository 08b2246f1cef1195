"""The places of the page: header, jump list, form, list of all options, help, and the command at the bottom.

Widgets are made inside their parents, from the outside in: moving a built widget into a parent lets the theme look at all
of it again, which costs more than making it.
"""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QEvent, QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QScrollArea,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from gui.forms.row import FormTools
from gui.services import Services
from gui.setup.command_view import CommandView
from gui.setup.dock import SetupDock
from gui.setup.help_pane import HelpPane
from gui.theme.theme import Theme
from gui.widgets.base import Button, Label, SearchField

FORM_WIDTH = 1760
"""Widest form, in logical pixels; beyond it lines are too long to read."""


class JumpList(QListWidget):
    """The sections of the page.

    Signals:
        chosen: go to this row.
    """

    chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("class", "jump")
        self.setFixedWidth(176)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.currentRowChanged.connect(self.chosen)
        # A click on the row that is already current still means "go there".
        self.itemClicked.connect(lambda item: self.chosen.emit(self.row(item)))

    def fill(self, names: list[str]) -> None:
        """Lists these names and keeps the place, without a jump."""
        place = max(self.currentRow(), 0)
        self.blockSignals(True)
        self.clear()
        for name in names:
            item = QListWidgetItem(name)
            item.setSizeHint(QSize(0, 30))
            self.addItem(item)
        self.setCurrentRow(min(place, len(names) - 1))
        self.blockSignals(False)

    def mark(self, row: int) -> None:
        """Shows where the form is, without a jump."""
        self.blockSignals(True)
        self.setCurrentRow(row)
        self.blockSignals(False)


class Header(QWidget):
    """Headline, search and the two buttons."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.headline = Label("", "headline", parent=self)
        self.search = SearchField(theme, self)
        self.search.setMaximumWidth(340)
        self.paste = Button(theme, icon="edit", parent=self)
        self.start = Button(theme, icon="play", classes="primary", parent=self)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 16, 0)
        layout.setSpacing(8)
        layout.addWidget(self.headline)
        layout.addStretch(1)
        layout.addWidget(self.search, 2)
        layout.addWidget(self.paste)
        layout.addWidget(self.start)


class FormArea(QScrollArea):
    """The scrolled column of cards."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # a bar at the bottom comes only in the narrowest window
        inner = QWidget(self)
        inner.setProperty("class", "scrolled")
        self.inner = inner
        self.setWidget(inner)
        self.column = QWidget(inner)
        self.column.setMaximumWidth(FORM_WIDTH)
        self.cards = QVBoxLayout(self.column)
        self.cards.setContentsMargins(0, 0, 16, 16)
        self.cards.setSpacing(12)
        row = QHBoxLayout(inner)
        row.setContentsMargins(0, 0, 0, 0)
        # A stretch that is far weaker than the column: only beyond its widest does room stay empty, at the right.
        row.addWidget(self.column, 1000)
        row.addStretch(1)

    def settle(self) -> None:
        """Gives every card its place now, so that one can scroll to it."""
        # Labels that were just filled and rows that just came have told their layouts so, but nobody has listened yet.
        QCoreApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest)
        self.cards.activate()
        inner = self.inner
        layout = inner.layout()
        assert layout is not None
        layout.invalidate()
        layout.activate()
        height = layout.heightForWidth(inner.width()) if layout.hasHeightForWidth() else layout.sizeHint().height()
        inner.resize(inner.width(), max(height, self.viewport().height()))
        layout.activate()
        self.cards.activate()


class SetupFrame(QSplitter):
    """Everything of the page, in its place."""

    def __init__(self, services: Services, tools: FormTools, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Vertical, parent)
        self.setChildrenCollapsible(False)
        self._placed = False
        upper = QWidget(self)
        row = QHBoxLayout(upper)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        left = QWidget(upper)
        column = QVBoxLayout(left)
        column.setContentsMargins(16, 12, 0, 0)
        column.setSpacing(12)
        self.header = Header(services.theme, left)
        column.addWidget(self.header)
        middle = QHBoxLayout()
        middle.setSpacing(12)
        self.jump = JumpList(left)
        self.stack = QStackedWidget(left)
        middle.addWidget(self.jump)
        middle.addWidget(self.stack, 1)
        column.addLayout(middle, 1)
        self.help = HelpPane(tools, upper)
        row.addWidget(left, 1)
        row.addWidget(self.help)
        self.area = FormArea(self.stack)
        self.stack.addWidget(self.area)
        self.listed = self._make_list_place()
        self.dock = SetupDock(services, self)
        self.setStretchFactor(0, 1)
        self.setStretchFactor(1, 0)

    def _make_list_place(self) -> QFrame:
        holder = QWidget(self.stack)
        around = QVBoxLayout(holder)
        around.setContentsMargins(0, 0, 16, 12)
        frame = QFrame(holder)
        frame.setProperty("class", "card")
        around.addWidget(frame)
        inside = QVBoxLayout(frame)
        inside.setContentsMargins(0, 0, 0, 0)
        self.stack.addWidget(holder)
        return frame

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.help.setFixedWidth(min(max(self.width() // 5, 248), 360))
        if not self._placed and self.height() > 200:
            self._placed = True
            command = min(max(self.height() * 24 // 100, 150), 280)
            self.setSizes([self.height() - command, command])

    @property
    def command(self) -> CommandView:
        """The view of the exact command."""
        view = self.dock.view("command")
        assert isinstance(view, CommandView)
        return view

    @property
    def listing(self) -> bool:
        """Whether the list of all options is shown instead of the form."""
        return self.stack.currentIndex() == 1

    def show_list(self, listing: bool) -> None:
        """Shows the list of all options, or the form."""
        self.stack.setCurrentIndex(1 if listing else 0)
