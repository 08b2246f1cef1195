"""What differs between two runs, by field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QHeaderView, QStackedWidget, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from core.errors import CaddieError
from core.history.record import RunRecord
from gui.bridge.history import History
from gui.bridge.tasks import Task
from gui.services import Services
from gui.widgets.base import Label, Translated

if TYPE_CHECKING:
    from core.history.differ import Difference


class DifferView(Translated, QWidget):
    """Compares two runs, the older one first; says what to do where not two are chosen."""

    def __init__(self, services: Services, history: History, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services, self._history = services, history
        self._pair: tuple[RunRecord, RunRecord] | None = None
        self._found: Sequence[Difference] | None = None
        self._error: CaddieError | None = None
        self._task: Task | None = None
        self._wanted = 0
        self.message = Label("", "muted", wrap=True)
        self.message.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.tree = QTreeWidget()
        self.tree.setColumnCount(3)
        self.tree.setUniformRowHeights(True)
        self.tree.setAllColumnsShowFocus(True)
        self.tree.setSelectionMode(QTreeWidget.SelectionMode.ExtendedSelection)
        header = self.tree.header()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setStretchLastSection(True)
        header.resizeSection(0, 300)
        header.resizeSection(1, 320)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.message)
        self.stack.addWidget(self.tree)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.stack)
        services.theme.changed.connect(self._fill)
        self.retranslate()

    @property
    def found(self) -> Sequence[Difference] | None:
        """What differs; None before it is known."""
        return self._found

    def show_runs(self, records: Sequence[RunRecord]) -> None:
        """Compares these where they are two."""
        self._wanted = len(records)
        ordered = sorted(records, key=lambda record: (record.created_at, record.folder.name))
        pair = (ordered[0], ordered[1]) if len(ordered) == 2 else None
        if pair is not None and self._pair is not None and [r.folder for r in pair] == [r.folder for r in self._pair]:
            return
        self._pair, self._found, self._error = pair, None, None
        if self._task is not None:
            self._task.cancel()
            self._task = None
        if pair is not None and self.isVisible():
            self._compare()
        self._fill()

    def showEvent(self, event: object) -> None:
        """Compares what was chosen while nobody looked."""
        super().showEvent(event)  # pyright: ignore[reportArgumentType]
        if self._pair is not None and self._found is None and self._task is None:
            self._compare()
            self._fill()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Copies the selected lines."""
        if event.matches(QKeySequence.StandardKey.Copy) and self.tree.selectedItems():
            from PySide6.QtGui import QGuiApplication

            lines = ["\t".join(item.text(column) for column in range(3)) for item in self.tree.selectedItems()]
            QGuiApplication.clipboard().setText("\n".join(lines))
        else:
            super().keyPressEvent(event)

    def _compare(self) -> None:
        assert self._pair is not None
        one, other = self._pair
        self._task = self._history.differences(one.folder, other.folder, self._done, self._failed)

    def _done(self, found: Sequence[Difference]) -> None:
        self._task, self._found = None, found
        self._fill()

    def _failed(self, error: BaseException) -> None:
        self._task = None
        if isinstance(error, CaddieError):
            self._error = error
            self._fill()
        else:
            self._services.tasks.report(error)

    def _fill(self) -> None:
        self.tree.clear()
        words = self._message_words()
        self.message.setText(words)
        self.stack.setCurrentWidget(self.message if words else self.tree)
        if words or self._pair is None:
            return
        from core.history.differ import SECTIONS  # late: the page shows its rows before it needs the form's words

        one, other = self._pair
        self.tree.setHeaderLabels([self.tr("Setting"), one.name, other.name])
        say, muted = self._services.translation.say, QColor(self._services.theme.colors.text_muted)
        groups: dict[tuple[bool, str], QTreeWidgetItem] = {}
        for item in self._found or ():
            key = (item.matters, item.section)
            if key not in groups:
                title = say(SECTIONS[item.section])
                group = QTreeWidgetItem([title if item.matters else self.tr("{section}: without effect").format(section=title)])
                font = group.font(0)
                font.setBold(True)
                group.setFont(0, font)
                groups[key] = group
                self.tree.addTopLevelItem(group)
            label = say(item.label)
            row = QTreeWidgetItem([label, say(item.one), say(item.other)])
            for column, words in enumerate((item.name, say(item.one), say(item.other))):
                row.setToolTip(column, words)
                if not item.matters:
                    row.setForeground(column, muted)
            groups[key].addChild(row)
        self.tree.expandAll()

    def _message_words(self) -> str:
        if self._pair is None:
            return (
                self.tr("Select two runs above to see what differs between them.")
                if self._wanted < 2
                else self.tr("Select exactly two runs; {count} are selected.").format(count=self._wanted)
            )
        if self._error is not None:
            return self._services.translation.say(self._error.text)
        if self._found is None:
            return self.tr("Comparing …")
        return "" if self._found else self.tr("Nothing differs: same settings, same checkout, same packages.")

    def retranslate(self) -> None:
        """Sets every visible text in the language on screen."""
        self.tree.setAccessibleName(self.tr("What differs"))
        self._fill()
