"""A start is preceded by a preflight: what it finds is on the Run page, with the way to start all the same."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from core.environment.model import Environment
from core.job.model import Job
from core.options.model import OptionSet
from core.preflight.model import Report
from core.runs.folder import list_runs
from core.text import Text
from gui.bridge.preflight import KEY, PreflightFailed, Preflights
from gui.bridge.run_service import RunService
from gui.pages.run import RunPage
from gui.services import Services
from tests.helpers.preflights import make_trainer
from tests.helpers.runs import wait_for_end
from tests.unit.gui.test_run_page import Environments, settle
from tests.unit.gui.test_run_service import wait

CRASH = "import os\nos._exit(7)\n"


@pytest.fixture
def place(tmp_path: Path) -> Environment:
    """An sd-scripts whose torch ends Python."""
    checkout = make_trainer(tmp_path / "checkout")
    (checkout / "train_network.py").write_text("import torch\n", encoding="utf-8")
    (checkout / "torch.py").write_text(CRASH, encoding="utf-8")
    return Environment(id="here", name="here", python=Path(sys.executable), sd_scripts=checkout)


def options_for(script: str) -> OptionSet:
    return OptionSet(script, {}, "snapshot")


@pytest.fixture
def page(services: Services, place: Environment) -> Iterator[RunPage]:
    environments = Environments()
    environments.selected = place
    environments.environments = (place,)
    for name in ("environments_changed", "selected_changed", "report_changed"):
        setattr(environments, name, getattr(services.environments, name))
    runs = RunService(
        services.tasks,
        services.catalogue,
        environments,
        options_for,
        preflights=Preflights(services.settings, services.catalogue),
        parent=services.tasks,
    )
    services.session.new(Job(name="cat", options=MappingProxyType({"optimizer_type": "AdamW", "network_dim": 4})))
    made = RunPage(replace(services, runs=runs, environments=environments))
    made.show()
    made.activated()
    settle()
    yield made
    runs.close()
    for folder in list_runs():
        folder.request_stop(now=True)
        wait_for_end(folder)
    made.close()
    made.deleteLater()
    settle()


def test_a_job_that_does_not_pass_is_not_started_until_the_user_insists(page: RunPage) -> None:
    runs = page.services.runs
    page.start()
    assert runs.starting
    wait(lambda: not runs.starting, "the preflight")
    (problem,) = page.problems.problems
    assert problem.may_start
    assert "exit code 7" in problem.text.en
    assert not list_runs()
    assert page.problems.anyway_button.isVisible()
    assert page.header.start_button.isEnabled()  # to try once more
    session = page.services.session
    session.edit(session.job.with_option("network_dim", 8), "rank")
    settle()
    assert not page.problems.isVisible()
    session.undo()
    settle()
    assert page.problems.isVisible()
    page.problems.anyway_button.click()
    wait(lambda: runs.current is not None, "the run")
    assert len(list_runs()) == 1


def test_switched_off_nothing_is_tried(page: RunPage) -> None:
    page.services.settings.set(KEY, False)
    page.start()
    wait(lambda: page.services.runs.current is not None, "the run")


@pytest.mark.parametrize("expected", [("passed", 2, 1), ("unknown", 2, 2), ("failed", 0, 2), ("stopped", 0, 2)])
def test_what_passed_is_tried_once(
    services: Services, place: Environment, monkeypatch: pytest.MonkeyPatch, expected: tuple[str, int, int]
) -> None:
    ending, launched, tried = expected
    asked: list[object] = []
    report = Report(ending=ending, problem=Text("no", "だめ"))  # pyright: ignore[reportArgumentType]
    monkeypatch.setattr("core.preflight.trial.preflight", lambda *_args, **_kept: asked.append(1) or report)
    made, starts = Preflights(services.settings, services.catalogue), []
    job = Job(options=MappingProxyType({"optimizer_type": "AdamW"}))
    for _ in range(2):
        try:
            made.before(lambda: starts.append(1), job, place, options_for(job.script))
        except PreflightFailed as error:
            assert error.text.en == "no"
    assert (len(starts), len(asked)) == (launched, tried)


def test_another_argument_is_tried_again(services: Services, place: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr("core.preflight.trial.preflight", lambda *_args, **_kept: asked.append(1) or Report(ending="passed"))
    made = Preflights(services.settings, services.catalogue)
    for rate in (1e-3, 1e-4, 1e-3):
        job = Job(options=MappingProxyType({"optimizer_type": "AdamW", "learning_rate": rate}))
        made.before(lambda: None, job, place, options_for(job.script))
    assert len(asked) == 2


def test_the_built_in_trainer_tries_it_itself(services: Services) -> None:
    assert not Preflights(services.settings, services.catalogue).wanted(Job(engine="builtin"))
    assert Preflights(services.settings, services.catalogue).wanted(Job())
