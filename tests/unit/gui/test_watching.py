"""Watchdogs in the window, the icon beside the clock, the task bar."""

from __future__ import annotations

import ctypes
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtGui import QColor, QIcon
from PySide6.QtWidgets import QSystemTrayIcon

from core.runs.folder import RunFolder
from core.runs.processes import identify
from core.runs.records import ProcessRecord, write_processes
from core.text import same
from core.watch.model import CAN_STOP, Alarm, Dog
from gui.bridge.notices import Notice
from gui.bridge.taskbar import STEPS, Taskbar, WindowsBar
from gui.main_window import MainWindow
from gui.run.tray import Tray, progress_icon
from gui.run.watch_dialog import WatchDialog
from gui.run.watching import Watching, watch_settings
from gui.services import Services
from tests.helpers.histories import make_run
from tests.unit.gui.conftest import settle
from tests.unit.gui.test_run_service import wait


class Clock:
    """Stands until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A run that goes on: this very process is its training."""
    made = make_run(tmp_path, losses=[0.1] * 50, name="cat")
    made.outcome_file.unlink()
    lines = made.events_file.read_text(encoding="utf-8").splitlines()
    made.events_file.write_text("\n".join(lines[:-1]) + "\n", encoding="utf-8")  # without the word that it ended
    me = identify(os.getpid())
    write_processes(made.process_file, ProcessRecord(supervisor=me, child=me, started_at=1.0, updated_at=1.0))
    return made


@pytest.fixture
def notices(services: Services) -> list[Notice]:
    posted: list[Notice] = []
    services.notices.posted.connect(posted.append)
    return posted


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watching(services: Services, run: RunFolder, clock: Clock) -> Iterator[Watching]:
    made = Watching(services, clock=clock)
    services.runs.attach(RunFolder(run.path))
    wait(lambda: made._dogs is not None and services.runs.metrics.last_step == 50, "the run")
    yield made
    services.runs.detach()
    services.runs.current_changed.emit()
    settle()
    made.deleteLater()
    settle()


def say(run: RunFolder, step: int, loss: float | str) -> None:
    with run.events_file.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"event": "step", "time": 1.0, "step": step, "loss": loss, "groups": []}) + "\n")


def test_an_alarm_is_told_at_the_top_of_the_window(
    services: Services, run: RunFolder, watching: Watching, notices: list[Notice]
) -> None:
    watching.look()
    assert watching.alarms == ()
    heard: list[Alarm] = []
    watching.barked.connect(lambda alarm, _done: heard.append(alarm))
    say(run, 51, "nan")
    wait(lambda: services.runs.metrics.last_step == 51, "the step")
    watching.look()
    assert [alarm.dog for alarm in heard] == [Dog.NAN_LOSS]
    assert "51" in notices[-1].text()
    assert notices[-1].tone == "danger"
    watching.look()
    assert len(heard) == 1


def test_no_progress_is_told_after_the_chosen_minutes_and_taken_back(
    services: Services, run: RunFolder, watching: Watching, clock: Clock, notices: list[Notice]
) -> None:
    withdrawn: list[str] = []
    services.notices.withdrawn.connect(withdrawn.append)
    services.settings.set("watch_minutes", 3)
    clock.now += 179
    watching.look()
    assert not notices
    clock.now += 2
    watching.look()
    assert "3 minutes" in notices[-1].text()
    say(run, 51, 0.1)
    wait(lambda: services.runs.metrics.last_step == 51, "the step")
    watching.look()
    assert withdrawn == ["watch-no-progress"]


def test_save_then_stop_only_where_the_user_says_so_and_it_can_be_saved(
    services: Services, run: RunFolder, watching: Watching, notices: list[Notice], monkeypatch: pytest.MonkeyPatch
) -> None:
    stops: list[bool] = []
    monkeypatch.setattr(services.runs, "stop", lambda *, now=False, save=False: stops.append(save))
    services.settings.set("watch_stop", ["nan-loss"])
    say(run, 51, "inf")
    wait(lambda: services.runs.metrics.last_step == 51, "the step")
    watching.look()
    assert stops == []  # this one hears nothing
    assert "goes on" in notices[-1].text()
    assert watching._dogs is not None
    watching._dogs._active.clear()
    controls = type(services.runs.controls.now)(possible=True, hears=frozenset({"save"}))
    monkeypatch.setattr(type(services.runs.controls), "now", property(lambda _self: controls))
    watching.look()
    assert stops == [True]
    assert "stopped" in notices[-1].text()


def test_what_ended_before_it_was_looked_at_is_not_watched(services: Services, tmp_path: Path) -> None:
    made = Watching(services)
    services.runs.attach(make_run(tmp_path, losses=[float("nan")] * 50))
    wait(lambda: services.runs.outcome is not None, "the end")
    settle()
    assert made.alarms == ()
    made.deleteLater()


