"""What broke in an environment, each with its commands and a tick; or its packages as they were at an earlier time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QProgressBar,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from core.environment.install import shown
from core.environment.model import Environment, ProbeReport
from core.errors import CaddieError
from gui.bridge.mending import Diagnosis, Mending
from gui.services import Services
from gui.theme import tokens
from gui.theme.theme import mono_font
from gui.widgets.base import Button, IconLabel, Label, Translated, row, set_class
from gui.widgets.log_view import LogView

if TYPE_CHECKING:  # the window opens without them
    from core.wizard.mend import Mended
    from core.wizard.repair import Ailment

State = Literal["looking", "choosing", "restoring", "running", "done", "failed"]
_SIZE = (720, 540)


class RepairDialog(Translated, QDialog):
    """Signals:
    changed: packages were changed: probe again.
    """

    changed = Signal()

    def __init__(
        self,
        services: Services,
        environment: Environment,
        report: ProbeReport,
        parent: QWidget | None = None,
        *,
        mending: Mending | None = None,
    ) -> None:
        super().__init__(parent)
        self._services = services
        self._say = services.translation.say
        self._environment = environment
        self.mending = mending or Mending(services.tasks, self)
        self.state: State = "looking"
        self._diagnosis = Diagnosis((), ())
        self._commands: tuple[tuple[str, ...], ...] = ()
        self._words = ""
        theme = services.theme
        self._heading = Label("", "title", wrap=True)
        self._lead = Label("", "muted", wrap=True)
        self._busy = QProgressBar()
        self._busy.setRange(0, 0)
        self._busy.setTextVisible(False)
        self.boxes: dict[str, QCheckBox] = {}
        self._list = QWidget()
        self._rows = QVBoxLayout(self._list)
        self.log = LogView()
        self._stack = QStackedWidget()
        self._earlier = Label()
        self.saved = QComboBox()
        self.cancel = Button(theme)
        self.go = Button(theme, classes="primary")
        self._build()
        self._connect()
        self.resize(*_SIZE)
        self.retranslate()
        self.mending.diagnose(environment, report)

    def _build(self) -> None:
        self._rows.setContentsMargins(0, 0, tokens.S, 0)
        self._rows.setSpacing(tokens.S)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setProperty("class", "bare")
        area.setWidget(self._list)
        self._stack.addWidget(area)
        self._stack.addWidget(self.log)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(tokens.XL, tokens.XL, tokens.XL, tokens.L)
        layout.setSpacing(tokens.M)
        head = row(IconLabel(self._services.theme, "reset", role="accent_text", size=24), self._heading, spacing=tokens.M)
        head.setStretch(1, 1)
        layout.addLayout(head)
        for widget in (self._lead, self._busy):
            layout.addWidget(widget)
        layout.addWidget(self._stack, 1)
        layout.addLayout(row(self._earlier, self.saved, 1, self.cancel, self.go))

    def _connect(self) -> None:
        self.mending.diagnosed.connect(self._on_diagnosed)
        self.mending.planned.connect(self._on_planned)
        self.mending.output.connect(self.log.add_output)
        self.mending.finished.connect(self._on_finished)
        self.saved.activated.connect(self._on_saved)
        self.go.clicked.connect(self._go_on)
        self.cancel.clicked.connect(self._cancel)

    # --- the way through ---------------------------------------------------------------------------------------

    def _on_diagnosed(self, diagnosis: Diagnosis) -> None:
        self._diagnosis = diagnosis
        self.state = "choosing"
        for ailment in diagnosis.ailments:
            box = self.boxes[ailment.id] = QCheckBox()
            box.setChecked(True)
            box.toggled.connect(self.retranslate)
            words = Label(self._say(ailment.text), wrap=True)
            box.setAccessibleName(words.text())
            line = row(box, words)
            line.setStretch(1, 1)
            line.setAlignment(box, Qt.AlignmentFlag.AlignTop)
            self._rows.addLayout(line)
            commands = Label("\n".join(self._lines_of(ailment)), "caption", wrap=True)
            commands.setFont(mono_font(tokens.CAPTION_PT))
            commands.setContentsMargins(tokens.XL, 0, 0, 0)
            commands.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self._rows.addWidget(commands)
        self._rows.addStretch(1)
        self.saved.addItem("", None)
        for path in diagnosis.saved:
            self.saved.addItem(_time_of(path), path)
        self.retranslate()
        (self.go if diagnosis.ailments else self.cancel).setFocus()

    @staticmethod
    def _lines_of(ailment: Ailment) -> list[str]:
        return [*(shown(command) for command in ailment.commands), *(f"- {path}" for path in ailment.removes)]

    def chosen(self) -> list[Ailment]:
        """What is ticked."""
        return [ailment for ailment in self._diagnosis.ailments if self.boxes[ailment.id].isChecked()]

    def _on_saved(self) -> None:
        path = self.saved.currentData()
        self._commands = ()
        self.state = "restoring" if path is not None else "choosing"
        self.log.clear()
        if path is not None:
            self.mending.plan_restore(self._environment, path)
        else:
            self.mending.forget_plan()
        self.retranslate()

    def _on_planned(self, commands: Sequence[tuple[str, ...]]) -> None:
        self._commands = tuple(commands)
        nothing = self.tr("Everything is as it was then.")
        self.log.setPlainText("\n".join(shown(command) for command in commands) or nothing)
        self.retranslate()

    def _go_on(self) -> None:
        self.log.clear()
        if self.state == "restoring":
            self.state = "running"
            self.mending.restore(self._environment, self._commands)
        else:
            self.state = "running"
            self.mending.mend(self._environment, self.chosen())
        self.retranslate()

    def _on_finished(self, result: Mended | BaseException) -> None:
        if isinstance(result, BaseException):
            self.state = "failed"
            self._words = self._say(result.text) if isinstance(result, CaddieError) else str(result)
        else:
            self.state = "done" if result.ok else "failed"
            self._words = self._say(result.problem) if result.problem is not None else ""
            self.changed.emit()
        self.retranslate()

    def _cancel(self) -> None:
        if self.mending.running:
            self.mending.stop()
            self.cancel.setEnabled(False)
        else:
            self.reject()

    def reject(self) -> None:
        """Escape: ends what is at work first; what was done so far can be brought back."""
        if self.mending.running:
            self.mending.stop()
            return
        super().reject()

    # --- words -------------------------------------------------------------------------------------------------

    def retranslate(self) -> None:
        """Says it in the language on screen."""
        state, broken = self.state, bool(self._diagnosis.ailments)
        self.setWindowTitle(self.tr("Repair"))
        headings = {
            "looking": self.tr("Looking for what is broken …"),
            "choosing": self.tr("This is broken") if broken else self.tr("Nothing is broken"),
            "restoring": self.tr("Bring packages back"),
            "running": self.tr("Mending"),
            "done": self.tr("Done"),
            "failed": self.tr("It did not work"),
        }
        self._heading.setText(headings[state])
        set_class(self._lead, "danger" if state == "failed" else "muted")
        self._lead.setText(self._lead_words())
        self._lead.setVisible(bool(self._lead.text()))
        self._busy.setVisible(state in ("looking", "running"))
        self._stack.setCurrentIndex(0 if state in ("looking", "choosing") else 1)
        self.go.setText(self.tr("Run these commands") if state == "restoring" else self.tr("Mend"))
        self.go.setVisible(state in ("choosing", "restoring") and (state == "restoring" or broken))
        self.go.setEnabled(bool(self._commands) if state == "restoring" else bool(self.boxes and self.chosen()))
        running = state == "running"
        self.cancel.setText(self.tr("Stop") if running else self.tr("Close"))
        self.cancel.setEnabled(not running or self.cancel.isEnabled())
        self._earlier.setText(self.tr("Packages as of"))
        for widget in (self._earlier, self.saved):
            widget.setVisible(state in ("choosing", "restoring") and bool(self._diagnosis.saved))
        if self.saved.count():
            self.saved.setItemText(0, self.tr("now"))
        self.saved.setAccessibleName(self.tr("Packages as of"))
        self.log.setAccessibleName(self.tr("Commands and what they print"))

    def _lead_words(self) -> str:
        if self.state == "choosing" and self._diagnosis.ailments:
            return self.tr("The list of packages is kept first, so that all of it can be taken back.")
        if self.state == "choosing":
            return self.tr("Every package of an optimizer that is installed can be imported, and none is there twice.")
        if self.state == "restoring":
            return self.tr(
                "Exactly the versions of then are installed, and what came since goes. What is there now is kept first."
            )
        if self.state == "done":
            return self.tr("The environment is being checked again.")
        return self._words if self.state == "failed" else ""


def _time_of(path: Path) -> str:
    """When a list was kept, out of its name, as the system writes times."""
    stamp = path.stem.removeprefix("packages-")
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.strptime(stamp, "%Y%m%d-%H%M%S"))
    except ValueError:
        return path.stem
