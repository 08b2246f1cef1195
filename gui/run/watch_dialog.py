"""Which watchdogs are on, which of them save and stop a training, and their limits."""

from __future__ import annotations

from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QGridLayout,
    QLabel,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from core.watch.model import CAN_STOP, NAMES, Dog
from gui.run.watching import watch_settings
from gui.services import Services
from gui.theme import tokens
from gui.widgets.base import Label, Translated


class WatchDialog(Translated, QDialog):
    """What is chosen holds at once, for the run on show too."""

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services = services
        settings = watch_settings(services.settings)
        self._intro = Label("", "muted", wrap=True)
        self.on: dict[Dog, QCheckBox] = {}
        self.stop: dict[Dog, QCheckBox] = {}
        grid = QGridLayout()
        grid.setHorizontalSpacing(tokens.XL)
        for row, dog in enumerate(Dog):
            self.on[dog] = QCheckBox()
            self.on[dog].setChecked(dog in settings.on)
            self.on[dog].toggled.connect(self._changed)
            grid.addWidget(self.on[dog], row, 0)
            if dog in CAN_STOP:
                self.stop[dog] = QCheckBox()
                self.stop[dog].setChecked(dog in settings.stop)
                self.stop[dog].toggled.connect(self._changed)
                grid.addWidget(self.stop[dog], row, 1)
        self.minutes, self.free = QSpinBox(), QSpinBox()
        self.minutes.setRange(1, 24 * 60)
        self.minutes.setValue(round(settings.minutes))
        self.free.setRange(1, 1000)
        self.free.setValue(settings.free_bytes // 2**30)
        self._labels = {self.minutes: QLabel(), self.free: QLabel()}
        form = QFormLayout()
        for box, label in self._labels.items():
            label.setBuddy(box)
            box.setButtonSymbols(QSpinBox.ButtonSymbols.NoButtons)
            form.addRow(label, box)
            box.valueChanged.connect(self._changed)
        self.notify = QCheckBox()
        self.notify.setChecked(services.settings.flag("notify", True))
        self.notify.toggled.connect(self._changed)
        self.buttons = QDialogButtonBox()
        self.close_button = self.buttons.addButton("", QDialogButtonBox.ButtonRole.RejectRole)
        self.buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(tokens.L, tokens.L, tokens.L, tokens.L)
        layout.setSpacing(tokens.M)
        layout.addWidget(self._intro)
        layout.addLayout(grid)
        layout.addLayout(form)
        layout.addWidget(self.notify)
        layout.addWidget(self.buttons)
        self.setMinimumWidth(560)
        self.retranslate()

    def _changed(self, *_: object) -> None:
        settings = self._services.settings
        settings.set("watch_off", [dog.value for dog, box in self.on.items() if not box.isChecked()])
        settings.set("watch_stop", [dog.value for dog, box in self.stop.items() if box.isChecked()])
        settings.set("watch_minutes", self.minutes.value())
        settings.set("watch_free_gib", self.free.value())
        settings.set("notify", self.notify.isChecked())
        self._enable()

    def _enable(self) -> None:
        for dog, box in self.stop.items():
            box.setEnabled(self.on[dog].isChecked())
        self.minutes.setEnabled(self.on[Dog.NO_PROGRESS].isChecked())
        self.free.setEnabled(self.on[Dog.DISK].isChecked())

    def retranslate(self) -> None:
        """Sets every visible text in the language on screen."""
        say = self._services.translation.say
        self.setWindowTitle(self.tr("Watchdogs"))
        self._intro.setText(self.tr("Caddie looks after the training that is on show, and tells when something goes wrong."))
        for dog, box in self.on.items():
            box.setText(say(NAMES[dog]))
        for dog, box in self.stop.items():
            box.setText(self.tr("save, then stop"))
            box.setAccessibleName(f"{say(NAMES[dog])}: {box.text()}")
        self._labels[self.minutes].setText(self.tr("No progress means so long without a step or a line in the log"))
        self.minutes.setSuffix(self.tr(" min"))
        self._labels[self.free].setText(self.tr("Nearly full means less free than"))
        self.free.setSuffix(" GiB")
        self.notify.setText(
            self.tr("Let the system show these messages, and the end of a training, while Caddie is in the background")
        )
        self.close_button.setText(self.tr("Close"))
        self._enable()
