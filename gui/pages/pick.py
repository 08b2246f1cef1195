"""Pick: the quick-reference table of every optimizer, and the card of one."""

from __future__ import annotations

from typing import ClassVar

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QMenu, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from core.catalogue.spec import OptimizerSpec
from core.job.model import Job
from gui.bridge.clock import Delay
from gui.bridge.notices import Notice
from gui.models.choose import Choice, choose
from gui.models.optimizer_columns import rate_text
from gui.models.optimizer_table import Filter, OptimizerFilter, OptimizerTable
from gui.pages.page import Page
from gui.pages.pick_card import OptimizerCard
from gui.pages.pick_filters import FilterBar
from gui.pages.pick_table import OptimizerView
from gui.services import Services
from gui.theme import tokens
from gui.widgets.base import Button, EmptyState, IconButton, Label, row


class PickPage(Page):
    """Find an optimizer, read about it, use it."""

    page_id: ClassVar[str] = "pick"

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(services, parent)
        self.table = OptimizerTable(services, self)
        self.rows = OptimizerFilter(self.table, self)
        self.filters = FilterBar(services)
        self.view = OptimizerView(services, self.rows)
        self.card = OptimizerCard(services)
        self._empty = EmptyState(services.theme, "search")
        self._empty.button.setIcon(services.theme.icon("close"))
        self._heading = Label("", "headline")
        self._count = Label("", "muted")
        self._copy = IconButton(services.theme, "copy")
        self._columns = Button(services.theme, icon="columns")
        self._stack = QStackedWidget()
        self._show_soon = Delay(self.show_current, 40, self)  # a held arrow key need not build every card on its way
        self._lay_out()
        self._connect()
        self.retranslate()
        self._show_of_job()
        self.view.ensure_current()
        self._show_soon.start(0)  # after the first paint: the window is there sooner

    def activated(self, topic: str = "") -> None:
        """Shows the optimizer it was asked for; the table takes the keys."""
        if topic and self.table.row_of(topic) is not None and not self.view.show_optimizer(topic):
            self.filters.clear()
            self.view.show_optimizer(topic)
        self.view.setFocus(Qt.FocusReason.OtherFocusReason)

    def retranslate(self) -> None:
        """Says everything again."""
        self._heading.setText(self.tr("Pick an optimizer"))
        self._columns.setText(self.tr("Columns"))
        self._copy.set_text(self.tr("Copy the selected rows (Ctrl+C)"))
        self.view.setAccessibleName(self.tr("Optimizers"))
        self._empty.set_texts(
            self.tr("No optimizer fits"),
            self.tr("Nothing in the catalogue fits all of these filters."),
            self.tr("Clear filters"),
        )
        self._tell_count()

    def show_current(self) -> None:
        """Lets the card show the current row."""
        self._show_soon.stop()
        spec = self.view.current_spec
        if spec is not self.card.spec:
            self.card.show_optimizer(spec)

    def use(self, spec: OptimizerSpec) -> None:
        """Gives the open job this optimizer and goes to Set up. Asks nothing; the notice takes it back."""
        session = self.services.session
        choice = choose(session.job, spec, self.services.catalogue)
        session.edit(choice.job, self.tr("Use {name}").format(name=spec.name))
        self._announce(spec, choice)
        self.services.navigate("setup")

    # --- inside ------------------------------------------------------------------------------------------------

    def _announce(self, spec: OptimizerSpec, choice: Choice) -> None:
        job = self.services.session.job

        def undo() -> None:
            self._undo_to(job)

        if choice.rate_kept is not None:
            kept, start = rate_text(choice.rate_kept), rate_text(spec.learning_rate.start)
            notice = Notice(
                text=lambda: self.tr(
                    "{name} is set. Your learning rate {kept} was kept; {name} usually starts from {start}."
                ).format(name=spec.name, kept=kept, start=start),
                tone="warning",
                key="pick",
                action=lambda: self.tr("Set {start}").format(start=start),
                run=lambda: self._set_rate(spec),
            )
        elif choice.rate_set is not None:
            rate = rate_text(choice.rate_set)
            notice = Notice(
                text=lambda: self.tr("{name} is set, with the learning rate {rate} to start from.").format(
                    name=spec.name, rate=rate
                ),
                tone="success",
                key="pick",
                action=lambda: self.tr("Undo"),
                run=undo,
                seconds=12,
            )
        else:
            notice = Notice(
                text=lambda: self.tr("{name} is set.").format(name=spec.name),
                tone="success",
                key="pick",
                action=lambda: self.tr("Undo"),
                run=undo,
                seconds=12,
            )
        self.services.notices.post(notice)

    def _undo_to(self, job: Job) -> None:
        # Only what the notice speaks of is taken back; a later edit is not.
        if self.services.session.job is job:
            self.services.session.undo()

    def _set_rate(self, spec: OptimizerSpec) -> None:
        session = self.services.session
        start = spec.learning_rate.start
        session.edit(session.job.with_option("learning_rate", start), self.tr("Change learning rate"))

    def _lay_out(self) -> None:
        self._stack.addWidget(self.view)
        self._stack.addWidget(self._empty)
        head = row(self._heading, self._count, 1, self.filters.search, self._copy, self._columns, spacing=tokens.M)
        head.setStretch(3, 2)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, tokens.S, 0)
        column.setSpacing(tokens.M)
        column.addLayout(head)
        column.addWidget(self.filters)
        column.addWidget(self._stack, 1)
        splitter = QSplitter(Qt.Orientation.Horizontal)
        splitter.setHandleWidth(tokens.S)
        splitter.setChildrenCollapsible(False)
        splitter.addWidget(left)
        splitter.addWidget(self.card)
        splitter.setStretchFactor(0, 3)
        splitter.setStretchFactor(1, 1)
        splitter.setSizes([800, 400])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(tokens.L, tokens.M, tokens.L, tokens.L)
        layout.addWidget(splitter)

    def _connect(self) -> None:
        self.filters.changed.connect(self._filter)
        self.rows.filter_changed.connect(self._rows_changed)
        self.view.shown.connect(lambda _spec: self._show_soon.start())
        self.view.chosen.connect(self.use)
        self.view.search_wanted.connect(self._search)
        self.filters.search.left.connect(self._to_table)
        self.filters.search.returnPressed.connect(self._to_table)
        self.card.use_wanted.connect(self.use)
        self.services.session.replaced.connect(self._show_of_job)
        self.card.environment_wanted.connect(lambda spec: self.services.navigate("environment", spec.id))
        self._copy.clicked.connect(self.view.copy)
        self._columns.clicked.connect(self._show_columns)
        self._empty.button.clicked.connect(self._clear)
        for key in ("/", "Ctrl+F"):
            QShortcut(QKeySequence(key), self, self._search, context=Qt.ShortcutContext.WidgetWithChildrenShortcut)

    def _show_of_job(self) -> None:
        # Where a filter hides it, the row stays: the filter is what the user wants to see.
        if self.table.current is not None:
            self.view.show_optimizer(self.table.current.id)

    def _filter(self, wanted: Filter) -> None:
        self.rows.set_filter(wanted)

    def _rows_changed(self) -> None:
        self._stack.setCurrentWidget(self.view if self.rows.rowCount() else self._empty)
        self.view.ensure_current()
        self._tell_count()

    def _tell_count(self) -> None:
        shown, total = self.rows.rowCount(), self.table.rowCount()
        if shown == total:
            self._count.setText(self.tr("{total} optimizers").format(total=total))
        else:
            self._count.setText(self.tr("{shown} of {total} optimizers").format(shown=shown, total=total))

    def _search(self) -> None:
        self.filters.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.filters.search.selectAll()

    def _to_table(self) -> None:
        self.view.ensure_current()
        self.view.setFocus(Qt.FocusReason.OtherFocusReason)

    def _clear(self) -> None:
        self.filters.clear()
        self._search()

    def _show_columns(self) -> None:
        menu: QMenu = self.view.column_menu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self._columns.mapToGlobal(self._columns.rect().bottomLeft()))
