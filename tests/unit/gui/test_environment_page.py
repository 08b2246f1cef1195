"""The environment page: from nothing to an installed package, by the hands of a user."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from core import paths
from core.catalogue.catalogue import Catalogue
from core.environment.discover import make_environment
from core.environment.install import InstallPlan, InstallResult
from core.environment.model import Environment, ProbeReport
from core.environment.reports import ReportCache
from core.text import Text
from gui.environment.dialogs import EnvironmentDialogs
from gui.environment.models import OptimizerTable, PackageTable
from gui.environment.words import age_words, memory_words
from gui.pages.environment import EnvironmentPage
from gui.services import Services
from tests.helpers.environments import (
    FAKE_TORCH,
    catalogue_of,
    make_checkout,
    make_venv,
    make_wheel,
    need,
    package,
    put_package,
    put_pip,
    report_of,
)
from tests.unit.gui.conftest import settle

LONG = 60_000


class Answers(EnvironmentDialogs):
    """Answers at once."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.folder: Path | None = None
        self.python: Path | None = None
        self.name: str | None = None
        self.remove = True
        self.asked: list[str] = []

    def choose_folder(self, start: str) -> Path | None:
        self.asked.append("folder")
        return self.folder

    def choose_python(self, start: str) -> Path | None:
        self.asked.append("python")
        return self.python

    def choose_checkout(self, start: str) -> Path | None:
        self.asked.append("checkout")
        return self.folder

    def ask_name(self, name: str) -> str | None:
        return self.name

    def may_remove(self, name: str) -> bool:
        self.asked.append("remove")
        return self.remove


@pytest.fixture
def catalogue() -> Catalogue:
    return catalogue_of(need("prodigyopt", minimum="1.1"))


