"""Runs of real children that behave well and badly: an honest end, nothing lost, nothing left running."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from core.paths import PROJECT_ROOT
from core.runs.events import Step
from core.runs.folder import RunFolder, list_runs
from core.runs.follow import Follower
from core.runs.outcome import Ending
from core.runs.processes import find, is_alive
from tests.helpers.runs import follow_to_end, living, log_of, start, start_bad, wait_for_end, wait_until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="children here use signals of POSIX")


@pytest.fixture(autouse=True)
def _short_times(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CADDIE_STOP_TIMES", "3,0.5,0.5,0.3")
    yield
    for run in list_runs():  # a test that failed half-way leaves no child to the next
        for process in living(run):
            process.kill()


def wait_for_step(run: RunFolder, step: int) -> None:
    follower = Follower(run)

    def there() -> bool:
        progress = follower.poll().progress
        return progress is not None and progress.step >= step

    wait_until(there, f"step {step}; log: {log_of(run)}")


def test_a_good_run_is_finished_and_leaves_plain_files(tmp_path: Path) -> None:
    weights = tmp_path / "out" / "lora.safetensors"
    run = start_bad("fine", weights, output_dir=weights.parent)
    events, _, update = follow_to_end(Follower(run))
    assert update.ending is Ending.FINISHED
    assert update.outcome is not None
    assert (update.outcome.steps, update.outcome.total_steps, update.outcome.exit_code) == (3, 3, 0)
    assert update.outcome.files == (str(weights),)
    assert [event.step for event in events if isinstance(event, Step)] == [1, 2, 3]
    names = {path.name for path in run.path.iterdir()}
    assert names == {"job.toml", "command.json", "log.txt", "process.json", "outcome.json", "supervisor.log", "supervisor.lock"}
    assert run.supervisor_log.read_text() == ""


def test_no_file_where_one_was_due_is_a_failure(tmp_path: Path) -> None:
    outcome = wait_for_end(start_bad("fine", output_dir=tmp_path / "out"))
    assert outcome.ending is Ending.FAILED
    assert "no file" in outcome.sentence.en


def test_a_script_that_dies_at_once_tells_why() -> None:
    outcome = wait_for_end(start_bad("dies-at-once"))
    assert outcome.ending is Ending.FAILED
    assert outcome.exit_code == 1
    assert outcome.error == "ValueError: no such thing: 値がありません"
    assert outcome.steps == 0


def test_a_script_that_dies_after_ten_steps_is_explained() -> None:
    outcome = wait_for_end(start_bad("dies-after", 10))
    assert (outcome.ending, outcome.steps, outcome.total_steps) == (Ending.FAILED, 10, 20)
    assert "CUDA out of memory" in outcome.error
    assert outcome.explanation is not None
    assert "GPU" in outcome.explanation.en


def test_the_launchers_last_word_and_its_secrets_are_not_the_error() -> None:
    run = start_bad("launcher", "dies-after", 3)
    outcome = wait_for_end(run)
    assert outcome.error.startswith("RuntimeError: CUDA out of memory")
    assert "very-secret-key" in log_of(run)  # the raw log is the user's own
    assert "very-secret-key" not in run.outcome_file.read_text(encoding="utf-8")


def test_a_command_that_does_not_exist() -> None:
    outcome = wait_for_end(start(["x.py"], python="/no/such/python"))
    assert outcome.ending is Ending.FAILED
    assert "/no/such/python" in outcome.sentence.en


def test_a_million_lines_are_all_read_in_bounded_pieces() -> None:
    run = start_bad("million-lines")
    _, text, update = follow_to_end(Follower(run))
    assert update.ending is Ending.FINISHED
    lines = text.splitlines()
    assert lines.count("line 0000500 of a talkative script") == 1000
    assert lines[-1] == "the last line"


def test_stop_ends_a_script_that_ignores_every_signal_it_can() -> None:
    run = start_bad("ignores-terminate")
    wait_for_step(run, 3)
    run.request_stop()
    outcome = wait_for_end(run)
    assert outcome.ending is Ending.STOPPED
    assert outcome.steps >= 3
    assert living(run) == []


def test_stop_takes_grandchildren_and_orphans_along() -> None:
    run = start_bad("grandchildren", 1000)
    wait_for_step(run, 3)
    assert len(living(run)) >= 4
    run.request_stop(now=True)
    assert wait_for_end(run).ending is Ending.STOPPED
    assert living(run) == []


def test_what_a_finished_script_leaves_running_is_ended() -> None:
    run = start_bad("grandchildren", 3)
    assert wait_for_end(run).ending is Ending.FINISHED
    assert living(run) == []


def test_a_killed_supervisor_is_replaced_when_somebody_asks_to_stop() -> None:
    run = start_bad("slow")
    wait_for_step(run, 2)
    supervisor = find(run.processes().supervisor)
    assert supervisor is not None
    supervisor.kill()
    wait_until(lambda: not is_alive(run.processes().supervisor), "the supervisor's death")
    other_window = RunFolder(run.path)
    assert other_window.state() is Ending.RUNNING
    wait_for_step(other_window, 4)
    other_window.request_stop()
    assert wait_for_end(other_window).ending is Ending.STOPPED
    assert living(run) == []


def test_a_training_that_nobody_watched_to_its_end_is_lost() -> None:
    run = start_bad("slow")
    wait_for_step(run, 2)
    for process in (find(run.processes().supervisor), find(run.processes().child)):
        assert process is not None
        process.kill()
    wait_until(lambda: living(run) == [], "the death of all")
    outcome = RunFolder(run.path).outcome()
    assert outcome is not None
    assert outcome.ending is Ending.LOST
    assert outcome.steps >= 2
    assert run.outcome_file.exists()


def test_a_killed_child_is_a_failure_with_its_signal() -> None:
    run = start_bad("slow")
    wait_for_step(run, 2)
    child = find(run.processes().child)
    assert child is not None
    child.kill()
    outcome = wait_for_end(run)
    assert (outcome.ending, outcome.exit_code) == (Ending.FAILED, -signal.SIGKILL)


def test_a_training_whose_launcher_was_killed_goes_on_and_can_be_stopped() -> None:
    run = start_bad("launcher", "slow")
    wait_for_step(run, 2)
    wait_until(lambda: run.processes().seen, "a look at the tree")
    launcher = find(run.processes().child)
    assert launcher is not None
    launcher.kill()
    wait_until(lambda: not is_alive(run.processes().child), "the launcher's death")
    follower = Follower(run)
    reached = follower.poll().progress
    assert reached is not None
    wait_for_step(run, reached.step + 5)
    assert run.state() is Ending.RUNNING
    run.request_stop()
    assert wait_for_end(run).ending is Ending.STOPPED
    assert living(run) == []


def test_stop_before_the_first_step_interrupts_the_loading() -> None:
    run = start_bad("loads-for-ever", companion=True)
    wait_until(lambda: "loading model" in log_of(run), "the child's first word")
    run.request_stop()
    outcome = wait_for_end(run)
    assert (outcome.ending, outcome.steps) == (Ending.STOPPED, 0)
    assert '"how": "stopped"' in run.events_file.read_text(encoding="utf-8")


def test_stop_before_the_start_starts_nothing() -> None:
    import time

    from core.job.model import Job
    from core.job.store import save_job
    from core.runs.folder import make_run_folder, prepare
    from core.runs.launch import start_supervisor
    from core.runs.records import RunCommand

    folder = make_run_folder("early")
    save_job(Job(), folder.job_file)
    argv = (sys.executable, "-c", "print('started')")
    prepare(folder, RunCommand(argv=argv, cwd=str(PROJECT_ROOT), companion=False, created_at=time.time()))
    folder.request_stop()
    assert folder.state() is Ending.STARTING
    start_supervisor(folder)
    assert wait_for_end(folder).ending is Ending.STOPPED
    assert folder.log_file.read_bytes() == b""


def test_two_runs_at_once_do_not_meet(tmp_path: Path) -> None:
    runs = [start_bad("fine", tmp_path / name / "a.pt", name="same", output_dir=tmp_path / name) for name in "ab"]
    assert runs[0].path != runs[1].path
    outcomes = [wait_for_end(run) for run in runs]
    assert [outcome.ending for outcome in outcomes] == [Ending.FINISHED, Ending.FINISHED]
    assert [outcome.files for outcome in outcomes] == [(str(tmp_path / name / "a.pt"),) for name in "ab"]
    assert set(list_runs()) == set(runs)


def test_japanese_and_spaces_in_every_path(tmp_path: Path) -> None:
    folder = tmp_path / "学習 データ (1)"
    folder.mkdir()
    script = folder / "訓練 スクリプト.py"
    script.write_text("import sys; print(sys.argv[1:]); print('\\rsteps: 100%|##| 1/1 [00:01<00:00, 1.00it/s]')", "utf-8")
    run = start([str(script), "猫 と 犬"], name="学習 その1", cwd=folder, companion=True, runs_dir=folder / "実行 一覧")
    assert wait_for_end(run).ending is Ending.FINISHED
    assert "学習-その1" in run.path.name
    assert "['猫 と 犬']" in log_of(run)


def test_output_that_is_not_utf8_is_shown_as_far_as_possible() -> None:
    _, text, update = follow_to_end(Follower(start_bad("not-utf8")))
    assert update.ending is Ending.FINISHED
    assert "学習\n" in text
    assert "bytes" in text
    assert "\ufffd" in text


def test_characters_split_between_reads_stay_whole() -> None:
    _, text, _ = follow_to_end(Follower(start_bad("split-utf8")))
    assert "一文字ずつ🙂\n" in text
    assert "\ufffd" not in text


def test_nan_and_no_data_end_with_zero_and_are_failures() -> None:
    nan, nothing, early = (start_bad(mode) for mode in ("nan", "no-data", "ends-early"))
    outcome = wait_for_end(nan)
    assert (outcome.ending, outcome.exit_code) == (Ending.FAILED, 0)
    assert "NaN" in outcome.sentence.en
    outcome = wait_for_end(nothing)
    assert (outcome.ending, outcome.exit_code, outcome.steps) == (Ending.FAILED, 0, 0)
    assert "No data found" in outcome.error
    assert outcome.advice is not None
    outcome = wait_for_end(early)
    assert (outcome.ending, outcome.steps, outcome.total_steps) == (Ending.FAILED, 3, 10)


def test_nan_is_kept_as_nan_in_the_events() -> None:
    events, _, _ = follow_to_end(Follower(start_bad("nan")))
    losses = [event.average_loss for event in events if isinstance(event, Step)]
    assert len(losses) == 5
    assert all(loss is not None and math.isnan(loss) for loss in losses)


def test_the_run_outlives_the_process_that_started_it(tmp_path: Path) -> None:
    code = (
        "import os, sys; sys.path.insert(0, os.getcwd())\n"
        "from tests.helpers.runs import start_bad\n"
        "print(start_bad('fine').path, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    starter = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)
    assert starter.returncode == -signal.SIGKILL, starter.stderr
    run = RunFolder(Path(starter.stdout.strip()))
    assert wait_for_end(run).ending is Ending.FINISHED


def test_the_supervisor_obeys_terminate_and_takes_the_training_along() -> None:
    run = start_bad("slow")
    wait_for_step(run, 2)
    supervisor = find(run.processes().supervisor)
    assert supervisor is not None
    supervisor.terminate()
    assert wait_for_end(run).ending is Ending.STOPPED
    assert living(run) == []


def test_no_supervisor_and_no_zombie_stays(tmp_path: Path) -> None:
    run = start_bad("fine")
    supervisor = run.processes().supervisor
    wait_for_end(run)
    wait_until(lambda: not is_alive(run.processes().supervisor), "the supervisor's end")
    assert supervisor is None or not is_alive(supervisor)
    zombies = [child for child in psutil.Process().children() if child.status() == psutil.STATUS_ZOMBIE]
    assert zombies == []


def test_a_full_disk_for_the_outcome_is_said_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    from core.runs import supervisor as module
    from core.runs.outcome import Outcome
    from core.runs.records import StopTimes

    run = start_bad("fine")
    outcome = wait_for_end(run)
    os.unlink(run.outcome_file)
    failures = [OSError(28, "No space left on device")] * 2
    said: list[str] = []
    write = module.write_outcome

    def full_twice(path: Path, outcome: Outcome) -> None:
        if failures:
            raise failures.pop()
        write(path, outcome)

    monkeypatch.setattr(module, "write_outcome", full_twice)
    monkeypatch.setattr(module, "_WRITE_AGAIN", 0.01)
    monkeypatch.setattr(module.sys.stderr, "write", said.append)
    module.Supervisor(run, StopTimes())._write(outcome)
    assert RunFolder(run.path).outcome() == outcome
    assert "No space left" in said[0]


def test_a_disk_that_is_full_during_the_run_does_not_end_the_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be written for a while: not who is at work, not the outcome, not even the complaint about it."""
    from core.runs import supervisor as module
    from core.runs.folder import make_run_folder, prepare, update_processes
    from core.runs.records import RunCommand, StopTimes

    run = make_run_folder("full")
    prepare(run, RunCommand(argv=(sys.executable, "-c", "pass"), cwd=str(PROJECT_ROOT), companion=False))
    failures = [OSError(28, "No space left on device")] * 2
    write_outcome = module.write_outcome

    def no_space(_text: str) -> int:
        raise OSError(28, "No space left on device")

    def write_child(folder: RunFolder, **facts: object) -> None:
        if "child" in facts and len(failures) == 2:
            raise failures.pop()
        update_processes(folder, **facts)  # type: ignore[arg-type]

    def write_end(path: Path, outcome: object) -> None:
        if failures:
            raise failures.pop()
        write_outcome(path, outcome)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "update_processes", write_child)
    monkeypatch.setattr(module, "write_outcome", write_end)
    monkeypatch.setattr(module, "_WRITE_AGAIN", 0.01)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with monkeypatch.context() as patch:
            patch.setattr(module.sys.stderr, "write", no_space)
            module.Supervisor(run, StopTimes()).run()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert failures == []
    outcome = RunFolder(run.path).outcome()
    assert outcome is not None
    assert outcome.exit_code == 0


