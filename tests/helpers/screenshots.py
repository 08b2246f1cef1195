"""Pictures of every page, in both languages and themes and two sizes, without a display.

    python tests/helpers/screenshots.py FOLDER [--page pick] [--language ja] [--theme dark] [--size 1280x800]

Each picture is taken in a process of its own, with an empty user data folder, so that one cannot change another.
"""

from __future__ import annotations

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gui.main_window import MainWindow
    from gui.services import Services

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = ("en", "ja")
THEMES = ("light", "dark")
SIZES = ("1280x800", "2560x1440")


def main(arguments: list[str]) -> int:
    """Takes the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--page", action="append", help="page id; all where absent")
    parser.add_argument("--language", action="append", choices=LANGUAGES)
    parser.add_argument("--theme", action="append", choices=THEMES)
    parser.add_argument("--size", action="append", help="WIDTHxHEIGHT")
    parser.add_argument("--job", type=Path, help="job file to open first")
    parser.add_argument("--home", type=Path, help="user data folder to show; an empty one where absent")
    parser.add_argument("--run", action="store_true", help="open the newest run of that folder on the Run page")
    parser.add_argument("--view", help="view at the bottom of Set up: command, advice, …")
    parser.add_argument("--select", type=int, default=0, help="on the History page, select so many runs")
    parser.add_argument("--tab", type=int, default=0, help="on the History page, the tab below the table")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    wanted = parser.parse_args(arguments)
    if wanted.one:
        return _take(wanted)
    sys.path.insert(0, str(ROOT))
    wanted.folder.mkdir(parents=True, exist_ok=True)
    combinations = itertools.product(wanted.language or LANGUAGES, wanted.theme or THEMES, wanted.size or SIZES)
    for language, theme, size in combinations:
        with tempfile.TemporaryDirectory() as home:
            environment = {**os.environ, "CADDIE_HOME": str(wanted.home or home), "PYTHONPATH": str(ROOT)}
            environment.setdefault("QT_QPA_PLATFORM", "offscreen")
            command = [sys.executable, __file__, str(wanted.folder), "--one"]
            command += ["--language", language, "--theme", theme, "--size", size]
            command += [part for page in wanted.page or () for part in ("--page", page)]
            command += ["--job", str(wanted.job)] if wanted.job else []
            command += ["--run"] if wanted.run else []
            command += ["--view", wanted.view] if wanted.view else []
            command += ["--select", str(wanted.select), "--tab", str(wanted.tab)]
            subprocess.run(command, env=environment, check=True)
    return 0


def _take(wanted: argparse.Namespace) -> int:
    from PySide6.QtTest import QTest

    from gui import app
    from gui.main_window import MainWindow
    from gui.pages.page import PAGES

    application = app.make_application()
    services = app.build_services(application)
    services.settings.set("language", wanted.language[0])
    services.settings.set("theme", wanted.theme[0])
    window = MainWindow(services)
    width, height = (int(part) for part in wanted.size[0].split("x"))
    window.resize(width, height)
    window.show()
    if wanted.job:
        window.jobs.open_path(wanted.job)
    for entry in PAGES:
        if wanted.page and entry.page_id not in wanted.page:
            continue
        window.navigate(entry.page_id)
        QTest.qWait(300)
        if entry.page_id == "setup" and wanted.view:
            show_view(window, wanted.view)
        if entry.page_id == "queue":
            _let_workers_run()
        if entry.page_id == "run" and wanted.run:
            show_latest_run(services)
            show_samples(window)
        if entry.page_id == "history":
            show_history(window, wanted.select, wanted.tab)
        name = f"{entry.page_id}-{wanted.language[0]}-{wanted.theme[0]}-{wanted.size[0]}.png"
        window.grab().save(str(wanted.folder / name))
        print(wanted.folder / name, flush=True)
    services.session.close()
    app.shut_down(services)
    return 0


def show_view(window: MainWindow, view_id: str) -> None:
    """Chooses a view at the bottom of Set up and gives it time."""
    from PySide6.QtTest import QTest

    from gui.setup.dock import SetupDock
    from gui.setup.images_view import ImagesView

    for dock in window.findChildren(SetupDock):
        dock.show_view(view_id)
        view = dock.view(view_id)
        if isinstance(view, ImagesView):
            view.toggle()
    for _ in range(15):
        QTest.qWait(50)
        time.sleep(0.05)  # for the workers


def show_history(window: MainWindow, count: int, tab: int) -> None:
    """Selects the newest runs and gives the workers time to read their curves."""
    from gui.pages.history import HistoryPage

    for page in window.findChildren(HistoryPage):
        _let_workers_run()
        page.tabs.setCurrentIndex(tab)
        page.view.select([record.folder for record in page.table.shown[:count]])
    _let_workers_run()


def show_samples(window: MainWindow) -> None:
    """Brings the sample pictures to the front where the run on show has some: they say more than its log."""
    from gui.pages.run import RunPage

    for page in window.findChildren(RunPage):
        page.tabs.setCurrentWidget(page.samples)
    _let_workers_run()


def show_latest_run(services: Services) -> None:
    """Opens the newest run of the user data folder and waits until it is drawn."""
    from core.runs.folder import list_runs

    newest = max(list_runs(), key=lambda run: run.created_at)
    services.runs.attach(newest)
    _let_workers_run()


def _let_workers_run() -> None:
    """qWait alone does not let the worker threads run that read the events and the pictures."""
    from PySide6.QtTest import QTest

    for _ in range(100):
        QTest.qWait(5)
        time.sleep(0.02)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
