"""Queues with real drivers, supervisors and children that are killed, raced and starved: each entry trains once, none is lost."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.environment.model import Environment
from core.locks import locked
from core.paths import PROJECT_ROOT
from core.queue import driver as driver_module
from core.queue.driver import Driver
from core.queue.launch import start_queue
from core.queue.model import NO_LANE, Entry, State
from core.queue.store import Queue
from core.runs.folder import RunFolder, make_run_folder
from core.runs.launch import run_command
from core.runs.processes import find
from tests.helpers.queues import (
    describe,
    drivers,
    end_all,
    make_environment,
    make_job,
    started,
    wait_for_rest,
    wait_for_state,
)
from tests.helpers.runs import living, start_bad, wait_for_end, wait_until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="children here use signals of POSIX")


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CADDIE_QUEUE_LOOK", "0.1")
    monkeypatch.setenv("CADDIE_STOP_TIMES", "3,0.5,0.5,0.1")


@pytest.fixture
def queue() -> Iterator[Queue]:
    made = Queue()
    yield made
    end_all(made)


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return make_environment(tmp_path / "環境 (1)")


@pytest.fixture
def output(tmp_path: Path) -> Path:
    folder = tmp_path / "出力 フォルダー"
    folder.mkdir()
    return folder


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def add(queue: Queue, environment: Environment, output: Path, *names: str, steps: int = 3) -> list[str]:
    return [queue.add(make_job(output, name, steps=steps), environment=environment).id for name in names]


def outcome_of(queue: Queue) -> dict[str, str]:
    return {entry.name: entry.state.value for entry in queue.read().entries}


def test_all_train_in_order_and_the_driver_goes(queue: Queue, environment: Environment, output: Path) -> None:
    ids = add(queue, environment, output, "猫 と 犬 その1", "b", "c")
    (output / "b.fails").touch()
    queue.move(ids[2], 0)
    start_queue(queue)
    snapshot = wait_for_rest(queue)
    assert [line[0] for line in started(output)] == ["c", "猫 と 犬 その1", "b"]
    assert outcome_of(queue) == {"c": "done", "猫 と 犬 その1": "done", "b": "failed"}
    failed = snapshot.find(ids[1])
    assert failed is not None
    assert failed.problem is not None
    assert failed.run is not None
    assert str(failed.run) == started(output)[2][3]
    assert drivers(queue) == []
    assert queue.driver_log.read_bytes() == b""

    (output / "b.fails").unlink()
    queue.retry(ids[1])
    assert not queue.read().driven  # nothing starts by itself
    start_queue(queue)
    wait_for_rest(queue)
    assert outcome_of(queue)["b"] == "done"
    assert len(started(output)) == 4


def test_the_queue_goes_on_when_the_window_is_killed(queue: Queue, environment: Environment, output: Path) -> None:
    add(queue, environment, output, "a", "b")
    code = (
        "import os\nfrom core.queue.launch import start_queue\nfrom core.queue.store import Queue\n"
        "start_queue(Queue())\nos.kill(os.getpid(), 9)\n"
    )
    window = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, check=False)
    assert window.returncode == -signal.SIGKILL
    wait_for_rest(queue)
    assert outcome_of(queue) == {"a": "done", "b": "done"}


def test_many_windows_and_command_lines_at_once_start_nothing_twice(queue: Queue, environment: Environment, output: Path) -> None:
    """Six processes add, edit and start at the same moment, over and over."""
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom core.queue.launch import start_queue\n"
        "from core.queue.store import Queue\nfrom core.errors import CaddieError\n"
        "from tests.helpers.queues import make_job\nfrom core.environment.model import Environment\n"
        "queue, output, python, checkout, me, gate = Queue(), *map(Path, sys.argv[1:4]), sys.argv[4], Path(sys.argv[5])\n"
        "place = Environment(id='x', name='x', python=python, sd_scripts=checkout)\n"
        "print('ready', flush=True)\n"
        "while not gate.exists(): time.sleep(0.001)\n"
        "for n in range(2):\n"
        "    mine = queue.add(make_job(output, f'{me}{n}', steps=1), environment=place)\n"
        "    start_queue(queue)\n"
        "    for entry in queue.read().entries:\n"
        "        try: queue.hold(entry.id); queue.release(entry.id); queue.move(entry.id, 0)\n"
        "        except CaddieError: pass\n"
        "start_queue(queue)\n"
    )
    gate = output / "gate"
    words = [str(output), str(environment.python), str(environment.sd_scripts)]
    windows = [
        subprocess.Popen([sys.executable, "-c", code, *words, name, str(gate)], cwd=PROJECT_ROOT, stdout=subprocess.PIPE)
        for name in "abc"
    ]
    for window in windows:
        assert window.stdout is not None
        window.stdout.readline()
    gate.touch()
    for window in windows:
        assert window.wait() == 0
        assert window.stdout is not None
        window.stdout.close()
    wait_for_rest(queue)
    # One that was held at the very moment at which the last driver went may still wait; nothing else may.
    if any(entry.state is State.WAITING for entry in queue.read().entries):
        start_queue(queue)
        wait_for_rest(queue)
    assert set(outcome_of(queue).values()) == {"done"}, describe(queue)
    assert Counter(line[0] for line in started(output)) == {f"{name}{n}": 1 for name in "abc" for n in range(2)}


def test_after_a_sudden_death_of_all_nothing_starts_by_itself(queue: Queue, environment: Environment, output: Path) -> None:
    """As after the machine went down: what trained is judged from its folder, the rest waits for somebody."""
    ids = add(queue, environment, output, "a", "b", steps=10_000)
    start_queue(queue)
    wait_until(lambda: started(output), "the first training")
    entry = wait_for_state(queue, queue.read().entries[0], State.RUNNING)
    assert entry.run is not None
    run = RunFolder(entry.run)
    victims = [*drivers(queue), find(run.processes().supervisor), *living(run)]
    for victim in victims:
        if victim is not None:
            kill(victim.pid)
    wait_until(lambda: not living(run) and not drivers(queue), "the end of all")
    snapshot = queue.read()
    assert not snapshot.driven
    assert [entry.state for entry in snapshot.entries] == [State.FAILED, State.WAITING]
    assert snapshot.entries[0].problem is not None
    queue.rewrite(ids[1], make_job(output, "b"))
    start_queue(queue)
    wait_for_rest(queue)
    assert outcome_of(queue) == {"a": "failed", "b": "done"}
    assert [line[0] for line in started(output)] == ["a", "b"]


def test_another_driver_finds_what_trains(queue: Queue, environment: Environment, output: Path) -> None:
    add(queue, environment, output, "a", "b", steps=30)
    start_queue(queue)
    wait_until(lambda: started(output), "the first training")
    for process in drivers(queue):
        kill(process.pid)
    wait_until(lambda: not drivers(queue), "the end of the driver")
    assert wait_for_state(queue, queue.read().entries[0], State.RUNNING)
    assert not queue.read().driven
    start_queue(queue)
    wait_for_rest(queue)
    assert outcome_of(queue) == {"a": "done", "b": "done"}
    assert len(started(output)) == 2


def test_a_run_folder_that_is_deleted_while_it_trains(queue: Queue, environment: Environment, output: Path) -> None:
    ids = add(queue, environment, output, "a", steps=10_000) + add(queue, environment, output, "b")
    start_queue(queue)
    entry = wait_for_state(queue, queue.read().entries[0], State.RUNNING)
    assert entry.run is not None
    wait_until(lambda: started(output), "the training")
    shutil.rmtree(entry.run)
    first, second = queue.read().entries
    assert first.state.is_under_way  # it keeps its GPU
    assert second.state is State.WAITING
    wait_until(lambda: queue.load()[1][0].state is State.RUNNING or not queue.is_driven(), "a look of the driver")
    kill(int(started(output)[0][2]))
    snapshot = wait_for_rest(queue)
    assert outcome_of(queue) == {"a": "failed", "b": "done"}
    failed = snapshot.find(ids[0])
    assert failed is not None
    assert failed.problem is not None
    assert [line[0] for line in started(output)] == ["a", "b"]


def test_a_stopped_one_makes_room_for_the_next_and_stop_after_holds_the_queue(
    queue: Queue, environment: Environment, output: Path
) -> None:
    ids = add(queue, environment, output, "a", steps=10_000) + add(queue, environment, output, "b", "c", "d")
    queue.hold(ids[2])
    queue.stop_after(ids[1])
    start_queue(queue)
    running = wait_for_state(queue, queue.read().entries[0], State.RUNNING)
    assert running.run is not None
    wait_until(lambda: started(output), "the first training")
    RunFolder(running.run).request_stop(now=True)
    snapshot = wait_for_rest(queue)
    assert outcome_of(queue) == {"a": "stopped", "b": "done", "c": "held", "d": "waiting"}
    assert snapshot.control.paused
    assert snapshot.control.stop_after is None
    start_queue(queue)
    wait_for_rest(queue)
    assert outcome_of(queue) == {"a": "stopped", "b": "done", "c": "held", "d": "done"}


def test_each_gpu_trains_one_and_each_knows_which(queue: Queue, environment: Environment, output: Path) -> None:
    add(queue, environment, output, "a", "b", steps=60)
    wide = make_job(output, "wide", accelerate={"multi_gpu": True, "num_processes": 2})
    queue.add(wide, environment=environment)
    queue.set_lanes(("0", "1"))
    start_queue(queue)
    wait_until(lambda: len(started(output)) == 2, "two at once")
    assert len(queue.read().under_way) == 2
    wait_for_rest(queue)
    assert {(line[0], line[1]) for line in started(output)} == {("a", "0"), ("b", "1"), ("wide", "-")}
    assert set(outcome_of(queue).values()) == {"done"}


def test_a_training_outside_the_queue_is_waited_for(queue: Queue, environment: Environment, output: Path) -> None:
    outside = start_bad("slow", name="by hand")
    add(queue, environment, output, "a")
    start_queue(queue)
    wait_until(lambda: queue.read().waits_for == ("by hand",), "a word on what is waited for")
    assert started(output) == []
    outside.request_stop(now=True)
    wait_for_end(outside)
    wait_for_rest(queue)
    assert outcome_of(queue) == {"a": "done"}


def test_two_queues_take_turns(queue: Queue, environment: Environment, output: Path, tmp_path: Path) -> None:
    """That of a race beside the user's own: one GPU, one training."""
    other = Queue(tmp_path / "another queue")
    add(queue, environment, output, "a", "b")
    add(other, environment, output, "c", "d")
    (output / "alone").mkdir()  # the stand-in fails where another one trains
    outside = start_bad("slow", name="by hand")  # so that both begin at the same moment
    try:
        start_queue(queue)
        start_queue(other)
        wait_until(lambda: queue.read().waits_for and other.read().waits_for, "two that wait")
        outside.request_stop(now=True)
        for one in (queue, other):
            wait_for_rest(one)
    finally:
        end_all(other)
    assert {**outcome_of(queue), **outcome_of(other)} == dict.fromkeys("abcd", "done"), describe(queue) + describe(other)


