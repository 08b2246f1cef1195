"""What can be done with one entry: the buttons under the table and its context menu, from one list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal, get_args

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

from core.queue.model import Control, Entry, State
from gui.theme import tokens
from gui.theme.theme import Theme
from gui.widgets.base import Button, IconButton, Translated, row

Deed = Literal["up", "down", "open", "hold", "stop_after", "retry", "folder", "remove"]
DEEDS: tuple[Deed, ...] = get_args(Deed)
_ICONS: Mapping[Deed, str] = {
    "up": "chevron-up",
    "down": "chevron-down",
    "open": "edit",
    "hold": "pause",
    "stop_after": "stop",
    "retry": "redo",
    "folder": "folder",
    "remove": "trash",
}


@dataclass(frozen=True, slots=True)
class Possible:
    """What can be done now.

    Attributes:
        deeds: what.
        held: "hold" means to release.
        started: "open" shows the run instead of the job.
        last: "stop_after" takes that back.
    """

    deeds: frozenset[Deed] = frozenset()
    held: bool = False
    started: bool = False
    last: bool = False


def possible(entry: Entry | None, place: int, count: int, control: Control) -> Possible:
    """What can be done with an entry at a place."""
    if entry is None:
        return Possible()
    found: set[Deed] = set()
    if place > 0:
        found.add("up")
    if place < count - 1:
        found.add("down")
    if entry.run is not None or (entry.state.is_idle and not entry.damaged):
        found.add("open")
    if entry.state.is_idle and not entry.damaged:
        found.add("hold")
    if not entry.state.is_over and not entry.damaged and entry.state is not State.HELD:
        found.add("stop_after")
    if entry.state.is_over and not entry.damaged:
        found.add("retry")
    if not entry.state.is_under_way:
        found.add("remove")
    found.add("folder")
    return Possible(
        frozenset(found),
        held=entry.state is State.HELD,
        started=entry.run is not None,
        last=control.stop_after == entry.id,
    )


def _without_state(do: Callable[[Deed], None], deed: Deed, _checked: bool = False) -> None:
    do(deed)


class EntryActions(Translated, QWidget):
    """The buttons and the menu."""

    def __init__(self, theme: Theme, do: Callable[[Deed], None], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._possible = Possible()
        self.menu = QMenu(self)
        self.actions_of: dict[Deed, QAction] = {}
        self.buttons: dict[Deed, Button | IconButton] = {}
        for deed in DEEDS:
            self.actions_of[deed] = self.menu.addAction("", partial(do, deed))
            narrow = deed in ("up", "down")
            button = IconButton(theme, _ICONS[deed]) if narrow else Button(theme, icon=_ICONS[deed], classes="quiet")
            button.clicked.connect(partial(_without_state, do, deed))
            self.buttons[deed] = button
        layout = row(*(self.buttons[deed] for deed in DEEDS if deed != "remove"), 1, self.buttons["remove"])
        layout.setSpacing(tokens.XS)
        self.setLayout(layout)
        self.retranslate()

    def show_possible(self, found: Possible) -> None:
        """Enables what can be done."""
        self._possible = found
        for deed in DEEDS:
            for item in (self.actions_of[deed], self.buttons[deed]):
                item.setEnabled(deed in found.deeds)
        button = self.buttons["hold"]
        button.set_icon("play" if found.held else "pause")
        self.buttons["open"].set_icon("run" if found.started else "edit")
        self.retranslate()

    def can(self, deed: Deed) -> bool:
        """Whether it can be done now."""
        return deed in self._possible.deeds

    def retranslate(self) -> None:
        """Sets every visible text in the language on screen."""
        found = self._possible
        texts: dict[Deed, tuple[str, str]] = {
            "up": (self.tr("Move up"), self.tr("Move up (Alt+Up)")),
            "down": (self.tr("Move down"), self.tr("Move down (Alt+Down)")),
            "open": (self.tr("Show the run"), self.tr("Show the run (Enter)"))
            if found.started
            else (self.tr("Edit"), self.tr("Open the job in Set up; saving writes it back into the queue (Enter)")),
            "hold": (self.tr("Release"), self.tr("Let it wait again (Space)"))
            if found.held
            else (self.tr("Hold"), self.tr("Pass it over until it is released (Space)")),
            "stop_after": (self.tr("Do not pause after it"), self.tr("Let the queue go on when it is over"))
            if found.last
            else (self.tr("Pause after it"), self.tr("Start nothing more when it is over")),
            "retry": (self.tr("Try again"), self.tr("Let it wait again; its former run stays in the history")),
            "folder": (self.tr("Folder"), self.tr("Show its folder")),
            "remove": (self.tr("Remove"), self.tr("Take it out of the queue; its run stays (Delete)")),
        }
        for deed, (name, tip) in texts.items():
            self.actions_of[deed].setText(name)
            button = self.buttons[deed]
            if isinstance(button, IconButton):
                button.set_text(tip)
            else:
                button.setText(name)
                button.setToolTip(tip)
