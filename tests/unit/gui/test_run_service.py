"""The run service with real children, started, followed, stopped and found again."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import MappingProxyType

import pytest
from PySide6.QtCore import QCoreApplication, QEventLoop, QObject
from PySide6.QtWidgets import QApplication

from core.catalogue.catalogue import Catalogue
from core.environment.model import CheckoutReport, Environment, OptimizerState, ProbeReport, Readiness
from core.errors import CaddieError
from core.job.model import Job
from core.metrics.run_metrics import LOSS, Quantity
from core.options.model import OptionSet
from core.options.reader import read_checkout
from core.options.snapshot import snapshot_for
from core.runs.folder import RunFolder, list_runs
from core.runs.outcome import Ending
from core.text import Text
from gui.bridge.files import reveal_command
from gui.bridge.kept_log import LOG_KEPT
from gui.bridge.run_problems import StartProblem, find_problems
from gui.bridge.run_service import RunService
from gui.bridge.run_stop import StopStage, stage_after
from gui.bridge.tasks import Tasks
from tests.helpers.runs import DEMO, living, start_bad, wait_for_end

PATIENCE = 90.0


class Environments:
    """One environment: this interpreter and the tests' small checkout."""

    def __init__(self) -> None:
        self.selected: Environment | None = Environment(id="here", name="here", python=Path(sys.executable), sd_scripts=DEMO)
        self.the_report: ProbeReport | None = None
        self.the_state = OptimizerState(readiness=Readiness.READY)

    def get(self, environment_id: str) -> Environment | None:
        return self.selected if self.selected is not None and self.selected.id == environment_id else None

    def report(self, _environment_id: str) -> ProbeReport | None:
        return self.the_report

    def state(self, _spec: object, *, fast: bool = False) -> OptimizerState:
        return self.the_state


@pytest.fixture
def environments() -> Environments:
    return Environments()


@pytest.fixture
def runs(qapp: QApplication, catalogue: Catalogue, environments: Environments) -> Iterator[RunService]:
    owner = QObject()
    tasks = Tasks(owner)
    errors: list[BaseException] = []
    tasks.unhandled.connect(errors.append)
    made = RunService(tasks, catalogue, environments, options_for, parent=owner)
    yield made
    made.close()
    for folder in list_runs():
        folder.request_stop(now=True)
    for folder in list_runs():
        wait_for_end(folder)
    owner.deleteLater()
    assert not errors, errors


@cache
def options_for(script: str) -> OptionSet:
    """What the demo's script accepts; unlike those of sd-scripts it needs no model and no images."""
    known = read_checkout(DEMO) if script == "train_network.py" else {}
    return known.get(script) or OptionSet(script=script, options={}, source="snapshot")


def wait(condition: Callable[[], object], what: str = "what was waited for") -> None:
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until, f"still not: {what}"
        QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents, 50)


def demo_job(tmp_path: Path, *, steps: int = 12, name: str = "猫 cat") -> Job:
    options = {
        "optimizer_type": "AdamW",
        "learning_rate": 1e-3,
        "max_train_steps": steps,
        "train_batch_size": 2,
        "network_dim": 4,
        "output_dir": str(tmp_path / "out"),
        "output_name": "cat",
        "seed": 1,
    }
    return Job(name=name, options=MappingProxyType(options))


def test_a_real_training_is_started_followed_and_ends_well(runs: RunService, tmp_path: Path) -> None:
    seen: list[str] = []
    runs.started.connect(lambda folder: seen.append(f"started {type(folder).__name__}"))
    runs.ended.connect(lambda outcome: seen.append(f"ended {outcome.ending.value}"))
    updates: list[object] = []
    runs.updated.connect(updates.append)
    assert runs.start(demo_job(tmp_path))
    assert runs.starting
    wait(lambda: runs.outcome is not None, "the end")
    assert seen == ["started RunFolder", "ended finished"], runs.log
    assert runs.metrics.get(LOSS).x.tolist() == list(range(1, 13))
    assert runs.metrics.of(Quantity.LR)
    assert all(value == 1e-3 for value in runs.metrics.of(Quantity.LR)[runs.metrics.groups[0]].y)
    assert len(updates) > 1
    assert "running training" in runs.log
    assert runs.progress is not None
    assert (runs.progress.step, runs.progress.total) == (12, 12)
    assert not runs.running
    assert runs.current is not None
    assert runs.current.name == "猫 cat"
    assert not runs._timer.isActive()  # nothing to follow, nothing asked


