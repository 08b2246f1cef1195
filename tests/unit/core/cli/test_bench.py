"""`bench` without torch: the table of given figures, and what is said where nothing can be measured."""

from __future__ import annotations

import json
import sys
import venv
from pathlib import Path

import pytest

from core.cli import bench
from core.cli.bench import bench_document
from core.cli.bench_table import print_bench
from core.cli.main import run
from core.errors import CaddieError

START = {
    "set": "sd15",
    "tensors": 528,
    "parameters": 9_437_184,
    "device": "cpu",
    "device_name": "A Processor",
    "threads": 1,
    "clock": "process",
    "bandwidth": 12.5e9,
    "torch": "2.13.0",
}
SIDE = {
    "path": "torch.optim.AdamW",
    "package": "torch",
    "version": "2.13.0",
    "status": "measured",
    "problem": None,
    "rounds": 9,
    "step_ms": 71.125,
    "process_ms": 70.5,
    "relative_cost": 1.25,
    "ops": 4754,
    "launches": 4755,
    "waits": 1056,
    "floor_bytes_per_parameter": 28.0,
    "limit_ms": 21.139,
    "times_limit": 3.345,
    "state_bytes": 130_516_254,
    "peak_bytes": 3_145_728,
    "first_ms": 1812.3,
    "once_ms": 1700.1,
}
MISSING = {"package": "no-such", "version": None, "status": "not-installed", "problem": "no_such"}
BROKEN = {"package": "optimizers", "version": None, "status": "failed", "problem": "ValueError: no"}


def document(*rows: dict, **start) -> dict:
    return {"start": {**START, **start}, "rows": list(rows)}


def pair(reference: dict, ours: dict, **ratios) -> dict:
    given = {"ratio": None, "round_ratio": None, **ratios}
    return {"name": "Prodigy", "variant": "", "reference": reference, "ours": ours, **given}


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CADDIE_LANGUAGE", "en")


def test_the_table_has_both_sides_of_a_pair(capsys: pytest.CaptureFixture[str]) -> None:
    ours = {**SIDE, "package": "optimizers", "version": None, "step_ms": 14.5}
    print_bench(document(pair(SIDE, ours, ratio=4.75, round_ratio=4.903)))
    out = capsys.readouterr().out
    assert "sd15: 528 tensors, 9.44 M parameters. A Processor, 1 thread, torch 2.13.0; a copy moves 12.5 GB/s." in out
    reference, caddie = (line for line in out.splitlines() if line.strip().startswith("Prodigy"))
    words = "reference (torch 2.13.0) 71.12 70.50 1.25 4,754 4,755 1,056 252 21.14 3.3 13.83 3.0 1,812 (1,700)"
    assert " ".join(reference.split()) == f"Prodigy {words}"
    assert " ".join(caddie.split()[:7]) == "Prodigy Caddie 14.50 70.50 1.25 4.90× 4.75×"
    assert "(estimate)" in out


def test_what_was_not_measured_stays_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_bench(document(pair(MISSING, BROKEN)))
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "Prodigy reference (no-such) not installed" in lines
    assert "Prodigy Caddie failed" in lines
    assert "Prodigy, Caddie: ValueError: no" in lines


def test_kernels_are_no_estimate_on_a_gpu_and_an_unknown_floor_stays_empty(capsys: pytest.CaptureFixture[str]) -> None:
    side = {**SIDE, "floor_bytes_per_parameter": None, "limit_ms": None, "times_limit": None, "host_ms": 0.5, "kernel_ms": 0.25}
    only = {"name": "Mine", "variant": "fused", "reference": side, "ratio": None, "round_ratio": None}
    print_bench(document(only, device="cuda", clock="wall"))
    out = capsys.readouterr().out
    assert "estimate" not in out
    assert "1 thread" not in out
    line = next(line for line in out.splitlines() if "Mine fused" in line)
    assert "0.50 / 0.25" in line
    assert " ".join(line.split()).endswith("1,056 13.83 3.0 1,812 (1,700)")


