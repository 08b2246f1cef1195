"""The sample pictures of the run on show."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QAction, QGuiApplication, QImage, QResizeEvent
from PySide6.QtWidgets import QMenu, QStackedLayout, QVBoxLayout, QWidget

from core.errors import CaddieError
from core.job.model import Job
from gui.bridge.files import open_path, show_in_folder
from gui.bridge.notices import Notice
from gui.run.pictures import Pictures, UnreadableError, read_picture
from gui.run.sample_model import SampleModel, SamplePicture
from gui.run.sample_view import SampleView
from gui.run.sample_viewer import SampleViewer
from gui.services import Services
from gui.theme import tokens
from gui.widgets.base import Button, Label, Translated, row

if TYPE_CHECKING:
    from core.runs.folder import RunFolder

LINE = 820
"""Pixels of a line of words."""


class SamplePanel(Translated, QWidget):
    """A row for each prompt and seed, a column for each step; a click opens a picture.

    Signals:
        arrived: a picture of a training that goes on.
        titled: what the panel is called; counts the pictures.
    """

    arrived = Signal()
    titled = Signal(str)

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self._run: RunFolder | None = None
        self._job: Job | None = None
        self._caught_up = False
        self.model = SampleModel(self)
        self.pictures = Pictures(parent=self)
        self.view = SampleView(services.theme, self.model, self.pictures)
        self.viewer = SampleViewer(services.theme, self.model, self)
        self.heading = Label("", "section")
        self.text = Label("", "muted", wrap=True)
        self.button = Button(services.theme, icon="setup", classes="quiet")
        self.empty = QWidget()
        self._build()
        self.retranslate()

    def _build(self) -> None:
        for label in (self.heading, self.text):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        words = QVBoxLayout(self.empty)
        words.setContentsMargins(0, tokens.XS, 0, tokens.XS)
        words.setSpacing(tokens.XS)
        words.addStretch(1)
        words.addWidget(self.heading, alignment=Qt.AlignmentFlag.AlignHCenter)
        words.addLayout(row(1, self.text, 1))
        words.addWidget(self.button, alignment=Qt.AlignmentFlag.AlignHCenter)
        words.addStretch(2)
        self.stack = QStackedLayout(self)
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self.view)
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.customContextMenuRequested.connect(self._menu_of_view)
        self.view.opened.connect(self.viewer.show_picture)
        self.viewer.menu_wanted.connect(lambda picture, place: self.menu(picture).popup(place))
        self.button.clicked.connect(lambda: self._services.navigate("setup", "option:sample_prompts"))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Two lines of words where there is room: the panel is low in a small window."""
        super().resizeEvent(event)
        self.text.setFixedWidth(max(200, min(LINE, self.width() - 2 * tokens.L)))

    # --- the run ------------------------------------------------------------------------------------------------

    def show_run(self) -> None:
        """Shows the pictures of the run on show: another one, or its files have been read."""
        runs = self._services.runs
        if runs.current is not self._run or runs.current is None:
            self._run, self._job, self._caught_up = runs.current, None, False
            self.viewer.close()
            self.pictures.forget()
            self.model.set_prompts(())
            self.model.clear()
            self.view.follow()
        if self._run is not None and runs.opened and self._job is None:
            self._read_job(self._run)
        self.refresh()

    def refresh(self) -> None:
        """Takes in the pictures that are new."""
        runs = self._services.runs
        came = self.model.follow(runs.metrics)
        if came or self.model.count == 0:
            self._tell()
        if came and self._caught_up and runs.running:
            self.arrived.emit()
        self._caught_up = runs.progress is not None or bool(runs.metrics.series)

    def _read_job(self, run: RunFolder) -> None:
        try:
            self._job = run.job
            given = self._job.options.get("sample_prompts")
            if isinstance(given, str) and given:
                path, since = Path(run.command.cwd, given), run.created_at
                self._services.tasks.start(
                    prompt_texts, path, since, done=lambda texts: self._prompts_read(run, texts), owner=self
                )
        except CaddieError:
            pass  # the job's file is damaged: the pictures are there all the same

    def _prompts_read(self, run: RunFolder, texts: tuple[str, ...]) -> None:
        if run is self._run:
            self.model.set_prompts(texts)

    # --- a picture ----------------------------------------------------------------------------------------------

    def menu(self, picture: SamplePicture) -> QMenu:
        """What can be done with a picture."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        path = Path(picture.path)
        for words, icon, act in (
            (self.tr("Enlarge"), "search", lambda: self.viewer.show_picture(picture)),
            (self.tr("Open"), "external", lambda: self._open(path)),
            (self.tr("Show in folder"), "folder", lambda: show_in_folder(path)),
            (self.tr("Copy picture"), "copy", lambda: self._copy(picture.path)),
            (self.tr("Copy path"), "link", lambda: QGuiApplication.clipboard().setText(str(path))),
        ):
            action = QAction(self._services.theme.icon(icon, "text_muted"), words, menu)
            action.triggered.connect(act)
            menu.addAction(action)
        return menu

    def _menu_of_view(self, place: QPoint) -> None:
        index = self.view.indexAt(place)
        picture = self.view.picture_at(index)
        if picture is not None:
            self.view.setCurrentIndex(index)
            self.menu(picture).popup(self.view.viewport().mapToGlobal(place))

    def _open(self, path: Path) -> None:
        if not open_path(path):
            self._say(self.tr("Nothing on this system opens it: {path}").format(path=path))

    def _copy(self, path: str) -> None:
        def failed(error: BaseException) -> None:
            if isinstance(error, UnreadableError):
                self._say(self.tr("This picture cannot be read: {path}").format(path=path))
            else:
                self._services.tasks.report(error)

        def came(image: QImage) -> None:
            QGuiApplication.clipboard().setImage(image)

        self._services.tasks.start(read_picture, path, done=came, failed=failed, owner=self)

    def _say(self, words: str) -> None:
        self._services.notices.post(Notice(text=lambda: words, tone="warning", seconds=6))

    # --- words --------------------------------------------------------------------------------------------------

    def _tell(self) -> None:
        self.stack.setCurrentWidget(self.view if self.model.count else self.empty)
        count = self.model.count
        self.titled.emit(self.tr("Samples ({count})").format(count=count) if count else self.tr("Samples"))
        options = {} if self._job is None else self._job.options
        steps, epochs = options.get("sample_every_n_steps"), options.get("sample_every_n_epochs")
        wanted = bool(options.get("sample_prompts")) and bool(steps or epochs or options.get("sample_at_first"))
        self.button.setVisible(not wanted)
        if not wanted:
            self.heading.setText(self.tr("No sample pictures"))
            self.text.setText(
                self.tr(
                    "They show better than any number how good a training is. Name a file of prompts in Set up "
                    "(sample_prompts), and how often to draw them (sample_every_n_steps or sample_every_n_epochs)."
                )
            )
            return
        self.heading.setText(self.tr("No sample picture yet"))
        if epochs:  # where both are set, sd-scripts leaves out the steps
            self.text.setText(self.tr("The job draws them every %n epochs.", "", int(str(epochs))))
        elif steps:
            self.text.setText(self.tr("The job draws them every %n steps.", "", int(str(steps))))
        else:
            self.text.setText(self.tr("The job draws them before the first step only."))

    def retranslate(self) -> None:
        """Sets every visible text in the language on screen."""
        self.button.setText(self.tr("Sample prompts in Set up"))
        self.view.setAccessibleName(self.tr("Sample pictures"))
        self.model.retranslate()
        self._tell()


def prompt_texts(path: Path, since: float) -> tuple[str, ...]:
    """What the prompts of a file say, in their order; () where the file is gone, cannot be read, or has changed since.

    Args:
        path: of the prompt file.
        since: seconds since the epoch; the start of the run.
    """
    from core.training.sampling.prompts import read_prompts  # late: most runs have none

    try:
        if path.stat().st_mtime > since:
            return ()  # other prompts may have drawn the pictures
        return tuple(prompt.text for prompt in read_prompts(path).prompts)
    except (OSError, CaddieError):
        return ()
