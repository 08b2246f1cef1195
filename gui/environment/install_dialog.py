"""The sheet before an installation: what pip would do, the exact command, and a yes of its own where torch is touched."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QCheckBox, QDialog, QFrame, QPlainTextEdit, QProgressBar, QVBoxLayout, QWidget

from core.environment.install import InstallPlan, shown
from core.environment.model import Environment
from core.errors import CaddieError
from core.text import Text
from gui.theme import tokens
from gui.theme.theme import Theme, mono_font
from gui.widgets.base import Button, IconLabel, Label, Translated, row


class InstallDialog(Translated, QDialog):
    """First it says that pip is asked; with `set_plan` it shows the plan.

    Signals:
        agreed: the plan that may run.
    """

    agreed = Signal(object)

    def __init__(
        self,
        theme: Theme,
        say: Callable[[Text], str],
        environment: Environment,
        requirements: Sequence[str],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._say = say
        self._environment = environment
        self._requirements = tuple(requirements)
        self._plan: InstallPlan | None = None
        self._error: BaseException | None = None
        self.setModal(True)
        self.setMinimumWidth(600)
        self._heading = Label("", "title", wrap=True)
        self._text = Label("", wrap=True)
        self._busy = QProgressBar()
        self._busy.setRange(0, 0)
        self._busy.setTextVisible(False)
        self._will = Label("", "muted", wrap=True)
        self._command_heading = Label("", "section")
        self._command = QPlainTextEdit()
        self._command.setReadOnly(True)
        self._command.setFont(mono_font(tokens.CAPTION_PT))
        self._command.setFixedHeight(104)
        self._command.setTabChangesFocus(True)
        self._warning = QFrame()
        self._warning.setProperty("class", "notice")
        self._warning.setProperty("tone", "warning")
        self._warning_text = Label("", wrap=True)
        inside = QVBoxLayout(self._warning)
        inside.setContentsMargins(tokens.M, tokens.S, tokens.M, tokens.S)
        inside.addWidget(self._warning_text)
        self.torch_yes = QCheckBox()
        self.torch_yes.toggled.connect(self.retranslate)
        self.copy = Button(theme, icon="copy")
        self.copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self._command.toPlainText()))
        self.cancel = Button(theme)
        self.cancel.clicked.connect(self.reject)
        self.install = Button(theme, icon="download", classes="primary")
        self.install.clicked.connect(self._agree)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(tokens.XL, tokens.XL, tokens.XL, tokens.L)
        layout.setSpacing(tokens.M)
        head = row(IconLabel(theme, "download", role="accent_text", size=24), self._heading, spacing=tokens.M)
        head.setStretch(1, 1)
        layout.addLayout(head)
        for widget in (self._text, self._busy, self._will, self._command_heading, self._command, self._warning, self.torch_yes):
            layout.addWidget(widget)
        layout.addStretch(1)
        layout.addLayout(row(self.copy, 1, self.cancel, self.install))
        self.retranslate()

    @property
    def command(self) -> str:
        """The command on screen."""
        return self._command.toPlainText()

    @property
    def can_install(self) -> bool:
        """Whether the button may be pressed."""
        plan = self._plan
        return plan is not None and bool(plan.commands) and (not plan.touches_torch or self.torch_yes.isChecked())

    def set_plan(self, plan: InstallPlan) -> None:
        """pip has answered."""
        self._plan = plan
        self._command.setPlainText("\n".join(shown(command) for command in plan.commands))
        self.retranslate()
        (self.cancel if plan.touches_torch or not plan.commands else self.install).setFocus()

    def set_error(self, error: BaseException) -> None:
        """No plan could be made."""
        self._error = error
        self.retranslate()

    def retranslate(self) -> None:
        """Says it in the language on screen."""
        plan = self._plan
        nothing = plan is not None and not plan.commands
        self.setWindowTitle(self.tr("Install packages"))
        self._heading.setText(self.tr("Install into {name}").format(name=self._environment.name))
        self._text.setText(self._lead())
        self._busy.setVisible(plan is None and self._error is None)
        self._will.setText(self._what_comes())
        self._will.setVisible(bool(self._will.text()))
        self._command_heading.setText(self.tr("The command that is run"))
        for widget in (self._command_heading, self._command, self.copy):
            widget.setVisible(plan is not None and not nothing)
        warning = plan.warning if plan is not None else None
        self._warning.setVisible(warning is not None)
        self._warning_text.setText(self._say(warning) if warning else "")
        self.torch_yes.setText(self.tr("Yes, PyTorch may be installed or replaced"))
        self.torch_yes.setVisible(plan is not None and plan.touches_torch)
        self.copy.setText(self.tr("Copy command"))
        self.cancel.setText(self.tr("Close") if nothing or self._error else self.tr("Cancel"))
        self.install.setText(self.tr("Install"))
        self.install.setVisible(not nothing and self._error is None)
        self.install.setEnabled(self.can_install)
        self.adjustSize()

    def _lead(self) -> str:
        if self._error is not None:
            error = self._error
            return self._say(error.text) if isinstance(error, CaddieError) else str(error)
        names = ", ".join(self._requirements)
        if self._plan is None:
            return self.tr("Asking pip what installing {names} would change …").format(names=names)
        if not self._plan.commands:
            return self.tr("Everything it needs is there already. Check the environment again to see it.")
        return self.tr("pip installs {names} into this Python:").format(names=names) + f"\n{self._environment.python}"

    def _what_comes(self) -> str:
        if self._plan is None or not self._plan.installs:
            return ""
        packages = ", ".join(f"{name} {version}" for name, version in self._plan.installs)
        return (
            self.tr("New or changed: {packages}. PyTorch stays as it is.").format(packages=packages)
            if (not self._plan.touches_torch)
            else self.tr("New or changed: {packages}.").format(packages=packages)
        )

    def _agree(self) -> None:
        if self.can_install:
            self.agreed.emit(self._plan)
            self.accept()


def open_dialog(dialog: InstallDialog) -> None:
    """Shows it over its window without blocking; it deletes itself when closed."""
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.open()
