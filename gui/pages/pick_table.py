"""The table of the Pick page: columns that move and hide, keyboard, copying."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import QAction, QGuiApplication, QHideEvent, QKeyEvent, QKeySequence, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QMenu, QTableView, QWidget

from core.catalogue.spec import OptimizerSpec
from gui.bridge.clock import Delay
from gui.bridge.settings import Settings
from gui.models.optimizer_columns import COLUMNS, WIDTHS, column_title
from gui.models.optimizer_table import SPEC_ROLE, OptimizerFilter
from gui.pages.pick_delegate import OptimizerDelegate
from gui.pages.pick_frozen import FrozenNames
from gui.services import Services
from gui.theme import tokens

HIDDEN_KEY = "pick_hidden_columns"
ORDER_KEY = "pick_column_order"
WIDTHS_KEY = "pick_column_widths"


class OptimizerView(QTableView):
    """Signals:
    chosen: Enter or a double click on an optimizer.
    shown: another optimizer is current (None where none is).
    search_wanted: Up from the first row.
    """

    chosen = Signal(object)
    shown = Signal(object)
    search_wanted = Signal()

    def __init__(self, services: Services, rows: OptimizerFilter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self._rows = rows
        self._delegate = OptimizerDelegate(services.theme, self)
        self._remember_soon = Delay(self._remember, 300, self)
        self.setProperty("class", "framed")
        self.setModel(rows)
        self.setItemDelegate(self._delegate)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)  # Tab leaves the table
        self.setMouseTracking(True)
        self.setSortingEnabled(True)
        self._set_up_headers()
        self._frozen = FrozenNames(self)
        self._frozen.doubleClicked.connect(lambda _index: self.chosen.emit(self.current_spec))
        services.theme.changed.connect(self.viewport().update)
        self.selectionModel().currentRowChanged.connect(self._on_current)

    # --- what is current ---------------------------------------------------------------------------------------

    @property
    def current_spec(self) -> OptimizerSpec | None:
        """The optimizer of the current row."""
        index = self.currentIndex()
        return index.data(SPEC_ROLE) if index.isValid() else None

    def selected_specs(self) -> list[OptimizerSpec]:
        """The selected optimizers in the order of the screen."""
        rows = sorted(index.row() for index in self.selectionModel().selectedRows())
        return [self._rows.index(row, 0).data(SPEC_ROLE) for row in rows]

    def show_optimizer(self, optimizer_id: str) -> bool:
        """Makes an optimizer current. False where the filter hides it."""
        for row in range(self._rows.rowCount()):
            if self._rows.index(row, 0).data(SPEC_ROLE).id == optimizer_id:
                index = self._rows.index(row, COLUMNS.index("name"))
                self.setCurrentIndex(index)
                self.scrollTo(index)
                return True
        return False

    def ensure_current(self) -> None:
        """Makes the first row current where none is."""
        if not self.currentIndex().isValid() and self._rows.rowCount():
            self.setCurrentIndex(self._rows.index(0, COLUMNS.index("name")))

    # --- columns -----------------------------------------------------------------------------------------------

    def column_menu(self, parent: QWidget) -> QMenu:
        """A menu that hides and shows columns, in the order of the screen."""
        menu = QMenu(parent)
        header = self.horizontalHeader()
        for visual in range(header.count()):
            logical = header.logicalIndex(visual)
            action = QAction(column_title(COLUMNS[logical]), menu)
            action.setCheckable(True)
            action.setChecked(not self.isColumnHidden(logical))
            action.setEnabled(COLUMNS[logical] != "name")  # a row without its name says nothing
            action.toggled.connect(lambda shown, column=logical: self.set_column_shown(column, shown))
            menu.addAction(action)
        menu.addSeparator()
        menu.addAction(self.tr("All columns, usual order"), self.reset_columns)
        return menu

    def set_column_shown(self, column: int, shown: bool) -> None:
        """Shows or hides a column and remembers it."""
        self.setColumnHidden(column, not shown)
        self._remember()

    def reset_columns(self) -> None:
        """Every column, in the usual order and width."""
        header = self.horizontalHeader()
        for logical, name in enumerate(COLUMNS):
            self.setColumnHidden(logical, False)
            header.moveSection(header.visualIndex(logical), logical)
            header.resizeSection(logical, WIDTHS[name])
        self._remember()

    # --- copying -----------------------------------------------------------------------------------------------

    def copy(self) -> None:
        """Copies the selected rows, all where none is, as tab-separated text with a heading."""
        header = self.horizontalHeader()
        logical = [header.logicalIndex(visual) for visual in range(header.count())]
        columns = [column for column in logical if not self.isColumnHidden(column)]
        chosen = sorted(index.row() for index in self.selectionModel().selectedRows())
        rows = chosen or range(self._rows.rowCount())
        lines = ["\t".join(column_title(COLUMNS[column]) for column in columns)]
        for row in rows:
            cells = (str(self._rows.index(row, column).data() or "") for column in columns)
            lines.append("\t".join(" ".join(cell.split()) for cell in cells))
        QGuiApplication.clipboard().setText("\n".join(lines))

    # --- Qt ----------------------------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter uses, Ctrl+C copies, Up from the first row and Escape go to the search field."""
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.current_spec is not None:
            self.chosen.emit(self.current_spec)
        elif event.key() == Qt.Key.Key_Escape or (event.key() == Qt.Key.Key_Up and self.currentIndex().row() <= 0):
            self.search_wanted.emit()
        elif event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            # Rows are what one moves among; sideways only scrolls.
            bar = self.horizontalScrollBar()
            bar.setValue(bar.value() + (80 if event.key() == Qt.Key.Key_Right else -80))
        else:
            super().keyPressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """A double click uses."""
        if self.indexAt(event.position().toPoint()).isValid() and self.current_spec is not None:
            self.chosen.emit(self.current_spec)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Lights up the row under the mouse."""
        self._hover(self.indexAt(event.position().toPoint()).row())
        super().mouseMoveEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        """No row is under the mouse."""
        self._hover(-1)
        super().leaveEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keeps the frozen names in place."""
        super().resizeEvent(event)
        self._frozen.place()

    def hideEvent(self, event: QHideEvent) -> None:
        """Nothing that was moved a moment ago is forgotten."""
        if self._remember_soon.waiting:
            self._remember_soon.stop()
            self._remember()
        super().hideEvent(event)

    # --- inside ------------------------------------------------------------------------------------------------

    def _hover(self, row: int) -> None:
        if row != self._delegate.hovered:
            self._delegate.hovered = row
            self.viewport().update()
            self._frozen.viewport().update()

    def _on_current(self, current: QModelIndex, _previous: QModelIndex) -> None:
        self.shown.emit(current.data(SPEC_ROLE) if current.isValid() else None)

    def _set_up_headers(self) -> None:
        vertical = self.verticalHeader()
        vertical.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        vertical.setDefaultSectionSize(tokens.ROW_HEIGHT)
        vertical.hide()
        header = self.horizontalHeader()
        header.setSectionsMovable(True)
        header.setHighlightSections(False)
        header.setMinimumSectionSize(56)
        header.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        header.customContextMenuRequested.connect(self._header_menu)
        self._restore(header)
        header.setSortIndicator(COLUMNS.index("category"), Qt.SortOrder.AscendingOrder)
        self.sortByColumn(COLUMNS.index("category"), Qt.SortOrder.AscendingOrder)
        header.sortIndicatorChanged.connect(self._on_sort)
        header.sectionMoved.connect(lambda *_: self._remember_soon.start())
        header.sectionResized.connect(lambda *_: self._remember_soon.start())
        header.sectionHandleDoubleClicked.connect(self.resizeColumnToContents)

    def _on_sort(self, column: int, _order: Qt.SortOrder) -> None:
        self._delegate.grouped = column == COLUMNS.index("category")
        self.viewport().update()

    def _header_menu(self, where: QPoint) -> None:
        menu = self.column_menu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self.horizontalHeader().mapToGlobal(where))

    def _restore(self, header: QHeaderView) -> None:
        settings = self._services.settings
        widths = _stored_widths(settings)
        hidden = settings.texts(HIDDEN_KEY)
        for logical, name in enumerate(COLUMNS):
            stored = widths.get(name, "")
            header.resizeSection(logical, int(stored) if stored.isdigit() else WIDTHS[name])
            self.setColumnHidden(logical, name in hidden and name != "name")
        known = [name for name in settings.texts(ORDER_KEY) if name in COLUMNS]
        for visual, name in enumerate(known):
            header.moveSection(header.visualIndex(COLUMNS.index(name)), visual)  # pyright: ignore[reportArgumentType]

    def _remember(self) -> None:
        header, settings = self.horizontalHeader(), self._services.settings
        settings.set(HIDDEN_KEY, [name for logical, name in enumerate(COLUMNS) if self.isColumnHidden(logical)])
        settings.set(ORDER_KEY, [COLUMNS[header.logicalIndex(visual)] for visual in range(header.count())])
        shown = [(name, header.sectionSize(logical)) for logical, name in enumerate(COLUMNS) if header.sectionSize(logical)]
        widths = _stored_widths(settings)
        widths.update({name: str(size) for name, size in shown})
        settings.set(WIDTHS_KEY, [f"{name}={size}" for name, size in widths.items()])


def _stored_widths(settings: Settings) -> dict[str, str]:
    pairs = (item.partition("=") for item in settings.texts(WIDTHS_KEY))
    return {name: width for name, _, width in pairs}
