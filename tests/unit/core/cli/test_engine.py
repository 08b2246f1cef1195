"""`run` and `new` with the built-in trainer, and what the first start installs for them."""

from __future__ import annotations

from pathlib import Path

import pytest

import main as front_door
from core.cli.main import run
from core.cli.parser import trains_here
from core.job.model import Job
from core.job.store import load_job, save_job


@pytest.fixture
def builtin(tmp_path: Path) -> Path:
    path = tmp_path / "猫 job.toml"
    save_job(Job(engine="builtin", options={"output_dir": "out"}), path)
    return path


def test_a_job_that_names_the_built_in_trainer_needs_its_packages(builtin: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    save_job(Job(notes='caddie_engine = "builtin"'), other)
    assert trains_here(["run", str(builtin)])
    assert not trains_here(["run", str(builtin), "--engine", "sd-scripts"])
    assert trains_here(["run", "--detach", str(other), "--engine=builtin", "--isolated"])
    assert not trains_here(["run", str(other)])
    assert not trains_here(["run", str(tmp_path / "gone.toml")])
    assert not trains_here(["command", str(builtin)])
    assert front_door._groups("run", ["run", str(builtin)]) == ("app", "train")
    assert front_door._groups("run", ["run", str(other)]) == ("app",)
    assert front_door._groups("optimizers", ["optimizers"]) == ("app",)


@pytest.mark.parametrize("line", ["caddie.caddie_engine='builtin'", ' caddie_engine  =  "builtin"  # here'])
def test_a_job_written_by_hand_is_seen_too(tmp_path: Path, line: str) -> None:
    path = tmp_path / "job.toml"
    path.write_text(line, encoding="utf-8-sig")
    assert trains_here(["run", str(path)])


def test_new_writes_the_engine(tmp_path: Path) -> None:
    path = tmp_path / "new.toml"
    assert run(["new", "--optimizer", "Prodigy", "--engine", "builtin", "-o", str(path)]) == 0
    assert load_job(path).engine == "builtin"
    assert run(["new", "--optimizer", "Prodigy", "-o", str(path), "--force"]) == 0
    assert load_job(path).engine == "sd-scripts"


def test_no_environment_is_asked_for(
    builtin: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CADDIE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CADDIE_LANGUAGE", "en")
    assert run(["run", str(builtin)]) == 1
    said = capsys.readouterr().err
    assert "no base model is given" in said
    assert "environment" not in said
    assert run(["run", str(builtin), "--engine", "sd-scripts"]) == 1
    assert "environment" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--plain", "--python=/usr/bin/python3"])
def test_what_is_only_for_sd_scripts_is_refused(builtin: Path, capsys: pytest.CaptureFixture[str], option: str) -> None:
    assert run(["run", str(builtin), option]) == 1
    assert option.partition("=")[0] in capsys.readouterr().err


def test_the_command_of_a_job_is_caddies_own_with_what_stands_against_it(
    builtin: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["command", str(builtin)]) == 0
    shown = capsys.readouterr()
    assert "main.py run" in shown.out
    assert str(builtin) in shown.out
    assert "pretrained_model_name_or_path" in shown.err
