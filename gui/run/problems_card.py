"""What prevents the start, each with the way to the page where it is mended."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from gui.bridge.run_problems import StartProblem
from gui.bridge.translation import Translation
from gui.pages.page import page_title
from gui.theme import tokens
from gui.theme.theme import Theme
from gui.widgets.base import Button, Card, IconLabel, Label, Translated
from gui.widgets.base import row as row_of

SHOWN = 5


class ProblemsCard(Translated, Card):
    """Shown while the open job cannot be started.

    Signals:
        mend: page and topic.
        instead: train it with sd-scripts.
        install: get the trainer's packages.
        anyway: start in spite of what the preflight found.
    """

    mend = Signal(str, str)
    instead = Signal()
    install = Signal()
    anyway = Signal()

    def __init__(self, theme: Theme, translation: Translation, parent: QWidget | None = None) -> None:
        super().__init__(parent, margin=tokens.M)
        self._theme = theme
        self._translation = translation
        self._problems: tuple[StartProblem, ...] = ()
        self._job_name = ""
        self.heading = Label("", "section")
        self._rows = QVBoxLayout()
        self._rows.setSpacing(tokens.XS)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.instead_button = Button(theme, icon="refresh")
        self.instead_button.clicked.connect(self.instead)
        self.anyway_button = Button(theme, icon="run")
        self.anyway_button.clicked.connect(self.anyway)
        self.body.addLayout(row_of(self.heading, 1, self.instead_button, self.anyway_button))
        self.body.addLayout(self._rows)
        self.hide()
        self.retranslate()

    @property
    def problems(self) -> tuple[StartProblem, ...]:
        """What is shown."""
        return self._problems

    def show_problems(self, problems: Sequence[StartProblem]) -> None:
        """Shows them; none hides the card."""
        if tuple(problems) != self._problems:
            self._problems = tuple(problems)
            self._fill()
        self.instead_button.setVisible(any(problem.of_builtin for problem in problems))
        self.anyway_button.setVisible(bool(problems) and all(problem.may_start for problem in problems))
        self.setVisible(bool(problems))

    def name_job(self, name: str) -> None:
        """Says in the heading which job is meant; "" where it is the one the page is about."""
        self._job_name = name
        self._say_heading()

    def _say_heading(self) -> None:
        named = self.tr("“{name}” cannot be started yet").format(name=self._job_name)
        self.heading.setText(named if self._job_name else self.tr("This job cannot be started yet"))

    def _fill(self) -> None:
        while (item := self._rows.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for problem in self._problems[:SHOWN]:
            self._rows.addWidget(self._row(problem))
        more = len(self._problems) - SHOWN
        if more > 0:
            self._rows.addWidget(Label(self.tr("and %n more", "", more), "caption"))

    def _row(self, problem: StartProblem) -> QWidget:
        row = QWidget()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(tokens.S)
        layout.addWidget(IconLabel(self._theme, "warning", role="warning_text"))
        layout.addWidget(Label(self._translation.say(problem.text), wrap=True), 1)
        if problem.packages:
            button = Button(self._theme, self.tr("Install the training packages"), icon="download")
            button.clicked.connect(self.install)
        else:
            words = self.tr("Go to {page}").format(page=page_title(problem.page))
            button = Button(self._theme, words, icon="chevron-right", classes="quiet")
            button.clicked.connect(lambda: self.mend.emit(problem.page, problem.topic))
        layout.addWidget(button)
        return row

    def retranslate(self) -> None:
        """Sets every visible text in the language on screen."""
        self.instead_button.setText(self.tr("Run it with sd-scripts instead"))
        self.anyway_button.setText(self.tr("Start anyway"))
        self.anyway_button.setToolTip(
            self.tr("The optimizer was tried and did not pass; the training will most likely fail too.")
        )
        self._say_heading()
        self._fill()
