"""Installations that were found, each with a button that adds it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from core.environment.model import Environment
from gui.environment.tiles import ElidedLabel
from gui.theme import tokens
from gui.theme.theme import Theme
from gui.widgets.base import Button, IconButton, Label, Translated


class FoundRow(QWidget):
    """One installation."""

    def __init__(self, theme: Theme, environment: Environment) -> None:
        super().__init__()
        self.environment = environment
        self.add = Button(theme, icon="plus")
        self._name = ElidedLabel("", Qt.TextElideMode.ElideRight)
        self._path = ElidedLabel("caption")
        self._name.say(environment.name)
        self._path.say(str(environment.sd_scripts or environment.python))
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(self._name)
        words.addWidget(self._path)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(tokens.XS, tokens.XS, 0, tokens.XS)
        layout.setSpacing(tokens.S)
        layout.addLayout(words, 1)
        layout.addWidget(self.add)


class FoundList(Translated, QFrame):
    """A heading, the rows, and a button that searches again.

    Signals:
        wanted: an environment whose button was pressed.
        search_wanted: search the usual places.
    """

    wanted = Signal(object)
    search_wanted = Signal()

    def __init__(self, theme: Theme, *, compact: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._rows: list[FoundRow] = []
        self._searching = False
        self._searched = False
        self._heading = Label("", "section")
        self._again = IconButton(theme, "refresh")
        self._again.clicked.connect(self.search_wanted)
        self._note = Label("", "caption", wrap=True)
        inner = QWidget()
        inner.setProperty("class", "scrolled")
        self._list = QVBoxLayout(inner)
        self._list.setContentsMargins(0, 0, tokens.S, 0)
        self._list.setSpacing(0)
        self._list.addStretch(1)
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setWidget(inner)
        self._most = 3 if compact else 5
        head = QHBoxLayout()
        head.addWidget(self._heading, 1)
        head.addWidget(self._again)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(tokens.XS)
        layout.addLayout(head)
        layout.addWidget(self._note)
        layout.addWidget(self._area)
        self.retranslate()

    @property
    def rows(self) -> Sequence[FoundRow]:
        """The rows on screen."""
        return self._rows

    @property
    def searched(self) -> bool:
        """Whether a search was ever begun."""
        return self._searched or self._searching

    def set_searching(self) -> None:
        """A search is under way."""
        self._searching = True
        self.retranslate()

    def set_found(self, found: Sequence[Environment]) -> None:
        """Shows these; those that can train stand first."""
        self._searching, self._searched = False, True
        for old in self._rows:
            self._list.removeWidget(old)
            old.hide()
            old.deleteLater()
        self._rows = [FoundRow(self._theme, item) for item in found]
        for number, made in enumerate(self._rows):
            made.add.clicked.connect(lambda _=False, item=made.environment: self.wanted.emit(item))
            self._list.insertWidget(number, made)
        self.retranslate()

    def retranslate(self) -> None:
        """Says it in the language on screen."""
        self._heading.setText(self.tr("Found on this computer"))
        self._again.set_text(self.tr("Search the usual places again"))
        self._again.setEnabled(not self._searching)
        if self._searching:
            self._note.setText(self.tr("Looking in the usual places …"))
        elif not self._rows:
            self._note.setText(self.tr("Nothing more in the usual places. Choose its folder instead.") if self._searched else "")
        self._note.setVisible(bool(self._searching or not self._rows))
        for made in self._rows:
            made.add.setText(self.tr("Add"))
            made.add.setAccessibleName(self.tr("Add {name}").format(name=made.environment.name))
        self._area.setVisible(bool(self._rows))
        height = sum(made.sizeHint().height() for made in self._rows[: self._most])
        self._area.setFixedHeight(height + 2)
