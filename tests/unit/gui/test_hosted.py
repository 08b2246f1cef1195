"""Trainings in the window's own process: its buttons, its ends, and the window that is closed meanwhile."""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PySide6.QtCore import QCoreApplication, QEventLoop
from PySide6.QtWidgets import QMessageBox

from core.catalogue.catalogue import Catalogue
from core.catalogue.loader import load_catalogue
from core.job.store import save_job
from core.options.snapshot import snapshot_for
from core.runs.folder import RunFolder, list_runs
from core.runs.outcome import Ending
from gui.bridge.run_controls import RunControls
from gui.bridge.tasks import Tasks
from gui.main_window import MainWindow
from gui.pages.run import RunPage
from gui.run.dialogs import End, RunDialogs, choose_end
from gui.services import Services
from tests.helpers.tiny_training import tiny_job
from tests.unit.gui.conftest import FakeDialogs, settle


class Answers(RunDialogs):
    """Answers at once with what the test says."""

    def __init__(self) -> None:
        self.end: End | None = End.SAVE
        self.asked: list[tuple[int | None, bool]] = []

    def start_second(self, running: str) -> bool:
        return True

    def stop(self, unsaved_steps: int | None, *, may_save: bool = False) -> End | None:
        self.asked.append((unsaved_steps, may_save))
        return self.end


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(autouse=True)
def _without_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


@pytest.fixture
def page(services: Services) -> Iterator[RunPage]:
    made = RunPage(services, dialogs=Answers())
    made.resize(1100, 760)
    made.show()
    settle()
    yield made
    services.runs.hosting.stop(save=False)
    services.runs.hosting.close()
    made.close()
    made.deleteLater()
    settle()


def until(condition: Callable[[], object], services: Services) -> None:
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end, services.runs.log
        QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents, 50)


def open_job(services: Services, folder: Path, steps: int = 100_000, **options: Any) -> None:
    services.session.new(tiny_job(folder, max_train_steps=steps, output_dir="出力 先", **options))
    services.session.save_as(folder / "私の 仕事.toml")


def saved(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "出力 先").glob("*"))


def test_pause_save_and_save_then_stop_from_the_buttons(page: RunPage, services: Services, tmp_path: Path) -> None:
    runs, header = services.runs, page.header
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("a red circle --w 64 --h 64 --s 2\n", encoding="utf-8")
    open_job(services, tmp_path, sample_prompts="prompts.txt")
    assert not header.controls.isVisible()
    before, folder = gc.isenabled(), os.getcwd()
    page.start()
    until(lambda: runs.metrics.last_step >= 2, services)
    assert runs.current is not None
    assert not runs.current.supervisor_log.exists()  # no process was started
    assert header.controls.isVisible()
    assert header.badge.look.text == "Running"
    header.controls.hold_button.click()
    until(lambda: header.badge.look.text == "Paused", services)
    assert header.controls.hold_button.text() == "Go on"
    header.controls.save_button.click()
    until(lambda: any(name.endswith("-state") for name in saved(tmp_path)), services)
    header.controls.sample_button.click()
    until(lambda: "sample" in saved(tmp_path), services)
    held = runs.metrics.last_step
    header.controls.hold_button.click()
    until(lambda: runs.metrics.last_step > held, services)
    header.stop_button.click()
    assert not header.now_button.isVisible()  # a window cannot be ended for a training
    until(lambda: runs.outcome is not None, services)
    assert isinstance(page.dialogs, Answers)
    assert page.dialogs.asked[0][1]
    assert runs.ending is Ending.STOPPED
    assert runs.outcome is not None
    assert f"tiny-step{runs.outcome.steps:08d}.safetensors" in saved(tmp_path)
    until(lambda: gc.isenabled() == before, services)
    assert os.getcwd() == folder
    assert not header.controls.isVisible()


def test_a_second_one_is_refused_with_its_reason_and_the_first_goes_on(page: RunPage, services: Services, tmp_path: Path) -> None:
    runs = services.runs
    open_job(services, tmp_path)
    page.start()
    until(lambda: runs.metrics.last_step >= 1, services)
    failures: list[Any] = []
    runs.failed.connect(failures.append)
    page.start()
    until(lambda: failures, services)
    assert "one at a time" in failures[0].text.en
    first = runs.current
    assert first is not None
    runs.attach(RunFolder(first.path))  # from the list of runs: now from its files
    until(lambda: runs.opened and runs.metrics.last_step >= 2, services)
    assert runs.controls.now.hosted
    page.dialogs.end = End.STOP  # type: ignore[attr-defined]
    page.stop()
    until(lambda: runs.outcome is not None, services)
    assert runs.ending is Ending.STOPPED
    assert not (tmp_path / "出力 先").exists()


