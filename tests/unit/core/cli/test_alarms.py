"""The watchdogs of somebody who follows a run in a terminal."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from core.cli.alarms import Alarms
from core.cli.watch import watch
from core.runs.follow import Follower, Update
from core.runs.outcome import Ending
from core.watch.model import Dog
from tests.helpers.histories import make_run


def test_what_a_run_brings_is_told_once(tmp_path: Path) -> None:
    run = make_run(tmp_path, losses=[0.1] * 20 + [math.nan] * 20)
    alarms, follower = Alarms(run), Follower(run)
    update = follower.poll()
    assert [alarm.dog for alarm in alarms.take(update)] == [Dog.NAN_LOSS]
    assert alarms.take(update) == []


def test_a_standstill_is_told_unless_the_run_is_paused(tmp_path: Path) -> None:
    now = [0.0]
    run = make_run(tmp_path)
    alarms = Alarms(run, clock=lambda: now[0])
    quiet = Update(events=[], log="", progress=None, ending=Ending.RUNNING, outcome=None, behind=False)
    now[0] = 599.0
    assert alarms.take(quiet) == []
    run.wishes.pause(on=True)
    now[0] = 700.0
    assert alarms.take(quiet) == []
    run.wishes.pause(on=False)
    now[0] = 1301.0
    assert [alarm.dog for alarm in alarms.take(quiet)] == [Dog.NO_PROGRESS]


def test_following_prints_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("CADDIE_LANGUAGE", "en")
    watch(make_run(tmp_path, losses=[0.1] * 5 + [math.inf] * 5))
    assert "no number since step 6" in " ".join(capsys.readouterr().err.split())
