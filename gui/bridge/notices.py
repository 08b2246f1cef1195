"""Short messages at the top of the window that ask nothing, with at most one button ("Undo")."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QObject, Signal

Tone = Literal["info", "success", "warning", "danger"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What to say.

    Attributes:
        text: called whenever the words are needed, so that the notice follows the language.
        tone: how serious.
        action: label of the button (called likewise), None for no button.
        run: what the button does; the notice then goes.
        seconds: goes by itself after this time; None stays until closed, also under a later notice.
        key: takes the place of a former notice with the same key.
    """

    text: Callable[[], str]
    tone: Tone = "info"
    action: Callable[[], str] | None = None
    run: Callable[[], None] | None = None
    seconds: float | None = None
    key: str = ""


class Notices(QObject):
    """Where pages leave notices; the main window shows the latest one.

    Signals:
        posted: a Notice to show.
        withdrawn: key of what to take away, "" for all.
    """

    posted = Signal(object)
    withdrawn = Signal(str)

    def post(self, notice: Notice) -> None:
        """Shows a notice above any other."""
        self.posted.emit(notice)

    def clear(self, key: str = "") -> None:
        """Takes the notices with this key away; all without one."""
        self.withdrawn.emit(key)