def test_stopping_asks_and_the_script_ends_itself(runs: RunService, tmp_path: Path) -> None:
    stages: list[StopStage] = []
    runs.stop_changed.connect(lambda: stages.append(runs.stop_stage))
    runs.start(demo_job(tmp_path, steps=100_000))
    wait(lambda: len(runs.metrics.get(LOSS)) > 3, "some steps")
    runs.stop()
    assert runs.stop_stage is StopStage.ASKING
    wait(lambda: runs.outcome is not None, "the end")
    assert runs.ending is Ending.STOPPED
    assert stages == [StopStage.ASKING, StopStage.NONE]
    assert runs.current is not None
    assert living(runs.current) == []


def test_ending_now_does_not_wait_for_one_that_does_not_listen(runs: RunService) -> None:
    folder = start_bad("ignores-terminate")
    runs.attach(folder)
    wait(lambda: runs.progress is not None and runs.progress.step > 1, "some steps")
    runs.stop(now=True)
    assert runs.stop_stage is StopStage.TERMINATING
    wait(lambda: runs.outcome is not None, "the end")
    assert runs.ending is Ending.STOPPED
    assert living(folder) == []


def test_a_failure_is_an_outcome_with_its_reason(runs: RunService) -> None:
    runs.attach(start_bad("dies-after", 5))
    wait(lambda: runs.outcome is not None, "the end")
    assert runs.ending is Ending.FAILED
    assert "CUDA out of memory" in runs.outcome.error
    assert "CUDA out of memory" in runs.log


def test_a_run_of_another_window_is_found_and_followed(runs: RunService) -> None:
    wait_for_end(start_bad("fine"))
    going = start_bad("slow")
    runs.look_for_running()
    wait(lambda: runs.progress is not None and runs.progress.step > 1, "some steps")
    assert runs.current == going
    assert runs.running


def test_nothing_running_nothing_found(runs: RunService) -> None:
    wait_for_end(start_bad("fine"))
    runs.look_for_running()
    wait(lambda: not runs._workers.busy)
    assert runs.current is None


def test_a_second_window_sees_the_same_run_and_its_stop(runs: RunService, qapp: QApplication, catalogue: Catalogue) -> None:
    folder = start_bad("slow")
    folder.request_stop()
    runs.attach(folder)
    wait(lambda: runs.stop_stage is not StopStage.NONE or runs.outcome is not None, "the stop")
    wait(lambda: runs.outcome is not None, "the end")
    assert runs.ending is Ending.STOPPED


def test_another_run_on_show_leaves_nothing_of_the_former(runs: RunService) -> None:
    first = start_bad("fine")
    runs.attach(first)
    wait(lambda: runs.outcome is not None, "the end")
    second = start_bad("slow")
    runs.attach(second)
    assert runs.log == ""
    assert runs.outcome is None
    assert runs.metrics.last_step == 0
    wait(lambda: runs.progress is not None and runs.progress.step > 1, "some steps")
    assert runs.current == second


def test_a_million_lines_stay_bounded(runs: RunService) -> None:
    longest = 0

    def look(_update: object) -> None:
        nonlocal longest
        longest = max(longest, len(runs.log))

    runs.updated.connect(look)
    runs.attach(start_bad("million-lines"))
    wait(lambda: runs.outcome is not None, "the end")
    assert longest <= LOG_KEPT
    assert runs.log.endswith("the last line\n")


def test_a_folder_that_is_gone_is_explained(runs: RunService, tmp_path: Path) -> None:
    failures: list[CaddieError] = []
    runs.failed.connect(failures.append)
    runs.attach(RunFolder(tmp_path / "20260101-000000-gone"))
    wait(lambda: failures, "the explanation")
    assert "command.json" in failures[0].text.en
    assert runs.current is None


def test_the_list_of_runs_tells_how_each_ended(runs: RunService) -> None:
    first = start_bad("dies-at-once", name="bad")
    wait_for_end(first)
    wait(lambda: int(time.time()) > int(first.created_at), "another second, which is what folders are sorted by")
    wait_for_end(start_bad("fine", name="猫 cat"))
    got: list[object] = []
    runs.recent(got.append)
    wait(lambda: got, "the list")
    assert [(item.name, item.ending, item.steps) for item in got[0]] == [
        ("猫 cat", Ending.FINISHED, 3),
        ("bad", Ending.FAILED, 0),
    ]
    assert got[0][0].optimizer == "AdamW"


# --- what prevents a start ---------------------------------------------------------------------------------------


def pages(runs: RunService, job: Job) -> list[tuple[str, str]]:
    return [(problem.page, problem.text.en) for problem in runs.problems(job)]


def test_a_good_job_has_no_problems(runs: RunService, tmp_path: Path) -> None:
    assert runs.problems(demo_job(tmp_path)) == ()


