"""The composition root: builds the services, hands them to the window, catches what nobody caught."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QMessageLogContext, QObject, QtMsgType, qInstallMessageHandler
from PySide6.QtWidgets import QApplication, QMessageBox

from core.catalogue.catalogue import Catalogue
from core.errors import CaddieError
from core.job.model import Job
from core.options.model import OptionSet
from core.paths import RESOURCES, settings_file, user_data_dir
from core.text import preferred_language
from gui.bridge.autosave import Autosave
from gui.bridge.counting import Counting
from gui.bridge.environment_service import EnvironmentService
from gui.bridge.job_session import JobFiles, JobSession
from gui.bridge.navigator import Navigator
from gui.bridge.notices import Notices
from gui.bridge.options import Options
from gui.bridge.preflight import Preflights
from gui.bridge.queue_service import QueueService
from gui.bridge.run_service import RunService
from gui.bridge.settings import Settings
from gui.bridge.tasks import Tasks
from gui.bridge.translation import Translation
from gui.main_window import MainWindow
from gui.queue.adding import QueueAdding
from gui.services import Services
from gui.theme.theme import Theme

if TYPE_CHECKING:  # the window opens without the reader
    from core.options.reader import CheckoutOptions

LOG_LIMIT = 1_000_000
"""Bytes of the window's own log after which the next start begins a new one."""


def run(arguments: Sequence[str] = ()) -> int:
    """Opens the window and runs until it is closed.

    Args:
        arguments: what follows the program name; a job file to open.

    Returns:
        The exit code.
    """
    _start_log(user_data_dir() / "window.log")
    application = make_application()
    try:
        services = build_services(application)
    except CaddieError as error:  # the shipped catalogue is damaged: nothing can be shown but this
        QMessageBox.critical(None, "Caddie", error.text.in_language(preferred_language()))
        return 1
    guard = ErrorGuard(services.tasks)
    guard.install()
    window = MainWindow(services, make_job=lambda: starting_job(services.catalogue))
    window.first_painted.connect(lambda: _after_first_paint(services, window, [Path(item) for item in arguments]))
    window.show()
    code = application.exec()
    shut_down(services)
    guard.uninstall()
    return code


def make_application() -> QApplication:
    """The QApplication with its names (the desktop matches windows to icons by them)."""
    QCoreApplication.setApplicationName("Caddie")
    QCoreApplication.setOrganizationName("Caddie")
    application = QApplication.instance() or QApplication(["caddie"])
    assert isinstance(application, QApplication)
    application.setDesktopFileName("caddie")
    return application


def build_services(application: QApplication, *, catalogue: Catalogue | None = None, parent: QObject | None = None) -> Services:
    """Makes every service. Nothing here may import torch, pyqtgraph or matplotlib.

    Args:
        application: the running application.
        catalogue: instead of the shipped one.
        parent: owns the services; the application where None.

    Raises:
        Problems: the shipped catalogue is damaged.
    """
    owner = parent or application
    settings = Settings(settings_file(), owner)
    theme = Theme(application, settings, owner)
    translation = Translation(application, settings, RESOURCES / "translations", owner)
    tasks = Tasks(owner)
    notices = Notices(owner)
    options = Options(tasks, snapshot=_snapshot, checkout=_checkout, parent=owner)
    optimizers = catalogue or _catalogue()
    environments = EnvironmentService(tasks, optimizers, parent=owner)
    environments.selected_changed.connect(lambda: _use_checkout_of(environments, options))
    session = JobSession(
        starting_job(optimizers),
        files=JobFiles(load=_load_job, save=_save_job, is_remembered=_is_remembered),
        options=options,
        settings=settings,
        autosave=make_autosave(),
        parent=owner,
    )
    runs = RunService(
        tasks, optimizers, environments, options.for_script, preflights=Preflights(settings, optimizers), parent=owner
    )
    made = Services(
        catalogue=optimizers,
        settings=settings,
        session=session,
        options=options,
        environments=environments,
        runs=runs,
        queue=QueueService(tasks, parent=owner),
        counting=Counting(tasks, session, lambda job: _folder_of_training(runs, job), parent=owner),
        theme=theme,
        tasks=tasks,
        translation=translation,
        navigate=Navigator(owner),
        notices=notices,
    )
    QueueAdding(made, owner)
    return made


def _use_checkout_of(environments: EnvironmentService, options: Options) -> None:
    selected = environments.selected
    options.use_checkout(selected.sd_scripts if selected is not None else None)


