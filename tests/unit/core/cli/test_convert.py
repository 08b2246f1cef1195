"""`convert`: the report for people and for programs, and the job it writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.cli.main import run
from core.job.store import load_job


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "kohya.json"
    path.write_text(json.dumps({"LoRA_type": "Standard", "max_resolution": "512,512", "vae": "", "odd": "x"}), encoding="utf-8")
    return path


def test_the_report_and_the_job(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job = tmp_path / "job.toml"
    assert run(["convert", str(file), "-o", str(job)]) == 0
    shown = capsys.readouterr()
    assert "max_resolution" in shown.out and "resolution = 512,512" in shown.out
    assert "vae" not in shown.out
    assert "unknown, kept: 1" in shown.err and "not set: 1" in shown.err
    assert dict(load_job(job).options) == {"network_module": "networks.lora", "resolution": "512,512"}
    assert run(["convert", str(file), "-o", str(job)]) == 1
    assert "--force" in capsys.readouterr().err


def test_for_programs(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["convert", str(file), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {entry["key"]: entry["outcome"] for entry in told["entries"]} == {
        "LoRA_type": "translated",
        "max_resolution": "translated",
        "vae": "unset",
        "odd": "unknown",
    }
    assert 'resolution = "512,512"' in told["job"]


def test_no_such_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["convert", str(tmp_path / "none.json")]) == 1
    assert "none.json" in capsys.readouterr().err
