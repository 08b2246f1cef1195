"""Tells what a run does to somebody who looks at another page."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject

from core.runs.outcome import Ending, Outcome
from gui.bridge.notices import Notice, Tone
from gui.services import Services

RUN_NOTICE = "run"
"""Key of what is said of the run on show: a later word takes the place of a former, a look at the page makes it go."""

_TONES: dict[Ending, Tone] = {
    Ending.FINISHED: "success",
    Ending.STOPPED: "info",
    Ending.FAILED: "danger",
    Ending.LOST: "warning",
}


class RunAnnouncer(QObject):
    """Posts a notice when a running training was found, and when one ends."""

    def __init__(self, services: Services, on_run_page: Callable[[], bool], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self._on_run_page = on_run_page
        services.runs.found.connect(self._found)
        services.runs.ended.connect(self._ended)

    def _found(self) -> None:
        name = self._services.runs.name
        self._post(lambda: self.tr("“{name}” is training").format(name=name), "info")

    def _ended(self, outcome: Outcome) -> None:
        name, say = self._services.runs.name, self._services.translation.say
        self._post(lambda: f"{name}: {say(outcome.sentence)}", _TONES.get(outcome.ending, "info"))

    def _post(self, text: Callable[[], str], tone: Tone) -> None:
        if self._on_run_page():
            return
        self._services.notices.post(
            Notice(
                text=text,
                tone=tone,
                action=lambda: self.tr("Show"),
                run=lambda: self._services.navigate("run"),
                key=RUN_NOTICE,
            )
        )
