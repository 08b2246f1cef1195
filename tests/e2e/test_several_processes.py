"""Several processes that train together, started by accelerate's own launcher; on the CPU, through gloo."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from safetensors.torch import load_file

from core.job.model import Job
from core.options.snapshot import snapshot_for
from core.runs.builtin import start_builtin_run
from core.runs.events import Event, Finished, Saved, Started, Step, Wished
from core.runs.folder import RunFolder, list_runs
from core.runs.follow import Follower
from core.runs.outcome import Ending
from tests.helpers.runs import follow_to_end, living, log_of, wait_for_end, wait_until
from tests.helpers.tiny_training import draw_pictures, tiny_job, trainer_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="children here use signals of POSIX")


@pytest.fixture(autouse=True)
def _small_and_clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    yield
    for run in list_runs():
        for process in living(run):
            process.kill()


def start(folder: Path, job: Job) -> RunFolder:
    known = snapshot_for(job.script)
    assert known is not None
    return start_builtin_run(job, known, base=folder)


def on_two(job: Job) -> Job:
    return replace(job, accelerate=MappingProxyType({"num_processes": 2, "num_cpu_threads_per_process": 1}))


def options(**more: Any) -> dict[str, Any]:
    """Schedule-free: its weights are put to rest for every save, in all processes alike. Dropout draws from torch's generators."""
    return {
        "optimizer_type": "RAdamScheduleFree",
        "learning_rate": 1e-2,
        "train_batch_size": 1,
        "max_train_steps": 6,
        "save_every_n_steps": 2,
        "network_dropout": 0.2,
        "save_precision": "float",
        **more,
    }


def test_two_processes_do_what_one_does_that_accumulates_two_batches(tmp_path: Path) -> None:
    draw_pictures(tmp_path / "画像")
    alone_events: list[Event] = []
    alone = tiny_job(tmp_path, **options(gradient_accumulation_steps=2, output_dir=str(tmp_path / "alone")))
    assert trainer_of(alone, alone_events).run() == "returned"

    both = start(tmp_path, on_two(tiny_job(tmp_path, **options(output_dir=str(tmp_path / "both")))))
    events, _, update = follow_to_end(Follower(both))
    assert update.outcome is not None and update.outcome.ending is Ending.FINISHED, log_of(both)

    assert [type(event) for event in events if isinstance(event, Started | Finished)] == [Started, Finished], "told once"
    told = [(event.step, event.loss) for event in events if isinstance(event, Step)]
    expected = [(event.step, event.loss) for event in alone_events if isinstance(event, Step)]
    assert [step for step, _ in told] == [1, 2, 3, 4, 5, 6]
    for (_, loss), (_, other) in zip(told, expected, strict=True):
        assert loss == pytest.approx(other, rel=1e-5)
    names = sorted(Path(event.path).name for event in events if isinstance(event, Saved))
    assert names == sorted(Path(event.path).name for event in alone_events if isinstance(event, Saved))
    weights, others = (load_file(tmp_path / place / "tiny.safetensors") for place in ("both", "alone"))
    for name, tensor in weights.items():
        assert (tensor - others[name]).abs().max() <= 1e-4 * others[name].abs().max() + 1e-7, name
    assert living(both) == []


def told(follower: Follower, wish: str) -> bool:
    return any(isinstance(event, Wished) and (event.wish, event.stage) == (wish, "done") for event in follower.poll().events)


def test_all_of_them_end_at_the_same_step_when_a_stop_is_asked_for(tmp_path: Path) -> None:
    run = start(tmp_path, on_two(tiny_job(tmp_path, **options(max_train_steps=100_000, save_every_n_steps=100_000))))
    follower = Follower(run)
    wait_until(lambda: any(isinstance(event, Step) for event in follower.poll().events), f"a step; log: {log_of(run)}")
    run.wishes.pause(on=True)
    wait_until(lambda: told(follower, "pause"), f"the pause; log: {log_of(run)}")
    run.wishes.ask("save")
    wait_until(lambda: told(follower, "save"), f"a save during the pause; log: {log_of(run)}")
    run.request_stop()
    assert wait_for_end(run).ending is Ending.STOPPED, log_of(run)
    assert living(run) == []


def test_why_one_of_them_failed_is_said(tmp_path: Path) -> None:
    job = on_two(tiny_job(tmp_path, **options(learning_rate=1e30, optimizer_type="SGDNesterov")))
    run = start(tmp_path, job)
    outcome = wait_for_end(run)
    assert outcome.ending is Ending.FAILED
    events = Follower(run).poll().events
    assert any(isinstance(event, Finished) and "nan" in event.error.lower() for event in events), log_of(run)
    assert living(run) == []
