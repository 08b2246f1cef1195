"""The second and third sheet: every step with its commands, then how far each is, with a live log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QGridLayout, QProgressBar, QVBoxLayout, QWidget

from core.text import Text
from gui.theme import tokens
from gui.theme.theme import Theme
from gui.widgets.base import IconLabel, Label, Translated
from gui.widgets.log_view import LogView

if TYPE_CHECKING:  # the window opens without them
    from core.wizard.plan import Step

_ICONS = {"done": "success", "skipped": "success", "failed": "error", "running": "refresh", "": "chevron-right"}
_ROLES = {"done": "accent_text", "skipped": "accent_text", "failed": "danger_text", "running": "accent_text", "": "text_muted"}


class ProgressSheet(Translated, QWidget):
    """Steps at the left, below each other; the commands, and later what they print, under them."""

    def __init__(self, theme: Theme, say: Callable[[Text], str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._say = say
        self._steps: tuple[Step, ...] = ()
        self._states: dict[str, str] = {}
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(tokens.S)
        self._grid.setVerticalSpacing(tokens.XS)
        self._grid.setColumnStretch(1, 1)
        self._busy = QProgressBar()
        self._busy.setTextVisible(False)
        self.log = LogView()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(tokens.M)
        layout.addLayout(self._grid)
        layout.addWidget(self._busy)
        layout.addWidget(self.log, 1)
        self.retranslate()

    def show_plan(self, steps: Sequence[Step]) -> None:
        """Every step with its commands, before anything is run."""
        from core.wizard.shown import shown_action

        self._steps, self._states = tuple(steps), {}
        self._busy.hide()
        lines: list[str] = []
        for step in steps:
            lines += [f"# {self._say(step.title)}", *(shown_action(action) for action in step.actions), ""]
        self.log.setPlainText("\n".join(lines))
        self._fill()

    def begin(self) -> None:
        """It starts (again): the log is emptied."""
        self._states = {}
        self.log.clear()
        self._busy.setRange(0, len(self._steps))
        self._busy.setValue(0)
        self._busy.show()
        self._fill()

    def set_state(self, step: str, state: str) -> None:
        """One step further."""
        self._states[step] = state
        self._busy.setValue(sum(value in ("done", "skipped") for value in self._states.values()))
        self._fill()

    def states(self) -> dict[str, str]:
        """Step id -> how far it is."""
        return dict(self._states)

    def _fill(self) -> None:
        while (item := self._grid.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        words = {"done": self.tr("done"), "skipped": self.tr("was done before"), "failed": self.tr("failed"), "": ""}
        words["running"] = self.tr("at work …")
        for place, step in enumerate(self._steps):
            state = self._states.get(step.id, "")
            self._grid.addWidget(IconLabel(self._theme, _ICONS[state], role=_ROLES[state], size=16), place, 0)
            self._grid.addWidget(Label(self._say(step.title), "muted" if state == "" and self._states else ""), place, 1)
            self._grid.addWidget(Label(words[state], "caption"), place, 2)

    def retranslate(self) -> None:
        """Says it in the language on screen."""
        self.log.setAccessibleName(self.tr("Commands and what they print"))
        self._busy.setAccessibleName(self.tr("Progress"))
        self._fill()
