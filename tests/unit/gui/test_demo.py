"""The demo in the window: offered where nothing has run yet, and from the menu; opened ready to start."""

from __future__ import annotations

from core.job.demo import PROMPTS, demo_folder
from gui.main_window import MainWindow
from gui.pages.run import RunPage
from gui.widgets.dialogs import Keep
from tests.unit.gui.conftest import FakeDialogs, settle


def shown_run_page(window: MainWindow) -> RunPage:
    settle()
    assert isinstance(window.page, RunPage)
    return window.page


def test_the_first_start_offers_the_demo_and_opens_it_ready_to_start(window: MainWindow) -> None:
    window.navigate("run")
    page = shown_run_page(window)
    assert page.empty.button.isVisible() and page.empty.button.text() == "Open the demo"
    page.empty.button.click()
    settle()
    session = window.services.session
    assert session.path == demo_folder() / "demo.toml" and not session.modified
    assert session.job.engine == "builtin" and session.job.optimizer_type.lower() == "prodigy"
    assert (demo_folder() / "prompts.txt").read_text(encoding="utf-8").count("\n") == len(PROMPTS)
    assert len(list((demo_folder() / "pictures").rglob("*.png"))) == 12
    assert page.header.start_button.isEnabled() and page.header.name.text() == "demo"
    assert not page.empty.button.isVisible(), "it is open already"
    assert page.empty.heading.text() == "The demo is ready" and "Press Start" in page.empty.text.text()


def test_a_start_is_seen_at_once(window: MainWindow) -> None:
    window.navigate("run")
    page = shown_run_page(window)
    runs = window.services.runs
    runs._set_starting(on=True)
    assert page.empty.heading.text() == "Starting …"
    assert page.header.stop_label.isVisible() and page.header.stop_label.text() == "Starting …"
    runs._set_starting(on=False)
    assert page.empty.heading.text() == "Nothing has run yet"
    assert not page.header.stop_label.isVisible()


def test_the_menu_opens_it_too_and_unsaved_work_is_asked_about(window: MainWindow, dialogs: FakeDialogs) -> None:
    session = window.services.session
    session.edit(session.job.with_option("seed", 5), "Change seed")
    dialogs.keep = Keep.CANCEL
    window.menus.demo.trigger()
    assert session.path is None and session.job.options["seed"] == 5
    dialogs.keep = Keep.DISCARD
    window.menus.demo.trigger()
    assert session.path == demo_folder() / "demo.toml"
    shown_run_page(window)


def test_a_folder_that_cannot_be_written_is_said(window: MainWindow, unhandled: list[BaseException]) -> None:
    demo_folder().parent.mkdir(parents=True, exist_ok=True)
    demo_folder().write_text("a file, no folder")
    assert not window.jobs.open_demo()
    assert window.services.session.path is None
    settle()
    (error,) = unhandled
    assert str(demo_folder()) in str(error)
    unhandled.clear()
