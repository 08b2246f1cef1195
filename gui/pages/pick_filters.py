"""Above the table: the search field (placed by the page) and a row of filters."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QWidget

from core.catalogue.spec import LrMethod
from gui.models.badges import method_badge
from gui.models.optimizer_table import Filter
from gui.services import Services
from gui.theme import tokens
from gui.widgets.base import SearchField, Translated

STATE_LIMITS: tuple[float, ...] = (1, 2.5, 4, 8, 12)


class FilterBar(Translated, QWidget):
    """Signals: changed (a Filter)."""

    changed = Signal(object)

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services = services
        used = {spec.category.id for spec in services.catalogue}
        self._categories = [category for category in services.catalogue.categories if category.id in used]
        self.search = SearchField(services.theme)
        self.search.setMinimumWidth(220)
        self.category, self.method, self.installed, self.memory = (QComboBox() for _ in range(4))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(tokens.S)
        for box in (self.category, self.method, self.installed, self.memory):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
            box.setMaximumWidth(230)
            layout.addWidget(box)
        layout.addStretch(1)
        self._fill()
        self.search.textChanged.connect(self._tell)
        for box in (self.category, self.method, self.installed, self.memory):
            box.currentIndexChanged.connect(self._tell)
        self.retranslate()

    @property
    def filter(self) -> Filter:
        """What the fields say."""
        return Filter(
            text=self.search.text(),
            category=self.category.currentData(),
            method=self.method.currentData(),
            installed=self.installed.currentData(),
            max_state=self.memory.currentData(),
        )

    def clear(self) -> None:
        """Empties every field and tells once."""
        for widget in (self.search, self.category, self.method, self.installed, self.memory):
            widget.blockSignals(True)
            if isinstance(widget, QComboBox):
                widget.setCurrentIndex(0)
            else:
                widget.clear()
            widget.blockSignals(False)
        self._tell()

    def retranslate(self) -> None:
        """Names the fields and their choices."""
        say = self._services.translation.say
        self.search.setPlaceholderText(self.tr("Search (press /)"))
        self.search.setAccessibleName(self.tr("Search"))
        for box, name in (
            (self.category, self.tr("Category")),
            (self.method, self.tr("LR method")),
            (self.installed, self.tr("Install state")),
            (self.memory, self.tr("State memory")),
        ):
            box.setAccessibleName(name)
            box.setToolTip(name)
        self.category.setItemText(0, self.tr("Every category"))
        for number, category in enumerate(self._categories, 1):
            self.category.setItemText(number, say(category.name))
        self.method.setItemText(0, self.tr("Every LR method"))
        for number, method in enumerate(LrMethod, 1):
            self.method.setItemText(number, method_badge(method).text)
        for number, text in enumerate((self.tr("Installed or not"), self.tr("Ready to use"), self.tr("Not ready"))):
            self.installed.setItemText(number, text)
        self.memory.setItemText(0, self.tr("Any state memory"))
        for number, limit in enumerate(STATE_LIMITS, 1):
            self.memory.setItemText(number, self.tr("At most {bytes} B/param").format(bytes=f"{limit:g}"))

    def _fill(self) -> None:
        self.category.addItem("", "")
        for category in self._categories:
            self.category.addItem("", category.id)
        self.method.addItem("", None)
        for method in LrMethod:
            self.method.addItem("", method)
        for installed in ("any", "ready", "not-ready"):
            self.installed.addItem("", installed)
        self.memory.addItem("", None)
        for limit in STATE_LIMITS:
            self.memory.addItem("", limit)

    def _tell(self, *_: object) -> None:
        self.changed.emit(self.filter)
