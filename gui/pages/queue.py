"""The page "Queue": what trains one after the other, with or without this window."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from PySide6.QtCore import Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QHideEvent, QShowEvent
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from core.queue.model import Entry, State
from gui.bridge.files import open_path
from gui.bridge.notices import Notice, Tone
from gui.models.queue_table import COLUMNS, QueueTable
from gui.pages.page import Page
from gui.queue.actions import Deed, EntryActions, possible
from gui.queue.dialogs import QueueDialogs
from gui.queue.header import QueueHeader
from gui.queue.view import QueueView
from gui.services import Services
from gui.theme import tokens
from gui.widgets.base import Card, EmptyState, Label

if TYPE_CHECKING:
    from core.queue.store import Queue

NOTICE = "queue"
EDIT_NOTICE = "queue-edit"


class QueuePage(Page):
    """See the module."""

    page_id: ClassVar[str] = "queue"

    def __init__(self, services: Services, parent: QWidget | None = None, *, dialogs: QueueDialogs | None = None) -> None:
        super().__init__(services, parent)
        self.dialogs = dialogs or QueueDialogs(self)
        self.queue = services.queue
        self.header = QueueHeader(services)
        self.table = QueueTable(services, self)
        self.view = QueueView(services.theme, self.table)
        self.entry_actions = EntryActions(services.theme, self.do)
        self.view.actions_menu = self.entry_actions.menu
        self.problem = Label("", "danger", wrap=True)
        self.problem.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.empty = EmptyState(services.theme, "queue")
        self.stack = QStackedWidget()
        self._select_next: str | None = None
        self._lay_out()
        self._connect()
        self.setAcceptDrops(True)
        self.retranslate()
        self._changed()

    def _lay_out(self) -> None:
        listed = QWidget()
        column = QVBoxLayout(listed)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(tokens.S)
        column.addWidget(self.view, 1)
        column.addWidget(self.problem)
        column.addWidget(self.entry_actions)
        card = Card(margin=tokens.M)
        self.stack.addWidget(self.empty)
        self.stack.addWidget(listed)
        card.body.addWidget(self.stack)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(tokens.L, tokens.L, tokens.L, tokens.L)
        layout.setSpacing(tokens.S)
        layout.addWidget(self.header)
        layout.addWidget(card, 1)

    def _connect(self) -> None:
        self.queue.changed.connect(self._changed)
        self.header.start.connect(self.queue.start)
        self.header.pause.connect(lambda: self.queue.do(lambda queue: queue.pause()))
        self.header.add_open.connect(self.queue.add_open_wanted)
        self.header.add_files.connect(self._ask_files)
        self.header.export.connect(self._export)
        self.table.moved.connect(self._move)
        self.view.chosen.connect(self._show_actions)
        self.view.opened.connect(lambda: self.do("open"))
        self.view.remove_wanted.connect(lambda: self.do("remove"))
        self.view.hold_wanted.connect(lambda: self.do("hold"))
        self.view.shift_wanted.connect(lambda by: self.do("up" if by < 0 else "down"))
        self.empty.button.clicked.connect(self.queue.add_open_wanted)

    def activated(self, topic: str = "") -> None:
        """Looks at the queue; `topic` is the id of an entry to select."""
        self._select_next = topic or None
        self.queue.refresh()
        self._select_wanted()
        self._focused().setFocus(Qt.FocusReason.OtherFocusReason)

    def _focused(self) -> QWidget:
        return self.view if self.table.entries else self.empty.button

    def showEvent(self, event: QShowEvent) -> None:
        """Looks often while it is on show."""
        super().showEvent(event)
        self.queue.watch(on=True)

    def hideEvent(self, event: QHideEvent) -> None:
        """Looks seldom again."""
        super().hideEvent(event)
        self.queue.watch(on=False)

    # --- what the user asks for --------------------------------------------------------------------------------

    def do(self, deed: Deed) -> None:
        """Does something with the selected entry."""
        entry = self.view.current
        if entry is None or not self.entry_actions.can(deed):
            return
        place = self.view.currentIndex().row()
        last = self.queue.snapshot.control.stop_after == entry.id
        held = entry.state is State.HELD
        if deed in ("up", "down"):
            self._move(entry.id, place + (1 if deed == "down" else -1))
        elif deed == "open":
            self._open(entry)
        elif deed == "hold":
            self.queue.do(lambda queue: queue.release(entry.id) if held else queue.hold(entry.id))
        elif deed == "stop_after":
            self.queue.do(lambda queue: queue.stop_after(None if last else entry.id))
        elif deed == "retry":
            self.queue.do(lambda queue: queue.retry(entry.id))
        elif deed == "folder":
            self._show_folder(entry.run or self.queue.job_file(entry.id).parent)
        else:
            self.queue.do(lambda queue: queue.remove(entry.id), done=partial(self._removed, entry))

    def _move(self, entry_id: str, place: int) -> None:
        self._select_next = entry_id
        self.queue.do(lambda queue: queue.move(entry_id, place))

    def _open(self, entry: Entry) -> None:
        if entry.run is not None:
            from core.runs.folder import RunFolder

            self.services.runs.attach(RunFolder(entry.run))
            self.services.navigate("run")
        else:
            self.queue.edit_wanted.emit(entry)

    def _removed(self, entry: Entry, place: int) -> None:
        def undo() -> None:
            self._select_next = entry.id
            self.queue.do(lambda queue: queue.bring_back(entry.id, place))

        words = self.tr("“{name}” was removed from the queue.")
        self.services.notices.post(
            Notice(
                text=lambda: words.format(name=entry.name),
                action=lambda: self.tr("Undo"),
                run=undo,
                seconds=12,
                key=NOTICE,
            )
        )

    def _ask_files(self) -> None:
        session = self.services.session
        folder = session.path.parent if session.path is not None else Path.home()
        self.queue.add_files_wanted.emit(self.dialogs.job_files(str(folder)))

    def _export(self) -> None:
        path = self.dialogs.script_file(str(Path.home() / self.tr("queue")))
        if path is None:
            return

        def write(queue: Queue) -> int:
            from core.queue.export import export_queue

            return len(export_queue(queue, path))

        self.queue.do(
            write, done=lambda count: self._say(self.tr("%n jobs were written to {path}.", "", count).format(path=path))
        )

    def _show_folder(self, path: Path) -> None:
        if not open_path(path):
            self._say(self.tr("Nothing on this system opens it: {path}").format(path=path), "warning")

    def _say(self, words: str, tone: Tone = "success") -> None:
        self.services.notices.post(Notice(text=lambda: words, tone=tone, seconds=8, key=NOTICE))

    # --- what happens ------------------------------------------------------------------------------------------

    def _changed(self) -> None:
        snapshot = self.queue.snapshot
        self.table.show(snapshot, self.queue.progress)
        self.view.setColumnHidden(COLUMNS.index("gpu"), not any(entry.lane for entry in snapshot.entries))
        self.header.show_queue(snapshot)
        had_focus = self.empty.button.hasFocus() or self.view.hasFocus()
        self._select_wanted()  # before the focus comes: it would make the first row the current one
        self.stack.setCurrentIndex(1 if snapshot.entries else 0)
        if had_focus:
            self._focused().setFocus(Qt.FocusReason.OtherFocusReason)
        self._show_actions()

    def _select_wanted(self) -> None:
        row = self.table.row_of(self._select_next) if self._select_next is not None else None
        if row is not None:
            self._select_next = None
            self.view.select(row)
        elif self.view.current is None and self.table.entries:
            first = next((row for row, entry in enumerate(self.table.entries) if not entry.state.is_over), 0)
            self.view.select(first)

    def _show_actions(self) -> None:
        entry, snapshot = self.view.current, self.queue.snapshot
        self.entry_actions.show_possible(possible(entry, self.view.currentIndex().row(), len(snapshot.entries), snapshot.control))
        self._tell_problem(entry)

    def _tell_problem(self, entry: Entry | None) -> None:
        problem = entry.problem if entry is not None else None
        self.problem.setText("" if problem is None else self.services.translation.say(problem))
        self.problem.setVisible(problem is not None)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Takes job files."""
        if _dropped(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Adds them."""
        files = _dropped(event)
        if files:
            event.acceptProposedAction()
            self.queue.add_files_wanted.emit(files)

    def retranslate(self) -> None:
        """Sets every visible text in the language on screen."""
        self.view.setAccessibleName(self.tr("Jobs in the queue, the next one first"))
        self.empty.set_texts(
            self.tr("Nothing is in the queue"),
            self.tr(
                "Jobs that are added here train one after the other, one on each GPU. The queue goes on when this window is "
                "closed, and is still here after a restart of the computer; then nothing starts before you say so. Add the open "
                "job, or drop job files here."
            ),
            self.tr("Add the open job"),
        )
        self._tell_problem(self.view.current)


def _dropped(event: QDropEvent) -> list[Path]:
    paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
    return [path for path in paths if path.suffix.lower() == ".toml"]
