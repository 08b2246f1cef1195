"""One environment: its name and actions, what the probe saw, optimizers, packages."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QHeaderView,
    QMenu,
    QProgressBar,
    QScrollArea,
    QSizePolicy,
    QStackedWidget,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.environment.findings import findings
from core.environment.model import Environment, ProbeReport
from core.environment.packages import package_rows
from gui.environment.delegates import BadgeDelegate
from gui.environment.models import PackageTable
from gui.environment.notes import Notes
from gui.environment.optimizer_tab import OptimizerTab, plain_table
from gui.environment.tiles import ElidedLabel, Tiles
from gui.environment.words import age_words
from gui.services import Services
from gui.theme import tokens
from gui.widgets.badge import Badge, BadgeLook
from gui.widgets.base import Button, EmptyState, IconButton, Label, Translated, row

_TABS_HEIGHT = 220


class EnvironmentDetail(Translated, QWidget):
    """The right side of the page.

    Signals:
        action: `probe`, `stop`, `rename`, `checkout`, `repair`, `open`, `remove`.
        install_wanted: pip requirements.
    """

    action = Signal(str)
    install_wanted = Signal(object)

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._services = services
        self._environment: Environment | None = None
        theme = services.theme
        self.name = ElidedLabel("headline", Qt.TextElideMode.ElideRight)
        self.name.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._layout_badge = Badge(theme)
        self._where = ElidedLabel("caption")
        self._age = Label("", "caption")
        self.probe = Button(theme, icon="refresh")
        self.probe.clicked.connect(self._probe_or_stop)
        self.more = IconButton(theme, "menu")
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._menu = QMenu(self)
        self._actions = {key: self._menu.addAction("") for key in ("rename", "checkout", "repair", "open", "remove")}
        self._menu.insertSeparator(self._actions["remove"])
        for key, entry in self._actions.items():
            self._connect(entry, key)
        self.more.setMenu(self._menu)
        self.busy = QProgressBar()
        self.busy.setRange(0, 0)
        self.busy.setTextVisible(False)
        policy = self.busy.sizePolicy()
        policy.setRetainSizeWhenHidden(True)  # the page must not jump when a probe begins
        self.busy.setSizePolicy(policy)
        self._build_body()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(tokens.S)
        layout.addLayout(row(self.name, self._layout_badge, 1, self._age, self.probe, self.more))
        layout.addWidget(self._where)
        layout.addWidget(self.busy)
        layout.addWidget(self.stack, 1)
        self.retranslate()

    def _build_body(self) -> None:
        services = self._services
        self.notes = Notes(services.theme, services.translation.say)
        self.notes.checkout_wanted.connect(lambda: self.action.emit("checkout"))
        self.tiles = Tiles(services.theme)
        self.optimizers = OptimizerTab(services)
        self.optimizers.install_wanted.connect(self.install_wanted)
        self.packages = PackageTable(services.translation.say)
        self.packages.setParent(self)
        self.package_table = plain_table(self.packages)
        self._delegate = BadgeDelegate(services.theme)
        self._delegate.setParent(self)
        self.package_table.setItemDelegateForColumn(PackageTable.STATE_COLUMN, self._delegate)
        header = self.package_table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(4, QHeaderView.ResizeMode.Stretch)
        holder = QWidget()
        around = QVBoxLayout(holder)
        around.setContentsMargins(0, tokens.M, 0, 0)
        around.addWidget(self.package_table)
        self.tabs = QTabWidget()
        self.tabs.addTab(self.optimizers, "")
        self.tabs.addTab(holder, "")
        content = QWidget()
        content.setProperty("class", "scrolled")
        inner = QVBoxLayout(content)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(tokens.M)
        inner.addWidget(self.notes)
        inner.addWidget(self.tiles)
        inner.addWidget(self.tabs, 1)
        self.tabs.setMinimumHeight(_TABS_HEIGHT)
        seen = QScrollArea()  # a low window or many notes: the whole scrolls rather than being squeezed
        seen.setWidgetResizable(True)
        seen.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        seen.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        seen.setWidget(content)
        self.looking = EmptyState(services.theme, "search")
        self.failed = EmptyState(services.theme, "error")
        self.failed.button.clicked.connect(lambda: self.action.emit("probe"))
        self.unknown = EmptyState(services.theme, "help")
        self.unknown.button.clicked.connect(lambda: self.action.emit("probe"))
        self.stack = QStackedWidget()
        for widget in (seen, self.looking, self.failed, self.unknown):
            self.stack.addWidget(widget)
        self._seen = seen

    def _connect(self, entry: QAction, key: str) -> None:
        entry.triggered.connect(lambda: self.action.emit(key))

    def show_environment(self, environment: Environment) -> None:
        """Shows an environment with whatever is known of it."""
        self._environment = environment
        self.refresh()

    def refresh(self) -> None:
        """Its report, its name or its being probed changed."""
        environment = self._environment
        if environment is None:
            return
        service = self._services.environments
        report: ProbeReport | None = service.report(environment.id)
        probing = service.probing(environment.id)
        self.busy.setVisible(probing)
        if report is None:
            self.stack.setCurrentWidget(self.looking if probing else self.unknown)
        elif report.problem is not None:
            self.stack.setCurrentWidget(self.looking if probing else self.failed)
        else:
            self._show_report(environment, report)
            self.stack.setCurrentWidget(self._seen)
        self.retranslate()

    def _show_report(self, environment: Environment, report: ProbeReport) -> None:
        self.notes.show_findings(findings(environment, report), offer_checkout=environment.sd_scripts is None)
        self.tiles.show_report(environment, report)
        self.optimizers.show_report(report)
        self.packages.set_rows(package_rows(self._services.catalogue, report))

    def retranslate(self) -> None:
        """Says it in the language on screen."""
        words = {
            "rename": self.tr("Rename …"),
            "checkout": self.tr("Choose sd-scripts folder …"),
            "repair": self.tr("Repair …"),
            "open": self.tr("Show in the file manager"),
            "remove": self.tr("Remove from the list …"),
        }
        for key, entry in self._actions.items():
            entry.setText(words[key])
        self.more.set_text(self.tr("More"))
        self.tabs.setTabText(0, self.tr("Optimizers"))
        self.tabs.setTabText(1, self.tr("Packages"))
        self.packages.retranslate()
        self.package_table.setAccessibleName(self.tr("Packages"))
        environment = self._environment
        if environment is None:
            return
        self.name.say(environment.name)
        self._layout_badge.setVisible(environment.layout not in ("by hand", environment.name))
        self._layout_badge.set_look(BadgeLook(environment.layout))
        self._where.say(str(environment.python))
        self._say_state(environment)

    def _say_state(self, environment: Environment) -> None:
        service = self._services.environments
        probing = service.probing(environment.id)
        self.probe.setText(self.tr("Stop") if probing else self.tr("Check again"))
        self.probe.set_icon("stop" if probing else "refresh")
        step = service.step(environment.id)
        age = service.age(environment.id)
        if probing:
            self._age.setText(self.tr("Trying {module} …").format(module=step) if step else self.tr("Starting Python …"))
        else:
            self._age.setText("" if age is None else self.tr("Checked {age}").format(age=age_words(age)))
        self.looking.set_texts(
            self.tr("Looking at this Python …"),
            self.tr(
                "It imports PyTorch and every optimizer package once, as a training would. On a slow disk this takes a minute."
            ),
        )
        report = service.report(environment.id)
        problem = report.problem if report is not None else None
        self.failed.set_texts(
            self.tr("This Python did not answer"),
            self._services.translation.say(problem) if problem else "",
            self.tr("Check again"),
        )
        self.unknown.set_texts(
            self.tr("Not checked yet"), self.tr("Caddie has not looked at this Python yet."), self.tr("Check now")
        )

    def _probe_or_stop(self) -> None:
        environment = self._environment
        if environment is not None:
            self.action.emit("stop" if self._services.environments.probing(environment.id) else "probe")
