"""Columns of a table that the user may move, widen and hide, and finds again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from PySide6.QtCore import QObject, QPoint, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QTableView, QWidget

from gui.bridge.clock import Delay
from gui.bridge.settings import Settings


class KeptColumns(QObject):
    """Keeps order, widths and visibility of a view's columns in the settings.

    Args:
        view: its model has one column for each of `names`.
        settings: where they are kept, under `<prefix>_…`.
        prefix: of the keys.
        names: of the columns; also what is kept, so that a later version may have others.
        widths: the usual ones, in pixels.
        title: what a column is called.
        fixed: columns that cannot be hidden.
        hidden: columns that are hidden at first.
    """

    def __init__(
        self,
        view: QTableView,
        settings: Settings,
        prefix: str,
        *,
        names: Sequence[str],
        widths: Mapping[str, int],
        title: Callable[[int], str],
        fixed: Collection[str] = (),
        hidden: Collection[str] = (),
    ) -> None:
        super().__init__(view)
        self._view, self._settings, self._prefix = view, settings, prefix
        self._names, self._widths, self._title = tuple(names), widths, title
        self._fixed, self._hidden = frozenset(fixed), frozenset(hidden)
        self._remember_soon = Delay(self.remember, 300, self)
        header = view.horizontalHeader()
        header.setSectionsMovable(True)
        header.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self._restore()
        header.customContextMenuRequested.connect(self._menu_wanted)
        header.sectionMoved.connect(lambda *_: self._remember_soon.start())
        header.sectionResized.connect(lambda *_: self._remember_soon.start())
        header.sectionHandleDoubleClicked.connect(view.resizeColumnToContents)

    def menu(self, parent: QWidget, reset: str) -> QMenu:
        """A menu that hides and shows columns, in the order of the screen; `reset` is the words of its last entry."""
        menu = QMenu(parent)
        header = self._view.horizontalHeader()
        for visual in range(header.count()):
            column = header.logicalIndex(visual)
            action = QAction(self._title(column), menu)
            action.setCheckable(True)
            action.setChecked(not self._view.isColumnHidden(column))
            action.setEnabled(self._names[column] not in self._fixed)
            action.toggled.connect(lambda shown, column=column: self.show(column, on=shown))
            menu.addAction(action)
        menu.addSeparator()
        menu.addAction(reset, self.reset)
        return menu

    def show(self, column: int, *, on: bool) -> None:
        """Shows or hides a column."""
        self._view.setColumnHidden(column, not on)
        self.remember()

    def reset(self) -> None:
        """The usual columns, order and widths."""
        header = self._view.horizontalHeader()
        for column, name in enumerate(self._names):
            self._view.setColumnHidden(column, name in self._hidden)
            header.moveSection(header.visualIndex(column), column)
            header.resizeSection(column, self._widths[name])
        self.remember()

    def flush(self) -> None:
        """Writes what waits to be written."""
        if self._remember_soon.waiting:
            self._remember_soon.stop()
            self.remember()

    def remember(self) -> None:
        """Writes the columns into the settings."""
        header, view = self._view.horizontalHeader(), self._view
        hidden = [name for column, name in enumerate(self._names) if view.isColumnHidden(column)]
        self._settings.set(f"{self._prefix}_hidden_columns", hidden)
        order = [self._names[header.logicalIndex(visual)] for visual in range(header.count())]
        self._settings.set(f"{self._prefix}_column_order", order)
        widths = self._stored_widths()
        widths.update({name: str(size) for column, name in enumerate(self._names) if (size := header.sectionSize(column))})
        self._settings.set(f"{self._prefix}_column_widths", [f"{name}={size}" for name, size in widths.items()])

    def _restore(self) -> None:
        header, key = self._view.horizontalHeader(), f"{self._prefix}_hidden_columns"
        hidden = self._settings.texts(key) if self._settings.has(key) else self._hidden
        widths = self._stored_widths()
        for column, name in enumerate(self._names):
            stored = widths.get(name, "")
            header.resizeSection(column, int(stored) if stored.isdigit() else self._widths[name])
            self._view.setColumnHidden(column, name in hidden and name not in self._fixed)
        known = [name for name in self._settings.texts(f"{self._prefix}_column_order") if name in self._names]
        for visual, name in enumerate(known):
            header.moveSection(header.visualIndex(self._names.index(name)), visual)

    def _stored_widths(self) -> dict[str, str]:
        pairs = (item.partition("=") for item in self._settings.texts(f"{self._prefix}_column_widths"))
        return {name: width for name, _, width in pairs}

    def _menu_wanted(self, where: QPoint) -> None:
        menu = self.menu(self._view, self.tr("All columns as at first"))
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self._view.horizontalHeader().mapToGlobal(where))
