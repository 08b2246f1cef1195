"""Takes the rate that a run found over to another optimizer: what was found, by which rule, and what would change."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from core.catalogue.spec import OptimizerSpec
from core.errors import CaddieError
from core.handover.measure import Found
from core.handover.take_over import TakeOver, take_over, targets
from core.handover.words import caution_words, group_label, plateau_words, rule_words
from core.history.differ import differing_jobs
from core.job.model import Job
from core.metrics.run_metrics import RunMetrics
from gui.run.handover_plot import HandoverPlot
from gui.services import Services
from gui.theme import tokens
from gui.widgets.base import Label, Translated


class HandoverDialog(Translated, QDialog):
    """Args:
    services: the window's services.
    found: what the run says.
    job: the run's.
    metrics: its numbers, as they were when it was measured.
    """

    def __init__(self, services: Services, found: Found, job: Job, metrics: RunMetrics, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services, self._found, self._job = services, found, job
        self._way: TakeOver | None = None
        self.heading = Label("", "section")
        self.plateaus = Label("", wrap=True)
        self.caution = Label("", "warning", wrap=True)
        self.plot = HandoverPlot(services.theme)
        self.plot.setVisible(found.has_d)
        self.choice = QComboBox()
        self.choice_label = QLabel()
        self.warmup = QCheckBox()
        self.rule = Label("", wrap=True)
        self.sources = QLabel()
        self.notes = Label("", "muted", wrap=True)
        self.preview_heading = Label("", "section")
        self.preview = QTreeWidget()
        self.buttons = QDialogButtonBox()
        self.apply = self.buttons.addButton("", QDialogButtonBox.ButtonRole.AcceptRole)
        self.cancel = self.buttons.addButton("", QDialogButtonBox.ButtonRole.RejectRole)
        self._targets: tuple[OptimizerSpec, ...] = targets(found, job, services.catalogue)
        self._build()
        if found.has_d:
            self.plot.show_found(found, metrics)
        self.retranslate()

    def _build(self) -> None:
        self.sources.setWordWrap(True)
        self.sources.setOpenExternalLinks(True)
        self.sources.setTextInteractionFlags(Qt.TextInteractionFlag.TextBrowserInteraction)
        self.preview.setRootIsDecorated(False)
        self.preview.setUniformRowHeights(True)
        self.preview.setMinimumHeight(130)
        for spec in self._targets:
            self.choice.addItem(spec.name, spec.id)
        self.choice_label.setBuddy(self.choice)
        form = QFormLayout()
        form.addRow(self.choice_label, self.choice)
        form.addRow("", self.warmup)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(tokens.L, tokens.L, tokens.L, tokens.L)
        layout.setSpacing(tokens.S)
        for widget in (self.heading, self.plateaus, self.caution):
            layout.addWidget(widget)
        layout.addWidget(self.plot, 2)
        layout.addLayout(form)
        for widget in (self.rule, self.sources, self.notes, self.preview_heading):
            layout.addWidget(widget)
        layout.addWidget(self.preview, 2)
        layout.addWidget(self.buttons)
        self.choice.currentIndexChanged.connect(self._show)
        self.warmup.toggled.connect(self._show)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.resize(820, 760)

    @property
    def way(self) -> TakeOver | None:
        """The job as it would be; None where there is nothing to take over."""
        return self._way

    def accept(self) -> None:
        """Puts the new job in Set up, as one edit that can be undone."""
        if self._way is not None:
            self._services.session.edit(self._way.job, self.tr("Take the rate over"))
            self._services.navigate("setup", "option:learning_rate")
        super().accept()

    def _show(self, *_: object) -> None:
        say, found = self._services.translation.say, self._found
        spec = self._services.catalogue.get(str(self.choice.currentData()))
        self._way = None
        if spec is not None:
            try:
                self._way = take_over(found, self._job, spec, self._services.catalogue, warmup=self.warmup.isChecked())
            except CaddieError as error:  # never of an optimizer that `targets` names
                self.rule.setText(say(error.text))
        way = self._way
        if way is not None and found.spec is not None:
            rates = ", ".join(f"{rate.option} = {rate.value:g} ({rate.low:g} – {rate.high:g})" for rate in way.rates)
            self.rule.setText(f"{rates}\n{say(rule_words(way.rule, found.spec, way.spec))}")
            self.sources.setText("<br>".join(self._source(way)))
            self.notes.setText("\n".join(f"• {say(text)}" for text in way.notes))
        self.notes.setVisible(way is not None and bool(way.notes))
        self.preview.clear()
        changed = differing_jobs(self._job, way.job) if way is not None else ()
        for item in changed:
            self.preview.addTopLevelItem(QTreeWidgetItem([say(item.label), say(item.one), say(item.other)]))
        for column in range(2):
            self.preview.resizeColumnToContents(column)
        self.preview_heading.setText(self.tr("What the new job has otherwise ({0})").format(len(changed)))
        self.apply.setEnabled(way is not None)

    def _source(self, way: TakeOver) -> list[str]:
        from html import escape

        say = self._services.translation.say
        lines: list[str] = []
        for scale in way.rule.scales:
            title = escape(say(scale.source.title))
            where = f'<a href="{escape(scale.source.link)}">{title}</a>' if scale.source.link else title
            lines.append(self.tr("{rule} Source: {source}").format(rule=escape(say(scale.text)), source=where))
        return lines

    def retranslate(self) -> None:
        """Sets every visible text in the language on screen."""
        say = self._services.translation.say
        self.setWindowTitle(self.tr("Take the rate over"))
        self.heading.setText(self.tr("What this run found"))
        named = [(group_label(group), say(plateau_words(group))) for group in self._found.groups]
        lines = [f"{name}: {words}" if name else words for name, words in named]
        self.plateaus.setText("\n".join(lines) or self.tr("This run tells no learning rate."))
        caution = caution_words(self._found)
        self.caution.setText(say(caution) if caution is not None else "")
        self.caution.setVisible(caution is not None)
        self.choice_label.setText(self.tr("Go on with"))
        self.warmup.setText(self.tr("Let the new rate rise as long as d did (warm-up)"))
        settled = [group.plateau.begin for group in self._found.groups if group.plateau is not None and group.plateau.begin]
        self.warmup.setVisible(bool(settled))
        self.preview.setHeaderLabels([self.tr("Setting"), self.tr("This run"), self.tr("New job")])
        self.preview.setAccessibleName(self.tr("What would change"))
        self.apply.setText(self.tr("Open in Set up"))
        self.cancel.setText(self.tr("Cancel"))
        self._show()
