"""The built-in trainer as a run: its own process under the supervisor, with the same folder and the same honest ends."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from core.options.snapshot import snapshot_for
from core.runs.builtin import start_builtin_run
from core.runs.events import Saved, Started, Step
from core.runs.folder import RunFolder, list_runs
from core.runs.follow import Follower
from core.runs.outcome import Ending
from tests.helpers.runs import follow_to_end, living, log_of, wait_for_end, wait_until
from tests.helpers.tiny_training import tiny_job, trainer_of

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
    assert f"step 4: saved {weights}" in log_of(run), "a person finds the landmarks in the log"
    assert living(run) == []


def test_a_stop_that_is_asked_for_ends_it_between_two_steps(tmp_path: Path) -> None:
    run = begin(tmp_path, 100_000)
    wait_for_step(run, 2)
    run.request_stop()
    outcome = wait_for_end(run)
    assert outcome.ending is Ending.STOPPED
    assert outcome.steps >= 2
    assert living(run) == []


def test_a_child_that_is_killed_leaves_no_file_and_goes_on_as_if_it_had_lived(tmp_path: Path) -> None:
    """Killed at whatever it is doing, which is mostly saving; its newest state leads to the bits of a training in one go."""
    options: dict[str, Any] = {"network_dropout": 0.2, "save_every_n_steps": 1, "save_last_n_steps": 2, "save_state": True}
    run = begin(tmp_path, 100_000, **options)
    wait_for_step(run, 2)
    trained = [process for process in living(run) if "core.training" in process.cmdline()]
    assert trained
    for process in trained:
        process.kill()
    outcome = wait_for_end(run)
    assert outcome.ending in (Ending.FAILED, Ending.LOST)
    assert outcome.steps >= 2
    final = tmp_path / "out" / "tiny.safetensors"
    assert not final.exists()
    newest = max(tmp_path.glob("out/tiny-step*-state"))
    steps = int(newest.name[len("tiny-step") : -len("-state")]) + 2
    torch.set_num_threads(1)
    plain = {"max_train_steps": steps, "save_precision": "float", "network_dropout": 0.2}
    trainer_of(tiny_job(tmp_path, **plain, resume=str(newest))).run()
    resumed = load_file(final)
    trainer_of(tiny_job(tmp_path, **plain)).run()
    whole = load_file(final)
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
