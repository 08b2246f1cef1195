"""Paste a command line or optimizer arguments in any dialect, see what would change, and take it as one edit."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QPlainTextEdit,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from core.catalogue.catalogue import Catalogue
from core.errors import CaddieError
from core.job.model import Job
from core.options.model import OptionSet
from core.text import Text
from gui.bridge.clock import Delay
from gui.services import Services
from gui.setup.paste_model import Part, PastedLike, apply_pasted, changes
from gui.theme.theme import mono_font
from gui.widgets.base import Label, Translated

Reader = Callable[[str, OptionSet, Catalogue], PastedLike]


class PasteDialog(Translated, QDialog):
    """Args:
    services: the window's services.
    read: `core.convert.paste.read_any`.
    """

    def __init__(self, services: Services, read: Reader, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services, self._read = services, read
        self._pasted: PastedLike | None = None
        self._failure: tuple[Text, ...] = ()
        self._hint = Label("", "muted", wrap=True)
        self.text = QPlainTextEdit()
        self.text.setFont(mono_font())
        self.text.setTabChangesFocus(True)
        self.replace = QCheckBox()
        self._heading = Label("", "section")
        self.preview = QTreeWidget()
        self.preview.setProperty("class", "framed")
        self.preview.setRootIsDecorated(False)
        self.preview.setSelectionMode(QTreeWidget.SelectionMode.NoSelection)
        self.preview.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.preview.setColumnCount(4)
        self.preview.header().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        for column, width in enumerate((140, 210, 170)):
            self.preview.setColumnWidth(column, width)
        self.problems = Label("", "warning", wrap=True)
        self.buttons = QDialogButtonBox()
        self.apply = QPushButton()
        self.apply.setProperty("class", "primary")
        self.cancel = QPushButton()
        self.buttons.addButton(self.apply, QDialogButtonBox.ButtonRole.AcceptRole)
        self.buttons.addButton(self.cancel, QDialogButtonBox.ButtonRole.RejectRole)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(8)
        layout.addWidget(self._hint)
        layout.addWidget(self.text, 2)
        layout.addWidget(self.replace)
        layout.addWidget(self._heading)
        layout.addWidget(self.preview, 3)
        layout.addWidget(self.problems)
        layout.addWidget(self.buttons)
        self._delay = Delay(self.renew, 120, self)
        self.text.textChanged.connect(self._delay.start)
        self.replace.toggled.connect(lambda _on: self.renew())
        self.resize(760, 620)
        self.retranslate()
        self.renew()

    def renew(self) -> None:
        """Reads the text and shows what it would change."""
        self._delay.stop()
        text = self.text.toPlainText()
        self._pasted, self._failure = None, ()
        if text.strip():
            try:
                self._pasted = self._read(text, self._services.session.options, self._services.catalogue)
            except CaddieError as error:
                self._failure = (error.text,)
        self._show()

    def _show(self) -> None:
        say, job = self._services.translation.say, self._services.session.job
        self.preview.clear()
        found = changes(job, self._result()) if self._pasted is not None else []
        for change in found:
            before = self.tr("not set") if change.before is None else change.before
            after = self.tr("removed") if change.after is None else change.after
            self.preview.addTopLevelItem(QTreeWidgetItem([self._part(change.part), change.name, before, after]))
        problems = self._pasted.problems if self._pasted is not None else self._failure
        self.problems.setText("\n".join(f"• {say(problem)}" for problem in problems))
        self.problems.setVisible(bool(problems))
        self.apply.setEnabled(bool(found))
        if self._pasted is not None and not found and not problems:
            self._heading.setText(self.tr("Nothing would change."))
        else:
            self._heading.setText(self.tr("What would change ({0})").format(len(found)))

    def _result(self) -> Job:
        assert self._pasted is not None
        services = self._services
        return apply_pasted(services.session.job, self._pasted, services.catalogue, replace_all=self.replace.isChecked())

    def accept(self) -> None:
        """Takes what was pasted into the job as one edit."""
        if self._delay.waiting:
            self.renew()
        if self._pasted is None:
            return
        self._services.session.edit(self._result(), self.tr("Paste"))
        super().accept()

    def _part(self, part: Part) -> str:
        words: dict[Part, str] = {
            "script": self.tr("Script"),
            "optimizer": self.tr("Optimizer"),
            "argument": self.tr("Argument"),
            "option": self.tr("Option"),
            "accelerate": "accelerate",
        }
        return words[part]

    def retranslate(self) -> None:
        self.setWindowTitle(self.tr("Paste"))
        self._hint.setText(
            self.tr(
                "Paste optimizer arguments in any notation, a whole command line, a .bat, .sh or .ps1 script, TOML, or the "
                "settings of kohya_ss, LoRA_Easy_Training_Scripts or OneTrainer."
            )
        )
        self.text.setPlaceholderText('--optimizer_args "decouple=True" "weight_decay=0.01" "betas=0.9,0.99"')
        self.text.setAccessibleName(self.tr("Text to read"))
        self.replace.setText(self.tr("Remove what the text does not mention"))
        self.apply.setText(self.tr("Apply"))
        self.cancel.setText(self.tr("Cancel"))
        self.preview.setHeaderLabels([self.tr("Part"), self.tr("Name"), self.tr("Now"), self.tr("Then")])
        self._show()
