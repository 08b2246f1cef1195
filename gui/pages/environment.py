"""The page "Environment": which Python and which sd-scripts train, what they have, and pip for what is missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from PySide6.QtCore import QItemSelectionModel, QModelIndex, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QHBoxLayout, QListView, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from core.environment.model import Environment
from core.errors import CaddieError
from core.text import Text
from gui.bridge.environment_service import EnvironmentService
from gui.bridge.notices import Notice
from gui.environment.delegates import EnvironmentDelegate
from gui.environment.detail import EnvironmentDetail
from gui.environment.dialogs import EnvironmentDialogs
from gui.environment.empty import EmptyPage
from gui.environment.found_list import FoundList
from gui.environment.install_dialog import InstallDialog, open_dialog
from gui.environment.install_panel import InstallPanel
from gui.environment.models import EnvironmentList
from gui.environment.words import environment_badge
from gui.pages.page import Page
from gui.services import Services
from gui.theme import tokens
from gui.widgets.badge import BadgeLook
from gui.widgets.base import Button, Card, Label, row
from gui.wizard.opener import WizardOpener

if TYPE_CHECKING:
    from core.environment.discover import Found
    from core.environment.install import InstallPlan, InstallResult

STALE_AFTER = 3600.0
"""Seconds after which coming to the page checks the environment again by itself."""
_LIST_WIDTH = 288


class EnvironmentPage(Page):
    """See the module."""

    page_id: ClassVar[str] = "environment"

    def __init__(self, services: Services, parent: QWidget | None = None, *, dialogs: EnvironmentDialogs | None = None) -> None:
        super().__init__(services, parent)
        self._service: EnvironmentService = services.environments
        self.dialogs = dialogs or EnvironmentDialogs(self)
        self.wizard = WizardOpener(services, self)
        self.sheet: InstallDialog | None = None
        self._found: list[Environment] = []
        self.setAcceptDrops(True)
        self._build()
        self._connect()
        self._refresh_list()
        if self._service.installing is not None:
            self.panel.start(self._service.installing)
            self.panel.add_output(self._service.install_log)
        self.retranslate()

    # --- building ----------------------------------------------------------------------------------------------

    def _build(self) -> None:
        theme = self.services.theme
        self.empty = EmptyPage(theme)
        self.model = EnvironmentList(self._badge)
        self.model.setParent(self)
        self._delegate = EnvironmentDelegate(theme)
        self._delegate.setParent(self)
        self.list = QListView()
        self.list.setModel(self.model)
        self.list.setItemDelegate(self._delegate)
        self.list.setMouseTracking(True)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._headline = Label("", "title")
        self.add_folder = Button(theme, icon="folder")
        self.add_python = Button(theme, icon="terminal")
        self.new = Button(theme, icon="plus")
        self.found = FoundList(theme, compact=True)
        side = Card(margin=tokens.M)
        side.setFixedWidth(_LIST_WIDTH)
        side.body.addWidget(self._headline)
        side.body.addWidget(self.list, 1)
        side.body.addLayout(row(self.add_folder, self.add_python))
        side.body.addWidget(self.new)
        side.body.addSpacing(tokens.S)
        side.body.addWidget(self.found)
        self.detail = EnvironmentDetail(self.services)
        self.panel = InstallPanel(theme, self.services.translation.say)
        self.split = QSplitter(Qt.Orientation.Vertical)
        self.split.setChildrenCollapsible(False)
        self.split.setHandleWidth(tokens.M)
        self.split.addWidget(self.detail)
        self.split.addWidget(self.panel)
        self.split.setStretchFactor(0, 3)
        self.split.setStretchFactor(1, 2)
        filled = QWidget()
        inner = QHBoxLayout(filled)
        inner.setContentsMargins(tokens.L, tokens.L, tokens.L, tokens.L)
        inner.setSpacing(tokens.L)
        inner.addWidget(side)
        inner.addWidget(self.split, 1)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(filled)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.stack)

    def _connect(self) -> None:
        service = self._service
        service.environments_changed.connect(self._refresh_list)
        service.selected_changed.connect(self._show_selected)
        service.report_changed.connect(self._on_report)
        service.probe_step.connect(self._on_step)
        service.install_started.connect(self._on_install_started)
        service.install_output.connect(self.panel.add_output)
        service.install_finished.connect(self._on_install_finished)
        self.list.selectionModel().currentChanged.connect(self._on_row)
        self.services.theme.changed.connect(self.list.viewport().update)
        for button in (self.add_folder.clicked, self.empty.folder_wanted):
            button.connect(self._choose_folder)
        for button in (self.add_python.clicked, self.empty.python_wanted):
            button.connect(self._choose_python)
        for button in (self.new.clicked, self.empty.new_wanted):
            button.connect(self.wizard.open)
        for found in (self.found, self.empty.found):
            found.wanted.connect(self.add)
            found.search_wanted.connect(self.search)
        self.detail.action.connect(self._on_action)
        self.detail.install_wanted.connect(self.ask_to_install)
        self.panel.stop_wanted.connect(service.stop_install)

    def _badge(self, environment: Environment) -> BadgeLook | None:
        service = self._service
        return environment_badge(environment, service.report(environment.id), probing=service.probing(environment.id))

    # --- coming to the page ------------------------------------------------------------------------------------

    def activated(self, topic: str = "") -> None:
        """Searches once; checks the selected environment when its last report is old; shows an optimizer's row."""
        if not self.found.searched:
            self.search()
        selected = self._service.selected
        if selected is not None:
            age = self._service.age(selected.id)
            if age is None or age > STALE_AFTER:
                self._service.probe(selected.id)
            self.detail.refresh()
        if topic:
            self.detail.tabs.setCurrentIndex(0)
            self.detail.optimizers.select(topic)
        (self.list if selected is not None else self.empty.folder).setFocus()

    def retranslate(self) -> None:
        self._headline.setText(self.tr("Environments"))
        self.add_folder.setText(self.tr("Add folder …"))
        self.add_python.setText(self.tr("Python …"))
        self.new.setText(self.tr("Set up a new one …"))
        self.add_folder.setToolTip(
            self.tr("A folder of sd-scripts, kohya_ss, LoRA Easy Training Scripts, Stability Matrix, a venv")
        )
        self.add_python.setToolTip(self.tr("A Python interpreter"))
        self.list.setAccessibleName(self.tr("Environments"))
        self.model.refresh()

    # --- the list ----------------------------------------------------------------------------------------------

    def _refresh_list(self) -> None:
        items = self._service.environments
        self.model.set_items(items)
        self.stack.setCurrentIndex(1 if items else 0)
        self._show_found()
        self._show_selected()

    def _show_selected(self) -> None:
        selected = self._service.selected
        if selected is None:
            return
        number = self.model.row_of(selected.id)
        flags = QItemSelectionModel.SelectionFlag
        self.list.selectionModel().setCurrentIndex(self.model.index(number), flags.ClearAndSelect)
        self.detail.show_environment(selected)
        self.model.refresh()

    def _on_row(self, current: QModelIndex) -> None:
        if current.isValid():
            self._service.select(self.model.item(current.row()).id)

    def _on_report(self, environment_id: str) -> None:
        self.model.refresh()
        selected = self._service.selected
        if selected is not None and selected.id == environment_id:
            self.detail.refresh()

    def _on_step(self, environment_id: str, _step: str) -> None:
        selected = self._service.selected
        if selected is not None and selected.id == environment_id:
            self.detail.retranslate()

    # --- adding ------------------------------------------------------------------------------------------------

    def add(self, environment: Environment) -> None:
        """Adds, selects and checks an environment."""
        self._do(lambda: self._service.add(environment))

    def add_path(self, path: Path) -> None:
        """Adds what lies at a path: one environment at once, of several the user chooses."""
        self._service.survey(path, lambda found: self._take(path, found))

    def _take(self, path: Path, found: Found) -> None:
        known = {item.id for item in self._service.environments}
        fresh = [item for item in found.environments if item.id not in known]
        if len(found.environments) == 1:
            self.add(found.environments[0])
        elif fresh:
            others = [item for item in self._found if item.id not in {new.id for new in fresh}]
            self._found = [*fresh, *others]
            self._show_found()
            self._tell(
                lambda: self.tr("{count} environments were found in {path}. Add the ones you train with.").format(
                    count=len(fresh), path=path
                )
            )
        elif found.environments:
            self._service.select(found.environments[0].id)
        elif found.homeless:
            self._ask_for_python_of(found.homeless[0])
        else:
            self._tell(
                lambda: self.tr("There is neither a Python nor sd-scripts in {path}. Choose the folder that holds them.").format(
                    path=path
                ),
                warning=True,
            )

    def _ask_for_python_of(self, checkout: Path) -> None:
        """A checkout without a venv in or beside it: the user names its Python."""
        from core.environment.discover import make_environment

        self._tell(
            lambda: self.tr("{path} is sd-scripts, but no Python lies in it or beside it. Choose the Python that trains.").format(
                path=checkout
            )
        )
        python = self.dialogs.choose_python(str(checkout))
        if python is not None:
            self.add(make_environment(python, checkout, layout="sd-scripts"))

    def _choose_folder(self) -> None:
        folder = self.dialogs.choose_folder(self._start_folder())
        if folder is not None:
            self.add_path(folder)

    def _choose_python(self) -> None:
        python = self.dialogs.choose_python(self._start_folder())
        if python is not None:
            self.add_path(python)

    def _start_folder(self) -> str:
        selected = self._service.selected
        return str((selected.sd_scripts or selected.python).parent) if selected is not None else str(Path.home())

    def search(self) -> None:
        """Looks in the usual places."""
        for found in (self.found, self.empty.found):
            found.set_searching()
        self._service.search(self._on_search)

    def _on_search(self, found: list[Environment]) -> None:
        self._found = found
        self._show_found(searched=True)

    def _show_found(self, *, searched: bool = False) -> None:
        if not searched and not self._found:
            return
        known = {item.id for item in self._service.environments}
        fresh = [item for item in self._found if item.id not in known]
        for widget in (self.found, self.empty.found):
            widget.set_found(fresh)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Takes one folder or interpreter; other files go on to the window."""
        if self._dropped(event) is not None:
            event.acceptProposedAction()
        else:
            event.ignore()

    def dropEvent(self, event: QDropEvent) -> None:
        """Adds it."""
        path = self._dropped(event)
        if path is None:
            event.ignore()
            return
        event.acceptProposedAction()
        self.add_path(path)

    @staticmethod
    def _dropped(event: QDropEvent) -> Path | None:
        from core.environment.interpreters import looks_like_interpreter

        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if len(paths) != 1:
            return None
        return paths[0] if paths[0].is_dir() or looks_like_interpreter(paths[0]) else None

    # --- actions of the right side -----------------------------------------------------------------------------

    def _on_action(self, action: str) -> None:
        selected = self._service.selected
        if selected is None:
            return
        actions: dict[str, Callable[[Environment], None]] = {
            "probe": lambda item: self._service.probe(item.id),
            "stop": lambda item: self._service.stop_probe(item.id),
            "rename": self._rename,
            "checkout": self._choose_checkout,
            "repair": self.wizard.repair,
            "open": lambda item: self._open(item.sd_scripts or item.python.parent),
            "remove": self._remove,
        }
        actions[action](selected)

    def _rename(self, environment: Environment) -> None:
        name = self.dialogs.ask_name(environment.name)
        if name is not None:
            self._do(lambda: self._service.rename(environment.id, name))

    def _choose_checkout(self, environment: Environment) -> None:
        from core.environment.checkout import is_checkout

        folder = self.dialogs.choose_checkout(self._start_folder())
        if folder is None:
            return
        inner = folder / "sd-scripts"
        if not is_checkout(folder) and is_checkout(inner):
            folder = inner  # kohya_ss was chosen
        self._do(lambda: self._service.give_checkout(environment.id, folder))

    def _remove(self, environment: Environment) -> None:
        if self.dialogs.may_remove(environment.name):
            self._do(lambda: self._service.remove(environment.id))

    @staticmethod
    def _open(folder: Path) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))

    # --- installing --------------------------------------------------------------------------------------------

    def ask_to_install(self, requirements: Sequence[str]) -> None:
        """Shows what pip would do, and runs it after a yes."""
        selected = self._service.selected
        if selected is None or self._service.installing is not None:
            return
        sheet = InstallDialog(self.services.theme, self.services.translation.say, selected, requirements, self)
        self.sheet = sheet
        sheet.agreed.connect(self._service.install)
        sheet.finished.connect(self._sheet_closed)
        open_dialog(sheet)
        self._service.plan(requirements, self._on_plan, self._on_no_plan)

    def _on_plan(self, plan: InstallPlan) -> None:
        if self.sheet is not None:
            self.sheet.set_plan(plan)

    def _on_no_plan(self, error: BaseException) -> None:
        if self.sheet is not None and isinstance(error, (CaddieError, OSError)):
            self.sheet.set_error(error)
        else:
            self.services.tasks.report(error)

    def _sheet_closed(self) -> None:
        self._service.cancel_plan()
        self.sheet = None

    def _on_install_started(self, plan: InstallPlan) -> None:
        self.detail.optimizers.set_blocked(True)
        self.panel.start(plan)
        self.split.setSizes([3 * self.split.height() // 5, 2 * self.split.height() // 5])

    def _on_install_finished(self, _ok: bool, result: InstallResult) -> None:
        self.detail.optimizers.set_blocked(False)
        self.panel.finish(result)

    # --- inside ------------------------------------------------------------------------------------------------

    def _do(self, action: Callable[[], None]) -> None:
        """Does what may fail for reasons of the disk; the error is shown."""
        try:
            action()
        except (OSError, CaddieError) as error:
            self.services.tasks.report(error)

    def _tell(self, text: Callable[[], str] | Text, *, warning: bool = False) -> None:
        words = text if callable(text) else (lambda: self.services.translation.say(text))
        self.services.notices.post(Notice(text=words, tone="warning" if warning else "info", seconds=15))
