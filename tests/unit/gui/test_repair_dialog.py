"""The dialog that mends an environment, with commands that really run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from core.environment.model import Environment, ProbeReport
from core.text import Text
from core.wizard.repair import Ailment
from gui.bridge.mending import Diagnosis, Mending
from gui.wizard.repair import RepairDialog

LONG = 60_000


class Still(Mending):
    """Finds nothing by itself."""

    def diagnose(self, environment: Environment, report: ProbeReport) -> None:
        pass


@pytest.fixture
def dialog(services, qtbot):
    environment = Environment(id="e", name="e", python=Path(sys.executable))
    made = RepairDialog(services, environment, ProbeReport(taken_at=0), mending=Still(services.tasks))
    qtbot.addWidget(made)
    made.show()
    yield made
    made.mending.stop()
    qtbot.waitUntil(lambda: not made.mending.running, timeout=LONG)


def _ailment(name: str, code: str) -> Ailment:
    return Ailment(id=name, text=Text(f"{name} is broken", f"{name} が壊れています"), commands=((sys.executable, "-c", code),))


def test_only_what_is_ticked_is_run_and_the_environment_is_probed_again(dialog, qtbot, tmp_path) -> None:
    changed: list[int] = []
    dialog.changed.connect(lambda: changed.append(1))
    one, two = tmp_path / "one", tmp_path / "two"
    found = (_ailment("first", f"open(r'{one}', 'w'); print('mended')"), _ailment("second", f"open(r'{two}', 'w')"))
    dialog.mending.diagnosed.emit(Diagnosis(found, ()))
    assert dialog.state == "choosing"
    assert not dialog.saved.isVisible()
    assert dialog.boxes["first"].accessibleName() == "first is broken"
    dialog.boxes["second"].setChecked(False)
    dialog.go.click()
    assert dialog.state == "running"
    qtbot.waitUntil(lambda: dialog.state == "done", timeout=LONG)
    assert one.is_file()
    assert not two.exists()
    assert "mended" in dialog.log.toPlainText()
    assert changed == [1]


def test_a_command_that_fails_is_told(dialog, qtbot) -> None:
    dialog.mending.diagnosed.emit(Diagnosis((_ailment("first", "raise SystemExit('No space left on device')"),), ()))
    dialog.go.click()
    qtbot.waitUntil(lambda: dialog.state == "failed", timeout=LONG)
    assert "disk is full" in dialog._lead.text()


def test_a_sound_environment_offers_its_earlier_packages(dialog, qtbot, tmp_path) -> None:
    kept = tmp_path / "packages-20261101-101500.txt"
    kept.write_text("no-such-package-at-all==1.0\n", encoding="utf-8")
    dialog.mending.diagnosed.emit(Diagnosis((), (kept,)))
    assert not dialog.go.isVisible()
    assert dialog.saved.itemText(1) == "2026-11-01 10:15"
    dialog.saved.setCurrentIndex(1)
    dialog.saved.activated.emit(1)
    qtbot.waitUntil(lambda: "no-such-package-at-all==1.0" in dialog.log.toPlainText(), timeout=LONG)
    assert dialog.go.isEnabled()
    assert "uninstall" in dialog.log.toPlainText()


def test_the_plan_of_a_list_that_is_not_chosen_any_more_is_dropped(dialog, qtbot, tmp_path) -> None:
    kept = [tmp_path / f"packages-2026110{day}-101500.txt" for day in (1, 2)]
    for place, path in enumerate(kept):
        path.write_text(f"no-such-package-at-all=={place}.0\n", encoding="utf-8")
    dialog.mending.diagnosed.emit(Diagnosis((), tuple(kept)))
    planned: list[object] = []
    dialog.mending.planned.connect(planned.append)
    for place in (1, 2):
        dialog.saved.setCurrentIndex(place)
        dialog.saved.activated.emit(place)
    qtbot.waitUntil(lambda: "no-such-package-at-all==1.0" in dialog.log.toPlainText(), timeout=LONG)
    qtbot.waitUntil(lambda: not dialog._services.tasks.busy, timeout=LONG)
    assert len(planned) == 1


def test_with_nothing_ticked_there_is_nothing_to_run(dialog) -> None:
    dialog.mending.diagnosed.emit(Diagnosis((_ailment("first", "pass"),), ()))
    dialog.boxes["first"].setChecked(False)
    assert not dialog.go.isEnabled()