def test_the_window_lives_on_without_memory_and_starts_the_next_training(
    page: RunPage, services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.training.forward import Forward

    def short(*_: Any) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    runs = services.runs
    open_job(services, tmp_path, steps=2)
    with monkeypatch.context() as patched:
        patched.setattr(Forward, "loss", short)
        page.start()
        until(lambda: runs.outcome is not None, services)
    assert runs.ending is Ending.FAILED
    for name in ("gradient_checkpointing", "train_batch_size", "cache_latents"):
        assert name in page.outcome.error.text()
    until(lambda: runs.hosting.training is None, services)
    page.start()
    until(lambda: runs.ending is Ending.FINISHED, services)


def test_a_job_may_want_a_process_of_its_own_which_hears_the_same_wishes(
    page: RunPage, services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if sys.platform == "win32":
        pytest.skip("children here use signals of POSIX")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    runs = services.runs
    open_job(services, tmp_path)
    services.session.edit(replace(services.session.job, builtin={"isolated": True}), "test")
    page.start()
    until(lambda: runs.metrics.last_step >= 1, services)
    assert runs.hosting.training is None
    assert runs.controls.now.possible
    assert not page.header.controls.sample_button.isEnabled()
    assert "sample_prompts" in page.header.controls.sample_button.toolTip()
    page.header.controls.save_button.click()
    until(lambda: any(name.endswith(".safetensors") for name in saved(tmp_path)), services)
    page.stop()
    until(lambda: runs.outcome is not None, services)
    assert runs.ending is Ending.STOPPED
    assert runs.outcome is not None
    assert f"tiny-step{runs.outcome.steps:08d}.safetensors" in saved(tmp_path)


def test_a_window_that_trains_closes_only_as_the_user_says(
    services: Services, dialogs: FakeDialogs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = MainWindow(services, dialogs=dialogs)
    window.show()
    open_job(services, tmp_path)
    answers: list[End | None] = [None, End.SAVE]
    monkeypatch.setattr(window.closing, "ask", lambda name: answers.pop(0))
    closed: list[bool] = []
    window.closed.connect(lambda: closed.append(True))
    services.runs.start(services.session.job, base=tmp_path)
    until(lambda: services.runs.metrics.last_step >= 1, services)
    assert not window.close()  # "keep training"
    assert not services.runs.hosting.training.control.is_stopping()  # type: ignore[union-attr]
    assert not window.close()  # "save and stop": it closes by itself
    until(lambda: closed, services)
    assert services.runs.hosting.outcome is not None
    assert services.runs.hosting.outcome.ending is Ending.STOPPED
    assert any(name.endswith("-state") for name in saved(tmp_path))
    window.deleteLater()
    settle()


def test_the_end_of_the_session_saves(services: Services, dialogs: FakeDialogs, tmp_path: Path) -> None:
    window = MainWindow(services, dialogs=dialogs)
    open_job(services, tmp_path)
    services.runs.start(services.session.job, base=tmp_path)
    until(lambda: services.runs.metrics.last_step >= 1, services)
    window.closing._session_ends()
    assert services.runs.hosting.training is None
    assert any(name.endswith("-state") for name in saved(tmp_path))
    assert window.close()
    window.deleteLater()
    settle()


@pytest.mark.parametrize(("press", "end"), [(0, End.SAVE), (1, End.STOP), (2, None)])
def test_the_question_has_three_answers(page: RunPage, monkeypatch: pytest.MonkeyPatch, press: int, end: End | None) -> None:
    monkeypatch.setattr(QMessageBox, "exec", lambda box: box.buttons() and None)
    pressed: list[str] = []

    def clicked(box: QMessageBox) -> Any:
        roles = (QMessageBox.ButtonRole.AcceptRole, QMessageBox.ButtonRole.DestructiveRole, QMessageBox.ButtonRole.RejectRole)
        button = next(one for one in box.buttons() if box.buttonRole(one) is roles[press])
        pressed.append(button.text())
        return button

    monkeypatch.setattr(QMessageBox, "clickedButton", clicked)
    assert choose_end(page, "?", "", "Save", "Stay") is end
    assert pressed == [("Save", "Stop without saving", "Stay")[press]]


def test_one_that_is_over_before_the_window_looks_is_told_too(
    page: RunPage, services: Services, catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosting = services.runs.hosting
    ended: list[bool] = []
    hosting.ended.connect(lambda: ended.append(True))
    monkeypatch.setitem(sys.modules, "core.training.prepare", None)  # a package that is broken
    before, turn = gc.isenabled(), sys.getswitchinterval()
    open_job(services, tmp_path)
    known = snapshot_for(services.session.job.script)
    assert known is not None
    hosting.begin(services.session.job, known, catalogue, None, tmp_path)
    begun = hosting.training
    assert begun is None or begun.wait(60)
    until(lambda: ended, services)
    assert hosting.outcome is not None
    assert hosting.outcome.ending is Ending.FAILED
    assert (gc.isenabled(), sys.getswitchinterval()) == (before, turn)


def test_a_window_that_closes_while_one_is_being_started_ends_it(services: Services, tmp_path: Path) -> None:
    runs = services.runs
    begin, begun = runs.hosting.begin, threading.Event()

    def slowly(*arguments: Any) -> RunFolder:
        begun.set()
        while not closing.is_set():
            closing.wait(1)
        return begin(*arguments)

    def close_slowly() -> None:
        close()
        closing.set()

    closing = threading.Event()
    close = runs.hosting.close
    runs.hosting.begin = slowly  # type: ignore[method-assign]
    runs.hosting.close = close_slowly  # type: ignore[method-assign]
    open_job(services, tmp_path)
    runs.start(services.session.job, base=tmp_path)
    assert begun.wait(60)
    runs.close()
    assert runs.hosting.training is None
    assert list_runs()[0].state() is Ending.STOPPED


def test_a_pause_that_cannot_be_written_is_none(services: Services, tmp_path: Path) -> None:
    failures: list[BaseException] = []
    workers = Tasks(services.runs, threads=1)
    controls = RunControls(services.runs.hosting, workers, failures.append, services.runs)
    folder = RunFolder(tmp_path)
    save_job(tiny_job(tmp_path), folder.job_file)
    (tmp_path / "wishes").write_bytes(b"")  # no folder: nothing can be put into it
    controls.show_run(folder)
    controls.pause(on=True)
    assert controls.now.paused
    until(lambda: failures, services)
    assert not controls.now.paused
    workers.wait()
