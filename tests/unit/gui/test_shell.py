"""The window as a whole: pages, title, language, theme, files, errors."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, QRect, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import QApplication

from core.errors import CaddieError
from core.job.model import Job
from core.job.store import load_job, save_job
from core.paths import user_data_dir
from core.text import Text
from gui.app import ErrorGuard, make_autosave
from gui.bridge.notices import Notice
from gui.main_window import MINIMUM, MainWindow, fitted
from gui.pages.page import PAGES, Page, PageEntry, page_title
from gui.services import Services
from gui.startup import Startup
from gui.theme.tokens import DARK, LIGHT
from gui.widgets.dialogs import Keep
from gui.widgets.notice_bar import NoticeBar
from tests.unit.gui.conftest import FakeDialogs, settle

HERE = QPointF(9, 9)


def test_every_listed_page_can_be_built_and_shown(window: MainWindow) -> None:
    for entry in PAGES:
        window.navigate(entry.page_id)
        settle()
        assert window.page is not None
        assert window.page.page_id == entry.page_id
        assert window.page.title() == page_title(entry.page_id)


def test_a_page_is_built_on_its_first_visit_and_only_once(services: Services, dialogs: FakeDialogs) -> None:
    window = MainWindow(services, dialogs=dialogs, entries=PROBES)
    assert window.page is not None
    assert window.page.page_id == "pick"
    assert not window.findChildren(Later)
    services.navigate("setup", "Prodigy")
    first = window.page
    assert isinstance(first, Later)
    assert first.topics == ["Prodigy"]
    services.navigate("pick")
    services.navigate("setup")
    assert window.page is first
    assert first.topics == ["Prodigy", ""]
    window.deleteLater()


class First(Page):
    page_id = "pick"


class Later(Page):
    page_id = "setup"

    def __init__(self, services: Services, parent=None) -> None:
        super().__init__(services, parent)
        self.topics: list[str] = []

    def activated(self, topic: str = "") -> None:
        self.topics.append(topic)


PROBES = (PageEntry("pick", "pick", __name__, "First"), PageEntry("setup", "setup", __name__, "Later"))


def test_the_title_names_the_job_and_marks_changes(window: MainWindow, services: Services, tmp_path: Path) -> None:
    assert window.windowTitle().startswith("Untitled job")
    assert not window.isWindowModified()
    services.session.edit(services.session.job.with_option("seed", 1), "Change seed")
    assert window.isWindowModified()
    services.session.save_as(tmp_path / "猫 cat.toml")
    assert window.windowTitle().startswith("猫 cat")
    assert not window.isWindowModified()


def test_the_language_changes_without_a_restart(window: MainWindow, services: Services) -> None:
    assert window.menus.file.title() == "&File"
    services.settings.language = "ja"
    settle()
    assert "ファイル" in window.menus.file.title()
    assert "無題" in window.windowTitle()
    services.settings.language = "en"
    settle()
    assert window.menus.file.title() == "&File"


def test_the_theme_is_forced_or_follows_the_system(qapp: QApplication, services: Services) -> None:
    services.settings.theme = "dark"
    assert services.theme.colors is DARK
    assert qapp.palette().window().color().name() == DARK.window
    services.settings.theme = "light"
    assert services.theme.colors is LIGHT
    assert qapp.palette().window().color().name() == LIGHT.window
    services.settings.theme = "system"
    assert services.theme.is_dark == (qapp.styleHints().colorScheme() == Qt.ColorScheme.Dark)


def test_undo_in_the_menu_says_what_it_takes_back(window: MainWindow, services: Services) -> None:
    assert not window.menus.undo.isEnabled()
    services.session.edit(services.session.job.with_option("seed", 1), "Change seed")
    assert window.menus.undo.isEnabled()
    assert "Change seed" in window.menus.undo.text()
    window.menus.undo.trigger()
    assert services.session.job.options["seed"] != 1
    assert "Change seed" in window.menus.redo.text()


@pytest.mark.parametrize(("keep", "closes"), [(Keep.DISCARD, True), (Keep.CANCEL, False), (Keep.SAVE, True)])
def test_closing_with_changes_asks(  # noqa: PLR0917 - fixtures
    window: MainWindow,
    services: Services,
    dialogs: FakeDialogs,
    tmp_path: Path,
    keep: Keep,
    closes: bool,
) -> None:
    services.session.edit(Job(options={"seed": 7}), "Change seed")
    dialogs.keep = keep
    dialogs.to_save = tmp_path / "job.toml"
    window.close()
    assert dialogs.asked[0] == "keep"
    assert window.isVisible() is not closes
    assert dialogs.to_save.exists() is (keep is Keep.SAVE)


def test_closing_is_held_back_when_saving_is_called_off(window: MainWindow, services: Services, dialogs: FakeDialogs) -> None:
    services.session.edit(Job(options={"seed": 7}), "Change seed")
    dialogs.keep = Keep.SAVE
    dialogs.to_save = None
    window.close()
    assert window.isVisible()


def test_a_dropped_job_file_is_opened(window: MainWindow, services: Services, tmp_path: Path) -> None:
    path = tmp_path / "dropped.toml"
    save_job(Job(options={"seed": 42}), path)
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    enter = QDragEnterEvent(HERE.toPoint(), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier(0))
    QApplication.sendEvent(window, enter)
    assert enter.isAccepted()
    drop = QDropEvent(HERE, Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier(0))
    QApplication.sendEvent(window, drop)
    services.tasks.wait()
    settle()
    assert services.session.job.options["seed"] == 42
    assert services.session.recent == [path]


def test_a_dropped_picture_is_refused(window: MainWindow, tmp_path: Path) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(tmp_path / "cat.png"))])
    enter = QDragEnterEvent(HERE.toPoint(), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier(0))
    enter.ignore()
    QApplication.sendEvent(window, enter)
    assert not enter.isAccepted()


def test_a_broken_job_file_is_told_and_the_job_stays(
    window: MainWindow, services: Services, tmp_path: Path, unhandled: list[BaseException]
) -> None:
    path = tmp_path / "broken.toml"
    path.write_text("seed = = 3", encoding="utf-8")
    services.session.edit(services.session.job.with_option("seed", 5), "Change seed")
    assert not window.jobs.open_path(path)
    assert services.session.job.options["seed"] == 5
    assert isinstance(unhandled.pop(), CaddieError)
    assert window.errors.isVisible()
    window.errors.close()


def test_save_as_writes_a_job_that_can_be_read_again(
    window: MainWindow, services: Services, dialogs: FakeDialogs, tmp_path: Path
) -> None:
    services.session.edit(services.session.job.with_option("seed", 5), "Change seed")
    dialogs.to_save = tmp_path / "job.toml"
    window.menus.save.trigger()
    assert load_job(dialogs.to_save).options["seed"] == 5
    window.menus.recent.aboutToShow.emit()
    assert window.menus.recent.actions()[0].text() == "job.toml"


def test_an_error_nobody_caught_is_shown_with_details_to_copy(
    window: MainWindow, services: Services, unhandled: list[BaseException]
) -> None:
    guard = ErrorGuard(services.tasks)
    guard.install()
    try:
        import sys

        try:
            raise ZeroDivisionError("round and round")
        except ZeroDivisionError as error:
            sys.excepthook(type(error), error, error.__traceback__)
    finally:
        guard.uninstall()
    assert window.errors.isVisible()
    window.errors.copy()
    copied = QGuiApplication.clipboard().text()
    assert "round and round" in copied
    assert "test_shell.py" in copied
    unhandled.clear()
    window.errors.close()


def test_a_storm_of_errors_makes_one_dialog(window: MainWindow, services: Services, unhandled: list[BaseException]) -> None:
    for number in range(20):
        services.tasks.report(CaddieError(Text(f"no {number}", f"だめ {number}")))
    assert len(window.errors.errors) == 20
    assert "no 19" in window.errors.details()
    unhandled.clear()
    window.errors.close()


def test_a_notice_offers_its_action_once(window: MainWindow, services: Services) -> None:
    done: list[int] = []
    services.notices.post(Notice(text=lambda: "Hello", action=lambda: "Undo", run=lambda: done.append(1)))
    bar = window.findChild(NoticeBar)
    assert bar is not None
    assert bar.isVisible()
    bar._action.click()
    assert done == [1]
    assert not bar.isVisible()


def test_lasting_notices_wait_under_a_passing_one(window: MainWindow, services: Services) -> None:
    bar = window.findChild(NoticeBar)
    assert bar is not None
    first = Notice(text=lambda: "first", key="a")
    second = Notice(text=lambda: "second")
    services.notices.post(first)
    services.notices.post(second)
    services.notices.post(Notice(text=lambda: "passing", seconds=60))
    services.notices.post(Notice(text=lambda: "passing too", seconds=60))
    bar.dismiss()
    assert bar.notice is second
    services.notices.post(Notice(text=lambda: "first again", key="a"))
    bar.dismiss()
    assert bar.notice is second, "the former notice with the same key is gone"
    services.notices.clear()
    assert bar.notice is None
    assert not bar.isVisible()


def test_unsaved_work_of_a_window_that_died_is_offered(window: MainWindow, services: Services, tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    autosave = make_autosave()
    autosave.write(Job(options={"seed": 77}), tmp_path / "cats.toml")
    own = user_data_dir() / "autosave" / f"{os.getpid()}.toml"
    left = own.rename(own.with_name(f"{gone.pid}.toml"))
    Startup(services, window, autosave, []).begin()
    bar = window.findChild(NoticeBar)
    assert bar is not None
    assert bar.notice is not None
    assert "cats" in bar.notice.text()
    bar._action.click()
    assert services.session.job.options["seed"] == 77
    assert services.session.modified
    assert services.session.path == tmp_path / "cats.toml"
    assert not left.exists()
    assert own.exists(), "until it is saved, the work stays safe"
    assert bar.notice is not None, "nothing on the page tells one job from another"
    assert "cats" in bar.notice.text()
    assert bar.notice.seconds is not None
    bar.dismiss()


def test_a_job_named_on_the_command_line_is_opened(window: MainWindow, services: Services, tmp_path: Path) -> None:
    save_job(Job(options={"seed": 5}), tmp_path / "猫.toml")
    Startup(services, window, make_autosave(), [tmp_path / "猫.toml"]).begin()
    assert services.session.job.options["seed"] == 5
    assert window.windowTitle().startswith("猫")


def test_damaged_settings_are_told_on_start(window: MainWindow, services: Services) -> None:
    services.settings.notice = Text("the settings were damaged", "設定が壊れていました")
    Startup(services, window, make_autosave(), []).begin()
    bar = window.findChild(NoticeBar)
    assert bar is not None
    assert bar.isVisible()
    assert bar.notice is not None
    assert bar.notice.text() == "the settings were damaged"


SMALL = QRect(0, 0, 1280, 770)  # 1280 x 800 with a task bar


@pytest.mark.parametrize(
    "window",
    [QRect(0, 0, 1360, 860), QRect(2600, 900, 1800, 1300), QRect(-3000, -900, 1000, 700), QRect(900, 500, 1000, 640)],
)
def test_a_window_of_a_larger_screen_comes_wholly_onto_this_one(window: QRect) -> None:
    place = fitted(window, SMALL)
    assert SMALL.contains(place)
    assert place.y() - SMALL.y() >= 30, "the title bar has room"
    assert place.width() >= min(window.width(), 1200)


def test_a_window_that_fits_stays_where_it_is() -> None:
    assert fitted(QRect(100, 80, 1000, 640), SMALL) == QRect(100, 80, 1000, 640)


def test_a_screen_under_the_minimum_still_shows_the_title_bar() -> None:
    place = fitted(QRect(500, 500, 1360, 860), QRect(0, 0, 800, 480))
    assert (place.width(), place.height()) == MINIMUM
    assert place.x() < 20
    assert 30 <= place.y() < 60


def test_the_window_starts_on_its_screen(window: MainWindow) -> None:
    available = window.screen().availableGeometry()
    assert window.geometry() == fitted(window.geometry(), available)
    assert window.width() <= max(available.width(), MINIMUM[0])


def test_a_message_that_waits_under_another_is_counted(window: MainWindow, services: Services) -> None:
    bar = window.findChild(NoticeBar)
    assert bar is not None
    services.notices.post(Notice(text=lambda: "the settings were damaged"))
    assert not bar._more.isVisible()
    services.notices.post(Notice(text=lambda: "unsaved work was found"))
    assert bar._more.isVisible()
    assert "1" in bar._more.text()
    bar.dismiss()
    assert bar._text.text() == "the settings were damaged"
    assert not bar._more.isVisible()


def test_options_that_could_not_be_read_are_told(window: MainWindow, services: Services) -> None:
    posted: list[Notice] = []
    services.notices.posted.connect(posted.append)
    services.options.failed.emit(CaddieError(Text("the disk is gone", "ディスクがありません")))
    assert "Caddie's own list" in posted[0].text()
    assert "the disk is gone" in posted[0].text()


def test_a_script_that_the_checkout_lacks_is_told_and_the_word_goes_with_another_script(
    window: MainWindow, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = {"flux_train_network.py": Text("no flux here", "flux はありません")}
    monkeypatch.setattr(services.options, "unread", missing.get)
    services.session.edit(replace(services.session.job, script="flux_train_network.py"), "test")
    bar = window.findChild(NoticeBar)
    assert bar is not None
    assert "no flux here" in bar._text.text()
    services.session.edit(replace(services.session.job, script="train_network.py"), "test")
    assert not bar.isVisible()
