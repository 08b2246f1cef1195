"""A queue as one script, run by a real shell and parsed back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from core.command import cmd, powershell
from core.command.build import build_argv
from core.errors import CaddieError, Problems
from core.queue.export import export_queue
from core.queue.start import options_of
from core.queue.store import Queue
from tests.helpers.queues import make_environment, make_job, started

posix = pytest.mark.skipif(sys.platform == "win32", reason="a script for sh")
NAMES = ("猫 と 犬", 'it\'s 100% "x" & $HOME', "c")


@pytest.fixture
def queue() -> Queue:
    return Queue()


@posix
def test_one_script_trains_all_that_waits(queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, output = make_environment(tmp_path / "環境 (1)"), tmp_path / "出力 o"
    output.mkdir()
    for name in NAMES:
        queue.add(make_job(output, name), environment=place)
    queue.hold(queue.add(make_job(output, "held"), environment=place).id)
    (output / "c.fails").touch()
    monkeypatch.setenv("CADDIE_RUN", "-")
    script = tmp_path / "すべて.sh"
    assert [entry.name for entry in export_queue(queue, script)] == list(NAMES)
    done = subprocess.run([str(script)], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert [line[0] for line in started(output)] == list(NAMES), done.stderr
    assert done.returncode == 1
    assert "1/3 failed" in done.stderr
    assert [line for line in done.stdout.splitlines() if line.startswith("[")] == [
        f"[{number}/3] {name}" for number, name in enumerate(NAMES, 1)
    ]
    (output / "c.fails").unlink()
    assert subprocess.run(["sh", str(script)], capture_output=True, check=False).returncode == 0
    assert len(started(output)) == 6


@posix
@pytest.mark.parametrize("ending", ["sh", "bat", "ps1"])
def test_every_word_of_every_command_comes_back(queue: Queue, tmp_path: Path, ending: str) -> None:
    place, output = make_environment(tmp_path / "環境 100% (1)"), tmp_path / "出力 o'o"
    jobs = [make_job(output, name) for name in NAMES]
    for job in jobs:
        queue.add(job, environment=place)
    script = tmp_path / f"queue.{ending}"
    export_queue(queue, script)
    text = script.read_bytes().decode("utf-8-sig")
    assert ("\r\n" in text) is (ending != "sh")
    if ending == "sh":
        from core.command import sh

        found = [words[1:] for words in sh.split_commands(text.replace("(\n", "").replace("\n)", "\n")) if words[0] == "exec"]
    else:
        commands = (cmd if ending == "bat" else powershell).split_commands(text)
        found = [words for words in commands if words[0] == str(place.python)]
    wanted = [
        build_argv(
            job,
            python=str(place.python),
            checkout=str(place.sd_scripts),
            options=options_of(job, place),
            companion=None,
        )
        for job in jobs
    ]
    assert found == wanted


def test_a_job_of_the_built_in_trainer_names_its_copy_and_its_folder(queue: Queue, tmp_path: Path) -> None:
    job = make_job(tmp_path, "内蔵", engine="builtin")
    entry = queue.add(job, environment=None, base=tmp_path)
    script = tmp_path / "queue.bat"
    export_queue(queue, script)
    (words,) = [words for words in cmd.split_commands(script.read_bytes().decode()) if "--engine" in words]
    assert words[2:] == ["run", str(queue.job_file(entry.id)), "--engine", "builtin", "--base", str(tmp_path)]


def test_what_cannot_be_exported_is_named(queue: Queue, tmp_path: Path) -> None:
    with pytest.raises(CaddieError, match="Nothing waits"):
        export_queue(queue, tmp_path / "a.sh")
    with pytest.raises(CaddieError, match="is exported as"):
        export_queue(queue, tmp_path / "a.toml")
    place = make_environment(tmp_path / "e")
    lost = queue.add(make_job(tmp_path, "a"), environment=None)
    with pytest.raises(Problems, match="without an environment"):
        export_queue(queue, tmp_path / "a.bat")
    queue.remove(lost.id)
    queue.add(make_job(tmp_path, "two\nlines"), environment=place)
    queue.add(make_job(tmp_path, "b"), environment=place)
    with pytest.raises(Problems, match=r"two\nlines: .*line break"):
        export_queue(queue, tmp_path / "a.bat")
    assert not (tmp_path / "a.bat").exists()
