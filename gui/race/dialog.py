"""Which optimizer, at what rate, with one's own images? The open job is trained with several, all else equal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QDialog, QFileDialog, QFrame, QTabWidget, QVBoxLayout, QWidget

from core.errors import CaddieError
from gui.bridge.races import Races
from gui.race.choose import ChooseRacers
from gui.race.standings import RaceStandings
from gui.services import Services
from gui.theme import tokens
from gui.widgets.base import Button, IconLabel, Label, Translated, row

if TYPE_CHECKING:  # the window opens without them
    from core.race.store import Race

_SIZE = (900, 680)


class RaceDialog(Translated, QDialog):
    """A new race, and how those of the past stand. A race goes on when the dialog, or the window, is closed."""

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self.races = Races(services.tasks, services.catalogue, self)
        self._beginning = False
        self._heading = Label("", "title", wrap=True)
        self._lead = Label("", "muted", wrap=True)
        self.tabs = QTabWidget()
        self.choose = ChooseRacers(services)
        self.standings = RaceStandings(services, self.races)
        self.tabs.addTab(self.choose, "")
        self.tabs.addTab(self.standings, "")
        self._notice = QFrame()
        self._notice.setProperty("class", "notice")
        self._notice.setProperty("tone", "warning")
        self._notice_text = Label("", wrap=True)
        inside = QVBoxLayout(self._notice)
        inside.setContentsMargins(tokens.M, tokens.S, tokens.M, tokens.S)
        inside.addWidget(self._notice_text)
        self._notice.hide()
        self.close_button = Button(services.theme)
        self.start = Button(services.theme, icon="play", classes="primary")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(tokens.XL, tokens.XL, tokens.XL, tokens.L)
        layout.setSpacing(tokens.M)
        head = row(IconLabel(services.theme, "compare", role="accent_text", size=24), self._heading, spacing=tokens.M)
        head.setStretch(1, 1)
        layout.addLayout(head)
        layout.addWidget(self._lead)
        layout.addWidget(self.tabs, 1)
        layout.addWidget(self._notice)
        layout.addLayout(row(1, self.close_button, self.start))
        self._connect()
        self.resize(*_SIZE)
        self.retranslate()

    def _connect(self) -> None:
        self.choose.changed.connect(self._say_start)
        self.tabs.currentChanged.connect(self._say_start)
        self.start.clicked.connect(self.begin)
        self.close_button.clicked.connect(self.accept)
        self.races.made.connect(self._on_made)
        self.races.refused.connect(self._on_refused)
        self.races.written.connect(lambda path: QDesktopServices.openUrl(QUrl.fromLocalFile(str(path))))
        self.standings.page_wanted.connect(self._write_page)

    def begin(self) -> None:
        """Starts what is ticked."""
        services = self._services
        job = services.session.job
        if not self.choose.chosen() or self._beginning:
            return
        self._beginning = True
        self._notice.hide()
        environment = services.runs.environment_for(job) if job.engine == "sd-scripts" else None
        path = services.session.path
        self.races.begin(job, self.choose.racing(), environment, path.parent if path is not None else None)
        self._say_start()

    def _on_made(self, race: Race) -> None:
        self._beginning = False
        self.standings.show_race(race)
        self.tabs.setCurrentIndex(1)
        self._say_start()

    def _on_refused(self, error: BaseException) -> None:
        self._beginning = False
        say = self._services.translation.say
        self._notice_text.setText(say(error.text) if isinstance(error, CaddieError) else str(error))
        self._notice.show()
        self._say_start()

    def _write_page(self, race: Race) -> None:
        name, _ = QFileDialog.getSaveFileName(self, self.tr("Write the report"), str(Path.home() / f"{race.id}.html"), "*.html")
        if name:
            self.races.write(race, Path(name), self._services.translation.language)

    def _say_start(self) -> None:
        count = len(self.choose.chosen()) * self.choose.seeds.value()
        self.start.setVisible(self.tabs.currentIndex() == 0)
        self.start.setEnabled(count > 0 and not self._beginning)
        self.start.setText(self.tr("Starting …") if self._beginning else self.tr("Start %n training(s)", "", count))

    def retranslate(self) -> None:
        """Says it in the language on screen."""
        self.setWindowTitle(self.tr("Race of optimizers"))
        self._heading.setText(self.tr("Which optimizer suits these images?"))
        self._lead.setText(
            self.tr("The open job is trained with each, one after the other or one on each GPU, also when this window is closed.")
        )
        self.tabs.setTabText(0, self.tr("New"))
        self.tabs.setTabText(1, self.tr("Standings"))
        self.close_button.setText(self.tr("Close"))
        self._say_start()


def open_race(services: Services, parent: QWidget) -> RaceDialog:
    """Shows it over its window without blocking; it deletes itself when closed."""
    dialog = RaceDialog(services, parent)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.open()
    return dialog