def test_japanese(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CADDIE_LANGUAGE", "ja")
    print_bench(document(pair(SIDE, MISSING)))
    out = capsys.readouterr().out
    assert "テンソル 528 個" in out
    assert "未インストール" in out
    assert "reference" not in out


def test_a_python_without_torch_is_told_so(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    venv.create(tmp_path / "bare", with_pip=False)
    python = next(path for path in (tmp_path / "bare").glob("*/python*") if path.stem == "python")
    monkeypatch.setattr(sys, "executable", str(python))
    assert run(["bench", "optimizers"]) == 1
    message = capsys.readouterr().err
    assert "has no torch" in message
    assert "--environment" in message


def test_an_unknown_environment_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    monkeypatch.setenv("CADDIE_HOME", str(tmp_path))
    assert run(["bench", "optimizers", "--environment", "nowhere"]) == 1
    assert "environment add" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["bench"], ["bench", "lunch"], ["bench", "optimizers", "--set", "sd16"], ["bench", "optimizers", "--threads", "0"]]
)
def test_wrong_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 2
    assert "bench" in capsys.readouterr().err


def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> Path:
    """A project whose measuring process says what the test wants; run by this Python."""
    (tmp_path / "optimizers" / "bench").mkdir(parents=True)
    (tmp_path / "optimizers" / "__init__.py").touch()
    (tmp_path / "optimizers" / "bench" / "__init__.py").touch()
    (tmp_path / "optimizers" / "bench" / "__main__.py").write_text("import json, sys\n" + script, encoding="utf-8")
    monkeypatch.setattr(bench, "PROJECT_ROOT", tmp_path)
    return Path(sys.executable)


SAY = "say = lambda **line: print(json.dumps(line), flush=True)\n"


def test_what_the_process_says_becomes_one_document(tmp_path: Path, monkeypatch, capsys) -> None:
    script = SAY + (
        'say(kind="start", set="sd15", argv=sys.argv[1:])\n'
        'say(kind="begin", name="AdamW", variant="fused", number=1, of=1)\n'
        'say(kind="row", name="AdamW", reference={"status": "failed"})\n'
        'say(kind="end", seconds=1)\n'
    )
    made = bench_document(stand_in(tmp_path, monkeypatch, script), ["--set", "sd15"], threads=1)
    assert made["start"] == {"set": "sd15", "argv": ["--set", "sd15"]}
    assert made["rows"] == [{"name": "AdamW", "reference": {"status": "failed"}}]
    assert made["command"] == "python main.py bench optimizers --set sd15"
    assert (made["seconds"], made["problem"]) == (1, None)
    assert json.loads(json.dumps(made)) == made
    assert "1/1  AdamW fused" in capsys.readouterr().err


def test_what_was_measured_before_the_process_died_is_kept(tmp_path: Path, monkeypatch, capsys) -> None:
    script = SAY + (
        f"say(kind='start', **{START!r})\n"
        'say(kind="row", name="AdamW", variant="", reference={"status": "not-installed", "package": "no-such", "version": None})\n'
        'raise SystemExit("out of memory")\n'
    )
    stand_in(tmp_path, monkeypatch, script)
    monkeypatch.setattr(bench, "_need_torch", lambda _python: None)
    kept = tmp_path / "figures.json"
    assert run(["bench", "optimizers", "--json", str(kept)]) == 1
    said = capsys.readouterr()
    assert "The measuring process failed: out of memory" in said.err
    assert "reference (no-such)" in said.out
    document = json.loads(kept.read_text(encoding="utf-8"))
    assert (len(document["rows"]), document["seconds"], document["problem"]) == (1, None, "out of memory (exit code 1)")


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (SAY + 'say(kind="problem", reason="no-cuda", words="torch 2")\nsys.exit(1)', "no CUDA device for torch 2"),
        (SAY + 'say(kind="problem", reason="unknown-optimizer", words="prodgy", known=["Prodigy"])', "Did you mean Prodigy"),
        (SAY + 'say(kind="start")\nraise SystemExit("out of memory")', "out of memory"),
        ("sys.exit(3)", r"\(exit code 3\)"),
    ],
)
def test_a_process_that_fails_is_an_error_with_its_words(tmp_path: Path, monkeypatch, script: str, words: str) -> None:
    python = stand_in(tmp_path, monkeypatch, script)
    with pytest.raises(CaddieError, match=words):
        bench_document(python, [], threads=1)
