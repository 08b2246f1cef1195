"""The dialog of a race: who takes part with which rate, and how it stands."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from core.catalogue.loader import load_catalogue
from core.history.record import RunRecord
from core.job.model import Job
from core.metrics.run_metrics import RunMetrics
from core.race.report import Line, caution, standings
from core.race.store import Member, Race, create_race
from core.runs.events import Group, Step, Validated
from core.runs.outcome import Ending
from gui.bridge.races import RaceLook
from gui.race.dialog import RaceDialog

LONG = 20_000
JOB = Job(name="猫", options={"optimizer_type": "AdamW", "learning_rate": 3e-4, "max_train_steps": 20, "output_name": "cat"})


@pytest.fixture
def dialog(qapp, services, qtbot, monkeypatch, tmp_path):
    monkeypatch.setenv("CADDIE_HOME", str(tmp_path / "home"))
    services.session.edit(JOB, "test")
    made = RaceDialog(services)
    qtbot.addWidget(made)
    made.show()
    return made


def _rows(table) -> list[list[str]]:
    return [[table.item(row, column).text() for column in range(table.columnCount())] for row in range(table.rowCount())]


def test_the_job_s_own_optimizer_stands_first_with_its_own_rate(dialog, services) -> None:
    rows = _rows(dialog.choose.table)
    assert rows[0][:2] == ["AdamW", "0.0003"]
    assert [spec.id for spec in dialog.choose.chosen()] == ["AdamW"]
    others = {row[0]: row[1] for row in rows[1:]}
    spec = next(spec for spec in services.catalogue if spec.name in others)
    assert others[spec.name] == f"{spec.learning_rate.start:g}"
    assert dialog.start.text() == "Start 1 training"
    dialog.choose.seeds.setValue(3)
    assert dialog.start.text() == "Start 3 trainings"
    dialog.choose.tick()
    assert not dialog.start.isEnabled()


def test_a_race_that_cannot_begin_says_why(dialog, qtbot) -> None:
    dialog.start.click()
    assert dialog.start.text() == "Starting …"
    qtbot.waitUntil(dialog._notice.isVisible, timeout=LONG)
    assert "Nothing was started" in dialog._notice_text.text()
    assert "Choose an environment" in dialog._notice_text.text()
    assert dialog.tabs.currentIndex() == 0


def _race(tmp_path: Path) -> Race:
    members = tuple(Member(entry=name, name=name, optimizer=name, seed=1) for name in ("AdamW", "Lion"))
    return Race(folder=tmp_path / "race", name="猫", members=members, created_at=0.0)


def _metrics(level: float) -> RunMetrics:
    metrics = RunMetrics()
    for step in range(1, 21):
        group = Group(name="unet", lr=1e-4)
        metrics.feed([Step(time=float(step), step=step, loss=level / step, groups=(group,))])
    metrics.feed([Validated(time=21.0, step=20, loss=level)])
    return metrics


def _look(race: Race, *, over: bool) -> RaceLook:
    lines: list[Line] = []
    for member, loss in zip(race.members, (0.3, math.nan), strict=True):
        record = RunRecord(folder=Path("/x"), name=member.name, created_at=0.0, ending=Ending.FINISHED, validation_loss=loss)
        lines.append(Line(member=member, record=record))
    table = standings(lines)
    metrics = {member.name: _metrics(1.0 + place) for place, member in enumerate(race.members)}
    return RaceLook(race=race, lines=tuple(lines), table=table, caution=caution(table), metrics=metrics, over=over, paused=False)


def test_standings_and_curves_follow_the_race(dialog, tmp_path) -> None:
    race = _race(tmp_path)
    dialog._on_made(race)
    assert dialog.tabs.currentIndex() == 1
    assert dialog.standings.race == race
    dialog.races.looked.emit(_look(race, over=False))
    rows = _rows(dialog.standings.table)
    assert [row[:2] for row in rows] == [["AdamW", "0.3000"], ["Lion", "NaN"]]
    assert set(dialog.standings.plot.plot.curves) == {"AdamW", "Lion"}
    assert dialog.standings.pause.isEnabled()
    dialog.standings.quantity.setCurrentIndex(1)
    assert len(dialog.standings.plot.plot.curves["AdamW"].y) == 20
    dialog.races.looked.emit(_look(race, over=True))
    assert not dialog.standings.pause.isEnabled()
    assert dialog.standings.page.isEnabled()


def test_a_real_race_is_listed_and_looked_at(dialog, services, qtbot) -> None:
    from core.race.plan import entrants

    catalogue = load_catalogue()
    spec = catalogue.get("AdamW")
    assert spec is not None
    made = create_race(JOB, entrants(JOB, [spec], catalogue), environment=None)
    dialog.tabs.setCurrentIndex(1)
    qtbot.waitUntil(lambda: dialog.standings.race == made, timeout=LONG)
    qtbot.waitUntil(lambda: dialog.standings.table.rowCount() == 1, timeout=LONG)
    assert _rows(dialog.standings.table)[0][5] == "0/1"
    assert "0 of 1" in dialog.standings._state.text()
