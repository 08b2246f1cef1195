"""A race from the command line, with real drivers, supervisors and children; only what trains is a stand-in."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.cli import main as cli
from core.environment.model import Environment
from core.history.read import read_record
from core.job.store import save_job
from core.race.store import list_races, load_race
from tests.helpers.queues import end_all, make_environment, make_job, started, wait_for_rest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in's interpreter is a script for sh")


@pytest.fixture(autouse=True)
def _races(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CADDIE_QUEUE_LOOK", "0.1")
    monkeypatch.setenv("CADDIE_STOP_TIMES", "3,0.5,0.5,0.1")
    yield
    for race in list_races():
        end_all(race.queue)


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return make_environment(tmp_path / "env")


def test_each_trains_in_turn_and_the_page_holds_all_of_it(environment: Environment, tmp_path: Path, capsys) -> None:
    job = replace(make_job(tmp_path, "猫"), name="猫 & 犬")
    save_job(job, tmp_path / "job.toml")
    place = ["--python", str(environment.python), "--checkout", str(environment.sd_scripts), "--no-hold-out"]
    page = tmp_path / "結果.html"
    argv = ["race", str(tmp_path / "job.toml"), "--optimizers", "AdamW,Lion", "--steps", "3", *place]
    assert cli.run([*argv, "--dry-run"]) == 0
    assert list_races() == []
    capsys.readouterr()
    cli.run([*argv, "--json", "-o", str(page)])
    told = json.loads(capsys.readouterr().out)
    race = list_races()[0]
    assert [line[0] for line in started(tmp_path / race.tag)] == ["猫-AdamW", "猫-Lion"]
    assert {item["optimizer"]: item["finished"] for item in told["standings"]} == {"AdamW": 1, "Lion": 1}
    text = page.read_text(encoding="utf-8")
    assert "猫 &amp; 犬" in text
    assert "<svg" in text
    assert "http" not in text.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "https://matplotlib.org", ""
    ).replace("http://creativecommons.org", ""), "nothing is fetched"
    assert load_race(race.id) == race
    for _, run in race.runs():
        assert race.tag in read_record(run).tags
    assert cli.run(["race", "--report", "latest", "--json"]) == 0


def test_a_race_in_which_one_cannot_begin_is_not_begun(environment: Environment, tmp_path: Path, capsys) -> None:
    save_job(replace(make_job(tmp_path, "a"), name="a"), tmp_path / "job.toml")
    place = ["--python", str(environment.python), "--checkout", str(environment.sd_scripts)]
    # The stand-in knows no validation_split, which a race adds.
    assert cli.run(["race", str(tmp_path / "job.toml"), "--optimizers", "AdamW,Lion", *place]) == 1
    assert "validation_split" in capsys.readouterr().err
    assert list_races() == []
    assert started(tmp_path) == []


def test_it_goes_on_without_the_terminal(environment: Environment, tmp_path: Path, capsys) -> None:
    save_job(replace(make_job(tmp_path, "a"), name="a"), tmp_path / "job.toml")
    place = ["--python", str(environment.python), "--checkout", str(environment.sd_scripts), "--no-hold-out"]
    argv = ["race", str(tmp_path / "job.toml"), "--optimizers", "AdamW,Lion", "--seeds", "2", "--detach", "--json", *place]
    assert cli.run(argv) == 0
    race = load_race(json.loads(capsys.readouterr().out)["race"])
    wait_for_rest(race.queue)
    assert [line[0] for line in started(tmp_path / race.tag)] == ["a-AdamW-42", "a-Lion-42", "a-AdamW-43", "a-Lion-43"]
