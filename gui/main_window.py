"""The window: rail, pages, title, notices, drag and drop, closing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QRect, Qt, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QGuiApplication, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from core.convert.endings import ENDINGS
from core.errors import CaddieError
from core.job.model import Job
from core.text import Text
from gui.bridge.notices import Notice
from gui.job_actions import JobActions
from gui.menus import Menus
from gui.pages.page import PAGES, Page, PageEntry
from gui.run.closing import Closing
from gui.services import Services
from gui.theme.icons import application_icon
from gui.widgets.base import Translated
from gui.widgets.dialogs import Dialogs
from gui.widgets.notice_bar import NoticeBar
from gui.widgets.rail import Rail

if TYPE_CHECKING:
    from gui.widgets.error_dialog import ErrorDialog

MINIMUM = (960, 600)
PREFERRED = (1360, 860)
FRAME = (8, 40, 8, 8)
"""Room for a window's frame (left, top, right, bottom; pixels): its real size is known only once it is shown."""


class MainWindow(Translated, QMainWindow):
    """One job, several pages.

    Signals:
        first_painted: the window is on the screen for the first time; what can wait waits for it.
        closed: the user closed it and nothing held it back.
    """

    first_painted = Signal()
    closed = Signal()

    def __init__(
        self,
        services: Services,
        *,
        make_job: Callable[[], Job] = Job,
        entries: Sequence[PageEntry] = PAGES,
        dialogs: Dialogs | None = None,
    ) -> None:
        super().__init__()
        self.services = services
        self.dialogs = dialogs or Dialogs(self)
        self.jobs = JobActions(services, self.dialogs, make_job, self)
        self._errors: ErrorDialog | None = None
        self._entries = {entry.page_id: entry for entry in entries}
        self._pages: dict[str, Page] = {}
        self._painted = False
        self._stack = QStackedWidget()
        self._rail = Rail(services.theme, entries)
        self._lay_out()
        self.closing = Closing(services, self)
        self.menus = Menus(self, services, self.jobs, self.dialogs)
        self.setWindowIcon(application_icon())
        self.setAcceptDrops(True)
        self.setMinimumSize(*MINIMUM)
        self._rail.chosen.connect(self.navigate)
        services.navigate.requested.connect(self.navigate)
        services.navigate.demo_requested.connect(self.jobs.open_demo)
        services.navigate.job_requested.connect(self.jobs.begin_with)
        services.navigate.file_requested.connect(self.jobs.show_file)
        services.tasks.unhandled.connect(self._show_error)
        services.options.failed.connect(self._say_options_unread)
        services.session.options_changed.connect(self._say_script_unread)
        services.session.file_changed.connect(self._retitle)
        services.session.changed.connect(self._retitle)
        self._restore_geometry()
        self._retitle()
        if self._entries:
            self.navigate(next(iter(self._entries)))

    # --- pages -------------------------------------------------------------------------------------------------

    @property
    def page(self) -> Page | None:
        """The page in front."""
        shown = self._stack.currentWidget()
        return shown if isinstance(shown, Page) else None

    def navigate(self, page_id: str, topic: str = "") -> None:
        """Shows a page, building it when it is visited for the first time."""
        if page_id not in self._entries:
            raise KeyError(page_id)
        page = self._pages.get(page_id)
        if page is None:
            page = self._entries[page_id].build(self.services, self._stack)
            self._pages[page_id] = page
            self._stack.addWidget(page)
        self._stack.setCurrentWidget(page)
        self._rail.select(page_id)
        page.activated(topic)

    @property
    def errors(self) -> ErrorDialog:
        """The dialog that shows errors; made when it is first needed."""
        if self._errors is None:
            from gui.widgets.error_dialog import ErrorDialog

            self._errors = ErrorDialog(self.services.theme, self.services.translation, self)
        return self._errors

    def has_page(self, page_id: str) -> bool:
        """Whether there is such a page."""
        return page_id in self._entries

    # --- Qt ----------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Tells when the window is there."""
        super().paintEvent(event)
        if not self._painted:
            self._painted = True
            self.first_painted.emit()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Asks about a training that would end with the window, and about unsaved changes."""
        if not self.closing.may_close() or not self.jobs.may_replace():
            event.ignore()
            return
        self._save_geometry()
        self.services.session.close()
        event.accept()
        self.closed.emit()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Takes one file that can be opened or imported."""
        if _dropped_job(event) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Opens or imports it."""
        path = _dropped_job(event)
        if path is not None:
            event.acceptProposedAction()
            self.jobs.take(path)

    def retranslate(self) -> None:
        """The title may hold a translated word."""
        self._retitle()

    # --- inside ------------------------------------------------------------------------------------------------

    def _show_error(self, error: BaseException) -> None:
        self.errors.add(error)

    def _say_options_unread(self, error: BaseException) -> None:
        """The form then shows what Caddie ships; that must not look like what the checkout has."""
        self._say_shipped(error.text if isinstance(error, CaddieError) else Text(str(error), str(error)))

    def _say_script_unread(self) -> None:
        """The same for one script of a checkout whose others were read."""
        why = self.services.options.unread(self.services.session.job.script)
        if why is not None:
            self._say_shipped(why)
        elif not self.services.options.reading:
            self.services.notices.clear("options")

    def _say_shipped(self, why: Text) -> None:
        def words() -> str:
            reason = self.services.translation.say(why)
            return self.tr("The options of this sd-scripts could not be read, so Caddie's own list is shown. {0}").format(reason)

        self.services.notices.post(Notice(text=words, tone="warning", key="options"))

    def _lay_out(self) -> None:
        right = QWidget()
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(NoticeBar(self.services.theme, self.services.notices))
        column.addWidget(self._stack, 1)
        centre = QWidget()
        line = QHBoxLayout(centre)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(0)
        line.addWidget(self._rail)
        line.addWidget(right, 1)
        self.setCentralWidget(centre)

    def _retitle(self, *_: object) -> None:
        self.setWindowTitle(f"{self.jobs.name}[*] – Caddie")
        self.setWindowModified(self.services.session.modified)
        path = self.services.session.path
        self.setWindowFilePath("" if path is None else str(path))

    def _save_geometry(self) -> None:
        state = bytes(self.saveGeometry().toBase64().data()).decode("ascii")
        self.services.settings.set("window_geometry", state)

    def _restore_geometry(self) -> None:
        self.resize(*PREFERRED)
        stored = self.services.settings.text("window_geometry")
        if stored:
            self.restoreGeometry(QByteArray.fromBase64(stored.encode("ascii", "ignore")))
        # A window that is not yet shown counts as on the first screen, wherever it was put.
        screen = QGuiApplication.screenAt(self.geometry().center()) or self.screen()
        if not self.isMaximized() and not self.isFullScreen():
            self.setGeometry(fitted(self.geometry(), screen.availableGeometry()))


def fitted(window: QRect, available: QRect) -> QRect:
    """The place of a window's content so that it lies on the screen with its frame.

    Args:
        window: where the content would be; pixels.
        available: what the screen has for windows: without task bars.

    Returns:
        The nearest place that is wholly on the screen, smaller where the screen is smaller; never under `MINIMUM`.
    """
    left, top, right, bottom = FRAME
    room = available.adjusted(left, top, -right, -bottom)
    width = max(min(window.width(), room.width()), MINIMUM[0])
    height = max(min(window.height(), room.height()), MINIMUM[1])
    # The upper left corner counts most: there the window can be taken and moved.
    x = max(min(window.x(), room.x() + room.width() - width), room.x())
    y = max(min(window.y(), room.y() + room.height() - height), room.y())
    return QRect(x, y, width, height)


def _dropped_job(event: QDropEvent) -> Path | None:
    mime = event.mimeData()
    files = [url.toLocalFile() for url in mime.urls() if url.isLocalFile()] if mime.hasUrls() else []
    if len(files) == 1 and files[0].lower().endswith(ENDINGS) and event.possibleActions() & Qt.DropAction.CopyAction:
        return Path(files[0])
    return None
