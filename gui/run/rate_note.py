"""Says under the header what d came to, and offers to take the rate over."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from core.handover.measure import Found, measure
from core.handover.words import caution_words, group_label, is_ready, may_take_over, plateau_words
from core.job.model import Job
from core.metrics.run_metrics import Quantity, RunMetrics
from core.runs.folder import RunFolder
from gui.run.handover_dialog import HandoverDialog
from gui.services import Services
from gui.theme import tokens
from gui.widgets.base import Button, IconButton, Label, Translated

_EVERY = 1.05
"""The curves are looked at again when the run is 5 % longer, so that a long run costs no more than a short one."""


class RateNote(Translated, QFrame):
    """One line for a run that estimates d; takes no room elsewhere.

    Args:
        services: the window's services.
        show_dialog: shows the dialog; tests give another one.
    """

    def __init__(
        self, services: Services, parent: QWidget | None = None, *, show_dialog: Callable[[HandoverDialog], object] | None = None
    ) -> None:
        super().__init__(parent)
        self._services = services
        self._show_dialog = show_dialog or HandoverDialog.exec
        self._folder: RunFolder | None = None
        self._job: Job | None = None
        self._dismissed: RunFolder | None = None
        self._next = 0.0
        self._was_over = False
        self.found: Found | None = None
        self.setProperty("class", "notice")
        self.setProperty("tone", "info")
        self.text = Label("", wrap=True)
        self.button = Button(services.theme)
        self.close_button = IconButton(services.theme, "close")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(tokens.M, tokens.S - 2, tokens.S, tokens.S - 2)
        layout.setSpacing(tokens.M)
        layout.addWidget(self.text, 1)
        layout.addWidget(self.button)
        layout.addWidget(self.close_button)
        self.button.clicked.connect(self.open)
        self.close_button.clicked.connect(self._dismiss)
        self.hide()
        self.retranslate()

    def refresh(self) -> None:
        """Looks at the run on show, if there is enough that is new."""
        runs = self._services.runs
        if runs.current is not self._folder:
            self._folder, self._job, self._next, self.found = runs.current, None, 0.0, None
            self._was_over = False
            self._tell()
            if self._folder is not None:
                self._services.tasks.start(
                    partial(_job_of, self._folder), done=partial(self._read, self._folder), failed=lambda _: None, owner=self
                )
        if self._job is None or not runs.metrics.of(Quantity.D_LR):
            return
        over = runs.ending.is_over
        step = runs.metrics.last_step
        if step >= self._next or over != self._was_over or step < (self.found.last_step if self.found else 0):
            self._next, self._was_over = step * _EVERY, over
            self.found = measure(runs.metrics, self._job, self._services.catalogue)
            self._tell()

    def _read(self, folder: RunFolder, job: Job) -> None:
        if folder is self._folder:
            self._job = job
            self.refresh()

    def open(self) -> None:
        """Shows what was found and what would follow."""
        if self._job is None:
            return
        metrics: RunMetrics = self._services.runs.metrics.copy()  # the run goes on while somebody reads
        found = measure(metrics, self._job, self._services.catalogue)
        dialog = HandoverDialog(self._services, found, self._job, metrics, self)
        try:
            self._show_dialog(dialog)
        finally:
            dialog.deleteLater()

    def _dismiss(self) -> None:
        self._dismissed = self._folder
        self.hide()

    def _tell(self) -> None:
        found = self.found
        # While d is on its way there is nothing to do about it; at the end it has to be said.
        wanted = found is not None and may_take_over(found) and (is_ready(found) or self._was_over)
        if found is not None and wanted:
            say = self._services.translation.say
            lines = [(group_label(group), say(plateau_words(group))) for group in found.groups if group.usable]
            words = "\n".join(f"{name}: {text}" if name and len(lines) > 1 else text for name, text in lines)
            caution = caution_words(found)
            self.text.setText(words if caution is None else f"{words}\n{say(caution)}")
        self.setVisible(wanted and self._folder is not self._dismissed)

    def retranslate(self) -> None:
        """Sets every visible text in the language on screen."""
        self.button.setText(self.tr("Take the rate over…"))
        self.close_button.set_text(self.tr("Close this message"))
        self._tell()


def _job_of(folder: RunFolder) -> Job:
    return folder.job
