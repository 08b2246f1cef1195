"""The tables of a dataset config as a tree: all datasets and subsets, to choose, add, copy, move and drop folders on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QFileDialog, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from core.dataset.config import GENERAL, Place
from core.dataset.document import DatasetConfig
from core.errors import CaddieError
from core.text import Text
from gui.bridge.dataset_session import DatasetSession
from gui.services import Services
from gui.widgets.base import IconButton, Translated, row

_PLACE = Qt.ItemDataRole.UserRole


class _Tree(QTreeWidget):
    """Takes folders that are dropped on it.

    Signals:
        dropped: folders (paths), and the item under them or None.
    """

    dropped = Signal(object, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAcceptDrops(True)
        self.setHeaderHidden(True)
        self.setProperty("class", "framed")

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.dropped.emit(paths, self.itemAt(event.position().toPoint()))


class DatasetTree(Translated, QWidget):
    """Signals:
    chosen: another table is current (its Place).
    """

    chosen = Signal(object)

    def __init__(self, services: Services, session: DatasetSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self._session = session
        self.tree = _Tree(self)
        self.tree.dropped.connect(self._on_dropped)
        self.tree.currentItemChanged.connect(self._on_current)
        theme = services.theme
        self.add_dataset = IconButton(theme, "plus")
        self.add_folder = IconButton(theme, "folder")
        self.copy = IconButton(theme, "copy")
        self.up = IconButton(theme, "chevron-up")
        self.down = IconButton(theme, "chevron-down")
        self.remove = IconButton(theme, "trash")
        actions: list[tuple[IconButton, Callable[[], None], str]] = [
            (self.add_folder, self.choose_folder, "Ins"),
            (self.add_dataset, self._add_dataset, "Ctrl+Ins"),
            (self.copy, self._duplicate, "Ctrl+D"),
            (self.up, lambda: self._move(-1), "Alt+Up"),
            (self.down, lambda: self._move(1), "Alt+Down"),
            (self.remove, self._remove, "Del"),
        ]
        for button, action, keys in actions:
            button.clicked.connect(action)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            shortcut = QShortcut(QKeySequence(keys), self.tree)
            shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
            shortcut.activated.connect(button.click)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.tree, 1)
        layout.addLayout(row(*(button for button, _, _ in actions), spacing=2, stretch=True))
        session.changed.connect(self._fill)
        session.replaced.connect(lambda: self.choose(Place(0, 0)))
        self.retranslate()

    # --- what is shown -----------------------------------------------------------------------------------------

    @property
    def place(self) -> Place:
        """The current table."""
        item = self.tree.currentItem()
        return cast("Place", item.data(0, _PLACE)) if item is not None else GENERAL

    def choose(self, place: Place) -> None:
        """Makes a table current; the nearest that there is."""
        config = self._session.config
        if place not in config and place != GENERAL:
            count = config.subset_count(place.dataset)
            last = Place(place.dataset, count - 1) if place.subset >= 0 and count else Place(place.dataset)
            place = last if last in config else Place(config.dataset_count - 1) if config.dataset_count else GENERAL
        item = self._item(place)
        if item is not None:
            self.tree.setCurrentItem(item)

    def _item(self, place: Place) -> QTreeWidgetItem | None:
        found: list[QTreeWidgetItem] = []
        for number in range(self.tree.topLevelItemCount()):
            top = self.tree.topLevelItem(number)
            if top is not None:
                found += [top, *filter(None, (top.child(count) for count in range(top.childCount())))]
        return next((item for item in found if item.data(0, _PLACE) == place), None)

    def _fill(self) -> None:
        config, present = self._session.config, self.place
        places = [GENERAL, *config.places]
        if places != self._listed():
            self.tree.blockSignals(True)
            self.tree.clear()
            for place in places:
                item = QTreeWidgetItem()
                item.setData(0, _PLACE, place)
                top = self._item(Place(place.dataset)) if place.subset >= 0 else None
                if top is not None:
                    top.addChild(item)
                else:
                    self.tree.addTopLevelItem(item)
            self.tree.expandAll()
            self.tree.blockSignals(False)
            self.choose(present)
        self._say_items()
        self._enable()

    def _listed(self) -> list[Place]:
        found: list[Place] = []
        for number in range(self.tree.topLevelItemCount()):
            top = self.tree.topLevelItem(number)
            if top is not None:
                inside = (top.child(count) for count in range(top.childCount()))
                found += [item.data(0, _PLACE) for item in (top, *inside) if item is not None]
        return found

    def _say_items(self) -> None:
        session, theme = self._session, self._services.theme
        worst = {fault.place: fault.severity for fault in reversed(session.faults) if fault.severity == "warning"}
        worst |= {fault.place: fault.severity for fault in session.faults if fault.severity == "error"}
        for place in self._listed():
            item = self._item(place)
            if item is None:
                continue
            item.setText(0, self._name(place))
            severity = worst.get(place)
            icon = "error" if severity == "error" else "warning" if severity else _ICONS[place.level]
            role = "danger_text" if severity == "error" else "warning_text" if severity else "text_muted"
            item.setIcon(0, theme.icon(icon, role))
            say = self._services.translation.say
            item.setToolTip(0, "\n".join(say(fault.text) for fault in session.faults_at(place)) or item.text(0))

    def _name(self, place: Place) -> str:
        values = self._session.config.values(place)
        if place == GENERAL:
            return self.tr("For all datasets")
        if place.subset < 0:
            size = values.get("resolution")
            sides = cast("list[Any]", size) if isinstance(size, list) else [size]
            shown = " × ".join(str(side) for side in (sides if len(sides) > 1 else sides * 2)) if size is not None else ""
            return self.tr("Dataset {0}").format(place.dataset + 1) + (f" · {shown}" if shown else "")
        source = str(values.get("metadata_file") or values.get("image_dir") or "")
        name = source.replace("\\", "/").rstrip("/").rpartition("/")[2] or self.tr("no folder yet")
        repeats = values.get("num_repeats")
        return name + (f" × {repeats}" if repeats is not None else "")

    def _on_current(self) -> None:
        self._enable()
        if self.tree.currentItem() is not None:
            self.chosen.emit(self.place)

    def _enable(self) -> None:
        place = self.place
        table = place != GENERAL and place in self._session.config
        self.copy.setEnabled(table)
        self.remove.setEnabled(table)
        for button, step in ((self.up, -1), (self.down, 1)):
            button.setEnabled(table and self._target(place, step) is not None)

    # --- editing -----------------------------------------------------------------------------------------------

    def _edit(self, config: DatasetConfig, place: Place) -> None:
        self._session.edit(config)
        self.choose(place)

    def _add_dataset(self) -> None:
        config = self._session.config
        self._edit(config.with_dataset({}, [{"image_dir": ""}]), Place(config.dataset_count, 0))

    def _duplicate(self) -> None:
        place = self.place
        after = Place(place.dataset + 1) if place.subset < 0 else Place(place.dataset, place.subset + 1)
        self._edit(self._session.config.duplicated(place), after)

    def _remove(self) -> None:
        place = self.place
        self._edit(self._session.config.without(place), place)

    def _target(self, place: Place, step: int) -> Place | None:
        """Where a table goes by a step: a subset goes on into the next dataset."""
        config = self._session.config
        if place.subset < 0:
            to = place.dataset + step
            return Place(to) if 0 <= to < config.dataset_count else None
        to = place.subset + step
        if 0 <= to < config.subset_count(place.dataset):
            return Place(place.dataset, to)
        other = place.dataset + step
        if not 0 <= other < config.dataset_count:
            return None
        return Place(other, config.subset_count(other) if step < 0 else 0)

    def _move(self, step: int) -> None:
        place = self.place
        to = self._target(place, step) if place != GENERAL else None
        if to is not None:
            self._edit(self._session.config.moved(place, to), to)

    # --- folders -----------------------------------------------------------------------------------------------

    def choose_folder(self) -> None:
        """Asks for a folder and adds it."""
        chosen = QFileDialog.getExistingDirectory(self, self.add_folder.toolTip())
        if chosen:
            self.add_folders([Path(chosen)], self.place.dataset)

    def _on_dropped(self, paths: Sequence[Path], item: QTreeWidgetItem | None) -> None:
        self.add_folders(paths, cast("Place", item.data(0, _PLACE)).dataset if item is not None else -1)

    def add_folders(self, paths: Sequence[Path], dataset: int) -> None:
        """Adds subsets for folders, which are looked at in a worker.

        Args:
            paths: of the folders; a folder that holds folders with images stands for these.
            dataset: its number; the last one, or a new one, if there is no such.
        """

        def work() -> list[dict[str, Any]]:
            from core.dataset.from_folders import subsets_of_folder

            found: list[dict[str, Any]] = []
            for path in paths:
                try:
                    found += subsets_of_folder(path if path.is_dir() else path.parent)
                except OSError as error:
                    raise CaddieError(Text(f"{path} cannot be read: {error}", f"{path} を読めません: {error}")) from error
            if not found:
                named = ", ".join(map(str, paths))
                raise CaddieError(Text(f"There are no images in {named}.", f"{named} に画像がありません。"))
            return found

        def done(subsets: list[dict[str, Any]]) -> None:
            config = self._session.config
            number = dataset if 0 <= dataset < config.dataset_count else config.dataset_count - 1
            if number < 0:
                config, number = config.with_dataset({}), 0
            for subset in subsets:
                config = config.with_subset(number, subset)
            self._edit(config, Place(number, config.subset_count(number) - 1))

        self._services.tasks.start(work, done=done, failed=self._services.tasks.report, owner=self)

    def retranslate(self) -> None:
        """Sets every visible text in the language on screen."""
        self.tree.setAccessibleName(self.tr("Datasets and subsets"))
        self.add_folder.set_text(self.tr("Add a folder (Ins); folders can be dropped here, too"))
        self.add_dataset.set_text(self.tr("Add a dataset (Ctrl+Ins)"))
        self.copy.set_text(self.tr("Duplicate (Ctrl+D)"))
        self.up.set_text(self.tr("Move up (Alt+Up)"))
        self.down.set_text(self.tr("Move down (Alt+Down)"))
        self.remove.set_text(self.tr("Remove (Del)"))
        self._say_items()


_ICONS = {"general": "setup", "dataset": "table", "subset": "folder", None: "file"}
