"""What a person reads in a window: every visible text, with the place where it stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QComboBox,
    QGraphicsTextItem,
    QGraphicsView,
    QHeaderView,
    QLabel,
    QLineEdit,
    QMainWindow,
    QMenu,
    QPlainTextEdit,
    QTabBar,
    QTableView,
    QTreeView,
    QWidget,
)

_ROWS = 60
_ROLES = (
    Qt.ItemDataRole.DisplayRole,
    Qt.ItemDataRole.ToolTipRole,
    Qt.ItemDataRole.AccessibleTextRole,
    Qt.ItemDataRole.AccessibleDescriptionRole,
)


def visible_texts(root: QWidget) -> list[tuple[str, str]]:
    """(place, text) of everything in `root` that is shown, in the order of the widgets; what is hidden is left out."""
    found: list[tuple[str, str]] = []
    for widget in [root, *root.findChildren(QWidget)]:
        if widget is root or (widget.isVisibleTo(root) and not isinstance(widget, (QHeaderView, QMenu))):
            place = _place(widget, root)
            found += [(f"{place} {kind}", text) for kind, text in _texts(widget) if text]
    if isinstance(root, QMainWindow):
        found += [("menu", text) for text in _of_actions(root.menuBar().actions())]
    return found


def _of_actions(actions: Sequence[QAction]) -> Iterator[str]:
    for action in actions:
        yield from (action.text(), action.toolTip(), action.shortcut().toString())
        menu = action.menu()
        if isinstance(menu, QMenu):
            yield from _of_actions(menu.actions())


def _place(widget: QWidget, root: QWidget) -> str:
    names: list[str] = []
    above: QWidget | None = widget
    while above is not None and above is not root:
        names.append(type(above).__name__)
        above = above.parentWidget()
    return "/".join(reversed(names))


def _texts(widget: QWidget) -> Iterator[tuple[str, str]]:
    yield "title", widget.windowTitle()
    yield "tip", widget.toolTip()
    yield "name", widget.accessibleName()
    yield "description", widget.accessibleDescription()
    if isinstance(widget, (QLabel, QAbstractButton)):
        yield "text", widget.text()
    elif isinstance(widget, QLineEdit):
        yield "placeholder", widget.placeholderText()
        yield "text", widget.text()
    elif isinstance(widget, QPlainTextEdit):
        yield "placeholder", widget.placeholderText()
        yield "text", widget.toPlainText()
    elif isinstance(widget, QComboBox):
        yield from (("item", widget.itemText(number)) for number in range(widget.count()))
    elif isinstance(widget, QTabBar):
        yield from (("tab", widget.tabText(number)) for number in range(widget.count()))
    elif isinstance(widget, QAbstractItemView):
        yield from _of_view(widget)
    elif isinstance(widget, QGraphicsView):
        yield from (("drawn", item.toPlainText()) for item in widget.items() if isinstance(item, QGraphicsTextItem))


def _of_view(view: QAbstractItemView) -> Iterator[tuple[str, str]]:
    model = view.model()
    if model is None:
        return
    flat = not isinstance(view, (QTableView, QTreeView))
    columns = range(1 if flat else model.columnCount())  # a list model hides its columnCount
    if not flat:
        for column in columns:
            for role in _ROLES[:2]:
                yield "heading", str(model.headerData(column, Qt.Orientation.Horizontal, role) or "")
    for row in range(min(model.rowCount(), _ROWS)):
        for column in columns:
            index = model.index(row, column, QModelIndex())
            yield from (("cell", str(model.data(index, role) or "")) for role in _ROLES)
