"""Tries the optimizer where it will train: what was built, what two steps came to, and what it would do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QFormLayout, QHBoxLayout, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from core.job.model import Job
from gui.bridge.preflight import KEY
from gui.bridge.trial import Trial
from gui.services import Services
from gui.setup.dock_view import DockView
from gui.theme import tokens
from gui.widgets.badge import BadgeLook
from gui.widgets.base import Button, IconLabel, Label, Line, row

if TYPE_CHECKING:
    from core.preflight.model import Report


class PreflightView(DockView):
    """A button; then the findings at the left and curves at the right."""

    view_id: ClassVar[str] = "preflight"

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        from gui.setup.preflight_plot import PreflightPlot  # late: numpy and pyqtgraph, which a first view does not need

        self._services = services
        self.trial = Trial(services.tasks, services.catalogue, self)
        self.report: Report | None = None
        self._tried: Job | None = None
        self.button = Button(services.theme, icon="play", classes="primary")
        self.button.clicked.connect(self.toggle)
        self.before = QCheckBox()
        self.before.setChecked(services.settings.flag(KEY, True))
        self.before.toggled.connect(lambda on: services.settings.set(KEY, on))
        self.plot = PreflightPlot(services.theme)
        self._about = Label("", "muted", wrap=True)
        self._state = Label("", "muted")
        self._verdict = Label("", "section")
        self._problem = Label("", wrap=True)
        self._problem.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._stale = Label("", "caption", wrap=True)
        self._note = Label("", "caption", wrap=True)
        self._good = IconLabel(services.theme, "success", role="accent_text")
        self._bad = IconLabel(services.theme, "error", role="danger_text")
        self._facts = QFormLayout()
        self._stack = QStackedWidget()
        self._build()
        self.trial.running_changed.connect(self._show_running)
        self.trial.part_changed.connect(self._show_part)
        self.trial.finished.connect(self._show_report)
        services.session.changed.connect(self._show_stale)
        services.settings.changed.connect(self._follow_setting)
        self.retranslate()

    def _build(self) -> None:
        empty = QWidget()
        inside = QVBoxLayout(empty)
        inside.addStretch(1)
        inside.addWidget(self._about)
        inside.addWidget(self._state)
        inside.addStretch(2)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, tokens.S, 0)
        column.setSpacing(tokens.XS)
        column.addLayout(row(self._good, self._bad, self._verdict, 1))
        for widget in (self._stale, self._problem):
            column.addWidget(widget)
        self._facts.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._facts.setVerticalSpacing(2)
        column.addLayout(self._facts)
        column.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setProperty("class", "bare")
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(left)
        right = QWidget()
        beside = QVBoxLayout(right)
        beside.setContentsMargins(0, 0, 0, 0)
        beside.setSpacing(0)
        beside.addWidget(self.plot, 1)
        beside.addWidget(self._note)
        full = QWidget()
        split = QHBoxLayout(full)
        split.setContentsMargins(0, 0, 0, 0)
        split.addWidget(area, 1)
        split.addWidget(Line(vertical=True))
        split.addWidget(right, 1)
        self._right = right
        self._stack.addWidget(empty)
        self._stack.addWidget(full)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 0, 12, 8)
        layout.addWidget(self._stack)

    # --- what the dock asks ------------------------------------------------------------------------------------

    def badge(self) -> BadgeLook | None:
        """Whether the job as it stands passed; nothing where it was not tried."""
        if self.report is None or self._tried != self._services.session.job:
            return None
        if self.report.ending == "passed":
            return BadgeLook("✓", "success")
        return BadgeLook("!", "danger") if self.report.ending == "failed" else None

    def tools(self) -> Sequence[QWidget]:
        """The switch and the button."""
        return (self.before, self.button)

    # --- trying ------------------------------------------------------------------------------------------------

    def toggle(self) -> None:
        """Tries the job as it is now; stops the trial that is under way."""
        if self.trial.running:
            self.trial.stop()
            return
        job, runs = self._services.session.job, self._services.runs
        environment = runs.environment_for(job)
        if environment is None and job.engine != "builtin":
            self._stack.setCurrentIndex(0)
            self._state.setText(self.tr("No environment has been chosen yet: Caddie does not know which Python trains."))
            return
        self._tried = job
        services = self._services
        self.trial.start(job, environment, services.options.for_script(job.script), services.counting.batches())

    def _show_running(self) -> None:
        running = self.trial.running
        self.button.setText(self.tr("Stop") if running else self.tr("Try it"))
        if running:
            self.report = None
            self._stack.setCurrentIndex(0)
            self.badge_changed.emit()
        else:
            self._state.setText("")

    def _show_part(self, part: str) -> None:
        from core.preflight.verdict import part_name

        self._state.setText(self._services.translation.say(part_name(part)) + " …")

    def _show_report(self, report: Report) -> None:
        self.report = report
        self._stack.setCurrentIndex(1)
        self._fill()
        self._right.setVisible(bool(report.curves))
        if report.curves:
            self.plot.show_report(report)
        self.badge_changed.emit()

    def _fill(self) -> None:
        from core.preflight.words import ENDINGS, facts_of, stride_note
        from gui.bridge.preflight import words_of

        report, say = self.report, self._services.translation.say
        while self._facts.rowCount():
            self._facts.removeRow(0)
        if report is None:
            return
        self._good.setVisible(report.ending == "passed")
        self._bad.setVisible(report.ending != "passed")
        self._verdict.setText(say(ENDINGS[report.ending]))
        self._problem.setText(say(words_of(report)))
        self._problem.setVisible(report.problem is not None)
        for name, value in facts_of(report)[1:]:
            field = Label(say(value), wrap=True)
            field.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self._facts.addRow(Label(say(name), "caption"), field)
        self._note.setText(say(stride_note(report.curves[0], report.total_steps)) if report.curves else "")
        self._show_stale()

    def _show_stale(self) -> None:
        if self.report is not None:
            self._stale.setVisible(self._tried != self._services.session.job)
            self.badge_changed.emit()

    def _follow_setting(self, key: str) -> None:
        if key == KEY:
            self.before.setChecked(self._services.settings.flag(KEY, True))

    def retranslate(self) -> None:
        """Sets every visible text in the language on screen."""
        self._about.setText(
            self.tr(
                "Builds the optimizer in the Python that will train, by the trainer's own code and with the job's arguments, takes "
                "two steps on tensors of the LoRA's shapes, and draws what it would do on a small problem. No model is loaded; it "
                "takes a few seconds."
            )
        )
        self._stale.setText(self.tr("The job has changed since."))
        self.before.setText(self.tr("Try before each start"))
        self.before.setToolTip(
            self.tr("A job that does not pass is not started, unless you insist. What has passed is not tried again.")
        )
        self._show_running()
        self._fill()
