"""How long a training is asked before it is ended without being asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.runs.folder import RunFolder
from core.runs.records import StopTimes
from core.runs.stopping import Stage, Stopper
from core.runs.supervisor import read_times


@pytest.mark.parametrize(("saves", "patience"), [(False, 60.0), (True, 900.0)])
def test_a_save_that_comes_first_is_given_its_time(tmp_path: Path, saves: bool, patience: float) -> None:
    now = [0.0]
    stopper = Stopper(RunFolder(tmp_path), StopTimes(), with_companion=True, urgent=False, saves=saves, clock=lambda: now[0])
    now[0] = patience - 0.1
    stopper.push()
    assert stopper.stage is Stage.ASK
    now[0] = patience
    stopper.push()
    assert stopper.stage is Stage.INTERRUPT


def test_times_are_read_with_and_without_the_one_for_a_save() -> None:
    assert read_times({}) == StopTimes()
    assert read_times({"CADDIE_STOP_TIMES": "1,2,3,4"}) == StopTimes(ask=1, interrupt=2, terminate=3, leftovers=4)
    assert read_times({"CADDIE_STOP_TIMES": "1,2,3,4,5"}) == StopTimes(ask=1, interrupt=2, terminate=3, leftovers=4, save=5)
