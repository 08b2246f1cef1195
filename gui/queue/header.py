"""How the queue goes on, and the buttons for all of it."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from core.queue.model import Snapshot
from core.queue.words import queue_words
from core.text import join_sentences
from gui.services import Services
from gui.theme import tokens
from gui.widgets.badge import Badge, BadgeLook
from gui.widgets.base import Button, Card, Label, Translated


class QueueHeader(Translated, Card):
    """Signals:
    start, pause, add_open, add_files, export: the buttons.
    """

    start = Signal()
    pause = Signal()
    add_open = Signal()
    add_files = Signal()
    export = Signal()

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme = services.theme
        self._services = services
        self._snapshot = Snapshot()
        self.heading = Label("", "headline")
        self.badge = Badge(theme)
        self.about = Label("", "muted", wrap=True)
        self.trouble = Label("", "warning", wrap=True)
        self.add_button = Button(theme, icon="plus", classes="quiet")
        self.files_button = Button(theme, icon="folder", classes="quiet")
        self.export_button = Button(theme, icon="terminal", classes="quiet")
        self.pause_button = Button(theme, icon="pause")
        self.start_button = Button(theme, icon="play", classes="primary")
        self.about.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        titles = QVBoxLayout()
        titles.setSpacing(tokens.XS)
        titles.addWidget(self.heading)
        second = QHBoxLayout()
        second.setSpacing(tokens.S)
        second.addWidget(self.badge)
        second.addWidget(self.about, 1)
        titles.addLayout(second)
        top = QHBoxLayout()
        top.setSpacing(tokens.M)
        top.addLayout(titles, 1)
        for button in (self.add_button, self.files_button, self.export_button, self.pause_button, self.start_button):
            button.setMinimumHeight(tokens.CONTROL_HEIGHT + tokens.S)
            top.addWidget(button)
        for button in (self.pause_button, self.start_button):
            button.setMinimumWidth(112)
        self.body.addLayout(top)
        self.body.addWidget(self.trouble)
        for button, signal in (
            (self.start_button, self.start),
            (self.pause_button, self.pause),
            (self.add_button, self.add_open),
            (self.files_button, self.add_files),
            (self.export_button, self.export),
        ):
            button.clicked.connect(signal)
        self.retranslate()

    def show_queue(self, snapshot: Snapshot) -> None:
        """Shows another state."""
        self._snapshot = snapshot
        paused, waiting = snapshot.control.paused, bool(snapshot.waiting)
        going = snapshot.driven and not paused
        had_focus = self.start_button.hasFocus() or self.pause_button.hasFocus()
        self.pause_button.setVisible(going)
        self.start_button.setVisible(not going)
        if had_focus:  # it stays with the big button, whichever that is now
            (self.pause_button if going else self.start_button).setFocus()
        self.start_button.setEnabled(paused or waiting)
        self.export_button.setEnabled(waiting)
        self.retranslate()

    def retranslate(self) -> None:
        """Sets every visible text in the language on screen."""
        snapshot, say = self._snapshot, self._services.translation.say
        trouble = [text for text in (snapshot.trouble, snapshot.control.problem) if text is not None]
        words = [text for text in queue_words(snapshot) if text not in trouble]
        self.heading.setText(self.tr("Queue"))
        self.badge.set_look(self._look())
        self.about.setText(join_sentences(*(say(text) for text in words)))
        self.trouble.setText(join_sentences(*(say(text) for text in trouble)))
        self.trouble.setVisible(bool(trouble))
        self.start_button.setText(self.tr("Go on") if snapshot.control.paused else self.tr("Start the queue"))
        self.start_button.setToolTip(
            self.tr("Train what waits, one after the other. The queue goes on when this window is closed.")
        )
        self.pause_button.setText(self.tr("Pause"))
        self.pause_button.setToolTip(self.tr("Start nothing more; what trains goes on"))
        self.add_button.setText(self.tr("Add the open job"))
        self.add_button.setToolTip(self.tr("Put a copy of the open job at the end; later edits do not change it"))
        self.files_button.setText(self.tr("Add files…"))
        self.files_button.setToolTip(self.tr("Put copies of several job files at the end"))
        self.export_button.setText(self.tr("Export…"))
        self.export_button.setToolTip(self.tr("Write all that waits as one .bat, .ps1 or .sh"))

    def _look(self) -> BadgeLook:
        snapshot = self._snapshot
        if snapshot.control.paused:
            return BadgeLook(self.tr("Paused"), "warning")
        if snapshot.driven:
            return BadgeLook(self.tr("Running"), "info")
        if snapshot.waiting:
            return BadgeLook(self.tr("Not running"), "warning")
        return BadgeLook(self.tr("Empty") if not snapshot.entries else self.tr("Nothing waits"), "neutral")