def test_a_job_that_cannot_start_says_why_and_the_next_one_starts(queue: Queue, environment: Environment, output: Path) -> None:
    queue.add(make_job(output, "a").with_option("max_train_steps", "many"), environment=environment)
    queue.add(make_job(output, "b"), environment=replace(environment, python=output / "no-python"))
    queue.add(make_job(output, "c"), environment=None)
    damaged = queue.add(make_job(output, "d"), environment=environment)
    queue.job_file(damaged.id).write_text("[[[")
    add(queue, environment, output, "e")
    start_queue(queue)
    snapshot = wait_for_rest(queue)
    assert [entry.state.value for entry in snapshot.entries] == ["failed"] * 4 + ["done"]
    said = [entry.problem.en if entry.problem is not None else "" for entry in snapshot.entries]
    assert "max_train_steps" in said[0]
    assert "no-python" in said[1]
    assert "without an environment" in said[2]
    assert "job.toml" in said[3]


def test_a_full_disk_holds_the_queue_until_there_is_room(
    queue: Queue, environment: Environment, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything that is written is refused in turn; no entry is spent on it, none starts twice."""
    from core.queue import records
    from core.runs import launch

    ids = add(queue, environment, output, "a", "b")
    write, make = records.write_atomically, launch.make_run_folder
    refused: list[str] = []

    def full(path: Path, content: str) -> None:
        wanted = "claim" if '"starting"' in content and '"run": null' in content else "note of the run"
        if path.name == "entry.json" and '"waiting"' in content and refused[-1:] == ["folder"]:
            refused.append("way back")
            raise OSError(28, "No space left on device")
        if path.name == "entry.json" and '"starting"' in content and wanted not in refused:
            refused.append(wanted)
            raise OSError(28, "No space left on device")
        write(path, content)

    def no_folder(*arguments: object, **facts: object) -> RunFolder:
        if "folder" not in refused:
            refused.append("folder")
            raise OSError(28, "No space left on device")
        return make(*arguments, **facts)  # type: ignore[arg-type]

    said: list[str] = []
    monkeypatch.setattr(records, "write_atomically", full)
    monkeypatch.setattr(launch, "make_run_folder", no_folder)
    monkeypatch.setattr(driver_module.sys.stderr, "write", said.append)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        Driver(queue, look=0.05, again=0.05).run()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert refused == ["claim", "folder", "way back", "note of the run"]
    assert len([words for words in said if "No space left" in words]) == 4
    assert outcome_of(queue) == {"a": "done", "b": "done"}
    assert [line[0] for line in started(output)] == ["a", "b"]
    assert [queue.read().entries[number].id for number in range(2)] == ids


def test_a_fault_that_one_job_brings_out_stops_no_other(
    queue: Queue, environment: Environment, output: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from core.queue.start import Starter

    add(queue, environment, output, "a", "b")
    start = Starter.start

    def faulty(self: Starter, entry: Entry, lane: str) -> RunFolder:
        if entry.name == "a":
            raise KeyError("nobody thought of this")
        return start(self, entry, lane)

    monkeypatch.setattr(Starter, "start", faulty)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        Driver(queue, look=0.05).run()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert outcome_of(queue) == {"a": "failed", "b": "done"}
    problem = queue.read().entries[0].problem
    assert problem is not None
    assert "nobody thought of this" in problem.en
    assert "Traceback" in capfd.readouterr().err


def test_a_clock_set_back_keeps_nobody_waiting(queue: Queue, environment: Environment, output: Path) -> None:
    """A run prepared in what is now the future, whose supervisor never came: by the clock it would be starting for years."""
    from core.job.store import save_job
    from core.runs.folder import prepare
    from core.runs.processes import ProcessId
    from core.runs.records import ProcessRecord, write_processes

    (entry_id,) = add(queue, environment, output, "a")
    entry = queue.load()[1][0]
    later = time.time() + 10 * 365 * 86400
    folder = make_run_folder("a", at=later)
    job = make_job(output, "a")
    save_job(job, folder.job_file)
    assert environment.sd_scripts is not None
    options = [f"--output_dir={output}", "--output_name", "a"]
    argv = [str(environment.python), "x.py", "--output_dir", str(output), *options[1:]]
    prepare(folder, run_command(job, argv, environment.python, environment.sd_scripts, folder))
    write_processes(folder.process_file, ProcessRecord(starter=ProcessId(1, later), updated_at=later))
    for path in (*folder.path.iterdir(), folder.path):
        os.utime(path, (later, later))
    claimed = replace(entry, state=State.STARTING, lane=NO_LANE, run=folder.path)
    assert queue.put(claimed, over=entry)
    start_queue(queue)
    wait_for_rest(queue)
    assert outcome_of(queue) == {"a": "done"}
    assert [line[0] for line in started(output)] == ["a"]
    assert queue.read().entries[0].id == entry_id


def test_a_driver_that_comes_while_another_works_goes_again(queue: Queue, environment: Environment, output: Path) -> None:
    add(queue, environment, output, "a", steps=90)
    start_queue(queue)
    wait_until(lambda: started(output), "the training")
    start_queue(queue)
    wait_until(lambda: len(drivers(queue)) == 1, "one driver")
    wait_for_rest(queue)
    assert len(started(output)) == 1


def test_a_lock_left_by_nobody_is_waited_for(queue: Queue, environment: Environment, output: Path) -> None:
    """A driver that is just going still holds its lock when the next one comes."""
    add(queue, environment, output, "a")
    with locked(queue.driver_lock):
        start_queue(queue)
        assert started(output) == []
    wait_until(lambda: started(output), "the training")
    wait_for_rest(queue)
    assert outcome_of(queue) == {"a": "done"}


# --- sudden deaths at random moments -----------------------------------------------------------------------------

_EDITOR = """
import random, sys, time
from core.errors import CaddieError
from core.queue.store import Queue
chance, queue = random.Random(int(sys.argv[1])), Queue()
print("ready", flush=True)
while True:
    for entry in queue.read().entries:
        time.sleep(0.02)
        try:
            if chance.random() < 0.5:
                queue.hold(entry.id)
                queue.release(entry.id)
            queue.move(entry.id, chance.randrange(9))
        except CaddieError:
            pass
"""


@pytest.mark.slow
def test_sudden_deaths_at_random_moments(
    queue: Queue, environment: Environment, output: Path, request: pytest.FixtureRequest
) -> None:
    """SIGKILL of the driver, of a window that edits, of a supervisor: nothing trains twice, nothing is lost, it goes on."""
    deaths = 50 if request.config.getoption("exhaustive") else 10
    chance = random.Random(20261123)
    names = [f"学習 {number}" for number in range(deaths * 6 // 10)]
    add(queue, environment, output, *names, steps=15)
    killed: Counter[str] = Counter()
    editor = _editor(0)
    start_queue(queue)
    try:
        for number in range(deaths):
            time.sleep(chance.random() * 0.9)
            who = ("driver", "supervisor", "window")[number % 3]
            killed[who] += _kill_one(who, queue, editor)
            if editor.poll() is not None:
                _close(editor)
                editor = _editor(number)
            start_queue(queue)
    finally:
        editor.kill()
        _close(editor)
    for entry in queue.read().entries:
        if entry.state is State.HELD:  # its window died between holding and releasing
            queue.release(entry.id)
    start_queue(queue)
    snapshot = wait_for_rest(queue)
    assert min(killed.values()) > 0, killed
    assert sorted(entry.name for entry in snapshot.entries) == sorted(names)
    # Where a supervisor died, nobody saw its training's exit code: it may count as lost, never as waiting or training.
    assert {entry.state for entry in snapshot.entries} <= {State.DONE, State.FAILED}, describe(queue)
    assert sum(entry.state is State.FAILED for entry in snapshot.entries) <= killed["supervisor"], describe(queue)
    times = Counter(line[0] for line in started(output))
    assert max(times.values()) == 1, times
    assert set(times) == set(names), describe(queue)
    assert drivers(queue) == []
    for entry in snapshot.entries:
        assert entry.run is not None
        assert living(RunFolder(entry.run)) == []


def _editor(seed: int) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-c", _EDITOR, str(seed)]
    editor = subprocess.Popen(words, cwd=PROJECT_ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert editor.stdout is not None
    assert editor.stdout.readline() == b"ready\n"
    return editor


def _close(process: subprocess.Popen[bytes]) -> None:
    _, errors = process.communicate()
    assert process.returncode == -signal.SIGKILL, errors.decode()


def _kill_one(who: str, queue: Queue, editor: subprocess.Popen[bytes]) -> int:
    if who == "window":
        editor.kill()
        editor.wait()
        return 1
    if who == "driver":
        victims = [process.pid for process in drivers(queue)]
    else:
        victims: list[int] = []

        def one_is_there() -> bool:
            records = [RunFolder(entry.run).processes() for entry in queue.load()[1] if entry.run is not None]
            victims[:] = [found.pid for record in records if (found := find(record.supervisor)) is not None]
            return bool(victims) or not queue.is_driven()  # it goes where all that is left was just held

        wait_until(one_is_there, "a supervisor")
    for victim in victims:
        kill(victim)
    return len(victims)
