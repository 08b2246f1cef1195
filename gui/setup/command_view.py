"""The exact command, live, in the format that somebody wants to take along."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QPlainTextEdit, QTabBar, QVBoxLayout, QWidget

from core.errors import CaddieError
from gui.bridge.clock import Delay
from gui.bridge.notices import Notice
from gui.services import Services
from gui.setup.command_model import STAND_IN, UNSAID, Command, command_of
from gui.setup.dock_view import DockView
from gui.setup.highlighter import CommandHighlighter, Syntax
from gui.theme.theme import Theme, mono_font
from gui.widgets.base import Button

DELAY = 60
"""Milliseconds between an edit and the new command."""

FORMATS: tuple[tuple[Syntax, str, str], ...] = (
    ("sh", "sh", ".sh"),
    ("bat", "cmd", ".bat"),
    ("ps1", "PowerShell", ".ps1"),
    ("toml", "TOML", ".toml"),
)
"""Syntax, name of the tab, suffix of the exported file."""


class CommandView(DockView):
    """See the module."""

    view_id: ClassVar[str] = "command"

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self._command = Command("", ())
        self._delay = Delay(self.renew, DELAY, self)
        self._make_tools(services.theme)
        self._make_body(services.theme)
        session = services.session
        session.changed.connect(lambda _job: self._delay.start())
        session.options_changed.connect(self._delay.start)
        session.file_changed.connect(self._delay.start)
        services.environments.selected_changed.connect(lambda *_: self._delay.start())
        self._restore()
        self.retranslate()
        self._delay.start(0)

    def _make_tools(self, theme: Theme) -> None:
        self.tabs = QTabBar()
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        for _, name, _ in FORMATS:
            self.tabs.addTab(name)
        self.tabs.currentChanged.connect(self._on_tab)
        self.note = Button(theme, icon="warning", classes="quiet")
        self.note.clicked.connect(lambda: self._services.navigate("environment"))
        self.copy = Button(theme, icon="copy", classes="quiet")
        self.copy.clicked.connect(self.copy_text)
        self.export = Button(theme, icon="download", classes="quiet")
        self.export.clicked.connect(self.ask_export)

    def _make_body(self, theme: Theme) -> None:
        self.problem = Button(theme, icon="error", classes="link wrong")
        self.problem.clicked.connect(self._go)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setProperty("class", "code")
        self.text.setFont(mono_font(9.5))
        self.text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self._colours = CommandHighlighter(self.text.document(), theme)
        body = QVBoxLayout(self)
        body.setContentsMargins(12, 0, 12, 8)
        body.setSpacing(4)
        body.addWidget(self.problem, alignment=Qt.AlignmentFlag.AlignLeft)
        body.addWidget(self.text, 1)

    def tools(self) -> Sequence[QWidget]:
        """Formats, what is not chosen yet, copy, export."""
        return (self.note, self.tabs, self.copy, self.export)

    # --- what is shown -----------------------------------------------------------------------------------------

    @property
    def command(self) -> Command:
        """What is shown."""
        return self._command

    @property
    def syntax(self) -> Syntax:
        """The chosen format."""
        return FORMATS[max(self.tabs.currentIndex(), 0)][0]

    def renew(self) -> None:
        """Shows the command of the job as it is now."""
        self._delay.stop()
        services, session = self._services, self._services.session
        self._command = command_of(
            session.job,
            self.syntax,
            environment=services.environments.selected,
            options=session.options,
            catalogue=services.catalogue,
            saved=None if session.modified else session.path,
        )
        self._show()

    def _show(self) -> None:
        if self.text.toPlainText() != self._command.text:
            scroll = self.text.verticalScrollBar().value()
            self.text.setPlainText(self._command.text)
            self.text.verticalScrollBar().setValue(scroll)
            self._find_unsaid()
        hint = self._services.translation.say(self._command.hint) if self._command.hint else ""
        self.text.setPlaceholderText(hint)
        self.text.setVisible(bool(self._command.text or hint))
        self._say_problem()
        self._allow(self._command.complete)
        unplaced = self._services.environments.selected is None and self._services.session.job.engine != "builtin"
        self.note.setVisible(bool(self._command.text) and unplaced and self.syntax != "toml")

    def _find_unsaid(self) -> None:
        if not self._command.complete:
            place = self._command.text.find(UNSAID)
            cursor = self.text.textCursor()
            cursor.setPosition(max(place, 0))
            self.text.setTextCursor(cursor)
            self.text.ensureCursorVisible()

    def _allow(self, complete: bool) -> None:
        why = "" if complete else self.tr("First mend the values that stand as {0} in the command.").format(UNSAID)
        if self._command.hint is not None:
            why = self._services.translation.say(self._command.hint)
        elif not self._command.text:
            why = self.tr("This format cannot hold the command.")
        for button in (self.copy, self.export):
            button.setEnabled(complete)
            button.setToolTip(why)

    def _say_problem(self) -> None:
        findings = self._command.findings
        self.problem.setVisible(bool(findings))
        if len(findings) == 1:
            self.problem.setText(self._services.translation.say(findings[0].text))
        elif findings:
            self.problem.setText(self.tr("{0} problems keep this command from running").format(len(findings)))

    def _go(self) -> None:
        findings = self._command.findings
        if len(findings) == 1 and findings[0].key:
            self.wanted.emit(findings[0].key)
        else:
            self.view_wanted.emit("advice")

    # --- copy and export ---------------------------------------------------------------------------------------

    def copy_text(self) -> None:
        """Puts the command on the clipboard."""
        QGuiApplication.clipboard().setText(self._command.text)
        self._services.notices.post(Notice(text=lambda: self.tr("Copied."), tone="success", seconds=3))

    def ask_export(self) -> None:
        """Asks for a file and writes the command there."""
        _, name, suffix = FORMATS[self.tabs.currentIndex()]
        stem = self._services.session.name or "training"
        chosen, _ = QFileDialog.getSaveFileName(self, self.tr("Export as {0}").format(name), stem + suffix, f"*{suffix}")
        if chosen:
            path = Path(chosen)
            self.export_to(path if path.suffix else path.with_suffix(suffix))

    def export_to(self, path: Path) -> None:
        """Writes the job to a file in the chosen format."""
        from core.command.builtin import export_builtin
        from core.command.export import export_file

        services, session = self._services, self._services.session
        environment = services.environments.selected or STAND_IN
        try:
            if session.job.engine == "builtin":
                export_builtin(session.job, session.path or path, path, self.syntax)  # without a file only TOML is offered
            else:
                export_file(session.job, path, self.syntax, environment=environment, options=session.options)
        except (CaddieError, OSError) as error:
            services.tasks.report(error)
            return
        text = lambda: self.tr("Exported to {0}.").format(path)  # noqa: E731
        services.notices.post(Notice(text=text, tone="success", seconds=6))

    # --- format --------------------------------------------------------------------------------------------------

    def choose(self, syntax: Syntax) -> None:
        """Shows a format."""
        self.tabs.setCurrentIndex(next(place for place, entry in enumerate(FORMATS) if entry[0] == syntax))

    def _on_tab(self, _index: int) -> None:
        self._colours.set_syntax(self.syntax)
        self._services.settings.set("command.format", self.syntax)
        self.renew()

    def _restore(self) -> None:
        settings = self._services.settings
        on_windows = sys.platform == "win32"
        wanted = settings.text("command.format")
        self.tabs.blockSignals(True)
        usual: Syntax = "bat" if on_windows else "sh"
        known: list[Syntax] = [syntax for syntax, _, _ in FORMATS if syntax == wanted]
        self.choose(known[0] if known else usual)
        self.tabs.blockSignals(False)
        self._colours.set_syntax(self.syntax)

    def retranslate(self) -> None:
        self.copy.setText(self.tr("Copy"))
        self.export.setText(self.tr("Export …"))
        self.text.setAccessibleName(self.tr("The command of this job"))
        self.tabs.setAccessibleName(self.tr("Format of the command"))
        self.note.setText(self.tr("No environment chosen"))
        self.note.setToolTip(
            self.tr("python and sd-scripts stand for your own interpreter and checkout. Click to choose an environment.")
        )
        self._show()
