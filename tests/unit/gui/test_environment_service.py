"""The environment service with real interpreters: signals in the GUI thread, reports that outlive a start."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from core.catalogue.catalogue import Catalogue
from core.environment.discover import Found, make_environment
from core.environment.install import InstallPlan, InstallResult
from core.environment.model import Readiness
from core.errors import CaddieError
from gui.bridge.environment_service import EnvironmentService
from gui.bridge.tasks import Tasks
from tests.helpers.environments import (
    FAKE_TORCH,
    catalogue_of,
    make_checkout,
    make_venv,
    make_wheel,
    need,
    put_package,
    put_pip,
)

MakeService = Callable[[], EnvironmentService]
LONG = 60_000


@pytest.fixture
def catalogue() -> Catalogue:
    return catalogue_of(need("prodigyopt"))


@pytest.fixture
def errors() -> list[BaseException]:
    return []


@pytest.fixture
def make_service(qapp: QApplication, catalogue: Catalogue, errors: list[BaseException]) -> Iterator[MakeService]:
    """Makes services over the test's own user data, as each start of the window does."""
    owner = QObject()
    tasks = Tasks(owner)
    tasks.unhandled.connect(errors.append)
    made: list[EnvironmentService] = []

    def make() -> EnvironmentService:
        made.append(EnvironmentService(tasks, catalogue, timeout=20, parent=owner))
        return made[-1]

    yield make
    for service in made:
        service.close()
    owner.deleteLater()


@pytest.fixture
def python(tmp_path: Path) -> Path:
    made = make_venv(tmp_path / "venv")
    put_package(made, "torch", "2.4.1", FAKE_TORCH.replace("2.4.1+cu124", "2.4.1"))
    return made


@pytest.fixture
def offline_wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that pip takes packages from, instead of the index."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", (tmp_path / "wheels").as_uri())
    return tmp_path / "wheels"


def test_adding_selects_and_probes_and_the_next_start_shows_it_at_once(
    qtbot: QtBot, make_service: MakeService, python: Path, catalogue: Catalogue
) -> None:
    service = make_service()
    spec = next(iter(catalogue))
    assert service.state(spec).readiness is Readiness.UNKNOWN
    environment = make_environment(python, None)
    selected: list[str] = []
    threads: set[threading.Thread] = set()
    steps: list[str] = []
    service.selected_changed.connect(lambda: selected.append(service.selected.id if service.selected else ""))
    service.probe_step.connect(lambda _id, step: (steps.append(step), threads.add(threading.current_thread())))
    service.report_changed.connect(lambda _id: threads.add(threading.current_thread()))
    service.add(environment)
    assert selected == [environment.id]
    assert service.probing(environment.id)
    qtbot.waitUntil(lambda: not service.probing(environment.id), timeout=LONG)
    report = service.report(environment.id)
    assert report is not None
    assert report.torch_version == "2.4.1"
    assert service.state(spec).readiness is Readiness.MISSING
    assert service.state(spec).to_install == ("prodigyopt",)
    qtbot.waitUntil(lambda: "torch" in steps, timeout=LONG)
    assert threads == {threading.main_thread()}
    next_start = make_service()
    assert next_start.environments == (environment,)
    assert next_start.selected == environment
    assert next_start.report(environment.id) == report
    age = next_start.age(environment.id)
    assert age is not None
    assert age >= 0
    assert next_start.state(spec).readiness is Readiness.MISSING


def test_states_follow_the_selection(make_service: MakeService, python: Path, catalogue: Catalogue, tmp_path: Path) -> None:
    service = make_service()
    first, second = make_environment(python, None), make_environment(tmp_path / "other", None)
    service.add(first, probe=False)
    service.add(second, probe=False)
    assert service.selected == second
    count: list[int] = []
    service.selected_changed.connect(lambda: count.append(1))
    service.select(first.id)
    service.select(first.id)
    service.select("unknown")
    assert (service.selected, len(count)) == (first, 1)
    service.remove(first.id)
    assert (service.selected, service.environments, len(count)) == (second, (second,), 2)
    service.remove(second.id)
    assert service.selected is None
    assert service.state(next(iter(catalogue))).readiness is Readiness.UNKNOWN


def test_renaming_and_giving_a_checkout_keep_what_the_user_said(
    qtbot: QtBot, make_service: MakeService, python: Path, tmp_path: Path
) -> None:
    service = make_service()
    environment = make_environment(python, None)
    service.add(environment, probe=False)
    service.rename(environment.id, "  My Python ")
    service.rename(environment.id, " ")
    assert [item.name for item in service.environments] == ["My Python"]
    checkout = make_checkout(tmp_path / "sd-scripts")
    service.give_checkout(environment.id, checkout)
    assert [(item.name, item.sd_scripts) for item in service.environments] == [("My Python", checkout)]
    assert service.selected == service.environments[0]
    qtbot.waitUntil(lambda: not service.probing(service.environments[0].id), timeout=LONG)