def test_the_settings_are_kept_and_hold_at_once(services: Services) -> None:
    dialog = WatchDialog(services)
    assert all(box.isChecked() for box in dialog.on.values())
    assert set(dialog.stop) == set(CAN_STOP)
    dialog.on[Dog.DISK].setChecked(False)
    dialog.stop[Dog.DIVERGED].setChecked(True)
    dialog.minutes.setValue(7)
    dialog.free.setValue(5)
    found = watch_settings(services.settings)
    assert found.on == frozenset(Dog) - {Dog.DISK}
    assert found.stop == {Dog.DIVERGED}
    assert (found.minutes, found.free_bytes) == (7, 5 * 2**30)
    assert not dialog.stop[Dog.DISK].isEnabled()
    dialog.deleteLater()


# --- the icon ------------------------------------------------------------------------------------------------------


class Bar:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[float | str | None] = []

    def show(self, share: float | None) -> None:
        self.told.append(share)

    def clear(self) -> None:
        self.told.append("clear")


@pytest.mark.qt_log_ignore("systemTrayWindowChanged")  # the platform without a screen has no tray
def test_the_icon_tells_name_share_and_time_and_the_bar_follows(
    services: Services, window: MainWindow, run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QSystemTrayIcon, "isSystemTrayAvailable", staticmethod(lambda: True))
    bar = Bar()
    tray = Tray(services, window, taskbar=Taskbar(lambda: bar))
    services.runs.attach(RunFolder(run.path))
    wait(lambda: services.runs.progress is not None and services.runs.progress.step == 50, "the run")
    assert tray.tooltip().startswith("cat · 100 %")
    assert bar.told == [1.0]
    messages: list[tuple[object, ...]] = []
    monkeypatch.setattr(tray.icon, "showMessage", lambda *words: messages.append(words))
    gone = Alarm(dog=Dog.GPU, step=1, text=same("gone"))
    tray.bark(gone, "")
    assert messages == []  # somebody looks at the window
    monkeypatch.setattr(tray, "_looked_at", lambda: False)
    tray.bark(gone, "")
    assert messages[0][0] == "cat"
    services.settings.set("notify", False)
    tray.bark(gone, "")
    assert len(messages) == 1
    services.runs.detach()
    services.runs.current_changed.emit()
    settle()
    assert bar.told[-1] == "clear"
    assert not tray.icon.isVisible()


def test_the_ring_closes_with_the_share(qapp: object) -> None:
    assert qapp is not None
    blank = QIcon()
    color = QColor(0, 200, 0)

    def painted(share: float) -> int:
        image = progress_icon(blank, share, color).pixmap(64, 64).toImage()
        solid = (image.pixelColor(x, y).alpha() for x in range(image.width()) for y in range(image.height()))
        return sum(alpha > 200 for alpha in solid)

    assert painted(0.0) == 0
    assert painted(0.25) < painted(0.5) < painted(1.0)


def test_a_bar_that_fails_is_left_alone() -> None:
    class Broken(Bar):
        def show(self, share: float | None) -> None:
            raise OSError("no shell")

    asked: list[int] = []

    def make() -> Bar:
        asked.append(1)
        return Broken()

    taskbar = Taskbar(make)
    taskbar.show_progress(0.1)
    taskbar.show_progress(0.2)
    taskbar.clear()
    assert asked == [1]


def test_windows_functions_are_called_at_their_places_with_their_arguments() -> None:
    """A made COM object: a pointer to a table of functions, as ITaskbarList3 has it."""
    calls: list[tuple[object, ...]] = []
    make = getattr(ctypes, "WINFUNCTYPE", ctypes.CFUNCTYPE)
    long, pointer, big = ctypes.c_long, ctypes.c_void_p, ctypes.c_ulonglong

    def keep(name: str, result: int = 0) -> Callable[..., int]:
        def called(_this: int, *arguments: object) -> int:
            calls.append((name, *arguments))
            return result

        return called

    init = make(long, pointer)(keep("init"))
    value = make(long, pointer, pointer, big, big)(keep("value"))
    state = make(long, pointer, pointer, ctypes.c_int)(keep("state"))
    refused = make(long, pointer, pointer, ctypes.c_int)(keep("state", -2147467259))
    table = (pointer * 21)()
    for place, function in ((3, init), (9, value), (10, state)):
        table[place] = ctypes.cast(function, pointer).value
    this = ctypes.pointer(ctypes.cast(table, pointer))
    address = ctypes.cast(this, pointer).value
    assert address is not None
    bar = WindowsBar(4711, address)
    bar.show(0.25)
    bar.show(None)
    bar.clear()
    assert calls == [
        ("init",),
        ("state", 4711, 2),
        ("value", 4711, STEPS // 4, STEPS),
        ("state", 4711, 1),
        ("state", 4711, 0),
    ]
    table[10] = ctypes.cast(refused, pointer).value
    with pytest.raises(OSError, match="0x80004005"):
        bar.clear()
