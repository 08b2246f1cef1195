"""The verb `queue`, as it is typed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.cli import main as cli
from core.environment.model import Environment
from core.job.store import save_job
from core.paths import PROJECT_ROOT
from core.queue.store import Queue
from tests.helpers.queues import end_all, make_environment, make_job, started, wait_for_rest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in's interpreter is a script for sh")


@pytest.fixture(autouse=True)
def _queue(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CADDIE_QUEUE_LOOK", "0.1")
    monkeypatch.setenv("CADDIE_STOP_TIMES", "3,0.5,0.5,0.1")
    yield
    end_all(Queue())


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return make_environment(tmp_path / "env")


def listed(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    capsys.readouterr()
    assert cli.run(["queue", "list", "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def rows(capsys: pytest.CaptureFixture[str]) -> list[tuple[object, object]]:
    entries = listed(capsys)["entries"]
    assert isinstance(entries, list)
    return [(entry["name"], entry["state"]) for entry in entries]


def test_a_queue_by_keyboard_alone(environment: Environment, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files: list[str] = []
    for name in ("猫 a", "b", "c", "d"):
        save_job(make_job(tmp_path, name), tmp_path / f"{name}.toml")
        files.append(str(tmp_path / f"{name}.toml"))
    place = ["--python", str(environment.python), "--checkout", str(environment.sd_scripts)]
    assert cli.run(["queue", "add", *files, *place]) == 0
    assert "The queue does not run" in capsys.readouterr().err
    assert cli.run(["queue", "move", "d", "1"]) == 0
    assert cli.run(["queue", "hold", "b"]) == 0
    assert cli.run(["queue", "remove", "4"]) == 0
    assert rows(capsys) == [("d", "waiting"), ("猫 a", "waiting"), ("b", "held")]
    assert cli.run(["queue", "stop-after", "d"]) == 0
    assert "The queue pauses when “d” is over" in capsys.readouterr().err
    assert cli.run(["queue", "start"]) == 0
    wait_for_rest(Queue())
    assert rows(capsys) == [("d", "done"), ("猫 a", "waiting"), ("b", "held")]
    assert listed(capsys)["paused"] is True
    assert cli.run(["queue", "release", "b"]) == 0
    assert cli.run(["queue", "export", str(tmp_path / "all.sh")]) == 0
    assert cli.run(["queue", "go-on"]) == 0
    wait_for_rest(Queue())
    assert [state for _, state in rows(capsys)] == ["done"] * 3
    assert cli.run(["queue", "retry", "猫 a"]) == 0
    assert cli.run(["queue", "remove", "--done"]) == 0
    assert rows(capsys) == [("猫 a", "waiting")]
    assert [line[0] for line in started(tmp_path)] == ["d", "猫 a", "b"]


def test_a_mistake_adds_nothing(environment: Environment, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_job(make_job(tmp_path, "good"), tmp_path / "good.toml")
    save_job(make_job(tmp_path, "bad").with_option("max_train_stepz", 3), tmp_path / "bad.toml")
    place = ["--python", str(environment.python), "--checkout", str(environment.sd_scripts)]
    assert cli.run(["queue", "add", str(tmp_path / "good.toml"), str(tmp_path / "bad.toml"), *place]) == 1
    said = capsys.readouterr().err
    assert "Nothing was added" in said
    assert "bad.toml" in said
    assert "max_train_stepz" in said
    assert rows(capsys) == []
    for words in (["hold", "x"], ["remove"], ["stop-after"], ["lanes", "0,0"], ["export", str(tmp_path / "x.sh")]):
        assert cli.run(["queue", *words]) == 1, words
    assert cli.run(["queue", "move", "x", "0"]) == 2


def test_gpus_are_named_or_found(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["queue", "lanes", "0, 2"]) == 0
    assert listed(capsys)["lanes"] == ["0", "2"]
    assert cli.run(["queue", "lanes", "auto"]) == 0
    assert listed(capsys)["lanes"] is None


def test_help_needs_nothing_installed() -> None:
    code = "import sys; from core.cli.parser import check_usage; sys.exit(check_usage(['queue', 'add', '--help']))"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, '.'); {code}"], cwd=PROJECT_ROOT, check=False
    )
    assert done.returncode == 0
