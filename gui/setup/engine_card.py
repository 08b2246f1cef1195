"""What trains the job: sd-scripts or the built-in trainer; and what keeps the latter from it, with the way back."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from core.job.engine import ISOLATED
from core.job.model import Engine, Job
from gui.forms.row import FormTools
from gui.services import Services
from gui.setup.optimizer_notes import NoteLine
from gui.setup.optimizer_switches import Switch
from gui.widgets.base import Label, Translated

SHOWN = 3
"""Hindrances that stand in the card; the list beside the command has all of them."""


class EngineCard(Translated, QFrame):
    """Shows and edits `Job.engine`."""

    def __init__(self, services: Services, tools: FormTools, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("class", "card")
        self._services, self._tools = services, tools
        self._heading = Label("", "title", parent=self)
        self.buttons: dict[Engine, QPushButton] = {}
        self._group = QButtonGroup(self)
        choice = QHBoxLayout()
        choice.setSpacing(0)
        choice.addWidget(self._heading)
        choice.addSpacing(16)
        choice.addWidget(self._make_button("sd-scripts", "first"))
        choice.addWidget(self._make_button("builtin", "last"))
        choice.addStretch(1)
        self.words = Label("", "muted", wrap=True, parent=self)
        self.isolated = Switch(services.theme, self)
        self.isolated.wanted.connect(self.isolate)
        self.problem = NoteLine(services.theme, "warning", "warning_text", self)
        self.problem.button.clicked.connect(lambda: self.choose("sd-scripts"))
        self.problem.button.show()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(4)
        layout.addLayout(choice)
        layout.addWidget(self.words)
        layout.addWidget(self.isolated)
        layout.addWidget(self.problem)
        services.session.changed.connect(self.show_job)
        services.session.options_changed.connect(self.show_job)
        self.retranslate()

    def _make_button(self, engine: Engine, place: str) -> QPushButton:
        button = QPushButton(self)
        button.setCheckable(True)
        button.setProperty("class", "segment")
        button.setProperty("place", place)
        button.clicked.connect(lambda: self.choose(engine))
        self._group.addButton(button)
        self.buttons[engine] = button
        return button

    def choose(self, engine: Engine) -> None:
        """Puts the engine into the job."""
        session = self._services.session
        session.edit(replace(session.job, engine=engine), self.tr("Change the engine"))
        self.show_job()
        self.focus_choice()

    def isolate(self, on: bool) -> None:
        """Says in the job whether it wants a process of its own."""
        session = self._services.session
        own = {name: value for name, value in session.job.builtin.items() if name != ISOLATED}
        if on:
            own[ISOLATED] = True
        session.edit(replace(session.job, builtin=MappingProxyType(own)), self.tr("Change where the job trains"))
        self.show_job()

    def focus_choice(self) -> None:
        """Puts the cursor on the engine that is chosen."""
        self.buttons[self._services.session.job.engine].setFocus(Qt.FocusReason.ShortcutFocusReason)

    def show_job(self, _job: Job | None = None) -> None:
        """Shows the job as it is, without an echo."""
        job = self._services.session.job
        self.buttons[job.engine].setChecked(True)
        self._show_isolated(job)
        lines = self._problems(job) if job.engine == "builtin" else []
        self.problem.setVisible(bool(lines))
        self.problem.say("\n".join(lines))

    def _show_isolated(self, job: Job) -> None:
        self.isolated.setVisible(job.engine == "builtin")
        words = self.tr(
            "Without it the training runs in this window and ends with it, after asking. A process of its own goes on when the"
            " window closes, and an error of the GPU cannot touch the window; it takes some seconds more to start."
        )
        self.isolated.show_state(job.builtin.get(ISOLATED) is True, words, "")

    def _problems(self, job: Job) -> list[str]:
        from core.job.engine import builtin_hindrances, packages_problem  # late: the window opens without them

        say = self._tools.say
        missing = packages_problem()
        lines = [say(missing)] if missing is not None else []
        found = [say(one.text) for one in builtin_hindrances(job, self._services.session.options)]
        if found:
            lines.append(self.tr("The built-in trainer cannot run this job as it is:"))
            lines += [f"・ {words}" for words in found[:SHOWN]]
        if len(found) > SHOWN:
            lines.append(self.tr("and %n more", "", len(found) - SHOWN))
        return lines

    def retranslate(self) -> None:
        self._heading.setText(self.tr("Engine"))
        self.buttons["sd-scripts"].setText("sd-scripts")
        self.buttons["builtin"].setText(self.tr("Built-in trainer"))
        self.words.setText(
            self.tr(
                "The built-in trainer is Caddie's own: it trains LoRAs of Stable Diffusion 1.x, 2.x and SDXL without sd-scripts and"
                " without an environment. It is new, and not measured on a GPU yet."
            )
        )
        self.isolated.box.setText(self.tr("In a process of its own"))
        self.problem.button.setText(self.tr("Run this with sd-scripts instead"))
        self.show_job()
