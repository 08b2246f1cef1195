"""The page "Queue", over real files; what drives them is tested in tests/e2e/test_queue.py."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEventLoop, Qt
from PySide6.QtTest import QTest

from core.job.model import Job
from core.job.store import load_job, save_job
from core.locks import locked
from core.paths import settings_file
from core.queue.model import Entry, Snapshot, State
from core.queue.store import Queue
from core.runs.console import Progress
from core.text import Text
from gui.main_window import MainWindow
from gui.models.queue_table import COLUMNS, MIME, QueueTable
from gui.pages.queue import QueuePage
from gui.queue.actions import possible
from gui.services import Services
from gui.widgets.notice_bar import NoticeBar
from tests.helpers.queues import end_all, make_environment, make_job, started
from tests.unit.gui.conftest import FakeDialogs

PATIENCE = 60.0


@pytest.fixture
def queue() -> Queue:
    return Queue()


@pytest.fixture
def page(window: MainWindow, services: Services) -> Iterator[QueuePage]:
    window.navigate("queue")
    made = window.page
    assert isinstance(made, QueuePage)
    wait(lambda: services.queue.known, "the first look")
    yield made
    services.queue.close()


def wait(condition: Callable[[], object], what: str) -> None:
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until, f"still not: {what}"
        QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
        time.sleep(0.002)


def add(queue: Queue, *names: str) -> list[Entry]:
    return [queue.add(make_job(Path("/out"), name), environment=None) for name in names]


def shown(page: QueuePage) -> list[tuple[str, str]]:
    return [(entry.name, entry.state.value) for entry in page.table.entries]


def see(page: QueuePage, *rows: tuple[str, str]) -> None:
    page.queue.refresh()
    wait(lambda: shown(page) == list(rows), f"{rows}; is {shown(page)}")


def notice(window: MainWindow) -> NoticeBar:
    (bar,) = window.findChildren(NoticeBar)
    return bar


def test_an_empty_queue_explains_itself(page: QueuePage) -> None:
    assert page.stack.currentWidget() is page.empty
    assert "nothing starts before you say so" in page.empty.text.text()
    assert not page.header.start_button.isEnabled()


def test_what_others_write_is_shown_and_the_next_one_is_selected(page: QueuePage, queue: Queue) -> None:
    first, second = add(queue, "a", "猫 b")
    assert queue.put(replace(first, state=State.DONE), over=first)
    see(page, ("a", "done"), ("猫 b", "waiting"))
    current = page.view.current
    assert current is not None
    assert current.id == second.id
    assert page.header.badge.look.text == "Not running"
    assert page.header.start_button.isVisible()


def test_rows_move_by_keyboard_and_by_drag_and_the_selection_goes_along(page: QueuePage, queue: Queue) -> None:
    entries = add(queue, "a", "b", "c")
    see(page, ("a", "waiting"), ("b", "waiting"), ("c", "waiting"))
    page.view.select(2)
    QTest.keyClick(page.view, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    wait(lambda: [name for name, _ in shown(page)] == ["a", "c", "b"], "c in the middle")
    assert page.view.current is not None
    assert page.view.current.name == "c"
    data = page.table.mimeData([page.table.index(0, 0)])
    assert bytes(data.data(MIME).data()).decode() == entries[0].id
    assert not page.table.dropMimeData(data, Qt.DropAction.MoveAction, 3, 0, page.table.index(-1, -1))
    wait(lambda: [name for name, _ in shown(page)] == ["c", "b", "a"], "a at the end")
    page.view.select(0)
    QTest.keyClick(page.view, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert [entry.name for entry in queue.read().entries] == ["c", "b", "a"]


def test_hold_and_release_by_the_space_bar(page: QueuePage, queue: Queue) -> None:
    add(queue, "a")
    see(page, ("a", "waiting"))
    QTest.keyClick(page.view, Qt.Key.Key_Space)
    see(page, ("a", "held"))
    QTest.keyClick(page.view, Qt.Key.Key_Space)
    see(page, ("a", "waiting"))


def test_a_removed_one_comes_back(page: QueuePage, queue: Queue, window: MainWindow) -> None:
    add(queue, "a", "b")
    see(page, ("a", "waiting"), ("b", "waiting"))
    QTest.keyClick(page.view, Qt.Key.Key_Delete)
    see(page, ("b", "waiting"))
    wait(lambda: notice(window).notice is not None, "a notice")
    notice(window)._action.click()
    see(page, ("a", "waiting"), ("b", "waiting"))


def test_a_failed_one_says_why_and_waits_again(page: QueuePage, queue: Queue) -> None:
    (entry,) = add(queue, "a")
    failed = replace(entry, state=State.FAILED, problem=Text("No memory.", "メモリがありません。"))
    assert queue.put(failed, over=entry)
    see(page, ("a", "failed"))
    assert page.problem.text() == "No memory."
    page.do("retry")
    see(page, ("a", "waiting"))
    assert page.problem.text() == ""


def test_the_pause_is_written_for_everybody(page: QueuePage, queue: Queue) -> None:
    (entry,) = add(queue, "a")
    with locked(queue.driver_lock):
        page.queue.refresh()
        wait(page.header.pause_button.isVisible, "the pause button")
        page.header.pause_button.click()
        wait(lambda: queue.read().control.paused, "the pause")
    wait(lambda: page.header.badge.look.text == "Paused", "the badge")
    page.do("stop_after")
    wait(lambda: queue.read().control.stop_after == entry.id, "the mark")
    wait(lambda: page.entry_actions.buttons["stop_after"].toolTip() == "Let the queue go on when it is over", "the way back")
    page.do("stop_after")
    wait(lambda: queue.read().control.stop_after is None, "no mark")


def test_a_waiting_job_is_edited_in_set_up_and_written_back(
    page: QueuePage, queue: Queue, window: MainWindow, services: Services
) -> None:
    entry, other = add(queue, "a", "b")
    see(page, ("a", "waiting"), ("b", "waiting"))
    page.view.select(0)
    QTest.keyClick(page.view, Qt.Key.Key_Return)
    assert window.page is not None
    assert window.page.page_id == "setup"
    assert services.session.path == queue.job_file(entry.id)
    assert services.session.recent == []
    bar = notice(window)
    assert bar.notice is not None
    assert "waits in the queue" in bar.notice.text()
    services.session.edit(services.session.job.with_option("max_train_steps", 99), "x")
    services.session.save()
    assert services.session.recent == []
    assert queue.read().entries[0].steps == 99
    assert load_job(queue.job_file(entry.id)).options["max_train_steps"] == 99
    # Started by somebody in the meantime: its job stays what was started.
    (written, _) = queue.load()[1]
    assert queue.put(replace(written, state=State.DONE), over=written)
    services.session.edit(services.session.job.with_option("max_train_steps", 5), "x")
    from core.errors import CaddieError

    with pytest.raises(CaddieError, match="does not wait any more"):
        services.session.save()
    assert load_job(queue.job_file(entry.id)).options["max_train_steps"] == 99
    services.session.new(Job())
    assert bar.notice is None
    assert other.id in {item.id for item in queue.read().entries}
    assert settings_file().parent == queue.folder.parent


def test_the_open_job_is_refused_with_a_reason_and_files_are_all_or_none(
    page: QueuePage, queue: Queue, window: MainWindow, services: Services, tmp_path: Path
) -> None:
    services.queue.add_open_wanted.emit()
    wait(lambda: notice(window).notice is not None, "a reason")
    shown_notice = notice(window).notice
    assert shown_notice is not None
    assert "was not added to the queue" in shown_notice.text()
    assert shown_notice.action is not None
    bad = tmp_path / "bad.toml"
    bad.write_text("[[[")
    services.queue.add_files_wanted.emit([bad])
    wait(lambda: "bad.toml" in (notice(window).notice.text() if notice(window).notice else ""), "the bad file")
    assert queue.read().entries == ()


def test_a_window_that_opens_tells_of_what_waits(queue: Queue, window: MainWindow, services: Services) -> None:
    """As after a restart of the computer: the queue is there, and nobody drives it."""
    add(queue, "a", "b")
    services.queue.begin()
    wait(lambda: notice(window).notice is not None, "the notice")
    told = notice(window).notice
    assert told is not None
    assert "2 waiting, and the queue does not run" in told.text()
    notice(window)._action.click()
    assert isinstance(window.page, QueuePage)
    assert not queue.read().driven
    services.queue.close()


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in's interpreter is a script for sh")
def test_several_files_are_added_started_and_put_on_show(
    page: QueuePage, queue: Queue, services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CADDIE_QUEUE_LOOK", "0.1")
    monkeypatch.setenv("CADDIE_STOP_TIMES", "3,0.5,0.5,0.1")
    place = make_environment(tmp_path / "環境")
    monkeypatch.setattr(services.runs, "problems", lambda _job: ())
    monkeypatch.setattr(services.runs, "environment_for", lambda _job: place)
    files = [tmp_path / f"学習 {number}.toml" for number in range(2)]
    for path in files:
        save_job(replace(make_job(tmp_path, path.stem), name=""), path)
    try:
        services.queue.add_files_wanted.emit(files)
        see(page, ("学習 0", "waiting"), ("学習 1", "waiting"))
        page.header.start_button.click()
        wait(lambda: [state for _, state in shown(page)] == ["done", "done"], "both")
        assert [line[0] for line in started(tmp_path)] == ["学習 0", "学習 1"]
        assert services.runs.current is not None
        assert services.runs.current.path in {entry.run for entry in page.table.entries}
    finally:
        end_all(queue)


def test_how_far_each_is(services: Services) -> None:
    table = QueueTable(services)
    running = Entry(id="r", name="r", state=State.RUNNING, steps=100, lane="1")
    snapshot = Snapshot(entries=(running, Entry(id="w", name="w", steps=2400)))
    table.show(snapshot, {"r": Progress(step=25, total=100, seconds_per_step=1.0, eta=75.0)})
    cell = table.cell(0, "steps")
    assert (cell.text, cell.share) == ("25 / 100", 0.25)
    assert table.cell(0, "left").text == "1 min 15 s"
    assert table.cell(0, "gpu").text == "1"
    assert table.cell(1, "steps").text == "2,400"
    assert table.rowCount() == 2
    assert table.columnCount() == len(COLUMNS)


@pytest.mark.parametrize("state", list(State))
def test_only_what_is_possible_is_offered(state: State) -> None:
    run = Path("/run") if state in (State.RUNNING, State.DONE, State.STOPPED, State.FAILED) else None
    entry = Entry(id="e", name="e", state=state, run=run)
    found = possible(entry, 0, 2, Snapshot().control).deeds
    assert ("remove" in found) is not state.is_under_way
    assert ("retry" in found) is state.is_over
    assert ("hold" in found) is state.is_idle
    assert ("open" in found) is (state is not State.STARTING)
    assert "up" not in found
    assert "down" in found


def test_the_button_beside_start_adds_the_open_job(window: MainWindow, services: Services, dialogs: FakeDialogs) -> None:
    from gui.pages.run import RunPage

    asked: list[bool] = []
    services.queue.add_open_wanted.connect(lambda: asked.append(True))
    window.navigate("run")
    assert isinstance(window.page, RunPage)
    window.page.header.queue_button.setEnabled(True)
    window.page.header.queue_button.click()
    assert asked == [True]
