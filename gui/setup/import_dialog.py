"""Another program's settings: what became of each key and what would change, before anything does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from PySide6.QtWidgets import QCheckBox, QDialog, QDialogButtonBox, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from core.catalogue.catalogue import Catalogue
from core.convert.report import WORDS, Imported, Outcome
from core.job.model import Job
from core.job.presets import apply_preset
from core.options.model import OptionValue
from core.text import Text
from gui.services import Services
from gui.setup.paste_model import apply_pasted, changes
from gui.widgets.base import Label, Translated


@dataclass(frozen=True, slots=True)
class _Said:
    """An imported file in the form of pasted text, to be added to a job."""

    script: str | None
    options: Mapping[str, OptionValue]
    arguments: Mapping[str, str]
    accelerate: Mapping[str, OptionValue]
    problems: tuple[Text, ...] = ()
    extra: Mapping[str, object] = field(default_factory=dict[str, object])


def with_imported(job: Job, found: Imported, catalogue: Catalogue, *, replace_all: bool) -> Job:
    """The job with what a file says.

    Args:
        job: the job as it is.
        found: what was read.
        catalogue: tells whether another optimizer is meant.
        replace_all: the options of the file, and no others; else they are added to those of the job.
    """
    new = found.job
    if found.preset is not None:
        return apply_preset(job, found.preset, catalogue)
    extra = MappingProxyType({**job.extra, **new.extra})
    if replace_all:
        return replace(
            job, script=new.script, options=new.options, accelerate=new.accelerate, hand_loss=new.hand_loss, extra=extra
        )
    said = _Said(new.script if found.names_script else None, new.options, new.arguments, new.accelerate)
    return replace(apply_pasted(job, said, catalogue), extra=extra)


class ImportDialog(Translated, QDialog):
    """Args:
    services: the window's services.
    found: what was read.
    name: of the file.
    """

    def __init__(self, services: Services, found: Imported, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services, self._found, self._name = services, found, name
        self._summary = Label("", "section")
        self.report = QTreeWidget()
        self.quiet = QCheckBox()
        self._notes = Label("", "muted", wrap=True)
        self.replace = QCheckBox()
        self.replace.setChecked(True)
        self.replace.setVisible(found.preset is None)  # a preset replaces its own part, and never more
        self._heading = Label("", "section")
        self.preview = QTreeWidget()
        for tree in (self.report, self.preview):
            tree.setRootIsDecorated(False)
            tree.setUniformRowHeights(True)
        self.buttons = QDialogButtonBox()
        self.apply = self.buttons.addButton("", QDialogButtonBox.ButtonRole.AcceptRole)
        self.cancel = self.buttons.addButton("", QDialogButtonBox.ButtonRole.RejectRole)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(8)
        for widget, stretch in (
            (self._summary, 0),
            (self.report, 3),
            (self.quiet, 0),
            (self._notes, 0),
            (self.replace, 0),
            (self._heading, 0),
            (self.preview, 2),
            (self.buttons, 0),
        ):
            layout.addWidget(widget, stretch)
        self.replace.toggled.connect(self._show)
        self.quiet.toggled.connect(self._show)
        self.resize(860, 680)
        self.retranslate()

    def result_job(self) -> Job:
        """The job as it would be."""
        services = self._services
        return with_imported(services.session.job, self._found, services.catalogue, replace_all=self.replace.isChecked())

    def accept(self) -> None:
        """Takes it as one edit, which can be undone."""
        self._services.session.edit(self.result_job(), self.tr("Import"))
        super().accept()

    def retranslate(self) -> None:
        self.setWindowTitle(self.tr("Import {file}").format(file=self._name))
        self.report.setHeaderLabels([self.tr("Key"), self.tr("Value"), self.tr("Result"), self.tr("Becomes"), self.tr("Note")])
        self.report.setAccessibleName(self.tr("What became of each key"))
        self.preview.setHeaderLabels([self.tr("Name"), self.tr("Now"), self.tr("Then")])
        self.preview.setAccessibleName(self.tr("What would change"))
        self.quiet.setText(self.tr("Show keys that are not set, too"))
        self.replace.setText(self.tr("Remove what the file does not mention"))
        self.apply.setText(self.tr("Apply"))
        self.cancel.setText(self.tr("Cancel"))
        self._show()

    def _show(self, *_: object) -> None:
        say, report = self._services.translation.say, self._found.report
        self._summary.setText(f"{say(self._found.kind)} – {say(report.summary())}")
        self.report.clear()
        for entry in report.entries:
            if entry.outcome is Outcome.UNSET and not self.quiet.isChecked():
                continue
            why = say(entry.why) if entry.why is not None else ""
            row = QTreeWidgetItem([entry.key, entry.value, say(WORDS[entry.outcome]), entry.target, why])
            for column in range(row.columnCount()):
                row.setToolTip(column, row.text(column))
            self.report.addTopLevelItem(row)
        self._notes.setText("\n".join(f"• {say(text)}" for text in report.notes))
        self._notes.setVisible(bool(report.notes))
        found = changes(self._services.session.job, self.result_job())
        self.preview.clear()
        for change in found:
            before = self.tr("not set") if change.before is None else change.before
            after = self.tr("removed") if change.after is None else change.after
            self.preview.addTopLevelItem(QTreeWidgetItem([change.name, before, after]))
        self._heading.setText(self.tr("What would change ({0})").format(len(found)))
        self.apply.setEnabled(bool(found))
        for tree in (self.report, self.preview):
            for column in range(tree.columnCount() - 1):
                tree.resizeColumnToContents(column)
                tree.setColumnWidth(column, min(tree.columnWidth(column), 240))
