"""What people type to find a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.cli.main import run
from core.errors import CaddieError
from core.history.query import matching, parse
from core.history.record import RunRecord
from core.runs.outcome import Ending
from tests.helpers.histories import NOON, make_run


def record(name: str, **facts: object) -> RunRecord:
    return RunRecord(folder=Path(f"/runs/{name}"), name=name, created_at=NOON, ending=Ending.FINISHED, **facts)  # type: ignore[arg-type]


RECORDS = [
    record("one", optimizer="Prodigy", loss=0.1, tags=("good", "緑の旗"), arguments=("d_coef=2",), steps=1000),
    record("two", optimizer="AdamW", loss=0.08, notes="two words here", steps=500, memory=2.0 * 2**30),
    record("three", optimizer="prodigyplus.ProdigyPlusScheduleFree", loss=float("nan"), tags=("bad",)),
]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["one", "two", "three"]),
        ("prodigy", ["one", "three"]),
        ("ＰＲＯＤＩＧＹ", ["one", "three"]),
        ("optimizer=Prodigy", ["one"]),
        ("-prodigy", ["two"]),
        ("loss<0.1", ["two"]),
        ("loss<=0.1", ["one", "two"]),
        ("loss<1 -tag:good", ["two"]),
        ('"two words"', ["two"]),
        ("two words here", ["two"]),
        ("tag:緑", ["one"]),
        ("memory>1.5", ["two"]),
        ("d_coef=2", ["one"]),
        ("arguments:d_coef=2", ["one"]),
        ("outcome:finished steps>=500", ["one", "two"]),
        ("lost", []),
        ("los<0.1", CaddieError),
        ("optimiser=Prodigy", CaddieError),
        ("d_coef>2", CaddieError),
        ("loss<low", CaddieError),
        ("optimizer<3", CaddieError),
    ],
)
def test_a_query_finds(query: str, names: list[str] | type[CaddieError]) -> None:
    if isinstance(names, list):
        assert [found.name for found in matching(RECORDS, parse(query))] == names
    else:
        with pytest.raises(names):
            parse(query)


def test_a_mistyped_column_is_told_the_right_one() -> None:
    with pytest.raises(CaddieError) as caught:
        parse("optimiser:prodigy")
    assert "optimizer" in caught.value.text.en
    assert "optimizer" in caught.value.text.ja


def test_the_verb_lists_and_filters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("CADDIE_HOME", str(tmp_path))
    make_run(tmp_path / "runs", optimizer="Prodigy", arguments=["betas=[0.9, 0.99]"])
    broken = make_run(tmp_path / "runs", optimizer="AdamW", at=NOON + 1, losses=[0.5, float("nan")])
    broken.job_file.unlink()
    assert run(["history", "--json", "--filter", "optimizer:prodigy", "--filter", "loss<1"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["optimizer"] == "Prodigy"
    assert found["loss"] == pytest.approx(0.198, abs=0.01)
    assert run(["history"]) == 0
    said = capsys.readouterr()
    assert "betas=[0.9, 0.99]" in said.out
    assert "NaN" in said.out
    assert "job.toml" in said.err
    assert run(["history", "--filter", "speeed>1"]) == 1
    assert "speed" in capsys.readouterr().err
