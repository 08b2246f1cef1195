"""The page "History": every run that was ever made, and what came out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from PySide6.QtCore import Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QHideEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QMenu, QProgressBar, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from core.errors import CaddieError
from core.history.record import RunRecord
from core.job.model import Job
from gui.bridge.clock import Delay
from gui.bridge.files import open_path
from gui.bridge.history import History
from gui.bridge.notices import Notice
from gui.history.dialogs import HistoryDialogs, dropped
from gui.history.differ_view import DifferView
from gui.history.filters import HistoryFilters
from gui.history.tabs import HistoryTabs
from gui.history.view import HistoryView
from gui.models.history_table import HistoryTable
from gui.pages.page import Page
from gui.services import Services
from gui.theme import tokens
from gui.widgets.base import Button, Card, EmptyState, IconButton, Label, row

if TYPE_CHECKING:
    from core.history.imports import ImportedRun

NOTICE = "history"
AGAIN_MS = 5000
"""Between two looks while a run goes on."""


class HistoryPage(Page):
    """See the module. Nothing is read before the page is shown for the first time."""

    page_id: ClassVar[str] = "history"

    def __init__(self, services: Services, parent: QWidget | None = None, *, dialogs: HistoryDialogs | None = None) -> None:
        super().__init__(services, parent)
        theme = services.theme
        self.dialogs = dialogs or HistoryDialogs(self)
        self.history = History(services.tasks, services.catalogue, parent=self)
        self.table = HistoryTable(services, self)
        self.filters = HistoryFilters(services)
        self.view = HistoryView(services, self.table)
        self.differ = DifferView(services, self.history)
        self.tabs = HistoryTabs(services, self.differ)
        self.empty, self.no_fit, self.failed = (EmptyState(theme, name) for name in ("history", "search", "error"))
        self.loading = EmptyState(theme, "history")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.stack = QStackedWidget()
        self._error: BaseException | None = None
        self._build_soon = Delay(self.tabs.build, 0, self)
        self._look_again = Delay(self._runs_changed, AGAIN_MS, self)
        self._heading = Label("", "headline")
        self._count = Label("", "muted")
        self.trouble = Label("", "warning", wrap=True)
        self.open_button = Button(theme, icon="run")
        self.again_button = Button(theme, icon="redo")
        self.delete_button = Button(theme, icon="trash")
        self.import_button = Button(theme, icon="download")
        self.columns_button = Button(theme, icon="columns")
        self.refresh_button = IconButton(theme, "refresh")
        self.import_menu = QMenu(self)
        self._import_file = self.import_menu.addAction("", self._ask_file)
        self._import_folder = self.import_menu.addAction("", self._ask_folder)
        self.actions_menu = QMenu(self)
        self._actions = [
            self.actions_menu.addAction("", act)
            for act in (self.open_selected, self.use_again, self._show_folder, self._edit_tags, self._edit_notes, self.delete)
        ]
        self.view.actions_menu = self.actions_menu
        self.setAcceptDrops(True)
        self._lay_out()
        self._connect()
        self.retranslate()
        self._show_state()

    def activated(self, topic: str = "") -> None:
        """Looks at the folders again; `topic` is the name of a run's folder to select."""
        self.history.load()
        if topic:
            found = [record.folder for record in self.table.records if record.id == topic]
            self.view.select(found)
        self.view.ensure_current()
        self.view.setFocus(Qt.FocusReason.OtherFocusReason)

    # --- what the user asks for --------------------------------------------------------------------------------

    def open_selected(self) -> None:
        """Shows the first selected run on the Run page."""
        chosen = self.view.selected()
        if chosen:
            self.open_run(chosen[0])

    def open_run(self, record: RunRecord) -> None:
        """Shows a run on the Run page."""
        from core.runs.folder import RunFolder

        self.services.runs.attach(RunFolder(record.folder))
        self.services.navigate("run")

    def use_again(self) -> None:
        """Opens the job of the selected run in Set up, as a new one."""
        chosen = self.view.selected()
        if chosen:
            from core.history.again import job_of

            self.services.tasks.start(job_of, chosen[0].folder, done=self._use_job, owner=self)

    def delete(self) -> None:
        """Moves the selected runs to the bin, if the user means it."""
        chosen = self.view.selected()
        over = [record for record in chosen if record.ending.is_over]
        if len(over) < len(chosen):
            self._say(self.tr("A run that is still going on cannot be deleted. Stop it first."), "warning")
        if over and len(over) == len(chosen) and self.dialogs.delete([record.name for record in over]):
            runs = self.services.runs
            folders = [record.folder for record in over]
            if runs.current is not None and runs.current.path in folders:
                runs.detach()
                runs.current_changed.emit()
            self.history.remove(folders)

    def _use_job(self, job: Job) -> None:
        self.services.navigate.to_job(job)

    def _ask_file(self) -> None:
        self._import(self.dialogs.import_file())

    def _ask_folder(self) -> None:
        self._import(self.dialogs.import_folder())

    def _import(self, path: Path | None) -> None:
        if path is not None:
            self._say(self.tr("Importing {name} …").format(name=path.name), "info")
            self.history.bring_in(path)

    def _show_folder(self) -> None:
        for record in self.view.selected()[:1]:
            if not open_path(record.folder):
                self._say(self.tr("Nothing on this system opens it: {path}").format(path=record.folder), "warning")

    def _edit_tags(self) -> None:
        self._edit("tags")

    def _edit_notes(self) -> None:
        self._edit("notes")

    def _edit(self, column: str) -> None:
        from gui.models.history_columns import COLUMNS

        index = COLUMNS.index(column)  # pyright: ignore[reportArgumentType]
        for record in self.view.selected()[:1]:
            place = self.table.row_of(record.folder)
            if place is not None:
                self.view.columns.show(index, on=True)
                self.view.scrollTo(self.table.index(place, index))
                self.view.edit(self.table.index(place, index))

    # --- what happens ------------------------------------------------------------------------------------------

    def _changed(self) -> None:
        listing = self.history.listing
        assert listing is not None
        self._error = None
        first = self.stack.currentWidget() is self.loading
        self.table.set_records(listing.records)
        self.filters.offer(self.table.names_of_optimizers(), self.table.tags())
        self._tell_trouble()
        self.view.ensure_current()
        self._show_state()
        self._build_soon.start(20)  # after the rows are painted
        if self.isVisible() and any(not record.ending.is_over for record in listing.records):
            self._look_again.start()
        if first and self.isVisible() and not self.filters.search.text():
            self.view.setFocus(Qt.FocusReason.OtherFocusReason)

    def _not_read(self, error: BaseException) -> None:
        self._error = error
        self._show_state()

    def _progressed(self, done: int, total: int) -> None:
        self.bar.setRange(0, total)
        self.bar.setValue(done)
        self._tell_count()

    def _imported(self, found: list[ImportedRun]) -> None:
        new = sum(item.new for item in found)
        words = self.tr("%n runs were imported.", "", new)
        if len(found) > new:
            words += " " + self.tr("%n were there already and were brought up to date.", "", len(found) - new)
        self._say(words, "success")

    def _removed(self, count: int) -> None:
        self._say(self.tr("%n runs were moved to the bin.", "", count), "success")

    def _say(self, words: str, tone: str) -> None:
        self.services.notices.post(Notice(text=lambda: words, tone=tone, seconds=8, key=NOTICE))  # pyright: ignore[reportArgumentType]

    def _selection_changed(self) -> None:
        chosen = self.view.selected()
        for button in (self.open_button, self.again_button):
            button.setEnabled(len(chosen) == 1)
        self.delete_button.setEnabled(bool(chosen))
        for number, action in enumerate(self._actions):
            action.setEnabled(len(chosen) == 1 or (number == len(self._actions) - 1 and bool(chosen)))
        self.tabs.show_runs(chosen, self.table.records)
        self._tell_count()

    def _runs_changed(self, *_: object) -> None:
        if self.isVisible():
            self.history.load()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Takes a LoRA, an event file or a folder; other files go on to the window."""
        if dropped(event) is not None:
            event.acceptProposedAction()
        else:
            event.ignore()

    def dropEvent(self, event: QDropEvent) -> None:
        """Imports it."""
        path = dropped(event)
        if path is not None:
            event.acceptProposedAction()
            self._import(path)
        else:
            event.ignore()

    def hideEvent(self, event: QHideEvent) -> None:
        """Nobody looks: nothing is read."""
        self._look_again.stop()
        super().hideEvent(event)

    # --- building ------------------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        for widget in (self.loading, self.empty, self.no_fit, self.failed, self.view):
            self.stack.addWidget(widget)
        self.import_button.setMenu(self.import_menu)
        head = row(
            self._heading, self._count, 1, self.filters.search, self.refresh_button, self.import_button, self.columns_button
        )
        head.setSpacing(tokens.M)
        head.setStretch(3, 2)
        tools = row(self.filters, 1, self.open_button, self.again_button, self.delete_button)
        top = QWidget()
        column = QVBoxLayout(top)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(tokens.S)
        column.addLayout(head)
        column.addWidget(self.filters.problem)
        column.addLayout(tools)
        column.addWidget(self.trouble)
        column.addWidget(self.bar)
        column.addWidget(self.stack, 1)
        self.below = Card(margin=tokens.S)
        self.below.body.addWidget(self.tabs)
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self.splitter.setHandleWidth(tokens.S)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.addWidget(top)
        self.splitter.addWidget(self.below)
        self.splitter.setSizes([430, 400])
        self.splitter.setStretchFactor(0, 1)
        self.splitter.setStretchFactor(1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(tokens.L, tokens.M, tokens.L, tokens.L)
        layout.addWidget(self.splitter)

    def _connect(self) -> None:
        history, runs = self.history, self.services.runs
        history.changed.connect(self._changed)
        history.failed.connect(self._not_read)
        history.loading_changed.connect(self._show_state)
        history.progressed.connect(self._progressed)
        history.imported.connect(self._imported)
        history.removed.connect(self._removed)
        self.table.edited.connect(history.note)
        self.table.shown_changed.connect(self._show_state)
        self.filters.changed.connect(self.table.set_filter)
        self.filters.search.left.connect(self._to_table)
        self.filters.search.returnPressed.connect(self._to_table)
        self.view.opened.connect(self.open_run)
        self.view.chosen.connect(self._selection_changed)
        self.view.search_wanted.connect(self._search)
        self.view.delete_wanted.connect(self.delete)
        self.tabs.colored.connect(self.view.set_colors)
        self.open_button.clicked.connect(self.open_selected)
        self.again_button.clicked.connect(self.use_again)
        self.delete_button.clicked.connect(self.delete)
        self.refresh_button.clicked.connect(history.load)
        self.columns_button.clicked.connect(self._show_columns)
        self.no_fit.button.clicked.connect(self.filters.clear)
        self.failed.button.clicked.connect(history.load)
        self.empty.button.clicked.connect(self.services.navigate.to_demo)
        for signal in (runs.started, runs.ended):
            signal.connect(self._runs_changed)
        for key in ("/", "Ctrl+F"):
            QShortcut(QKeySequence(key), self, self._search, context=Qt.ShortcutContext.WidgetWithChildrenShortcut)

    def _search(self) -> None:
        self.filters.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.filters.search.selectAll()

    def _to_table(self) -> None:
        self.view.ensure_current()
        self.view.setFocus(Qt.FocusReason.OtherFocusReason)

    def _show_columns(self) -> None:
        menu = self.view.columns.menu(self, self.tr("All columns as at first"))
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self.columns_button.mapToGlobal(self.columns_button.rect().bottomLeft()))

    # --- words -------------------------------------------------------------------------------------------------

    def _show_state(self) -> None:
        if self._error is not None:
            shown: QWidget = self.failed
        elif self.history.listing is None:
            shown = self.loading
        elif not self.table.records:
            shown = self.empty
        else:
            shown = self.view if self.table.rowCount() else self.no_fit
        self.stack.setCurrentWidget(shown)
        self.bar.setVisible(self.history.loading and self.history.listing is None)
        self.below.setVisible(bool(self.table.records))
        self._tell_error()
        self._selection_changed()

    def _tell_count(self) -> None:
        shown, total, chosen = self.table.rowCount(), len(self.table.records), len(self.view.selected())
        if self.history.listing is None:
            words = (
                self.tr("{done} of {total}").format(done=self.bar.value(), total=self.bar.maximum())
                if self.history.loading
                else ""
            )
        elif shown == total:
            words = self.tr("%n runs", "", total)
        else:
            words = self.tr("{shown} of {total} runs").format(shown=shown, total=total)
        self._count.setText(words + (" · " + self.tr("{count} selected").format(count=chosen) if chosen > 1 else ""))

    def _tell_trouble(self) -> None:
        trouble = self.history.listing.trouble if self.history.listing is not None else None
        self.trouble.setText(self.services.translation.say(trouble) if trouble is not None else "")
        self.trouble.setVisible(trouble is not None)

    def _tell_error(self) -> None:
        error = self._error
        words = self.services.translation.say(error.text) if isinstance(error, CaddieError) else str(error or "")
        self.failed.set_texts(self.tr("The runs could not be read"), words, self.tr("Try again"))

    def retranslate(self) -> None:
        """Says everything again."""
        self._heading.setText(self.tr("History"))
        self.view.setAccessibleName(self.tr("Runs"))
        self.open_button.setText(self.tr("Open"))
        self.open_button.setToolTip(self.tr("Show the run on the Run page (Enter)"))
        self.again_button.setText(self.tr("Use its job"))
        self.again_button.setToolTip(self.tr("Open the run's job in Set up, to change it or to start it again"))
        self.delete_button.setText(self.tr("Delete…"))
        self.delete_button.setToolTip(self.tr("Move the selected runs to the system's bin (Delete)"))
        self.import_button.setText(self.tr("Import"))
        self.import_button.setToolTip(self.tr("Runs made elsewhere: TensorBoard files, LoRA files"))
        self._import_file.setText(self.tr("A LoRA or TensorBoard file…"))
        self._import_folder.setText(self.tr("Everything in a folder…"))
        self.columns_button.setText(self.tr("Columns"))
        self.refresh_button.set_text(self.tr("Look at the folders again"))
        words = (self.tr("Open"), self.tr("Use its job"), self.tr("Show its folder"))
        words += (self.tr("Edit tags"), self.tr("Edit notes"), self.tr("Delete…"))
        for action, text in zip(self._actions, words, strict=True):
            action.setText(text)
        self.loading.set_texts(
            self.tr("Reading the runs …"), self.tr("Each run is read once; the next time this takes a moment only.")
        )
        self.empty.set_texts(
            self.tr("No run yet"),
            self.tr(
                "Every training that you start is kept here with its settings and what came out. Runs made elsewhere come in "
                "through Import: TensorBoard files, or LoRA files."
            ),
            self.tr("Open the demo"),
        )
        self.no_fit.set_texts(
            self.tr("No run fits"), self.tr("There is no run for all of these filters."), self.tr("Clear filters")
        )
        self._tell_trouble()
        self._tell_error()
        self._tell_count()
