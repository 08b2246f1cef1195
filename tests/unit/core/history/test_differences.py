"""What differs between two runs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from core.cli.main import run
from core.errors import CaddieError
from core.history.differ import differences, differing_jobs
from core.job.model import Job
from core.runs.launch import start_prepared
from core.runs.records import RunCommand
from core.runs.surroundings import Surroundings, look_around, read_surroundings, write_surroundings
from tests.helpers.histories import NOON, make_run


def test_settings_are_told_by_field_with_words(tmp_path: Path) -> None:
    one = make_run(tmp_path, arguments=["d_coef=1", "safeguard_warmup=True"], lr_scheduler="constant", network_dim=16)
    other = make_run(
        tmp_path, optimizer="AdamW", rate=1e-4, arguments=["d_coef=2"], network_dim=32, seed=2, output_name="b", at=NOON + 9
    )
    found = {item.name: item for item in differences(one.path, other.path)}
    assert (found["optimizer_type"].one.en, found["optimizer_type"].other.en) == ("Prodigy", "AdamW")
    assert found["learning_rate"].label.ja == "学習率"
    assert (found["learning_rate"].one.en, found["learning_rate"].other.en) == ("1.0", "0.0001")
    assert (found["optimizer_args d_coef"].one.en, found["optimizer_args d_coef"].other.en) == ("1", "2")
    assert found["optimizer_args safeguard_warmup"].other.ja == "未指定"
    assert (found["network_dim"].one.en, found["network_dim"].other.en) == ("16", "32")
    assert found["seed"].matters
    assert not found["output_name"].matters
    # what says no more than the default is told, last
    assert not found["lr_scheduler"].matters
    assert "constant" in found["lr_scheduler"].other.en
    matter = [item.matters for item in differences(one.path, other.path)]
    assert matter == sorted(matter, reverse=True)


def test_zero_false_and_nothing_are_three_things() -> None:
    jobs = [Job(options={"noise_offset": value} if value is not None else {}) for value in (0, False, None)]
    for one in jobs:
        for other in jobs:
            assert bool(differing_jobs(one, other)) is (one is not other)


def test_a_key_of_another_service_is_never_shown() -> None:
    found = differing_jobs(Job(options={"wandb_api_key": "0123secret"}), Job(options={"wandb_api_key": "4567secret"}))
    assert len(found) == 1
    assert "secret" not in str(found)


def test_packages_and_checkout_are_compared(tmp_path: Path) -> None:
    one, other, older = (make_run(tmp_path, at=NOON + n) for n in range(3))
    packages = {"torch": "2.8.0", "prodigyopt": "1.1.2", "numpy": "2.0.0"}
    write_surroundings(one.path, Surroundings(python="/a/python", commit="aaa", packages=packages))
    write_surroundings(
        other.path, Surroundings(python="/a/python", commit="bbb", packages={**packages, "torch": "2.9.0", "lion": "1"})
    )
    found = {item.name: (item.one.en, item.other.en) for item in differences(one.path, other.path)}
    assert found == {"commit": ("aaa", "bbb"), "torch": ("2.8.0", "2.9.0"), "lion": ("not installed", "1")}
    assert [(item.name, item.one.en) for item in differences(older.path, other.path)] == [("environment", "not recorded")]


def test_the_packages_of_an_interpreter_are_read_from_names_alone(tmp_path: Path) -> None:
    python = tmp_path / "venv" / "bin" / "python"
    site = tmp_path / "venv" / "lib" / "python3.11" / "site-packages"
    for name in (
        "torch-2.8.0+cu128.dist-info",
        "Lion_Pytorch-0.2.3.dist-info",
        "old-1.0-py3.11.egg-info",
        "torch",
        "~orch-1.0.dist-info",
    ):
        (site / name).mkdir(parents=True)
    found = look_around(python, None)
    assert found.packages == {"lion-pytorch": "0.2.3", "old": "1.0", "torch": "2.8.0+cu128"}
    assert found.python_version == "3.11"
    windows = tmp_path / "win" / "Lib" / "site-packages" / "numpy-2.1.0.dist-info"
    windows.mkdir(parents=True)
    (tmp_path / "win" / "pyvenv.cfg").write_text("home = C:\\Python\nversion = 3.10.11\n", encoding="utf-8")
    found = look_around(tmp_path / "win" / "Scripts" / "python.exe", None)
    assert (found.packages, found.python_version) == ({"numpy": "2.1.0"}, "3.10.11")


def test_a_start_writes_down_what_it_trains_with(tmp_path: Path) -> None:
    (tmp_path / "sd" / ".git").mkdir(parents=True)
    (tmp_path / "sd" / ".git" / "HEAD").write_text("a" * 40)
    command = RunCommand(argv=(sys.executable, "train.py"), cwd=str(tmp_path / "sd"))
    folder = start_prepared(Job(name="x"), tmp_path / "runs", lambda _folder: command, begin=lambda _folder: None)
    found = read_surroundings(folder.path)
    assert found is not None
    assert (found.python, found.commit) == (sys.executable, "a" * 40)
    assert found.packages["pytest"] == pytest.__version__


def test_a_damaged_record_of_packages_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / "environment.json").write_text('{"packages": [1]}', encoding="utf-8")
    assert read_surroundings(tmp_path) == Surroundings()
    (tmp_path / "environment.json").write_bytes(b"\xff")
    assert read_surroundings(tmp_path) is None


def test_a_job_that_cannot_be_read_is_an_error_with_its_file(tmp_path: Path) -> None:
    one, other = make_run(tmp_path), make_run(tmp_path, at=NOON + 1)
    other.job_file.write_text("[[", encoding="utf-8")
    with pytest.raises(CaddieError, match=r"job\.toml"):
        differences(one.path, other.path)


def test_the_verbs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("CADDIE_HOME", str(tmp_path))
    one = make_run(tmp_path / "runs", name="first")
    other = make_run(tmp_path / "runs", name="second", rate=0.5, at=NOON + 1)
    assert run(["history", "diff", "first", other.path.name, "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["name"], found["one"], found["other"]) == ("learning_rate", "1.0", "0.5")
    assert run(["history", "diff", "first", "first"]) == 0
    assert run(["history", "tag", "first", "good", "a,b"]) == 0
    assert run(["history", "tag", "first", "a", "--remove"]) == 0
    assert run(["history", "note", str(one.path), "best so far"]) == 0
    capsys.readouterr()
    assert run(["history", "--json", "--filter", "tag:b notes:best"]) == 0
    (listed,) = json.loads(capsys.readouterr().out)
    assert (listed["tags"], listed["notes"]) == (["good", "b"], "best so far")
    assert run(["history", "diff", "first", "third"]) == 1
    assert run(["history", "diff", "20", "first"]) == 1
    assert other.path.name in capsys.readouterr().err