def test_a_bad_interpreter_is_a_report_and_no_error(
    qtbot: QtBot, make_service: MakeService, tmp_path: Path, errors: list[BaseException]
) -> None:
    service = make_service()
    environment = make_environment(tmp_path / "gone" / "python", None)
    service.add(environment)
    qtbot.waitUntil(lambda: not service.probing(environment.id), timeout=LONG)
    report = service.report(environment.id)
    assert report is not None
    assert report.problem is not None
    assert errors == []


def test_a_probe_that_is_stopped_leaves_the_former_report(qtbot: QtBot, make_service: MakeService, python: Path) -> None:
    put_package(python, "prodigyopt", "1.0", "import time; time.sleep(600)")
    service = make_service()
    environment = make_environment(python, None)
    service.add(environment)
    qtbot.waitUntil(lambda: service.step(environment.id) == "prodigyopt", timeout=LONG)
    service.stop_probe(environment.id)
    assert not service.probing(environment.id)
    assert service.report(environment.id) is None
    service.probe(environment.id)  # the former one's answer must not be taken for this one's
    qtbot.waitUntil(lambda: service.step(environment.id) == "prodigyopt", timeout=LONG)


def test_closing_ends_children_that_hang(qtbot: QtBot, make_service: MakeService, python: Path) -> None:
    put_package(python, "prodigyopt", "1.0", "import time; time.sleep(600)")
    service = make_service()
    environment = make_environment(python, None)
    service.add(environment)
    qtbot.waitUntil(lambda: service.step(environment.id) == "prodigyopt", timeout=LONG)
    service.close()
    service.probe(environment.id)  # nothing begins any more


def test_planning_installing_and_looking_again(
    qtbot: QtBot, make_service: MakeService, python: Path, catalogue: Catalogue, offline_wheels: Path
) -> None:
    put_pip(python)
    make_wheel(offline_wheels, "prodigyopt", "1.1.2")
    service = make_service()
    environment = make_environment(python, None)
    service.add(environment)
    qtbot.waitUntil(lambda: not service.probing(environment.id), timeout=LONG)
    plans: list[InstallPlan] = []
    service.plan(["prodigyopt"], plans.append)
    qtbot.waitUntil(lambda: bool(plans), timeout=LONG)
    assert plans[0].installs == (("prodigyopt", "1.1.2"),)
    said: list[str] = []
    threads: set[threading.Thread] = set()
    service.install_output.connect(lambda text: (said.append(text), threads.add(threading.current_thread())))
    with qtbot.waitSignal(service.install_finished, timeout=LONG) as finished:
        service.install(plans[0])
        assert service.installing is plans[0]
        service.install(plans[0])  # one at a time
    assert finished.args is not None
    ok, result = finished.args
    assert ok is True
    assert isinstance(result, InstallResult)
    assert service.installing is None
    qtbot.waitUntil(lambda: "Successfully installed" in "".join(said), timeout=LONG)
    assert service.install_log == "".join(said)
    assert threads == {threading.main_thread()}
    qtbot.waitUntil(lambda: not service.probing(environment.id), timeout=LONG)
    assert service.state(next(iter(catalogue))).readiness is Readiness.READY


def test_an_installation_can_be_stopped(qtbot: QtBot, make_service: MakeService, python: Path) -> None:
    service = make_service()
    environment = make_environment(python, None)
    service.add(environment, probe=False)
    plan = InstallPlan(
        environment=environment, argv=[str(python), "-c", "import time; print('busy', flush=True); time.sleep(600)"]
    )
    service.install_output.connect(lambda _text: service.stop_install() if service.install_log.endswith("busy\n") else None)
    with qtbot.waitSignal(service.install_finished, timeout=LONG) as finished:
        service.install(plan)
    assert finished.args is not None
    assert finished.args[0] is False
    assert finished.args[1].stopped
    qtbot.waitUntil(lambda: not service.probing(environment.id), timeout=LONG)


def test_a_plan_without_a_report_fails_in_words(qtbot: QtBot, make_service: MakeService, python: Path) -> None:
    service = make_service()
    service.add(make_environment(python, None), probe=False)
    caught: list[BaseException] = []
    service.plan(["prodigyopt"], lambda _plan: None, caught.append)
    qtbot.waitUntil(lambda: bool(caught), timeout=LONG)
    assert isinstance(caught[0], CaddieError)


def test_surveys_answer_in_the_gui_thread(qtbot: QtBot, make_service: MakeService, python: Path, tmp_path: Path) -> None:
    service = make_service()
    found: list[Found] = []
    service.survey(tmp_path, found.append)
    qtbot.waitUntil(lambda: bool(found), timeout=LONG)
    assert [item.python for item in found[0].environments] == [python]
