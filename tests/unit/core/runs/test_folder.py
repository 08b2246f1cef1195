"""Folders, records and the command of a run."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.detached import detached_flags
from core.environment.model import Environment
from core.errors import CaddieError, Problems
from core.job.model import Job
from core.options.model import Option, OptionKind, OptionSet
from core.runs.folder import RunFolder, list_runs, make_run_folder, slug
from core.runs.follow import Tail
from core.runs.launch import run_command, run_name, start_run
from core.runs.outcome import Ending, Outcome
from core.runs.processes import ProcessId, identify, is_alive
from core.runs.records import (
    ProcessRecord,
    RunCommand,
    read_command,
    read_outcome,
    read_processes,
    write_command,
    write_outcome,
    write_processes,
)
from core.runs.supervisor import child_environment, child_flags, read_times
from core.text import Text


@given(st.text(max_size=60))
def test_a_slug_is_a_file_name_everywhere(name: str) -> None:
    made = slug(name)
    assert made
    assert len(made) <= 44
    assert not set(made) & set('<>:"/\\|?* .%!^&')
    assert made.split(".")[0].lower() not in {"con", "nul", "prn", "aux", "com1"}


def test_slugs_keep_letters_of_every_script() -> None:
    assert slug("猫 の LoRA (v2)") == "猫-の-lora-v2"
    assert slug("CON") == "run-con"


def test_folders_made_in_the_same_second_by_several_are_all_different(tmp_path: Path) -> None:
    made: list[Path] = []
    threads = [
        threading.Thread(target=lambda: made.append(make_run_folder("same", tmp_path, at=1_700_000_000).path)) for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 20
    assert len(list_runs(tmp_path)) == 20


def test_the_newest_run_is_first_and_other_folders_are_none(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "20260101-000000-file").write_text("")
    old, new = (make_run_folder("x", tmp_path, at=moment) for moment in (1_600_000_000, 1_700_000_000))
    assert list_runs(tmp_path) == [new, old]
    assert list_runs(tmp_path / "nowhere") == []


def test_records_survive_their_files(tmp_path: Path) -> None:
    command = RunCommand(argv=("python", "学習.py", "--x="), cwd="C:\\a b", environment={"A": "1"}, total_steps=3, created_at=1.5)
    write_command(tmp_path / "c", command)
    assert read_command(tmp_path / "c") == command
    record = ProcessRecord(child=ProcessId(3, 4.5), seen=(ProcessId(5, 6.5),), started_at=4.5, updated_at=7.0)
    write_processes(tmp_path / "p", record)
    assert read_processes(tmp_path / "p") == record
    outcome = Outcome(ending=Ending.FAILED, sentence=Text("a", "あ"), advice=Text("b", "い"), tail=("x",), files=("y",), steps=2)
    write_outcome(tmp_path / "o", outcome)
    assert read_outcome(tmp_path / "o") == outcome
    assert "あ" in (tmp_path / "o").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "3", '{"ending": "gone"}', '{"argv": 3, "child": {"pid": "x"}, "sentence": 1}']
)
def test_damaged_files_are_as_if_not_there(tmp_path: Path, content: str) -> None:
    path = tmp_path / "damaged"
    path.write_text(content)
    assert read_outcome(path) is None
    assert read_command(path) is None
    read_processes(path)


def test_a_reused_pid_is_another_process() -> None:
    me = identify(__import__("os").getpid())
    assert me is not None
    assert is_alive(me)
    assert not is_alive(ProcessId(me.pid, me.created - 60))
    assert not is_alive(None)


def test_a_folder_whose_starter_died_long_ago_is_lost(tmp_path: Path) -> None:
    import os

    run = make_run_folder("x", tmp_path)
    assert run.state() is Ending.STARTING
    write_processes(run.process_file, ProcessRecord(updated_at=1.0))
    os.utime(run.path, (1.0, 1.0))
    again = RunFolder(run.path)
    assert again.state() is Ending.LOST
    assert json.loads(run.outcome_file.read_text())["ending"] == "lost"


def test_the_environment_of_the_training_is_safe(tmp_path: Path) -> None:
    run = make_run_folder("x", tmp_path)
    job = Job(options={"output_dir": "out", "logging_dir": "/logs", "max_train_steps": 5})
    command = run_command(job, ["python", "x.py"], tmp_path / "bin" / "python", tmp_path / "checkout", run)
    inherited = {
        "PATH": "/usr/bin",
        "PYTHONHOME": "/bad",
        "PYTHONPATH": "/bad",
        "VIRTUAL_ENV": "/caddie",
        "HF_HOME": "/hf",
        "PYTHONUTF8": "0",
    }
    made = child_environment(command, inherited)
    assert made["PATH"].split(__import__("os").pathsep) == [str(tmp_path / "bin"), "/usr/bin"]
    assert {"PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV"}.isdisjoint(made)
    assert made["HF_HOME"] == "/hf"
    assert made["PYTHONUTF8"] == made["PYTHONUNBUFFERED"] == made["PYTHONNOUSERSITE"] == "1"
    assert made["CADDIE_EVENTS"] == str(run.events_file)
    assert command.output_dir == str(tmp_path / "checkout" / "out")
    assert command.logging_dir == str(Path("/logs"))
    assert command.total_steps == 5


def test_without_the_companion_it_is_not_told_anything(tmp_path: Path) -> None:
    run = make_run_folder("x", tmp_path)
    command = run_command(Job(companion=False), ["python"], tmp_path / "python", tmp_path, run)
    assert not {"CADDIE_EVENTS", "CADDIE_STOP"} & command.environment.keys()


def test_flags_of_windows() -> None:
    assert detached_flags("win32") == 0x08000200  # CREATE_NO_WINDOW | CREATE_NEW_PROCESS_GROUP
    assert child_flags("win32") == 0x00000200
    assert detached_flags("linux") == child_flags("linux") == 0


def test_names_of_runs() -> None:
    assert run_name(Job(name="a", options={"output_name": "b"})) == "a"
    assert run_name(Job(options={"output_name": "b"})) == "b"
    assert run_name(Job(options={"optimizer_type": "Lion"})) == "Lion"
    assert run_name(Job()) == "run"


@pytest.mark.parametrize("missing", ["checkout", "script", "python"])
def test_what_cannot_start_says_so_and_leaves_nothing(tmp_path: Path, missing: str) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    if missing != "script":
        (checkout / "train_network.py").write_text("")
    environment = Environment(
        id="e",
        name="E",
        python=tmp_path / "no-python" if missing == "python" else Path(sys.executable),
        sd_scripts=None if missing == "checkout" else checkout,
    )
    with pytest.raises(CaddieError):
        start_run(Job(), environment, OptionSet("train_network.py", {}, "snapshot"), runs_dir=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def _environment(folder: Path) -> Environment:
    checkout = folder / "checkout"
    checkout.mkdir()
    (checkout / "train_network.py").write_text("")
    return Environment(id="e", name="E", python=Path(sys.executable), sd_scripts=checkout)


@pytest.mark.parametrize("script", ["{}/evil.py", "../evil.py", "\\\\host\\share\\evil.py", "C:evil.py", "library/evil.py"])
def test_a_job_cannot_name_a_program_outside_the_checkout(tmp_path: Path, script: str) -> None:
    environment = _environment(tmp_path)
    for place in (tmp_path, tmp_path / "checkout" / "library"):
        place.mkdir(exist_ok=True)
        (place / "evil.py").write_text("")
    job = Job(script=script.format(tmp_path))
    with pytest.raises(CaddieError, match="not the name of a script"):
        start_run(job, environment, OptionSet(job.script, {}, "snapshot"), runs_dir=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("job", [Job(options={"seed": "4x"}), Job().with_argument("betas", "0.9 and more")])
def test_a_value_that_could_not_be_read_starts_nothing(tmp_path: Path, job: Job) -> None:
    seed = Option(name="seed", flags=("--seed",), kind=OptionKind.INT)
    options = OptionSet("train_network.py", {"seed": seed}, "snapshot")
    if "optimizer_args" in job.options:
        arguments = Option(name="optimizer_args", flags=("--optimizer_args",), kind=OptionKind.TEXT, nargs="*")
        options = OptionSet("train_network.py", {"optimizer_args": arguments}, "snapshot")
    with pytest.raises(Problems) as refused:
        start_run(job, _environment(tmp_path), options, runs_dir=tmp_path / "runs")
    assert len(refused.value.problems) == 1
    assert not (tmp_path / "runs").exists()


def test_a_job_that_cannot_be_stored_leaves_no_run(tmp_path: Path) -> None:
    job = Job(name="x" * 300, notes="half a pair: \ud800")
    with pytest.raises(CaddieError):
        start_run(job, _environment(tmp_path), OptionSet("train_network.py", {}, "snapshot"), runs_dir=tmp_path / "runs")
    assert list_runs(tmp_path / "runs") == []


def test_a_tail_reads_each_byte_once_and_notices_a_new_file(tmp_path: Path) -> None:
    path = tmp_path / "log"
    tail = Tail(path)
    assert tail.read(10) == (b"", False)
    path.write_bytes(b"0123456789abc")
    assert tail.read(10) == (b"0123456789", True)
    assert tail.read(10) == (b"abc", False)
    assert tail.read(10) == (b"", False)
    path.write_bytes(b"new")
    assert tail.read(10) == (b"new", False)


def test_times_of_stopping_can_be_set() -> None:
    assert read_times({}).ask == 60
    assert read_times({"CADDIE_STOP_TIMES": "1,2,3,4"}).terminate == 3


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("process.json", '{"child": {"pid": 1e400, "created": 1}}'),
        ("process.json", '{"started_at": "never"}'),
        ("process.json", "[]"),
        ("command.json", '{"argv": [], "cwd": 5}'),
        ("command.json", '{"argv": [1], "cwd": "x"}'),
        ("command.json", '{"argv": [], "cwd": "x", "output_dir": 5}'),
        ("outcome.json", '{"ending": "finished", "sentence": "x"}'),
    ],
)
def test_a_damaged_record_is_none(tmp_path: Path, name: str, content: str) -> None:
    """A window lists all runs: one folder that somebody edited must not hide the others."""
    (tmp_path / name).write_text(content)
    read = {"process.json": read_processes, "command.json": read_command, "outcome.json": read_outcome}[name]
    assert read(tmp_path / name) is None


def test_runs_where_a_file_is_in_the_way_are_none(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    assert list_runs(tmp_path / "runs") == []


@pytest.mark.parametrize("damage", [None, "", '{"argv": [], "cwd": 5}'])
def test_a_run_without_its_command_is_lost_and_no_error(tmp_path: Path, damage: str | None) -> None:
    run = RunFolder(tmp_path)
    write_processes(run.process_file, ProcessRecord(supervisor=ProcessId(2**22 + 1, 1.0)))
    if damage is not None:
        run.command_file.write_text(damage)
    assert run.state() is Ending.LOST
    assert run.name == tmp_path.name


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps a profile's folders to their owner")
def test_a_run_is_only_for_its_owner(tmp_path: Path) -> None:
    assert make_run_folder("keys inside", tmp_path).path.stat().st_mode & 0o077 == 0


def test_of_several_processes_the_first_one_that_ends_says_why(tmp_path: Path) -> None:
    from core.runs.event_lines import encode_event
    from core.runs.events import Finished
    from core.runs.evidence import gather

    run = RunFolder(tmp_path)
    words = [("raised", "the disk is full"), ("raised", "Connection closed by peer")]
    lines = [encode_event(Finished(time=1.0, step=3, how=how, error=error)) + "\n" for how, error in words]
    run.events_file.write_text("".join(lines), encoding="utf-8")
    assert gather(run, exit_code=1).raised == "the disk is full"
