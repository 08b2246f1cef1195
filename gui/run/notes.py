"""What the user should know of the run on show beside its numbers."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from core.job.optimizer import wants_loss
from core.metrics.run_metrics import MarkKind, RunMetrics
from gui.services import Services
from gui.theme import tokens
from gui.widgets.base import Button, IconButton, Label, Translated


def lacks_loss(metrics: RunMetrics) -> bool:
    """Whether the optimizer steers by a loss that nobody tells it, or tells it no more."""
    if not wants_loss(metrics.optimizer):
        return False
    lost = any(mark.kind is MarkKind.WARNED and mark.detail.startswith("loss-not-handed") for mark in metrics.marks)
    return lost or not metrics.hands_loss


class RunNote(Translated, QFrame):
    """Says that an optimizer of the emo series gets no loss; takes no room where there is nothing to say."""

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self._seen: tuple[RunMetrics, int] | None = None
        self._dismissed: RunMetrics | None = None
        self.setProperty("class", "notice")
        self.setProperty("tone", "warning")
        self.text = Label("", wrap=True)
        self.button = Button(services.theme)
        self.close_button = IconButton(services.theme, "close")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(tokens.M, tokens.S - 2, tokens.S, tokens.S - 2)
        layout.setSpacing(tokens.M)
        layout.addWidget(self.text, 1)
        layout.addWidget(self.button)
        layout.addWidget(self.close_button)
        self.button.clicked.connect(lambda: services.navigate("setup", "option:optimizer_type"))
        self.close_button.clicked.connect(self._dismiss)
        self.hide()
        self.retranslate()

    def refresh(self) -> None:
        """Looks at the run on show."""
        metrics = self._services.runs.metrics
        state = (metrics, metrics.revision)
        if self._seen is not None and self._seen[0] is metrics and self._seen[1] == metrics.revision:
            return
        self._seen = state
        shown = metrics is not self._dismissed and lacks_loss(metrics)
        if shown:
            self._tell()
        self.setVisible(shown)

    def _dismiss(self) -> None:
        self._dismissed = self._services.runs.metrics
        self.hide()

    def _tell(self) -> None:
        name = self._services.runs.metrics.optimizer.rpartition(".")[2]
        self.text.setText(
            self.tr(
                "{name} steers its learning rate by the loss, but is not told it in this run: sd-scripts does not hand it over. "
                "Caddie can do that, with the switch under the optimizer in Set up."
            ).format(name=name)
        )

    def retranslate(self) -> None:
        """Sets every visible text in the language on screen."""
        self.button.setText(self.tr("To the switch"))
        self.close_button.set_text(self.tr("Close this message"))
        self._tell()
