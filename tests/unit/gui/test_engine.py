"""The choice of the engine in Set up, what it does to the command and to the start, and a real training from the window."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QEventLoop, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton

from core.catalogue.catalogue import Catalogue
from core.catalogue.loader import load_catalogue
from core.job.engine import trains_in_window
from core.job.model import Job
from core.job.new import new_job
from core.job.store import dumps, loads
from core.runs.outcome import Ending
from gui.bridge.run_problems import StartProblem
from gui.pages.run import RunPage
from gui.pages.setup import SetupPage
from gui.services import Services
from tests.helpers.tiny_training import tiny_job
from tests.unit.gui.conftest import settle


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture
def page(services: Services, qtbot) -> Iterator[SetupPage]:
    made = SetupPage(services)
    made.resize(1200, 760)
    made.show()
    qtbot.waitExposed(made)
    yield made
    made.close()
    made.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def whole(**options: Any) -> Job:
    given = {"pretrained_model_name_or_path": "m.safetensors", "train_data_dir": "images", "output_dir": "out"}
    return replace(new_job(None), options={**new_job(None).options, **given, **options})


def test_the_engine_is_chosen_with_the_keyboard_and_undone(page: SetupPage, services: Services) -> None:
    services.session.edit(whole(), "test")
    buttons = page.engine.buttons
    assert buttons["sd-scripts"].isChecked()
    assert page.go_to("engine")
    assert buttons["sd-scripts"].hasFocus()
    readiness = page.optimizer.state
    assert readiness.isVisible()
    QTest.keyClick(buttons["builtin"], Qt.Key.Key_Space)
    assert services.session.job.engine == "builtin"
    assert not readiness.isVisible()  # the environment's, which trains nothing then
    assert not page.engine.problem.isVisible()
    services.session.undo()
    assert services.session.job.engine == "sd-scripts"
    assert buttons["sd-scripts"].isChecked()


def test_a_process_of_its_own_is_a_switch_in_the_job(page: SetupPage, services: Services) -> None:
    session, switch = services.session, page.engine.isolated
    session.edit(whole(), "test")
    assert not switch.isVisible()  # sd-scripts always has one
    session.edit(replace(session.job, engine="builtin", builtin={"nan": "skip"}), "test")
    assert switch.isVisible()
    assert not switch.box.isChecked()
    assert trains_in_window(session.job)
    switch.box.click()
    assert dict(session.job.builtin) == {"nan": "skip", "isolated": True}
    assert not trains_in_window(session.job)
    assert trains_in_window(loads(dumps(session.job))) is False
    assert not page.engine.problem.isVisible()
    switch.box.click()
    assert dict(session.job.builtin) == {"nan": "skip"}
    session.undo()
    assert switch.box.isChecked()


def test_what_the_trainer_cannot_do_is_said_at_each_edit_and_one_click_leads_out(page: SetupPage, services: Services) -> None:
    session = services.session
    session.edit(replace(whole(network_module="lycoris.kohya", deepspeed=True), engine="builtin"), "test")
    problem, dock = page.engine.problem, page.frame.command
    assert problem.isVisible()
    assert "network_module" in problem.words
    assert "deepspeed" in problem.words
    dock.renew()
    assert {finding.key for finding in dock.command.findings} == {"option:network_module", "option:deepspeed"}
    session.edit(session.job.with_option("deepspeed", None), "test")
    assert "deepspeed" not in problem.words
    problem.button.click()
    assert session.job.engine == "sd-scripts"
    assert not problem.isVisible()
    dock.renew()
    assert not dock.command.findings


def test_many_hindrances_are_counted(page: SetupPage, services: Services) -> None:
    many = {"deepspeed": True, "ddp_timeout": 3, "config_file": "a", "multires_noise_iterations": -1, "clip_skip": -5}
    job = whole(network_module="lycoris.kohya", **many)
    services.session.edit(replace(job, engine="builtin"), "test")
    assert page.engine.problem.words.count("・") == 3
    assert "more" in page.engine.problem.words


def test_packages_that_are_missing_are_said_with_the_way_to_get_them(
    page: SetupPage, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.runs.builtin.NEEDED", ("torch", "no_such_package_here"))
    services.session.edit(replace(whole(), engine="builtin"), "test")
    assert "no_such_package_here" in page.engine.problem.words
    assert "python main.py demo" in page.engine.problem.words
    problems = services.runs.problems(services.session.job)
    assert [(one.page, one.topic) for one in problems] == [("setup", "engine")]


def test_the_dock_shows_caddies_own_command_once_the_job_is_saved(page: SetupPage, services: Services, tmp_path: Path) -> None:
    session, dock = services.session, page.frame.command
    session.edit(replace(whole(), engine="builtin"), "test")
    dock.choose("sh")
    dock.renew()
    assert dock.command.text == ""
    assert "Save the job" in dock.text.placeholderText()
    assert dock.text.isVisible()
    assert not dock.copy.isEnabled()
    assert not dock.export.isEnabled()
    session.save_as(tmp_path / "猫 job.toml")
    dock.renew()
    assert "main.py run" in dock.command.text
    assert str(tmp_path / "猫 job.toml") in dock.command.text
    assert dock.copy.isEnabled()
    assert not dock.note.isVisible()  # no environment is needed
    dock.export_to(tmp_path / "go.sh")
    assert dock.command.text in (tmp_path / "go.sh").read_text(encoding="utf-8")
    session.edit(session.job.with_option("seed", 1), "test")
    dock.renew()
    assert dock.command.text == ""  # the file says something else
    dock.choose("toml")
    dock.renew()
    assert 'caddie_engine = "builtin"' in dock.command.text
    assert dock.export.isEnabled()


def test_a_start_needs_no_environment_but_a_job_that_can_be_trained(services: Services) -> None:
    def pages(job: Job) -> list[tuple[str, str]]:
        return [(one.page, one.topic) for one in services.runs.problems(job)]

    assert ("environment", "") in pages(whole())
    assert pages(replace(whole(), engine="builtin")) == []
    assert pages(replace(whole(network_module="lycoris.kohya"), engine="builtin")) == [("setup", "option:network_module")]
    refused: list[tuple[StartProblem, ...]] = []
    services.runs.refused.connect(refused.append)
    assert not services.runs.start(replace(whole(deepspeed=True), engine="builtin"))
    assert [one.topic for one in refused[0]] == ["option:deepspeed"]


def test_the_run_page_leads_out_with_one_click_too(services: Services) -> None:
    session = services.session
    session.new(replace(whole(deepspeed=True), engine="builtin"))
    page = RunPage(services)
    page.show()
    settle()
    assert page.problems.instead_button.isVisible()
    page.problems.instead_button.click()
    assert session.job.engine == "sd-scripts"
    assert not page.problems.instead_button.isVisible()
    session.undo()
    assert page.problems.instead_button.isVisible()
    page.close()
    page.deleteLater()
    settle()


def test_missing_packages_are_installed_from_the_run_page_and_the_training_starts(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot
) -> None:
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setattr("core.runs.builtin.NEEDED", ("torch", "caddie_package_of_a_test"))
    services.session.new(replace(whole(), engine="builtin"))
    page = RunPage(services)
    page.show()
    settle()
    started: list[bool] = []
    monkeypatch.setattr(services.runs, "start", lambda job, **_: started.append(True))
    script = f"print('Collecting'); open({str(site / 'caddie_package_of_a_test.py')!r}, 'w').close()"
    monkeypatch.setattr(page.installation, "_command", lambda: [sys.executable, "-c", script])
    (problem,) = page.problems.problems
    assert problem.packages
    (button,) = [one for one in page.problems.findChildren(QPushButton) if one.text() == "Install the training packages"]
    button.click()
    assert not page.problems.isVisible()
    qtbot.waitUntil(lambda: not page.installation.running, timeout=60_000)
    assert page.installation.panel is not None
    assert "Collecting" in page.installation.panel.log.toPlainText()
    assert page.problems.problems == ()
    assert started == [True]
    page.close()
    page.deleteLater()
    settle()


def test_a_training_that_is_started_from_the_run_page_ends_well(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    job = tiny_job(tmp_path, max_train_steps=3, output_dir="out")
    services.session.new(job)
    services.session.save_as(tmp_path / "tiny.toml")
    page = RunPage(services)
    page.show()
    qtbot.waitExposed(page)
    settle()
    assert page.problems.problems == ()
    assert "Built-in trainer" in page.header.about.text()
    page.start()
    until = time.monotonic() + 120
    while services.runs.outcome is None:
        assert time.monotonic() < until, services.runs.log
        QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents, 50)
    assert services.runs.ending is Ending.FINISHED, services.runs.log
    assert (tmp_path / "out" / "tiny.safetensors").is_file()  # beside the job's file
    assert services.runs.metrics.last_step == 3
    assert "Built-in trainer" in page.header.about.text()
    page.close()
    page.deleteLater()
    settle()
