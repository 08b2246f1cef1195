"""The page "Run": start, watch, stop; and how it ended."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from core.errors import CaddieError
from core.job.demo import demo_folder
from core.job.model import Job
from core.metrics.run_metrics import MarkKind
from core.runs.outcome import Ending, Outcome
from gui.bridge.files import open_path, show_in_folder
from gui.bridge.notices import Notice, Tone
from gui.bridge.run_service import RunService
from gui.bridge.run_workers import RunSummary
from gui.pages.page import Page
from gui.plots.panel import PlotPanel
from gui.run.announcer import RUN_NOTICE
from gui.run.body import RunBody
from gui.run.dialogs import End, RunDialogs
from gui.run.exports import RunExports
from gui.run.header import RunHeader
from gui.run.log_view import LogView
from gui.run.notes import RunNote
from gui.run.numbers import about_job, about_run, fill_numbers
from gui.run.outcome_card import OutcomeCard
from gui.run.problems_card import ProblemsCard
from gui.run.rate_note import RateNote
from gui.run.recent import RecentRuns
from gui.run.samples import SamplePanel
from gui.run.tabs import RunTabs
from gui.run.trainer_install import TrainerInstall
from gui.run.words import ending_badge, running_badge
from gui.services import Services
from gui.theme import tokens
from gui.widgets.badge import BadgeLook
from gui.widgets.base import Card, EmptyState

if TYPE_CHECKING:
    from core.runs.follow import Update

WIDE = 1700
"""Pixels from which the log stands beside the plots instead of below."""


class RunPage(Page):
    """See the module."""

    page_id: ClassVar[str] = "run"

    def __init__(self, services: Services, parent: QWidget | None = None, *, dialogs: RunDialogs | None = None) -> None:
        super().__init__(services, parent)
        self._runs: RunService = services.runs
        self.dialogs = dialogs or RunDialogs(self)
        theme, translation = services.theme, services.translation
        self.header = RunHeader(theme)
        self.problems = ProblemsCard(theme, translation)
        self.outcome = OutcomeCard(theme, translation)
        self.installation = TrainerInstall(theme, translation.say, services.tasks)
        self.plots = PlotPanel(theme, services.settings)
        self.empty = EmptyState(theme, "run")
        self.log = LogView(theme)
        self.recent = RecentRuns(theme, translation)
        self.note = RunNote(services)
        self.rate_note = RateNote(services)
        self.samples = SamplePanel(services)
        self.tabs = RunTabs(self.log, self.samples, self.recent)
        self.stack = QStackedWidget()
        self.body = RunBody()
        self.exports = RunExports(services, self.plots, self.dialogs)
        self._newest_wanted = True
        self._build()
        self._connect()
        self.retranslate()
        self._show_run()

    def _build(self) -> None:
        plot_card = Card(margin=tokens.M)
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self.plots)
        plot_card.body.addWidget(self.stack)
        tab_card = Card(margin=tokens.M)
        tab_card.body.addWidget(self.tabs)
        self._plot_card, self._tab_card = plot_card, tab_card
        self.body.setChildrenCollapsible(False)
        self.body.setHandleWidth(tokens.S)
        self.body.addWidget(plot_card)
        self.body.addWidget(tab_card)
        self.body.setStretchFactor(0, 5)
        self.body.setStretchFactor(1, 3)
        content = QWidget()
        content.setProperty("class", "scrolled")
        layout = QVBoxLayout(content)
        layout.setContentsMargins(tokens.L, tokens.L, tokens.L, tokens.L)
        layout.setSpacing(tokens.S)
        for widget in (self.header, self.problems, self.installation, self.outcome, self.note, self.rate_note):
            layout.addWidget(widget)
        layout.addWidget(self.body, 1)
        scroll = QScrollArea()  # for a low window with a long outcome; else nothing scrolls
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setWidget(content)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scroll)

    def _connect(self) -> None:
        runs, services = self._runs, self.services
        runs.current_changed.connect(self._show_run)
        runs.updated.connect(self._updated)
        runs.ended.connect(self._ended)
        runs.refused.connect(self.problems.show_problems)
        runs.failed.connect(self._failed)
        runs.starting_changed.connect(self._show_state)
        runs.starting_changed.connect(self._say_empty)
        runs.stop_changed.connect(self._show_state)
        runs.controls.changed.connect(self._show_state)
        runs.controls.failed.connect(lambda word: self._say(services.translation.say(word), "warning"))
        for signal in (
            services.session.changed,
            services.session.file_changed,
            services.options.changed,
            services.environments.environments_changed,
            services.environments.selected_changed,
            services.environments.report_changed,
        ):
            signal.connect(self._job_changed)
        self.header.start.connect(self.start)
        self.header.stop.connect(self.stop)
        self.header.enqueue.connect(self.services.queue.add_open_wanted)
        self.header.end_now.connect(lambda: self._runs.stop(now=True))
        self.header.controls.hold.connect(lambda on: runs.controls.pause(on=on))
        self.header.controls.save.connect(lambda: runs.controls.ask("save"))
        self.header.controls.sample.connect(lambda: runs.controls.ask("sample"))
        self.problems.mend.connect(services.navigate)
        self.problems.instead.connect(self._use_sd_scripts)
        self.problems.install.connect(self.installation.start)
        self.problems.anyway.connect(lambda: self.start(anyway=True))
        self.installation.changed.connect(self._show_state)
        self.installation.installed.connect(self.start)
        self.plots.loss.validation_wanted.connect(lambda: services.navigate("setup", "option:validation_split"))
        self.outcome.show_file.connect(lambda path: show_in_folder(Path(path)))
        self.log.open_file.connect(lambda: self._open("log_file"))
        self.log.open_folder.connect(lambda: self._open("path"))
        self.recent.chosen.connect(self._runs.attach)
        self.empty.button.clicked.connect(self.services.navigate.to_demo)
        self._start_key = QShortcut(QKeySequence("F5"), self, self.start)
        self._stop_key = QShortcut(QKeySequence("Shift+F5"), self, self.stop)

    def activated(self, topic: str = "") -> None:
        """Looks again at what prevents the start, and at the list of runs."""
        self.services.notices.clear(RUN_NOTICE)
        self._job_changed()
        self._read_recent()
        self.header.start_button.setFocus()

    # --- what the user asks for --------------------------------------------------------------------------------

    def start(self, *, anyway: bool = False) -> None:
        """Starts the open job; with `anyway` in spite of what the preflight found."""
        if self._runs.starting:
            return
        if self._runs.running and not self.dialogs.start_second(self._runs.name):
            return
        path = self.services.session.path
        self._runs.start(self._job_to_start(), base=path.parent if path else None, anyway=anyway)

    def _job_to_start(self) -> Job:
        session = self.services.session
        return session.job if session.job.name else replace(session.job, name=session.name)

    def stop(self) -> None:
        """Stops the run on show, if the user means it."""
        if not self._runs.running:
            return
        metrics = self._runs.metrics
        saved = [mark.step for mark in metrics.marks if mark.kind is MarkKind.SAVED]
        may_save = self._runs.controls.now.can("save") and metrics.last_step > 0
        end = self.dialogs.stop(metrics.last_step - max(saved) if saved else None, may_save=may_save)
        if end is not None:
            self._runs.stop(save=end is End.SAVE)

    def _use_sd_scripts(self) -> None:
        session = self.services.session
        session.edit(replace(session.job, engine="sd-scripts"), self.tr("Change the engine"))

    def _open(self, what: str) -> None:
        folder = self._runs.current
        if folder is not None and not open_path(getattr(folder, what)):
            self._say(self.tr("Nothing on this system opens it: {path}").format(path=getattr(folder, what)), "warning")

    def _say(self, text: str, tone: Tone) -> None:
        self.services.notices.post(Notice(text=lambda: text, tone=tone, seconds=6))

    # --- what happens ------------------------------------------------------------------------------------------

    def _show_run(self) -> None:
        """Everything anew: another run is on show, or its files have been read."""
        runs = self._runs
        if self.plots.metrics is not runs.metrics or runs.current is None:
            self.plots.set_metrics(runs.metrics)
            self.log.set_text(runs.log)
        self.stack.setCurrentWidget(self.empty if runs.current is None else self.plots)
        self.note.refresh()
        self.rate_note.refresh()
        self.samples.show_run()
        self.tabs.show_run(on=runs.current is not None)
        self.outcome.show_outcome(runs.outcome)
        self._show_state()
        self._read_recent()

    def _updated(self, update: Update) -> None:
        self.log.append(update.log)
        self.plots.refresh()
        self.samples.refresh()
        self.note.refresh()
        self.rate_note.refresh()
        self._show_numbers()

    def _ended(self, outcome: Outcome) -> None:
        self.outcome.show_outcome(outcome)
        self._show_state()
        self._read_recent()

    def _failed(self, error: CaddieError) -> None:
        say = self.services.translation.say
        self.services.notices.post(Notice(text=lambda: say(error.text), tone="danger"))

    def _job_changed(self) -> None:
        if self.isVisible():
            self._show_state()
            self._say_empty()

    def _read_recent(self) -> None:
        self._runs.recent(self._show_recent, owner=self)

    def _show_recent(self, found: list[RunSummary]) -> None:
        self.recent.set_runs(found, self._runs.current)
        self._say_empty()
        self._tab_card.setVisible(bool(found) or self._runs.current is not None)
        self._show_newest(found)

    def _show_newest(self, found: list[RunSummary]) -> None:
        """Opens the latest run where none is on show yet: it may have ended while the window was closed."""
        runs = self._runs
        if runs.current is not None:
            self._newest_wanted = False  # once only: one that cannot be opened must not be tried for ever
        elif found and self._newest_wanted and not runs.starting:
            self._newest_wanted = False
            going = [run for run in found if not run.ending.is_over]
            runs.attach((going or found)[0].folder)

    # --- what is shown -----------------------------------------------------------------------------------------

    def _show_state(self) -> None:
        runs = self._runs
        problems = runs.problems(self.services.session.job)
        self.problems.show_problems(() if runs.running or self.installation.running else problems)
        for part in (self.problems, self.header):
            part.name_job(self._other_job())
        self.header.show_stop(runs.stop_stage, running=runs.running, controls=runs.controls.now)
        word = runs.controls.word if runs.running else None
        self.header.show_wish(self.services.translation.say(word) if word is not None else "")
        self.header.show_starting(on=runs.starting)
        self.header.set_startable(all(problem.may_start for problem in problems))
        # A run that is over and never made a step has nothing to plot.
        self._plot_card.setVisible(not (runs.ending.is_over and not runs.metrics.series))
        if runs.current is None:
            badge = BadgeLook(self.tr("Not ready"), "warning") if problems else BadgeLook(self.tr("Ready"), "success")
            if runs.starting:
                badge = ending_badge(Ending.STARTING)
            self.header.set_title(self._job_name(), about_job(self.services), badge)
        else:
            self.header.set_title(
                self._runs.name, about_run(self.services, runs.current), running_badge(runs.controls.now, runs.ending)
            )
        self.header.show_numbers(on=runs.current is not None)
        self._show_numbers()

    def _show_numbers(self) -> None:
        fill_numbers(self.header, self._runs, self.plots.loss.smoothing)

    def _job_name(self) -> str:
        return self.services.session.name or self.tr("Untitled job")

    def _other_job(self) -> str:
        """Name of the open job where the run on show is not its own; else ""."""
        if self._runs.current is None or not self._runs.opened:
            return ""
        from core.runs.launch import run_name  # late: a run is on show

        return "" if run_name(self._job_to_start()) == self._runs.name else self._job_name()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Puts the log beside the plots where there is room."""
        super().resizeEvent(event)
        wanted = Qt.Orientation.Horizontal if self.width() >= WIDE else Qt.Orientation.Vertical
        if self.body.orientation() != wanted:
            self.body.setOrientation(wanted)
            self.body.share_out()

    def retranslate(self) -> None:
        """Sets every visible text in the language on screen."""
        self._say_empty()
        self._show_state()

    def _shows_demo(self) -> bool:
        path = self.services.session.path
        return path is not None and path.parent == demo_folder()

    def _say_empty(self) -> None:
        if self._runs.starting:
            self.empty.set_texts(
                self.tr("Starting …"),
                self.tr("This takes some seconds. Loss, learning rate and d*lr appear here with the first step."),
            )
            return
        if self._shows_demo() and self.recent.is_empty:
            self.empty.set_texts(
                self.tr("The demo is ready"),
                self.tr(
                    "Press Start at the top right. A small model then learns what a golf flag is, in about a minute on the "
                    "processor, without any download. Loss, learning rate, d*lr and sample pictures appear here as it goes."
                ),
            )
            return
        if self.recent.is_empty:
            self.empty.set_texts(
                self.tr("Nothing has run yet"),
                self.tr(
                    "Start the open job, and loss, learning rate and d*lr appear here step by step, with the log below. "
                    "To see all of it at work first, train the demo: a small model learns what a golf flag is, in about a "
                    "minute on the processor, without any download."
                ),
                self.tr("Open the demo"),
            )
            return
        self.empty.set_texts(
            self.tr("No run is on show"),
            self.tr("Start the open job, or choose a former run from the list below."),
        )
