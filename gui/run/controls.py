"""What may be asked of a running training: hold, save now, sample now."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from gui.bridge.run_controls import Controls, Deaf
from gui.theme import tokens
from gui.theme.theme import Theme
from gui.widgets.base import Button, Translated


class ControlButtons(Translated, QWidget):
    """Three quiet buttons; there only while a training runs. What it does not hear is disabled, and says why.

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
        self.hold_button.setEnabled(controls.can("pause"))
        self.save_button.setEnabled(controls.can("save"))
        self.sample_button.setEnabled(controls.can("sample"))
        self.hold_button.set_icon("play" if controls.paused else "pause")
        self.retranslate()

    def _why_not(self, wish: str) -> str:
        if wish == "sample" and not self._controls.samples:
            return self.tr("The job names no file of prompts (sample_prompts)")
        return {
            Deaf.OFF: self.tr("The companion is switched off in this job, so nobody in the script can hear it"),
            Deaf.SOON: self.tr("Possible once the first step is done"),
        }.get(self._controls.deaf, self.tr("This training cannot be asked for it"))

    def retranslate(self) -> None:
        """Sets every visible text in the language on screen."""
        paused, can = self._controls.paused, self._controls.can
        hold = self.tr("Hold the training after its present step; it keeps its memory")
        tips = {
            "pause": self.tr("Go on with the training") if paused else hold,
            "save": self.tr("Save the LoRA and the training's state after the present step"),
            "sample": self.tr("Draw the sample pictures after the present step"),
        }
        self.hold_button.setText(self.tr("Go on") if paused else self.tr("Pause"))
        self.save_button.setText(self.tr("Save now"))
        self.sample_button.setText(self.tr("Sample now"))
        for wish, button in (("pause", self.hold_button), ("save", self.save_button), ("sample", self.sample_button)):
            button.setToolTip(tips[wish] if can(wish) else self._why_not(wish))