def _folder_of_training(runs: RunService, job: Job) -> Path | None:
    """Where relative paths of a job start: sd-scripts runs in its own folder."""
    environment = runs.environment_for(job) if job.engine == "sd-scripts" else None
    return environment.sd_scripts if environment is not None else None


def make_autosave() -> Autosave:
    """Copies of unsaved jobs in the user's data folder."""
    return Autosave(user_data_dir() / "autosave", dumps=_dump_job, loads=_read_job)


def starting_job(catalogue: Catalogue) -> Job:
    """The job that a new window holds."""
    from core.job.new import new_job

    return new_job(None, catalogue)


def shut_down(services: Services) -> None:
    """Writes what waits to be written and lets the workers end."""
    services.settings.flush()
    services.environments.close()
    services.queue.close()
    services.runs.close()
    services.tasks.wait()
    services.translation.uninstall()


class ErrorGuard:
    """Sends errors that nobody caught (in slots, in threads) to the error dialog and to the log."""

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks
        self._hooks = (sys.excepthook, threading.excepthook)

    def install(self) -> None:
        """Takes the hooks."""
        sys.excepthook = self._caught
        threading.excepthook = self._caught_in_thread

    def uninstall(self) -> None:
        """Gives the hooks back."""
        sys.excepthook, threading.excepthook = self._hooks

    def _caught(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        logging.getLogger(__name__).error("Not caught anywhere", exc_info=(kind, error, trace))
        if isinstance(error, KeyboardInterrupt):
            QCoreApplication.quit()
        else:
            self._tasks.report(error)

    def _caught_in_thread(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            self._caught(args.exc_type, args.exc_value, args.exc_traceback)


def _after_first_paint(services: Services, window: MainWindow, files: Sequence[Path]) -> None:
    from gui.bridge.taskbar import Taskbar, make_bar
    from gui.run.announcer import RunAnnouncer
    from gui.run.tray import Tray
    from gui.run.watching import Watching
    from gui.startup import Startup

    _use_checkout_of(services.environments, services.options)
    RunAnnouncer(services, lambda: window.page is not None and window.page.page_id == "run", window)
    tray = Tray(services, window, taskbar=Taskbar(lambda: make_bar(int(window.winId()))))
    Watching(services, window).barked.connect(tray.bark)
    services.runs.look_for_running()
    services.queue.begin()
    Startup(services, window, make_autosave(), files).begin()


def _start_log(path: Path) -> None:
    """Sends Python's and Qt's warnings to a file: a window started by a double-click has no console."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = "w" if path.exists() and path.stat().st_size > LOG_LIMIT else "a"
        handler: logging.Handler = logging.FileHandler(path, mode=mode, encoding="utf-8", delay=True)
    except OSError:
        handler = logging.StreamHandler()
    logging.basicConfig(handlers=[handler], level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.captureWarnings(True)  # those of a training in this window go into its run's log as well
    qInstallMessageHandler(_log_qt)


def _log_qt(kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
    levels = {
        QtMsgType.QtDebugMsg: logging.DEBUG,
        QtMsgType.QtInfoMsg: logging.INFO,
        QtMsgType.QtWarningMsg: logging.WARNING,
        QtMsgType.QtCriticalMsg: logging.ERROR,
        QtMsgType.QtFatalMsg: logging.CRITICAL,
    }
    logging.getLogger("qt").log(levels.get(kind, logging.WARNING), "%s: %s", context.category, message)


# Imported late: the window opens before it needs them.


def _catalogue() -> Catalogue:
    from core.catalogue.loader import load_catalogue

    return load_catalogue()


def _snapshot() -> dict[str, OptionSet]:
    from core.options.snapshot import load_snapshot

    return dict(load_snapshot())


def _checkout(folder: Path) -> CheckoutOptions:
    from core.options.reader import read_some_options

    return read_some_options(folder)


def _load_job(path: Path) -> Job:
    from core.job.store import load_job

    return load_job(path)


def _save_job(job: Job, path: Path) -> None:
    from core.job.store import save_job
    from core.queue.store import Queue

    queue = Queue()
    entry = queue.entry_of(path)
    if entry is None:
        save_job(job, path)
    else:
        queue.rewrite(entry, job)


def _is_remembered(path: Path) -> bool:
    """Whether a job file belongs among the recent ones; the queue's own copies do not."""
    from core.queue.files import QueueFiles

    return QueueFiles().entry_of(path) is None


def _dump_job(job: Job) -> str:
    from core.job.store import dumps

    return dumps(job)


def _read_job(text: str) -> Job:
    from core.job.store import loads

    return loads(text)
