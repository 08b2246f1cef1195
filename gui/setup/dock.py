"""The bottom of Set up: one of several views of the job as it is, folded away when nobody wants it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QFrame, QHBoxLayout, QStackedWidget, QTabBar, QVBoxLayout, QWidget

from gui.services import Services
from gui.setup.dock_view import DockView
from gui.setup.dock_views import VIEWS
from gui.widgets.badge import BadgeTone
from gui.widgets.base import IconButton, Translated, row

FOLDED_HEIGHT = 44
_ICONS: dict[BadgeTone, tuple[str, str]] = {
    "danger": ("error", "danger_text"),
    "warning": ("warning", "warning_text"),
    "info": ("tip", "info_text"),
    "success": ("success", "accent_text"),
}
"""Icon and colour role of a tone in a tab."""


class SetupDock(Translated, QFrame):
    """Signals:
    wanted: go to the field with this key.
    """

    wanted = Signal(str)

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self._views: dict[str, DockView] = {}
        self._holders: dict[str, QWidget] = {}
        self._current: DockView | None = None
        self.setProperty("class", "dock")
        self.fold = IconButton(services.theme, "chevron-down", parent=self)
        self.fold.clicked.connect(lambda: self.set_open(self.body.isHidden()))
        self.tabs = QTabBar(self)
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        self.tabs.setUsesScrollButtons(False)  # in a narrow window words are cut instead
        self.tabs.setElideMode(Qt.TextElideMode.ElideRight)
        self.tools = QHBoxLayout()
        self.tools.setSpacing(8)
        self.body = QStackedWidget(self)
        head = QHBoxLayout()
        head.setContentsMargins(8, 4, 12, 4)
        head.setSpacing(8)
        head.addWidget(self.fold)
        head.addWidget(self.tabs)
        head.addStretch(1)
        head.addLayout(self.tools)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(self.body)
        for entry in VIEWS:
            self.tabs.addTab("")
            if entry.at_once:
                self.view(entry.view_id)
        self._restore()
        self.tabs.currentChanged.connect(self._on_tab)
        # A click on the tab that is current already opens a folded dock as well.
        self.tabs.tabBarClicked.connect(lambda _index: self.set_open(True))
        services.theme.changed.connect(self._mark_tabs)
        self.retranslate()

    # --- views -------------------------------------------------------------------------------------------------

    def view(self, view_id: str) -> DockView:
        """A view, made now if it was not yet. Raises KeyError for an id that there is not."""
        if view_id not in self._views:
            entry = {entry.view_id: entry for entry in VIEWS}[view_id]
            made = entry.make(self._services, self.body)
            made.wanted.connect(self.wanted)
            made.view_wanted.connect(self.show_view)
            made.badge_changed.connect(self._mark_tabs)
            holder = QWidget(self)
            holder.hide()
            holder.setLayout(row(*made.tools()))
            self.tools.addWidget(holder)
            self._holders[view_id] = holder
            self.body.addWidget(made)
            self._views[view_id] = made
        return self._views[view_id]

    @property
    def current(self) -> str:
        """The id of the view whose tab is chosen."""
        return VIEWS[max(self.tabs.currentIndex(), 0)].view_id

    def show_view(self, view_id: str) -> None:
        """Chooses a view's tab and unfolds."""
        self.tabs.setCurrentIndex([entry.view_id for entry in VIEWS].index(view_id))
        self.set_open(True)

    def _on_tab(self, _index: int) -> None:
        self._services.settings.set("dock.view", self.current)
        self._show_current()

    def _show_current(self) -> None:
        view = self.view(self.current)
        open_ = not self.body.isHidden()
        if self._current is not None and (self._current is not view or not open_):
            self._current.hidden()
            self._current = None
        for view_id, holder in self._holders.items():
            holder.setVisible(open_ and view_id == self.current)
        self.body.setCurrentWidget(view)
        if open_ and self._current is None:
            self._current = view
            view.shown()
        self._mark_tabs()

    def _mark_tabs(self) -> None:
        for place, entry in enumerate(VIEWS):
            view = self._views.get(entry.view_id)
            title = self._services.translation.say(entry.title)
            badge = view.badge() if view is not None else None
            name, role = _ICONS.get(badge.tone, ("", "")) if badge is not None else ("", "")
            self.tabs.setTabText(place, f"{title} {badge.text}".rstrip() if badge is not None else title)
            self.tabs.setTabIcon(place, self._services.theme.icon(name, role) if name else QIcon())

    # --- fold --------------------------------------------------------------------------------------------------

    def set_open(self, open_: bool) -> None:
        """Shows or hides what is below the tabs."""
        self._show_body(open_)
        self._services.settings.set("command.open", open_)
        self._show_current()
        self._name_fold()

    def _show_body(self, open_: bool) -> None:
        self.body.setVisible(open_)
        self.fold.set_icon("chevron-down" if open_ else "chevron-up")
        # Folded, the splitter must not keep the room of the views.
        self.setMaximumHeight(16_777_215 if open_ else FOLDED_HEIGHT)

    def _restore(self) -> None:
        settings = self._services.settings
        known = [place for place, entry in enumerate(VIEWS) if entry.view_id == settings.text("dock.view")]
        self.tabs.setCurrentIndex(known[0] if known else 0)
        self._show_body(settings.flag("command.open", True))
        self._show_current()

    def _name_fold(self) -> None:
        self.fold.set_text(self.tr("Show what is below the tabs") if self.body.isHidden() else self.tr("Fold away"))

    def retranslate(self) -> None:
        """Sets every visible text in the language on screen."""
        self.tabs.setAccessibleName(self.tr("Views of this job"))
        self._name_fold()
        self._mark_tabs()
