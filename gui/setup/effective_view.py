"""What the job's settings come to: rates and their curve, scheduler, steps, precision, and every keyword of the optimizer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from core.catalogue.kinds import literal
from core.effective.effective import effective
from core.effective.model import Effective, Origin
from core.effective.words import ORIGINS, rate_words
from core.job.model import Job
from gui.bridge.clock import Delay
from gui.plots.curve import Curve, Look
from gui.plots.plot import StepPlot
from gui.plots.rates import COLOR_ORDER
from gui.services import Services
from gui.setup.dock_view import DockView
from gui.widgets.base import Label

if TYPE_CHECKING:  # the window opens without what reads models
    from core.effective.memory import Estimate

DELAY = 120
"""Milliseconds between an edit and the new view."""
_FIELD = Qt.ItemDataRole.UserRole
Line = tuple[str, str, Origin | None, str]
"""What, how much, who says so, the field to go to."""


class EffectiveView(DockView):
    """Two tables and a curve; Enter or a double click in a table goes to the field behind a line."""

    view_id: ClassVar[str] = "effective"

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self._found: Effective | None = None
        self._memory: Estimate | None = None
        self._asked: Job | None = None
        self._delay = Delay(self.renew, DELAY, self)
        self._on_screen = False
        self.facts = _Table(self)
        self.arguments = _Table(self)
        self.plot = StepPlot(services.theme, step_labels=True, parent=self)
        self._class = Label("", "mono")
        self._class.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._curve_name = Label("", "caption")
        self._lay_out()
        for table in (self.facts, self.arguments):
            table.itemActivated.connect(self._go)
        session = services.session
        session.changed.connect(self._follow)
        session.options_changed.connect(self._follow)
        services.theme.changed.connect(self._show)
        services.counting.finished.connect(self._follow)
        self.retranslate()

    def _lay_out(self) -> None:
        middle, right = QVBoxLayout(), QVBoxLayout()
        for column, heading, body in ((middle, self._curve_name, self.plot), (right, self._class, self.arguments)):
            column.setSpacing(2)
            column.addWidget(heading)
            column.addWidget(body, 1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 0, 12, 8)
        layout.setSpacing(16)
        layout.addWidget(self.facts, 4)
        layout.addLayout(middle, 3)
        layout.addLayout(right, 4)

    # --- when it works -----------------------------------------------------------------------------------------

    def shown(self) -> None:
        """Follows the job from now on."""
        self._on_screen = True
        self.renew()

    def hidden(self) -> None:
        """Rests."""
        self._on_screen = False
        self._delay.stop()

    def _follow(self, *_: object) -> None:
        if self._on_screen:
            self._delay.start()

    def renew(self) -> None:
        """Looks at the job as it is now."""
        self._delay.stop()
        services = self._services
        self._found = effective(services.session.job, services.catalogue, batches=services.counting.batches())
        self._show()
        self._estimate()
        if self._found.steps is None and self._on_screen:
            services.counting.look_once()  # a length in epochs is one in steps once the images are counted

    def _estimate(self) -> None:
        """The memory, in a worker: it reads the header of the checkpoint."""
        services = self._services
        job = services.session.job
        if job is self._asked:
            return
        self._asked = job
        spec = services.catalogue.find_for_options(job.options)

        def ask() -> Estimate:
            from core.effective.memory import estimate_of

            return estimate_of(job, spec)

        services.tasks.start(ask, done=lambda found: self._take(job, found), owner=self)

    def _take(self, job: Job, found: Estimate) -> None:
        if job is self._asked:  # another edit came meanwhile
            self._memory = found
            self._show()

    # --- what is shown -----------------------------------------------------------------------------------------

    @property
    def found(self) -> Effective | None:
        """What is shown."""
        return self._found

    def _show(self) -> None:
        found = self._found
        if found is None:
            return
        self.facts.fill(self._fact_lines(found), self._origin)
        lines: list[Line] = []
        for one in found.arguments:
            field = "" if one.origin == "forced" else f"argument:{one.name}"
            lines.append((one.name, literal(one.value), one.origin, field))
        self.arguments.fill(lines, self._origin)
        self._class.setText(found.optimizer)
        over_steps = self.tr("Learning rate over the steps")
        self._curve_name.setText(f"{over_steps} (× d)" if found.times_d else over_steps)
        self._draw(found)

    def _fact_lines(self, found: Effective) -> Sequence[Line]:
        say = self._services.translation.say
        lines: list[Line] = []
        for group in found.groups:
            words = say(rate_words(group.rate))
            rate = f"{words} ({group.option})" if group.option and group.rate is not None else words
            field = f"option:{group.option or 'learning_rate'}"
            lines.append((self.tr("Learning rate, {0}").format(group.name), rate, "set" if group.option else "default", field))
        if not found.groups:
            lines.append((self.tr("Learning rate"), self.tr("nothing is trained"), None, "option:learning_rate"))
        lines.append((self.tr("Scheduler"), say(found.scheduler), None, "option:lr_scheduler"))
        for one in found.facts:
            lines.append((say(one.label), say(one.value), one.origin, one.fields[0] if one.fields else ""))
        if self._memory is not None:
            from core.effective.memory import facts_of

            lines += [(say(one.label), say(one.value), None, "") for one in facts_of(self._memory, self._present())]
        return lines

    def _present(self) -> int | None:
        """Bytes of the GPU that would train; None where nobody has looked."""
        service = self._services.environments
        selected = service.selected
        report = service.report(selected.id) if selected is not None else None
        return report.gpus[0].memory if report is not None and report.gpus else None

    def _draw(self, found: Effective) -> None:
        for key in list(self.plot.curves):
            self.plot.remove(key)
        curves = found.rates()
        colors = self._services.theme.colors.series
        steps = np.empty(0)
        for place, (name, points) in enumerate(curves.items()):
            color = colors[COLOR_ORDER[place % len(COLOR_ORDER)]]
            dash = Qt.PenStyle.SolidLine if place == 0 else Qt.PenStyle.DashLine  # groups often have the same rate
            curve = Curve(name, Look(color, 2.0, 1.0, dash))
            steps = np.array([step for step, _ in points], dtype=np.float64)
            curve.set_data(steps, np.array([rate for _, rate in points], dtype=np.float64))
            self.plot.add(name, curve)
        self.plot.set_steps(steps)
        if len(steps):
            self.plot.set_view(0.0, max(float(steps[-1]), 1.0))
        self.plot.redraw()
        self.plot.say("" if len(steps) else self.tr("No curve is known beforehand"))

    def _origin(self, origin: Origin | None) -> str:
        return self._services.translation.say(ORIGINS[origin]) if origin is not None else ""

    def _go(self, item: QTableWidgetItem) -> None:
        field = item.data(_FIELD)
        if field:
            self.wanted.emit(field)

    def retranslate(self) -> None:
        """Sets every visible text in the language on screen."""
        self.facts.setAccessibleName(self.tr("What the settings come to"))
        self.arguments.setAccessibleName(self.tr("Every argument of the optimizer"))
        self.plot.setAccessibleName(self.tr("Learning rate over the steps"))
        self._show()


class _Table(QTableWidget):
    """Lines of what, how much, and who says so; what is only a default is muted."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, 3, parent)
        self.setProperty("class", "options")
        self.setShowGrid(False)
        self.setFrameShape(QTableWidget.Shape.NoFrame)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setTabKeyNavigation(False)
        self.horizontalHeader().hide()
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(24)
        header = self.horizontalHeader()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(2, QHeaderView.ResizeMode.ResizeToContents)

    def fill(self, lines: Sequence[Line], word: Callable[[Origin | None], str]) -> None:
        """Shows these lines; `word` says an origin."""
        row = self.currentRow()
        self.setRowCount(len(lines))
        muted = self.palette().color(self.palette().ColorRole.PlaceholderText)
        for place, (what, value, origin, field) in enumerate(lines):
            for column, text in enumerate((what, value, word(origin))):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                item.setData(_FIELD, field)
                if column == 2 or origin == "default":
                    item.setForeground(QColor(muted))
                self.setItem(place, column, item)
        if 0 <= row < len(lines):
            self.setCurrentCell(row, 0)
