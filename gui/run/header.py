"""What trains, how far it is, and the two big buttons."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QSizePolicy, QVBoxLayout, QWidget

from gui.bridge.run_controls import Controls
from gui.bridge.run_stop import StopStage
from gui.run.controls import ControlButtons
from gui.run.words import stop_words
from gui.theme import tokens
from gui.theme.theme import Theme
from gui.widgets.badge import Badge, BadgeLook
from gui.widgets.base import Button, Card, Label, Translated

STATS = ("step", "speed", "elapsed", "left", "memory", "loss", "rate")
STILL_ASKED = (StopStage.SAVING, StopStage.ASKING, StopStage.INTERRUPTING)
NAME_LENGTH = 24
"""Characters of a job's name on a button; its tool tip has all of it."""


class Stat(QWidget):
    """A number with its name above."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.caption = Label("", "caption")
        self.value = Label("–", "lead")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.caption)
        layout.addWidget(self.value)


class RunHeader(Translated, Card):
    """The upper part of the page.

    Signals:
        start, stop, end_now, enqueue: the buttons. `start` comes also from "Start another".
    """

    start = Signal()
    stop = Signal()
    end_now = Signal()
    enqueue = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name = Label("", "headline")
        self.badge = Badge(theme)
        self.about = Label("", "muted")
        self.stop_label = Label("", "warning")
        self.start_button = Button(theme, icon="play", classes="primary")
        self.queue_button = Button(theme, icon="queue", classes="quiet")
        self.another_button = Button(theme, icon="play", classes="quiet")
        self.stop_button = Button(theme, icon="stop", classes="danger")
        self.now_button = Button(theme, classes="danger")
        self.bar = QProgressBar()
        self.controls = ControlButtons(theme)
        self.wish_label = Label("", "muted")
        self.stats = {name: Stat() for name in STATS}
        self._stage = StopStage.NONE
        self._rate_name = "lr"
        self._job_name = ""
        self._build()
        self.retranslate()

    def _build(self) -> None:
        self.name.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.about.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.wish_label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        titles = QVBoxLayout()
        titles.setSpacing(tokens.XS)
        first = QHBoxLayout()
        first.setSpacing(tokens.M)
        first.addWidget(self.name, 1)
        titles.addLayout(first)
        second = QHBoxLayout()
        second.setSpacing(tokens.S)
        second.addWidget(self.badge)
        second.addWidget(self.about, 1)
        titles.addLayout(second)
        top = QHBoxLayout()
        top.setSpacing(tokens.M)
        top.addLayout(titles, 1)
        top.addWidget(self.stop_label)
        for button in (self.queue_button, self.another_button, self.now_button, self.stop_button, self.start_button):
            button.setMinimumHeight(tokens.CONTROL_HEIGHT + tokens.S)
            button.setMinimumWidth(112)
            top.addWidget(button)
        self.bar.setTextVisible(False)
        numbers = QHBoxLayout()
        numbers.setSpacing(tokens.XL)
        for stat in self.stats.values():
            numbers.addWidget(stat, 1)
        self.body.setSpacing(tokens.M)
        self.body.addLayout(top)
        line = QHBoxLayout()
        line.setSpacing(tokens.M)
        line.addWidget(self.bar, 1)
        line.addWidget(self.controls)
        self.body.addLayout(line)
        self.body.addWidget(self.wish_label)
        self.wish_label.hide()
        self.body.addLayout(numbers)
        self.start_button.clicked.connect(self.start)
        self.another_button.clicked.connect(self.start)
        self.queue_button.clicked.connect(self.enqueue)
        self.stop_button.clicked.connect(self.stop)
        self.now_button.clicked.connect(self.end_now)
        self.show_stop(StopStage.NONE, running=False)

    def set_title(self, name: str, about: str, badge: BadgeLook) -> None:
        """What the page is about."""
        self.name.setText(name)
        self.name.setToolTip(name)
        self.about.setText(about)
        self.about.setToolTip(about)
        self.badge.set_look(badge)

    def show_numbers(self, *, on: bool) -> None:
        """Shows or hides bar and numbers."""
        self.bar.setVisible(on)
        for stat in self.stats.values():
            stat.setVisible(on)

    def set_progress(self, step: int, total: int | None, *, running: bool) -> None:
        """Moves the bar; busy where nobody knows how far it is."""
        if total:
            self.bar.setRange(0, total)
            self.bar.setValue(min(step, total))
        else:
            self.bar.setRange(0, 0 if running else 1)
            self.bar.setValue(0)
        share = f"{step:,} / {total:,}  ·  {100 * step // total} %" if total else f"{step:,}"
        self.set_stat("step", share if step or total else "–")

    def set_stat(self, name: str, value: str) -> None:
        """One number."""
        self.stats[name].value.setText(value)

    def set_rate_name(self, name: str) -> None:
        """What the last number is: `lr`, `d*lr` or `effective lr`."""
        self._rate_name = name
        self.stats["rate"].caption.setText(name)

    def set_startable(self, on: bool) -> None:
        """Whether the open job can be started."""
        self.start_button.setEnabled(on)
        self.another_button.setEnabled(on)
        self.queue_button.setEnabled(on)

    def name_job(self, name: str) -> None:
        """Says on the buttons which job they start; "" where it is the one the page is about."""
        self._job_name = name
        self._say_start()

    def _say_start(self) -> None:
        name = self._job_name
        short = name if len(name) <= NAME_LENGTH else name[: NAME_LENGTH - 1].rstrip() + "…"
        named = self.tr("Start “{name}”").format(name=short.replace("&", "&&"))  # a single one would mark a key
        self.start_button.setText(named if name else self.tr("Start"))
        self.another_button.setText(named if name else self.tr("Start another"))
        of = f"\n{name}" if name else ""
        self.queue_button.setText(self.tr("Add to the queue"))
        self.queue_button.setToolTip(self.tr("Train a copy of the open job after those that wait there") + of)
        self.start_button.setToolTip(self.tr("Start the open job (F5)") + of)
        self.another_button.setToolTip(self.tr("Start the open job beside the running one") + of)

    def show_stop(self, stage: StopStage, *, running: bool, controls: Controls | None = None) -> None:
        """Shows how far a stop has gone, and which buttons there are."""
        controls = controls or Controls()
        had_focus = self.start_button.hasFocus() or self.stop_button.hasFocus()
        self._stage = stage
        stopping = stage is not StopStage.NONE
        self.stop_label.setText(stop_words(stage))
        self.stop_label.setVisible(stopping)
        self.start_button.setVisible(not running)
        self.another_button.setVisible(running)
        self.stop_button.setVisible(running and not stopping)
        # What the window itself trains cannot be ended without being asked.
        self.now_button.setVisible(running and not controls.hosted and stage in STILL_ASKED)
        self.controls.show_controls(controls, running=running, stopping=stopping)
        if had_focus:  # it stays with the big button, whichever that is now
            (self.stop_button if running and not stopping else self.start_button).setFocus()

    def show_wish(self, words: str) -> None:
        """Says what became of the last wish; "" where there was none."""
        self.wish_label.setText(words)
        self.wish_label.setToolTip(words)
        self.wish_label.setVisible(bool(words))

    def show_starting(self, *, on: bool) -> None:
        """Says that a start is under way; after `show_stop`, which empties the place for that word."""
        if on:
            self.stop_label.setText(self.tr("Starting …"))
            self.stop_label.show()

    def retranslate(self) -> None:
        """Sets every visible text in the language on screen."""
        self._say_start()
        self.stop_button.setText(self.tr("Stop"))
        self.stop_button.setToolTip(self.tr("Stop the training (Shift+F5)"))
        self.now_button.setText(self.tr("End now"))
        self.now_button.setToolTip(self.tr("Do not wait for the script: end all of its processes"))
        names = {
            "step": self.tr("Step"),
            "speed": self.tr("Speed"),
            "elapsed": self.tr("Elapsed"),
            "left": self.tr("Time left"),
            "memory": self.tr("Peak memory"),
            "loss": self.tr("Loss (smoothed)"),
        }
        for name, words in names.items():
            self.stats[name].caption.setText(words)
        self.stats["rate"].caption.setText(self._rate_name)
        self.bar.setAccessibleName(self.tr("Progress"))
        self.stop_label.setText(stop_words(self._stage))
