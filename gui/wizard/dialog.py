"""Makes a working sd-scripts: choose, see what will be run, watch it, use it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QFileDialog, QFrame, QMessageBox, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from core.environment.interpreters import on_windows
from core.errors import CaddieError
from core.text import Text
from gui.bridge.installation import Installation, Possibilities
from gui.services import Services
from gui.theme import tokens
from gui.widgets.base import Button, IconLabel, Label, Translated, row, set_class
from gui.wizard.choose import ChooseSheet, start_folder
from gui.wizard.progress import ProgressSheet

if TYPE_CHECKING:  # the window opens without them
    from core.wizard.plan import Choice, Step
    from core.wizard.run import Outcome

State = Literal["looking", "choosing", "planned", "running", "stopping", "failed", "done"]
_SIZE = (760, 640)


class WizardDialog(Translated, QDialog):
    """Signals:
    made: the Choice that was carried out to its end.
    """

    made = Signal(object)

    def __init__(self, services: Services, parent: QWidget | None = None, *, installation: Installation | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self._say = services.translation.say
        self.installation = installation or Installation(services.tasks, self)
        self.state: State = "looking"
        self._choice: Choice | None = None
        self._found: Possibilities | None = None
        self._problem: Text | None = None
        theme = services.theme
        self._heading = Label("", "title", wrap=True)
        self._lead = Label("", "muted", wrap=True)
        self.choose = ChooseSheet(theme, self._say, services.catalogue)
        self.progress = ProgressSheet(theme, self._say)
        self._stack = QStackedWidget()
        self._notice = QFrame()
        self._notice_text = Label("", wrap=True)
        self.export = Button(theme, icon="save")
        self.back = Button(theme)
        self.cancel = Button(theme)
        self.next = Button(theme, classes="primary")
        self._build()
        self._connect()
        self.resize(*_SIZE)
        self.retranslate()
        self.installation.look()

    def _build(self) -> None:
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setProperty("class", "bare")
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(self.choose)
        self._stack.addWidget(area)
        self._stack.addWidget(self.progress)
        self._notice.setProperty("class", "notice")
        self._notice.setProperty("tone", "warning")
        inside = QVBoxLayout(self._notice)
        inside.setContentsMargins(tokens.M, tokens.S, tokens.M, tokens.S)
        inside.addWidget(self._notice_text)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(tokens.XL, tokens.XL, tokens.XL, tokens.L)
        layout.setSpacing(tokens.M)
        head = row(IconLabel(self._services.theme, "environment", role="accent_text", size=24), self._heading, spacing=tokens.M)
        head.setStretch(1, 1)
        layout.addLayout(head)
        layout.addWidget(self._lead)
        layout.addWidget(self._stack, 1)
        layout.addWidget(self._notice)
        layout.addLayout(row(self.export, 1, self.cancel, self.back, self.next))

    def _connect(self) -> None:
        self.installation.looked.connect(self._on_looked)
        self.installation.stepped.connect(self.progress.set_state)
        self.installation.output.connect(self.progress.log.add_output)
        self.installation.finished.connect(self._on_finished)
        self.choose.changed.connect(self._show_state)
        self.choose.folder_wanted.connect(self._choose_folder)
        self.choose.python_wanted.connect(self._choose_python)
        self.next.clicked.connect(self._go_on)
        self.back.clicked.connect(self._go_back)
        self.cancel.clicked.connect(self._cancel)
        self.export.clicked.connect(self._export)

    # --- the way through ---------------------------------------------------------------------------------------

    def _on_looked(self, found: Possibilities) -> None:
        self._found = found
        self.choose.set_possibilities(found, start_folder())
        self.state = "choosing"
        if found.unfinished:  # a crash, a reboot: its own choice is shown as a plan at once
            self._plan(found.unfinished[0].choice)
        self.retranslate()
        self.next.setFocus()

    def _go_on(self) -> None:
        if self.state == "choosing":
            choice = self.choose.choice()
            if choice is not None:
                self._plan(choice)
        elif self.state in ("planned", "failed") and self._choice is not None:
            self._problem = None
            self.state = "running"
            self.progress.begin()
            self.installation.start(self._choice)
        elif self.state == "done":
            self.accept()
        self.retranslate()

    def _plan(self, choice: Choice) -> None:
        """Shows what would be run, or what keeps it from being run; the disk is asked in a worker."""

        def ask() -> tuple[tuple[Step, ...], Mapping[str, str]]:
            from core.wizard.journal import load_journal
            from core.wizard.plan import refuse, steps_of

            journal = load_journal(choice.folder)
            began = journal is not None and journal.began
            refuse(choice, resumed=began)
            return steps_of(choice), dict(journal.states) if journal is not None and began else {}

        self._services.tasks.start(ask, done=lambda found: self._on_planned(choice, *found), failed=self._refuse, owner=self)

    def _on_planned(self, choice: Choice, steps: Sequence[Step], states: Mapping[str, str]) -> None:
        self._problem = None
        self._choice = choice
        self.state = "planned"
        self.progress.show_plan(steps)
        for step, state in states.items():
            self.progress.set_state(step, "skipped" if state == "done" else "")
        self.retranslate()

    def _go_back(self) -> None:
        self.state = "choosing"
        self._problem = None
        self.retranslate()

    def _on_finished(self, result: Outcome | BaseException) -> None:
        if isinstance(result, BaseException):
            self.state = "failed"
            text = result.text if isinstance(result, CaddieError) else Text(str(result), str(result))
            self._problem = text
        elif result.ok:
            self.state = "done"
            if self._choice is not None:
                self.made.emit(self._choice)
        else:
            self.state = "failed"
            self._problem = result.problem
        self.retranslate()

    def _cancel(self) -> None:
        if self.state == "running":
            self.state = "stopping"
            self.installation.stop()
            self.retranslate()
        else:
            self.reject()

    def may_close(self) -> bool:
        """Asks where it is at work."""
        answer = QMessageBox.question(
            self, "Caddie", self.tr("Stop the set-up? What is done stays done, and it goes on from there when you come back.")
        )
        return answer == QMessageBox.StandardButton.Yes

    def reject(self) -> None:
        """Escape, or the button of the frame."""
        if self.installation.running:
            if not self.may_close():
                return
            self.installation.stop()
        super().reject()

    # --- the system's dialogs ----------------------------------------------------------------------------------

    def _choose_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, self.tr("In which folder?"), str(Path(self.choose.folder.text()).parent))
        if name:
            recipe = self.choose.recipe.currentData()
            self.choose.folder.setText(str(Path(name) / recipe.folder))

    def _choose_python(self) -> None:
        name, _ = QFileDialog.getOpenFileName(
            self, self.tr("Which Python?"), str(Path.home()), "python.exe" if on_windows() else ""
        )
        if name:
            self.use_python(Path(name))

    def use_python(self, path: Path) -> None:
        """Asks an interpreter whether it will do, and chooses it."""

        recipe = self.choose.recipe.currentData()  # here: no widget is asked from the worker

        def ask() -> str:
            from core.wizard.plan import check_python
            from core.wizard.pythons import ask_version

            version = ask_version(path)
            check_python(version, recipe)
            return version

        self._services.tasks.start(
            ask, done=lambda version: self.choose.choose_python(path, version), failed=self._refuse, owner=self
        )

    def _refuse(self, error: BaseException) -> None:
        self._problem = error.text if isinstance(error, CaddieError) else Text(str(error), str(error))
        self.retranslate()

    def _export(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self,
            self.tr("Write the whole set-up as a script"),
            str(Path.home() / ("set-up-sd-scripts.bat" if on_windows() else "set-up-sd-scripts.sh")),
            "*.bat *.ps1 *.sh",
        )
        if not name or self._choice is None:
            return
        path = Path(name)
        if path.suffix.lower() not in (".sh", ".bat", ".ps1"):  # dialogs of Linux add none
            path = path.with_name(path.name + (".bat" if on_windows() else ".sh"))
        self.installation.export(self._choice, path, path.suffix.lower().removeprefix("."))  # pyright: ignore[reportArgumentType]

    # --- words -------------------------------------------------------------------------------------------------

    def _show_state(self) -> None:
        state = self.state
        self._stack.setCurrentIndex(0 if state in ("looking", "choosing") else 1)
        self.choose.setEnabled(state == "choosing")
        self.next.setVisible(state not in ("running", "stopping"))
        self.next.setEnabled(state != "looking" and (state != "choosing" or self.choose.complete))
        self.back.setVisible(state in ("planned", "failed"))
        self.export.setVisible(state in ("planned", "failed"))
        self.cancel.setVisible(state != "done")
        self.cancel.setEnabled(state != "stopping")
        set_class(self.cancel, "danger" if state in ("running", "stopping") else "")
        words = self._say(self._problem) if self._problem is not None else self._missing()
        self._notice.setVisible(bool(words))
        self._notice_text.setText(words)

    def _missing(self) -> str:
        if self.state == "choosing" and self._found is not None and self.choose.python.count() == 0:
            wanted = ", ".join(self._found.recipes[0].python)
            return self.tr(
                "No Python {versions} was found. Get Python 3.10 from python.org/downloads, install it, and open this again; or choose"
                " one yourself."
            ).format(versions=wanted)
        return ""

    def retranslate(self) -> None:
        """Says it in the language on screen."""
        self.setWindowTitle(self.tr("Set up sd-scripts"))
        headings = {
            "looking": self.tr("Looking at this computer …"),
            "choosing": self.tr("A new sd-scripts"),
            "planned": self.tr("This will be run"),
            "running": self.tr("Setting up"),
            "stopping": self.tr("Stopping …"),
            "failed": self.tr("It did not come to its end"),
            "done": self.tr("sd-scripts is ready"),
        }
        self._heading.setText(headings[self.state])
        self._lead.setText(self._lead_words())
        nexts = {"planned": self.tr("Start"), "failed": self.tr("Go on"), "done": self.tr("Close")}
        self.next.setText(nexts.get(self.state, self.tr("Next")))
        self.back.setText(self.tr("Back"))
        self.cancel.setText(self.tr("Stop") if self.state in ("running", "stopping") else self.tr("Cancel"))
        self.export.setText(self.tr("Write as a script …"))
        self._show_state()

    def _lead_words(self) -> str:
        choice = self._choice
        if self.state == "choosing":
            return self.tr("Everything goes into one new folder. Nothing that is there is ever written over.")
        if choice is None:
            return ""
        if self.state == "planned":
            return self.tr("About {size} GB in {folder}; 10 to 30 minutes with a usual connection.").format(
                size=round(choice.build.bytes / 1024**3), folder=choice.folder
            )
        if self.state == "failed":
            return self.tr("What is done stays done. “Go on” takes up where it ended, today or later.")
        if self.state == "done":
            return self.tr("{folder} is an environment of Caddie now, and is being checked.").format(folder=choice.folder)
        return str(choice.folder)


def open_wizard(dialog: WizardDialog) -> None:
    """Shows it over its window without blocking; it deletes itself when closed."""
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.open()
