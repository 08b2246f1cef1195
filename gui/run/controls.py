"""What may be asked of a running training: hold, save now, sample now."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from gui.bridge.run_controls import Controls
from gui.theme import tokens
from gui.theme.theme import Theme
from gui.widgets.base import Button, Translated


class ControlButtons(Translated, QWidget):
    """Three quiet buttons; there only while a training runs that hears them.

    Signals:
        hold: it should pause (True) or go on.
        save, sample: the buttons.
    """

    hold = Signal(bool)
    save = Signal()
    sample = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controls = Controls()
        self.hold_button = Button(theme, icon="pause", classes="quiet")
        self.save_button = Button(theme, icon="save", classes="quiet")
        self.sample_button = Button(theme, icon="image", classes="quiet")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(tokens.XS)
        for button in (self.hold_button, self.save_button, self.sample_button):
            layout.addWidget(button)
        self.hold_button.clicked.connect(lambda: self.hold.emit(not self._controls.paused))
        self.save_button.clicked.connect(self.save)
        self.sample_button.clicked.connect(self.sample)
        self.hide()
        self.retranslate()

    def show_controls(self, controls: Controls, *, running: bool, stopping: bool) -> None:
        """Shows what can be asked for."""
        self._controls = controls
        self.setVisible(controls.possible and running)
        self.setEnabled(not stopping)
        self.sample_button.setEnabled(controls.samples)
        self.hold_button.set_icon("play" if controls.paused else "pause")
        self.retranslate()

    def retranslate(self) -> None:
        """Sets every visible text in the language on screen."""
        paused = self._controls.paused
        self.hold_button.setText(self.tr("Go on") if paused else self.tr("Pause"))
        self.hold_button.setToolTip(
            self.tr("Go on with the training")
            if paused
            else self.tr("Hold the training after its present step; it keeps its memory")
        )
        self.save_button.setText(self.tr("Save now"))
        self.save_button.setToolTip(self.tr("Save the LoRA and the training's state after the present step"))
        self.sample_button.setText(self.tr("Sample now"))
        self.sample_button.setToolTip(
            self.tr("Draw the sample pictures after the present step")
            if self._controls.samples
            else self.tr("The job names no file of prompts (sample_prompts)")
        )