@pytest.fixture(autouse=True)
def nothing_on_this_computer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The search of the usual places must not find what this machine has."""
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr("core.environment.find.usual_roots", lambda *_: [tmp_path / "home"])
    monkeypatch.setattr("core.environment.find.pythons_on_path", lambda *_: [])


@pytest.fixture
def page(qtbot: QtBot, services: Services) -> Iterator[EnvironmentPage]:
    made = EnvironmentPage(services)
    made.dialogs = Answers(made)
    qtbot.addWidget(made)
    made.resize(1100, 760)
    made.show()
    yield made
    if made.sheet is not None:
        made.sheet.reject()
    made.close()


def answers(page: EnvironmentPage) -> Answers:
    assert isinstance(page.dialogs, Answers)
    return page.dialogs


def known(services: Services, report: ProbeReport | None, name: str = "kohya", **paths_of: Path | None) -> Environment:
    """An environment with a kept report, without starting anything."""
    environment = make_environment(paths_of.get("python") or Path("/nowhere/python"), paths_of.get("sd_scripts"), name=name)
    if report is not None:
        ReportCache(paths.user_data_dir() / "probes").save(environment.id, report)
    services.environments.add(environment, probe=False)
    return environment


def idle(qtbot: QtBot, services: Services) -> None:
    service = services.environments
    qtbot.waitUntil(lambda: not any(service.probing(item.id) for item in service.environments), timeout=LONG)


def test_without_environments_it_says_what_to_do(qtbot: QtBot, page: EnvironmentPage) -> None:
    page.activated()
    assert page.stack.currentWidget() is page.empty
    qtbot.waitUntil(lambda: not page.empty.found.rows and page.found.searched, timeout=LONG)
    assert page.empty.folder.hasFocus() or not page.isActiveWindow()


def test_choosing_a_checkout_folder_adds_and_checks_it(
    qtbot: QtBot, page: EnvironmentPage, services: Services, tmp_path: Path
) -> None:
    checkout = make_checkout(tmp_path / "sd-scripts")
    python = make_venv(checkout / "venv")
    put_package(python, "torch", "2.4.1", FAKE_TORCH)
    answers(page).folder = checkout
    qtbot.mouseClick(page.empty.folder, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(services.environments.environments), timeout=LONG)
    assert page.stack.currentWidget() is not page.empty
    idle(qtbot, services)
    assert page.detail.name.text() == "sd-scripts"
    assert page.detail.tiles.torch.value.text() == "2.4.1+cu124"
    assert page.detail.tiles.gpu.value.text() == "RTX 4070"
    assert page.detail.tiles.checkout.value.text() == "0.10.1"
    assert page.detail.optimizers.model.index(0, OptimizerTable.STATE_COLUMN).data() == "Not installed"


def test_a_checkout_without_a_python_asks_for_one(
    qtbot: QtBot, page: EnvironmentPage, services: Services, tmp_path: Path
) -> None:
    checkout = make_checkout(tmp_path / "sd-scripts")
    answers(page).python = make_venv(tmp_path / "elsewhere" / "venv")
    page.add_path(checkout)
    qtbot.waitUntil(lambda: bool(services.environments.environments), timeout=LONG)
    assert answers(page).asked == ["python"]
    assert services.environments.environments[0].sd_scripts == checkout
    idle(qtbot, services)


def test_a_folder_with_nothing_in_it_is_said(qtbot: QtBot, page: EnvironmentPage, services: Services, tmp_path: Path) -> None:
    with qtbot.waitSignal(services.notices.posted, timeout=LONG) as posted:
        page.add_path(tmp_path / "home")
    assert posted.args is not None
    assert "neither a Python nor sd-scripts" in posted.args[0].text()


def test_several_environments_are_offered(qtbot: QtBot, page: EnvironmentPage, tmp_path: Path, services: Services) -> None:
    for name in ("one", "two"):
        make_venv(make_checkout(tmp_path / "ai" / name) / "venv")
    page.add_path(tmp_path / "ai")
    qtbot.waitUntil(lambda: len(page.empty.found.rows) == 2, timeout=LONG)
    assert services.environments.environments == ()
    page.empty.found.rows[1].add.click()
    assert [item.name for item in services.environments.environments] == ["two"]
    assert [row.environment.name for row in page.found.rows] == ["one"]
    idle(qtbot, services)


def test_a_dropped_folder_is_taken_and_a_dropped_picture_is_not(
    qtbot: QtBot, page: EnvironmentPage, services: Services, tmp_path: Path
) -> None:
    make_venv(make_checkout(tmp_path / "sd-scripts") / "venv")
    picture = tmp_path / "picture.png"
    picture.touch()
    for path, taken in ((picture, False), (tmp_path / "sd-scripts", True)):
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(path))])
        event = QDropEvent(
            QPoint(5, 5), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        )
        page.dropEvent(event)
        assert event.isAccepted() is taken
    qtbot.waitUntil(lambda: bool(services.environments.environments), timeout=LONG)
    idle(qtbot, services)


def test_each_state_has_its_face(page: EnvironmentPage, services: Services) -> None:
    environment = known(services, None)
    assert page.detail.stack.currentWidget() is page.detail.unknown
    bad = report_of(problem=Text("It is no Python.", "Python ではありません。"))
    known(services, bad, "bad", python=Path("/nowhere/bad"))
    assert page.detail.stack.currentWidget() is page.detail.failed
    assert page.detail.failed.text.text() == "It is no Python."
    good = report_of(package("prodigyopt", "1.1.2", True), package("accelerate", "1.6.0", True))
    known(services, good, "good", python=Path("/nowhere/good"))
    assert page.detail.optimizers.summary.text() == "1 of 1 ready"
    assert page.detail.notes.choose.isVisible()
    assert not page.detail.optimizers.all.isVisible()
    services.environments.select(environment.id)
    assert page.detail.stack.currentWidget() is page.detail.unknown
    assert page.model.row_of(environment.id) == page.list.currentIndex().row() == 0


def test_the_list_chooses_the_environment_that_trains(qtbot: QtBot, page: EnvironmentPage, services: Services) -> None:
    first = known(services, report_of(), "first")
    known(services, report_of(), "second", python=Path("/nowhere/second"))
    qtbot.keyClick(page.list, Qt.Key.Key_Up)
    assert services.environments.selected == first
    assert page.detail.name.text() == "first"


def test_packages_show_wanted_and_found(page: EnvironmentPage, services: Services) -> None:
    known(services, report_of(package("prodigyopt", "1.0", True), package("pip", "23.0", None)))
    model = page.detail.packages
    rows = {model.row(number).package: number for number in range(model.rowCount())}
    cells = [model.index(rows["prodigyopt"], column).data() for column in range(model.columnCount())]
    assert cells == ["prodigyopt", "≥ 1.1", "1.0", "Too old", "Some"]
    assert model.index(rows["torch"], PackageTable.STATE_COLUMN).data() == "Ready"


def test_renaming_giving_a_checkout_and_removing(qtbot: QtBot, page: EnvironmentPage, services: Services, tmp_path: Path) -> None:
    python = make_venv(tmp_path / "venv")
    known(services, report_of(), "first", python=python)
    answers(page).name = "renamed"
    page.detail.action.emit("rename")
    assert page.detail.name.text() == "renamed"
    answers(page).folder = make_checkout(tmp_path / "kohya_ss" / "sd-scripts").parent
    page.detail.action.emit("checkout")
    assert services.environments.environments[0].sd_scripts == tmp_path / "kohya_ss" / "sd-scripts"
    idle(qtbot, services)
    answers(page).remove = False
    page.detail.action.emit("remove")
    assert len(services.environments.environments) == 1
    answers(page).remove = True
    page.detail.action.emit("remove")
    assert page.stack.currentWidget() is page.empty
    assert python.is_file()


def test_what_an_optimizer_needs_is_installed_after_a_look_at_the_command(
    qtbot: QtBot, page: EnvironmentPage, services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = make_venv(tmp_path / "venv")
    put_package(python, "torch", "2.4.1", FAKE_TORCH.replace("2.4.1+cu124", "2.4.1"))
    put_pip(python)
    make_wheel(tmp_path / "wheels", "prodigyopt", "1.1.2", requires=("torch",))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", (tmp_path / "wheels").as_uri())
    page.add_path(python)
    qtbot.waitUntil(lambda: bool(services.environments.environments), timeout=LONG)
    idle(qtbot, services)
    page.detail.optimizers.select("Some")
    assert page.detail.optimizers.one.text() == "Install what Some needs"
    page.detail.optimizers.one.click()
    sheet = page.sheet
    assert sheet is not None
    assert not sheet.install.isEnabled()
    qtbot.waitUntil(lambda: sheet.can_install, timeout=LONG)
    assert "-m pip install" in sheet.command
    assert "prodigyopt>=1.1" in sheet.command
    assert not sheet.torch_yes.isVisible()
    sheet.install.click()
    assert page.panel.isVisible()
    assert not page.detail.optimizers.one.isEnabled()
    qtbot.waitUntil(lambda: services.environments.installing is None, timeout=LONG)
    assert page.panel.sentence.startswith("Done")
    assert "Successfully installed prodigyopt-1.1.2" in page.panel.log.toPlainText()
    idle(qtbot, services)
    assert page.detail.optimizers.summary.text() == "1 of 1 ready"


def test_torch_needs_a_yes_of_its_own(page: EnvironmentPage, services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = known(services, report_of(package("prodigyopt", None, None)))
    monkeypatch.setattr(services.environments, "plan", lambda *_: None)
    page.ask_to_install(["prodigyopt"])
    sheet = page.sheet
    assert sheet is not None
    plan = InstallPlan(
        environment=environment, argv=["python", "-m", "pip"], requirements=("prodigyopt",), installs=(("torch", "2.13.0"),)
    )
    sheet.set_plan(replace(plan, touches_torch=True, warning=Text("PyTorch is replaced.", "PyTorch が置き換わります。")))
    agreed: list[InstallPlan] = []
    sheet.agreed.disconnect()
    sheet.agreed.connect(agreed.append)
    assert not sheet.install.isEnabled()
    sheet.install.click()
    assert agreed == []
    sheet.torch_yes.click()
    assert sheet.install.isEnabled()
    sheet.install.click()
    assert [item.touches_torch for item in agreed] == [True]
    assert page.sheet is None


def test_an_installation_that_fails_says_why_and_can_be_closed(page: EnvironmentPage, services: Services) -> None:
    environment = known(services, report_of())
    plan = InstallPlan(environment=environment, argv=["x"], requirements=("prodigyopt",))
    services.environments.install_started.emit(plan)
    services.environments.install_output.emit("Collecting prodigyopt\r\n\rERROR: no\n")
    assert page.panel.stop.isVisible()
    services.environments.install_finished.emit(
        False, InstallResult(ok=False, exit_code=1, problem=Text("The disk is full.", "空き容量がありません。"))
    )
    assert page.panel.sentence == "The disk is full."
    assert "\r" not in page.panel.log.toPlainText()
    assert not page.panel.stop.isVisible()
    page.panel.close_button.click()
    assert not page.panel.isVisible()


def test_an_old_report_is_renewed_on_coming_and_a_fresh_one_is_not(
    page: EnvironmentPage, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    probed: list[str] = []
    monkeypatch.setattr(services.environments, "probe", probed.append)
    fresh = known(services, report_of(taken_at=time.time()), "fresh")
    page.activated()
    assert probed == []
    old = known(services, report_of(taken_at=time.time() - 7200), "old", python=Path("/nowhere/old"))
    page.activated("Some")
    assert probed == [old.id]
    assert fresh.id != old.id
    selected = page.detail.optimizers.selected
    assert selected is not None
    assert selected.id == "Some"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(5, "just now"), (90, "1 min ago"), (7200, "2 h ago"), (100_000, "yesterday"), (400_000, "4 days ago")],
)
def test_ages(seconds: float, words: str) -> None:
    assert age_words(seconds) == words
    assert memory_words(12878086144) == "12 GB"


def test_everything_is_said_in_japanese_too(page: EnvironmentPage, services: Services) -> None:
    known(services, report_of(problem=Text("It is no Python.", "Python ではありません。")), "bad")
    services.settings.language = "ja"
    settle()  # Qt posts the change of language
    assert page.detail.failed.text.text() == "Python ではありません。"
