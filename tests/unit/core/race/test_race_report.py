"""Who leads, by what, and when nobody does."""

from __future__ import annotations

import math
from pathlib import Path

from core.history.record import RunRecord
from core.race.page import cells_of
from core.race.report import Line, caution, standings
from core.race.store import Member
from core.runs.outcome import Ending


def _line(optimizer: str, seed: int, *, ending: Ending = Ending.FINISHED, **ends: float) -> Line:
    record = RunRecord(folder=Path(f"/{optimizer}-{seed}"), name=optimizer, created_at=0.0, ending=ending, **ends)  # type: ignore[arg-type]
    return Line(member=Member(entry=f"{optimizer}{seed}", name=optimizer, optimizer=optimizer, seed=seed), record=record)


def test_the_validation_loss_decides_and_what_is_not_finite_comes_last() -> None:
    table = standings(
        [
            _line("A", 1, validation_loss=0.2, loss=0.05),
            _line("B", 1, validation_loss=0.1, loss=0.09, steps_per_second=2.0, memory=2.0 * 1024**3),
            _line("C", 1, validation_loss=math.nan, loss=math.nan, ending=Ending.FAILED),
            Line(member=Member(entry="d", name="D", optimizer="D", seed=1), record=None),
        ]
    )
    assert [item.optimizer for item in table][:2] == ["B", "A"]
    assert cells_of(table[0]) == ("0.1000", "0.0900", "2", "2.00 GB", "1/1")
    bad = {item.optimizer: cells_of(item) for item in table}
    assert bad["C"][:2] == ("NaN", "NaN")
    assert bad["C"][4] == "0/1"
    assert bad["D"] == ("-", "-", "-", "-", "0/1")


def test_one_seed_or_a_lead_within_the_spread_is_no_victory() -> None:
    single = standings([_line("A", 1, validation_loss=0.1), _line("B", 1, validation_loss=0.2)])
    words = caution(single)
    assert words is not None
    assert "one seed" in words.en
    near = [_line("A", seed, validation_loss=0.10 + 0.02 * seed) for seed in (1, 2, 3)]
    near += [_line("B", seed, validation_loss=0.11 + 0.02 * seed) for seed in (1, 2, 3)]
    words = caution(standings(near))
    assert words is not None
    assert "no winner" in words.en
    far = [*near[:3], *(_line("B", seed, validation_loss=0.5 + 0.02 * seed) for seed in (1, 2, 3))]
    assert caution(standings(far)) is None
    assert cells_of(standings(far)[0])[0] == "0.1400 ± 0.0200"
    assert caution(()) is None


def test_who_has_not_come_to_an_end_does_not_win() -> None:
    far = [_line("B", seed, validation_loss=0.5 + 0.02 * seed) for seed in (1, 2, 3)]
    early = [_line("A", seed, validation_loss=0.1 + 0.02 * seed) for seed in (1, 2)]
    words = caution(standings([*early, _line("A", 3, ending=Ending.FAILED, validation_loss=0.1), *far]))
    assert words is not None
    assert "come to its end" in words.en


def test_a_validation_loss_is_never_set_against_a_loss() -> None:
    lines = [_line("A", seed, validation_loss=0.1 + 0.01 * seed, loss=0.5 + 0.01 * seed) for seed in (1, 2)]
    lines += [_line("B", seed, loss=0.5 + 0.01 * seed) for seed in (1, 2)]
    words = caution(standings(lines))
    assert words is not None
    assert "no winner" in words.en
