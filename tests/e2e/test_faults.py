"""Sudden deaths at random moments, with real processes: no event is lost, nothing is shown as what it is not, nothing stays."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from core.paths import PROJECT_ROOT
from core.runs.event_lines import decode_event
from core.runs.events import Event, Finished, Step
from core.runs.folder import RunFolder, list_runs
from core.runs.follow import Follower
from core.runs.outcome import Ending
from core.runs.processes import find, identify, is_alive
from tests.helpers.runs import living, log_of, start, start_bad, wait_for_end, wait_until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="children here use signals of POSIX")

CHILD = Path(__file__).parents[1] / "helpers" / "telling_child.py"
STEPS, PAUSE = 60, 0.02
AT_ONCE = 5
"""Runs that go on together."""

FOLLOWING = """
import sys, time
sys.path.insert(0, ".")
from pathlib import Path
from core.runs.folder import RunFolder
from core.runs.follow import Follower
follower = Follower(RunFolder(Path(sys.argv[1])))
while True:
    follower.poll()
    time.sleep(0.01)
"""


@pytest.fixture(autouse=True)
def _short_times(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CADDIE_STOP_TIMES", "3,0.5,0.5,0.3")
    yield
    for run in list_runs():
        for process in living(run):
            process.kill()


@dataclass
class Case:
    """One run and whoever of it is to die, and when."""

    victims: frozenset[str]
    moment: float
    run: RunFolder
    began: float = field(default_factory=time.monotonic)
    viewer: subprocess.Popen[bytes] | None = None
    done: bool = False
    died: set[str] = field(default_factory=set)

    def strike(self) -> None:
        """Kills whom it is to kill, as far as they are there by now."""
        self.done = True
        record = self.run.processes()
        known = {"supervisor": find(record.supervisor), "trainer": find(record.child)}
        if self.viewer is not None:
            known["viewer"] = psutil.Process(self.viewer.pid)
        for name in sorted(self.victims):
            process = known.get(name)
            if process is not None:
                process.kill()
                self.died.add(name)


def whole_lines(run: RunFolder) -> list[Event]:
    data = run.events_file.read_bytes() if run.events_file.exists() else b""
    found = [decode_event(line) for line in data.split(b"\n")[:-1]]
    assert None not in found, run
    return [event for event in found if event is not None]


def look(case: Case) -> bool:
    """A look of somebody who has just opened the run; whether it is over. Never over while its training lives."""
    reader = RunFolder(case.run.path)
    state = reader.state()
    if not state.is_over:
        return False
    left = [process.pid for process in living(case.run) if process.pid != getattr(reader.processes().supervisor, "pid", 0)]
    assert left == [], (case, state, log_of(case.run))
    return True


def check_end(case: Case) -> None:
    outcome = RunFolder(case.run.path).outcome()
    assert outcome is not None
    told = whole_lines(case.run)
    steps = [event.step for event in told if isinstance(event, Step)]
    assert steps == list(range(1, len(steps) + 1))
    follower, seen = Follower(RunFolder(case.run.path)), list[Event]()
    while True:
        update = follower.poll()
        seen += update.events
        if update.outcome is not None:
            break
    assert seen == told
    assert outcome.steps == len(steps)
    ended_itself = any(isinstance(event, Finished) for event in told)
    if ended_itself:
        assert outcome.ending is Ending.FINISHED, (case, outcome)
        assert len(steps) == STEPS
    else:
        expected = {Ending.FAILED, Ending.LOST} if case.died else set[Ending]()
        assert outcome.ending in expected, (case, outcome)
        if "supervisor" not in case.died:
            assert (outcome.ending, outcome.exit_code) == (Ending.FAILED, -9)


def test_sudden_deaths_at_random_moments(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    chance = random.Random(20261123)
    count = 50 if request.config.getoption("exhaustive") else 10
    kinds = [{"viewer"}, {"supervisor"}, {"trainer"}, {"supervisor", "trainer"}, {"viewer", "supervisor"}]
    waiting = [(frozenset(kinds[number % len(kinds)]), chance.uniform(0.0, 1.6)) for number in range(count)]
    under_way: list[Case] = []
    cases: list[Case] = []
    until = time.monotonic() + 100 + 2 * count
    while waiting or under_way:
        assert time.monotonic() < until, [(case, log_of(case.run)) for case in under_way]
        if waiting and len(under_way) < AT_ONCE:
            victims, moment = waiting.pop()
            out = tmp_path / str(len(waiting)) / "out" / "lora.safetensors"
            run = start([str(CHILD), str(STEPS), str(PAUSE), str(out)], companion=True, output_dir=out.parent)
            case = Case(victims, moment, run)
            if "viewer" in victims:
                case.viewer = subprocess.Popen([sys.executable, "-c", FOLLOWING, str(run.path)], cwd=PROJECT_ROOT)
            under_way.append(case)
            cases.append(case)
        for case in list(under_way):
            if not case.done and time.monotonic() - case.began > case.moment:
                case.strike()
            if case.done and look(case):
                under_way.remove(case)
        time.sleep(0.05)
    for case in cases:
        if case.viewer is not None:
            case.viewer.wait(20)
        check_end(case)
        wait_until(lambda case=case: living(case.run) == [], f"the end of what {case} left")
    assert {name for case in cases for name in case.died} == {"viewer", "supervisor", "trainer"}


def test_a_run_folder_that_is_deleted_is_neither_over_nor_made_again() -> None:
    run = start_bad("slow")
    follower = Follower(run)
    wait_until(lambda: (progress := follower.poll().progress) is not None and progress.step > 2, f"a step; {log_of(run)}")
    child, supervisor = find(run.processes().child), run.processes().supervisor
    assert child is not None
    shutil.rmtree(run.path)
    for _ in range(3):
        update = follower.poll()
        assert (update.ending, update.outcome) == (Ending.RUNNING, None)
        time.sleep(0.1)
    child.kill()
    wait_until(lambda: follower.poll().outcome is not None, "the end")
    outcome = follower.poll().outcome
    assert outcome is not None
    assert (outcome.ending, "deleted" in outcome.sentence.en) == (Ending.LOST, True)
    wait_until(lambda: not is_alive(supervisor), "the supervisor's end")
    assert not run.path.exists()


def test_an_event_file_cut_within_a_line_keeps_every_whole_one_and_takes_new_ones(tmp_path: Path) -> None:
    weights = tmp_path / "out" / "lora.safetensors"
    run = start([str(CHILD), "5", "0", str(weights)], companion=True, output_dir=weights.parent)
    wait_for_end(run)
    data = run.events_file.read_bytes()
    cut = data[: data.rindex(b"\n", 0, -1) + 20]  # within the last line, as a power failure leaves it
    run.events_file.write_bytes(cut)
    before = whole_lines(run)
    assert [event.step for event in before if isinstance(event, Step)] == [1, 2, 3, 4, 5]
    assert Follower(run).poll().events == before

    from core.runs.companion import Watch

    Watch(str(run.events_file), None, "/nowhere/script.py").finish("returned")
    after = [decode_event(line) for line in run.events_file.read_bytes().split(b"\n")[:-1]]
    assert after[: len(before)] == before
    assert after[len(before)] is None  # the cut one
    assert isinstance(after[-1], Finished)


@pytest.mark.skipif(not Path("/proc/sys/kernel/random/boot_id").exists(), reason="only Linux works out starts from the clock")
def test_a_clock_that_was_set_takes_no_process_for_dead() -> None:
    from dataclasses import replace

    me = identify(psutil.Process().pid)
    assert me is not None
    for shift in (-3600.0, 3600.0):
        assert is_alive(replace(me, created=me.created + shift))
        assert not is_alive(replace(me, created=me.created + shift, boot="another start of the system"))
        assert me.uptime is not None
        assert not is_alive(replace(me, created=me.created + shift, uptime=me.uptime + shift))


def test_a_start_that_lies_in_the_future_is_not_awaited_for_ever(tmp_path: Path) -> None:
    from core.runs.folder import make_run_folder, prepare
    from core.runs.records import ProcessRecord, RunCommand, write_processes

    run = make_run_folder("early", tmp_path)
    prepare(run, RunCommand(argv=("x",), cwd=str(tmp_path)))
    assert RunFolder(run.path).state() is Ending.STARTING
    write_processes(run.process_file, ProcessRecord(updated_at=time.time() + 3600))  # the clock was set back since
    assert RunFolder(run.path).state() is Ending.LOST
