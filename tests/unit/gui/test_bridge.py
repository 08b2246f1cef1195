"""Settings, tasks, the job session, its autosave, options and translation."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, QThread

from core.errors import CaddieError
from core.job.model import Job
from core.job.store import dumps, load_job, loads, save_job
from core.options.model import OptionSet
from core.options.reader import CheckoutOptions
from core.text import Text
from gui.bridge.autosave import Autosave
from gui.bridge.job_session import HISTORY_LIMIT, JobFiles, JobSession
from gui.bridge.options import Options
from gui.bridge.settings import RECENT_LIMIT, Settings
from gui.bridge.tasks import Tasks
from tests.unit.gui.conftest import settle

# --- settings --------------------------------------------------------------------------------------------------


@pytest.fixture
def settings_path(tmp_path: Path) -> Path:
    return tmp_path / "設定 a" / "settings.toml"


def test_settings_survive(qapp, settings_path: Path) -> None:
    settings = Settings(settings_path)
    assert (settings.language, settings.theme, settings.recent) == ("system", "system", [])
    heard: list[str] = []
    settings.changed.connect(heard.append)
    settings.language = "ja"
    settings.theme = "dark"
    settings.set("pick_hidden_columns", ["since"])
    settings.set("width", 0)
    settings.set("flag", False)
    settings.flush()
    again = Settings(settings_path)
    assert (again.language, again.theme) == ("ja", "dark")
    assert again.texts("pick_hidden_columns") == ["since"]
    assert again.number("width", 5) == 0
    assert again.flag("flag", True) is False
    assert heard == ["language", "theme", "pick_hidden_columns", "width", "flag"]
    assert again.notice is None


def test_a_setting_that_does_not_change_is_not_told(qapp, settings_path: Path) -> None:
    settings = Settings(settings_path)
    settings.set("count", 1)
    heard: list[str] = []
    settings.changed.connect(heard.append)
    settings.set("count", 1)
    assert heard == []
    settings.set("count", True)  # equal to Python, another value to the file
    assert heard == ["count"]
    settings.flush()


@pytest.mark.parametrize("content", [b"language = = 3", b"\xff\xfe\x00broken", b"[unclosed", b'theme = "dark\n'])
def test_a_broken_settings_file_is_kept_aside_and_told(qapp, settings_path: Path, content: bytes) -> None:
    settings_path.parent.mkdir(parents=True)
    settings_path.write_bytes(content)
    first = Settings(settings_path)
    assert first.theme == "system"
    assert first.notice is not None
    assert "settings.broken-1.toml" in first.notice.en
    assert "settings.broken-1.toml" in first.notice.ja
    assert (settings_path.parent / "settings.broken-1.toml").read_bytes() == content
    Settings(settings_path)
    assert (settings_path.parent / "settings.broken-2.toml").exists()


def test_values_of_the_wrong_type_give_defaults(qapp, settings_path: Path) -> None:
    settings_path.parent.mkdir(parents=True)
    settings_path.write_text('language = 3\ntheme = "purple"\nrecent = [1, "a.toml"]\nfuture = "kept"\n', encoding="utf-8")
    settings = Settings(settings_path)
    assert (settings.language, settings.theme) == ("system", "system")
    assert settings.recent == [Path("a.toml")]
    settings.theme = "light"
    settings.flush()
    assert Settings(settings_path).text("future") == "kept"


def test_recent_jobs_are_few_and_the_latest_first(qapp, settings_path: Path, tmp_path: Path) -> None:
    settings = Settings(settings_path)
    for number in range(RECENT_LIMIT + 5):
        settings.add_recent(tmp_path / f"{number}.toml")
    settings.add_recent(tmp_path / "9.toml")
    assert len(settings.recent) == RECENT_LIMIT
    assert settings.recent[0].name == "9.toml"
    assert [path.name for path in settings.recent].count("9.toml") == 1
    settings.clear_recent()
    assert settings.recent == []
    settings.flush()


# --- tasks -----------------------------------------------------------------------------------------------------


def test_answers_arrive_in_the_gui_thread(qapp, qtbot) -> None:
    tasks = Tasks()
    seen: list[tuple[object, bool, bool]] = []
    gui = QThread.currentThread()
    worker: list[bool] = []

    def work(number: int) -> int:
        worker.append(QThread.currentThread() is gui)
        return number * 2

    tasks.start(work, 21, done=lambda answer: seen.append((answer, QThread.currentThread() is gui, tasks.busy)))
    qtbot.waitUntil(lambda: bool(seen))
    assert seen == [(42, True, False)]
    assert worker == [False]


def test_no_error_is_lost(qapp, qtbot) -> None:
    tasks = Tasks()
    unhandled: list[BaseException] = []
    handled: list[BaseException] = []
    tasks.unhandled.connect(unhandled.append)

    def fail(kind: type[BaseException]) -> None:
        raise kind("no")

    tasks.start(fail, ValueError)
    tasks.start(fail, KeyError, failed=handled.append)
    tasks.start(fail, SystemExit)
    qtbot.waitUntil(lambda: not tasks.busy)
    assert sorted(type(error).__name__ for error in unhandled) == ["SystemExit", "ValueError"]
    assert [type(error) for error in handled] == [KeyError]


def test_nobody_is_called_who_is_gone_or_called_off(qapp, qtbot) -> None:
    tasks = Tasks()
    gate = threading.Event()
    called: list[str] = []
    owner = QObject()
    tasks.start(gate.wait, 5, done=lambda _: called.append("owner"), owner=owner)
    task = tasks.start(gate.wait, 5, done=lambda _: called.append("cancelled"))
    task.cancel()
    owner.deleteLater()
    settle()
    gate.set()
    qtbot.waitUntil(lambda: not tasks.busy)
    assert called == []


def test_tasks_that_outlive_the_window_harm_nothing(qapp) -> None:
    tasks = Tasks()
    gate = threading.Event()
    tasks.start(gate.wait, 5)
    gate.set()
    tasks.deleteLater()
    settle()


# --- job session -----------------------------------------------------------------------------------------------


@pytest.fixture
def session(services) -> JobSession:
    return services.session


def test_undo_and_redo_walk_through_every_state(session: JobSession) -> None:
    first = session.job
    for number in range(3):
        session.edit(session.job.with_option("seed", number), f"Set {number}")
    assert session.undo_label == "Set 2"
    session.undo()
    session.undo()
    assert session.job.options["seed"] == 0
    assert session.redo_label == "Set 1"
    session.redo()
    assert session.job.options["seed"] == 1
    session.edit(session.job.with_option("seed", 9), "Set 9")
    assert not session.can_redo
    while session.can_undo:
        session.undo()
    assert session.job == first
    assert not session.modified


def test_zero_false_and_one_are_different_edits(session: JobSession) -> None:
    for value in (1, True, 1.0, 0, False, 0.0):
        session.edit(session.job.with_option("max_grad_norm", value), "Change")
        assert repr(session.job.options["max_grad_norm"]) == repr(value)
    assert session.modified


def test_an_edit_without_a_change_is_none(session: JobSession) -> None:
    session.edit(session.job, "Nothing")
    assert not session.can_undo
    assert not session.modified


def test_typing_into_one_field_is_one_step(session: JobSession, tmp_path: Path) -> None:
    for typed in ("a", "ab", "abc"):
        session.edit(session.job.with_option("output_name", typed), "Change output name", merge="output_name")
    session.edit(session.job.with_option("seed", 1), "Change seed", merge="seed")
    session.undo()
    assert session.job.options["output_name"] == "abc"
    session.undo()
    assert session.job.options["output_name"] == "lora"
    session.redo()
    session.save_as(tmp_path / "a.toml")
    session.edit(session.job.with_option("output_name", "abcd"), "Change output name", merge="output_name")
    assert session.modified
    session.undo()
    assert not session.modified


def test_the_saved_state_is_known_by_its_place_in_the_history(session: JobSession, tmp_path: Path) -> None:
    session.edit(session.job.with_option("seed", 1), "Set 1")
    session.save_as(tmp_path / "a.toml")
    assert not session.modified
    session.undo()
    assert session.modified
    session.edit(session.job.with_option("seed", 2), "Set 2")
    session.undo()
    assert session.modified, "the saved state is no longer in the history"
    assert load_job(tmp_path / "a.toml").options["seed"] == 1


def test_the_history_is_bounded(session: JobSession) -> None:
    for number in range(HISTORY_LIMIT + 20):
        session.edit(session.job.with_option("seed", number), "Set")
    steps = 0
    while session.can_undo:
        session.undo()
        steps += 1
    assert steps == HISTORY_LIMIT - 1
    assert session.modified


def test_signals_of_the_session(session: JobSession, tmp_path: Path) -> None:
    heard: list[str] = []
    session.changed.connect(lambda _job: heard.append("changed"))
    session.file_changed.connect(lambda: heard.append("file"))
    session.options_changed.connect(lambda: heard.append("options"))
    session.edit(session.job.with_option("seed", 1), "Set")
    assert heard == ["changed", "file"]
    heard.clear()
    session.edit(session.job.with_option("seed", 2), "Set")
    assert heard == ["changed"]
    heard.clear()
    session.edit(Job(script="sdxl_train_network.py"), "Change script")
    assert heard == ["options", "changed"]
    heard.clear()
    session.save_as(tmp_path / "a.toml")
    assert heard == ["file"]


def test_a_file_that_cannot_be_written_leaves_the_job_unsaved(session: JobSession, tmp_path: Path) -> None:
    session.edit(session.job.with_option("seed", 1), "Set")
    blocked = tmp_path / "file"
    blocked.write_text("x", encoding="utf-8")
    with pytest.raises((OSError, CaddieError)):
        session.save_as(blocked / "job.toml")
    assert session.modified
    assert session.path is None


# --- autosave --------------------------------------------------------------------------------------------------


def test_a_job_is_rescued_from_a_window_that_died(tmp_path: Path) -> None:
    folder = tmp_path / "autosave"
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    autosave = Autosave(folder, dumps=dumps, loads=loads)
    autosave.write(Job(options={"seed": 7}), tmp_path / "job ü.toml")
    mine = folder / f"{os.getpid()}.toml"
    assert autosave.left_behind() == [], "the window's own copy is not one that was left behind"
    mine.rename(folder / f"{gone.pid}.toml")
    (folder / f"{gone.pid + 0}x.toml").write_text("not ours", encoding="utf-8")
    found = autosave.left_behind()
    assert [(item.job.options["seed"], item.path) for item in found] == [(7, tmp_path / "job ü.toml")]


def test_an_unreadable_rescue_stays_where_it_is(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    broken = tmp_path / f"{gone.pid}.toml"
    broken.write_text("# caddie-autosave-of: \nseed = = 1", encoding="utf-8")
    assert Autosave(tmp_path, dumps=dumps, loads=loads).left_behind() == []
    assert broken.exists()


def test_unsaved_work_is_copied_and_the_copy_goes_when_saved(qapp, qtbot, services, tmp_path: Path) -> None:
    folder = tmp_path / "autosave"
    session = JobSession(
        Job(),
        files=JobFiles(load=load_job, save=save_job),
        options=services.options,
        settings=services.settings,
        autosave=Autosave(folder, dumps=dumps, loads=loads),
        parent=services.session,
    )
    session.edit(session.job.with_option("seed", 3), "Set")
    copy = folder / f"{os.getpid()}.toml"
    qtbot.waitUntil(copy.exists, timeout=8000)
    assert "seed = 3" in copy.read_text(encoding="utf-8")
    session.save_as(tmp_path / "job.toml")
    assert not copy.exists()


# --- options ---------------------------------------------------------------------------------------------------


def _sets(source: str) -> dict[str, OptionSet]:
    return {"train_network.py": OptionSet(script="train_network.py", options={}, source=source)}  # type: ignore[arg-type]


def test_the_snapshot_answers_until_the_checkout_is_read(qapp, qtbot, tmp_path: Path) -> None:
    gate = threading.Event()

    def read(_folder: Path) -> CheckoutOptions:
        gate.wait(5)
        return CheckoutOptions(_sets("checkout"), {"flux_train_network.py": Text("broken", "壊れています")})

    options = Options(Tasks(), snapshot=lambda: _sets("snapshot"), checkout=read)
    heard: list[int] = []
    options.changed.connect(lambda: heard.append(1))
    options.use_checkout(tmp_path)
    assert options.reading
    assert options.for_script("train_network.py").source == "snapshot"
    gate.set()
    qtbot.waitUntil(lambda: not options.reading)
    assert options.for_script("train_network.py").source == "checkout"
    assert len(heard) == 2
    assert options.unread("train_network.py") is None
    assert options.unread("flux_train_network.py") == Text("broken", "壊れています")
    assert "sdxl_train_network.py" in str(options.unread("sdxl_train_network.py"))
    options.use_checkout(None)
    assert options.unread("flux_train_network.py") is None
    assert options.for_script("train_network.py").source == "snapshot"
    assert options.for_script("unknown.py").options == {}


def test_a_late_answer_of_another_checkout_is_dropped(qapp, qtbot, tmp_path: Path) -> None:
    gate = threading.Event()
    tasks = Tasks()

    def read(folder: Path) -> CheckoutOptions:
        if folder.name == "slow":
            gate.wait(5)
            raise OSError("slow and broken")
        return CheckoutOptions(_sets("checkout"), {"flux_train_network.py": Text("broken", "壊れています")})

    options = Options(tasks, snapshot=lambda: _sets("snapshot"), checkout=read)
    failed: list[BaseException] = []
    options.failed.connect(failed.append)
    options.use_checkout(tmp_path / "slow")
    options.use_checkout(tmp_path / "quick")
    qtbot.waitUntil(lambda: not options.reading)
    gate.set()
    qtbot.waitUntil(lambda: not tasks.busy)
    assert failed == []
    assert options.for_script("train_network.py").source == "checkout"


def test_a_checkout_that_cannot_be_read_is_told(qapp, qtbot, tmp_path: Path) -> None:
    def read(_folder: Path) -> CheckoutOptions:
        raise OSError("gone")

    options = Options(Tasks(), snapshot=lambda: _sets("snapshot"), checkout=read)
    failed: list[BaseException] = []
    options.failed.connect(failed.append)
    options.use_checkout(tmp_path)
    qtbot.waitUntil(lambda: bool(failed))
    assert options.for_script("train_network.py").source == "snapshot"