def test_no_environment_leads_to_the_environment_page(runs: RunService, environments: Environments, tmp_path: Path) -> None:
    environments.selected = None
    refused: list[object] = []
    runs.refused.connect(refused.append)
    assert not runs.start(demo_job(tmp_path))
    assert [problem.page for problem in refused[0]] == ["environment"]
    assert not runs.starting
    assert list_runs() == []


def test_what_the_probe_knows_prevents_a_doomed_start(runs: RunService, environments: Environments, tmp_path: Path) -> None:
    checkout = CheckoutReport(path=DEMO, scripts=("sdxl_train_network.py",))
    environments.the_report = ProbeReport(taken_at=0, checkout=checkout)
    environments.the_state = OptimizerState(readiness=Readiness.MISSING, reason=Text("bitsandbytes is missing.", "…"))
    found = pages(runs, demo_job(tmp_path))
    assert ("environment", "bitsandbytes is missing.") in found
    assert ("setup", f"train_network.py is not in {DEMO}.") in found
    environments.the_report = ProbeReport(taken_at=0, problem=Text("It is no Python.", "…"))
    assert ("environment", "It is no Python.") in pages(runs, demo_job(tmp_path))


def test_a_module_that_hides_the_optimizers_prevents_the_start(
    runs: RunService, environments: Environments, tmp_path: Path
) -> None:
    own = str(DEMO / "optimizers.py")
    checkout = CheckoutReport(path=DEMO, scripts=("train_network.py",), own_optimizers=own)
    environments.the_report = ProbeReport(taken_at=0, checkout=checkout)
    job = demo_job(tmp_path)
    assert not any(own in text for _, text in pages(runs, job))
    fast = job.with_option("optimizer_type", "optimizers.Prodigy")
    assert [page for page, text in pages(runs, fast) if own in text] == ["setup"]


def test_a_wrong_option_leads_to_its_field(runs: RunService, tmp_path: Path) -> None:
    job = demo_job(tmp_path).with_option("learning_rat", 1e-4)
    (problem,) = runs.problems(job)
    assert (problem.page, problem.topic) == ("setup", "option:learning_rat")
    assert "learning_rate" in problem.text.en


def test_a_value_that_could_not_be_read_leads_to_its_field_and_starts_nothing(runs: RunService, tmp_path: Path) -> None:
    job = demo_job(tmp_path).with_argument("eps", "1e-").with_option("seed", "4x")
    refused: list[tuple[StartProblem, ...]] = []
    runs.refused.connect(refused.append)
    assert not runs.start(job)
    assert {(problem.page, problem.topic) for problem in refused[0]} == {("setup", "argument:eps"), ("setup", "option:seed")}
    assert list_runs() == []


def test_what_only_the_disk_knows_is_said_when_it_is_found(runs: RunService, environments: Environments, tmp_path: Path) -> None:
    environments.selected = Environment(id="x", name="x", python=Path(sys.executable), sd_scripts=tmp_path / "empty")
    failures: list[CaddieError] = []
    runs.failed.connect(failures.append)
    assert runs.start(demo_job(tmp_path))
    wait(lambda: failures, "the explanation")
    assert "train_network.py is not in" in failures[0].text.en
    assert not runs.starting
    assert list_runs() == []


@pytest.mark.parametrize(
    ("seconds", "urgent", "companion", "stage"),
    [
        (0, False, True, StopStage.ASKING),
        (59, False, True, StopStage.ASKING),
        (61, False, True, StopStage.INTERRUPTING),
        (71, False, True, StopStage.TERMINATING),
        (76, False, True, StopStage.KILLING),
        (0, False, False, StopStage.INTERRUPTING),
        (0, True, True, StopStage.TERMINATING),
        (6, True, False, StopStage.KILLING),
    ],
)
def test_stages_follow_the_supervisors_times(seconds: float, urgent: bool, companion: bool, stage: StopStage) -> None:
    assert stage_after(seconds, urgent=urgent, companion=companion) is stage


def test_files_are_shown_as_each_system_does() -> None:
    path = Path("/a b/c.safetensors")
    assert reveal_command(path, "win32") == ("explorer.exe", ["/select,", str(path)])
    assert reveal_command(path, "darwin") == ("open", ["-R", str(path)])
    assert reveal_command(path, "linux") is None


def test_a_job_for_sd_scripts_without_a_model_is_not_ready(catalogue: Catalogue, environments: Environments) -> None:
    known = snapshot_for("train_network.py")
    assert known is not None
    found = find_problems(Job(), environment=environments.selected, report=None, state=None, options=known, catalogue=catalogue)
    lacking = [problem.topic for problem in found if problem.page == "setup"]
    assert lacking[:2] == ["option:pretrained_model_name_or_path", "option:train_data_dir"]
