"""The built-in trainer as a run: its own process under the supervisor, with the same folder and the same honest ends."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from core.options.snapshot import snapshot_for
from core.runs.builtin import start_builtin_run
from core.runs.events import Saved, Started, Step
from core.runs.folder import RunFolder, list_runs
from core.runs.follow import Follower
from core.runs.outcome import Ending
from tests.helpers.runs import follow_to_end, living, log_of, wait_for_end, wait_until
from tests.helpers.tiny_training import tiny_job

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="children here use signals of POSIX")


@pytest.fixture(autouse=True)
def _small_and_clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    yield
    for run in list_runs():  # a test that failed half-way leaves no child to the next
        for process in living(run):
            process.kill()


def begin(folder: Path, steps: int, **options: Any) -> RunFolder:
    job = tiny_job(folder, max_train_steps=steps, **options)
    known = snapshot_for(job.script)
    assert known is not None
    return start_builtin_run(job, known, base=folder)


def wait_for_step(run: RunFolder, step: int) -> None:
    follower = Follower(run)

    def there() -> bool:
        return any(isinstance(event, Step) and event.step >= step for event in follower.poll().events)

    wait_until(there, f"step {step}; log: {log_of(run)}")


def test_a_job_is_trained_to_its_end(tmp_path: Path) -> None:
    run = begin(tmp_path, 4, output_dir="out")  # relative: starts from the job's place
    events, _, update = follow_to_end(Follower(run))
    assert update.outcome is not None
    assert update.outcome.ending is Ending.FINISHED, log_of(run)
    assert (update.outcome.steps, update.outcome.total_steps, update.outcome.exit_code) == (4, 4, 0)
    weights = tmp_path / "out" / "tiny.safetensors"
    assert update.outcome.files == (str(weights),)
    assert any(key.endswith("lora_down.weight") for key in load_file(weights))
    (started,) = [event for event in events if isinstance(event, Started)]
    assert (started.source, started.total_steps) == ("builtin", 4)
    assert [event.step for event in events if isinstance(event, Step)] == [1, 2, 3, 4]
    assert [Path(event.path).name for event in events if isinstance(event, Saved)] == ["tiny.safetensors"]
    assert living(run) == []


def test_a_stop_that_is_asked_for_ends_it_between_two_steps(tmp_path: Path) -> None:
    run = begin(tmp_path, 100_000)
    wait_for_step(run, 2)
    run.request_stop()
    outcome = wait_for_end(run)
    assert outcome.ending is Ending.STOPPED
    assert outcome.steps >= 2
    assert living(run) == []


def test_a_child_that_is_killed_leaves_no_file_under_the_final_name(tmp_path: Path) -> None:
    run = begin(tmp_path, 100_000)
    wait_for_step(run, 2)
    trained = [process for process in living(run) if "core.training" in process.cmdline()]
    assert trained
    for process in trained:
        process.kill()
    outcome = wait_for_end(run)
    assert outcome.ending in (Ending.FAILED, Ending.LOST)
    assert outcome.steps >= 2
    assert not (tmp_path / "out" / "tiny.safetensors").exists()
