"""What a view at the bottom of Set up is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from gui.widgets.badge import BadgeLook
from gui.widgets.base import Translated

EDIT_DATASET: Final = "edit:dataset_config"
"""Wanted like a field: the editor of dataset configs."""


class DockView(Translated, QWidget):
    """One view; `gui.setup.dock` shows one at a time, with its tools at the right of the tabs.

    A view that is not on screen should not work: it follows the job only between `shown` and `hidden`, unless its badge
    has to be true at any time.

    Signals:
        wanted: go to the field with this key (`option:seed`).
        view_wanted: show the view with this id.
        badge_changed: `badge` says something else.
    """

    wanted = Signal(str)
    view_wanted = Signal(str)
    badge_changed = Signal()

    view_id: ClassVar[str] = ""

    def badge(self) -> BadgeLook | None:
        """What the tab says beside its title: a count and its tone."""
        return None

    def tools(self) -> Sequence[QWidget]:
        """Widgets for the right of the tabs, asked for once; the view itself hides those that it does not want."""
        return ()

    def shown(self) -> None:
        """It has come on screen."""

    def hidden(self) -> None:
        """It has left the screen."""