def test_of_many_supervisors_started_at_once_one_trains(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    from core.runs.folder import make_run_folder, prepare
    from core.runs.launch import start_supervisor
    from core.runs.records import RunCommand

    said = tmp_path / "said"
    run = make_run_folder("race")
    code = f"import os, time; open({str(said)!r}, 'a').write(f'{{os.getpid()}} '); time.sleep(1)"
    prepare(run, RunCommand(argv=(sys.executable, "-S", "-c", code), cwd=str(PROJECT_ROOT), companion=False))
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(start_supervisor, [run] * 6))
    wait_for_end(run)
    start_supervisor(run)  # over is over
    assert len(said.read_text().split()) == 1


def test_a_supervisor_killed_before_it_noted_the_training_is_no_reason_for_a_second_one(tmp_path: Path) -> None:
    from core.runs.folder import make_run_folder, prepare
    from core.runs.launch import start_supervisor
    from core.runs.processes import RUN_MARK
    from core.runs.records import RunCommand

    run = make_run_folder("unnoted")
    command = (sys.executable, "-S", "-c", "import time; time.sleep(1)")
    prepare(run, RunCommand(argv=command, cwd=str(PROJECT_ROOT), companion=False))
    child = subprocess.Popen(command, env={**os.environ, RUN_MARK: str(run.path)})
    start_supervisor(run)
    wait_until(lambda: run.processes().supervisor is not None, "the supervisor")
    assert [process.pid for process in living(run)] == [child.pid]
    child.wait()
    assert wait_for_end(run).exit_code is None
    assert run.processes().child is None
