"""Trainings on a thread of this process: the same run folder as any other, wishes, honest ends, and nothing left behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from core.errors import CaddieError
from core.job.model import Job
from core.options.snapshot import snapshot_for
from core.paths import PROJECT_ROOT
from core.runs.builtin import hosted_command
from core.runs.event_lines import decode_event
from core.runs.events import Event, Saved, Started, Step, Wished
from core.runs.evidence import gather
from core.runs.folder import RunFolder, list_runs
from core.runs.launch import start_prepared
from core.runs.outcome import Ending
from core.runs.wishes import WishFolder
from core.training.control import Control
from core.training.hosted import Host, HostedTraining
from core.training.places import at
from core.training.plan import plan_of
from tests.helpers.runs import follow_to_end, log_of, wait_until
from tests.helpers.tiny_training import draw_pictures, tiny_job


@pytest.fixture(autouse=True)
def _without_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.fixture
def host() -> Iterator[Host]:
    made = Host()
    yield made
    if made.training is not None:
        made.training.control.stop()
        made.training.wait(60)


def begin(host: Host, job: Job, base: Path) -> HostedTraining:
    known = snapshot_for(job.script)
    assert known is not None
    host.begin(job, known, base=base)
    training = host.training
    assert training is not None
    return training


def end_of(training: HostedTraining) -> Any:
    assert training.wait(120), "the training does not end"
    assert training.outcome is not None
    return training.outcome


def steps_of(run: RunFolder) -> list[int]:
    return [event.step for event in events_of(run) if isinstance(event, Step)]


def events_of(run: RunFolder) -> list[Event]:
    found = (decode_event(line) for line in run.events_file.read_bytes().splitlines())
    return [event for event in found if event is not None]


def test_relative_paths_start_from_the_job_and_the_folder_of_the_process_stays(host: Host, tmp_path: Path) -> None:
    base = tmp_path / "私の 学習"
    draw_pictures(base / "別の 画像", repeats=1)
    (base / "データ.toml").write_text(
        '[[datasets]]\nresolution = 64\nbatch_size = 2\n[[datasets.subsets]]\nimage_dir = "別の 画像/1_shapes"\n'
        'caption_extension = ".txt"\n',
        encoding="utf-8",
    )
    job = tiny_job(base, max_train_steps=3, dataset_config="データ.toml", logging_dir="記録", output_dir="出力 先")
    relative = {"pretrained_model_name_or_path": "model sd1"}
    job = job.with_option("train_data_dir", None)
    for name, value in relative.items():
        job = job.with_option(name, value)
    before = os.getcwd()
    training = begin(host, job, base)
    follower = host.follower(training.folder)
    assert follower is not None
    heard, log, update = follow_to_end(follower)
    assert update.outcome is not None
    assert update.outcome.ending is Ending.FINISHED, log_of(training.folder)
    assert os.getcwd() == before
    assert load_file(base / "出力 先" / "tiny.safetensors")
    assert list((base / "記録").rglob("events.out*"))
    assert update.outcome.files == (str(base / "出力 先" / "tiny.safetensors"),)
    assert (update.outcome.steps, update.outcome.total_steps, update.outcome.exit_code) == (3, 3, None)
    assert heard == events_of(training.folder)  # by the thread and by the file
    assert steps_of(training.folder) == [1, 2, 3]
    assert "tiny.safetensors" in log
    assert RunFolder(training.folder.path).state() is Ending.FINISHED


def test_a_pause_holds_it_and_a_save_in_the_pause_is_done_at_once(host: Host, tmp_path: Path) -> None:
    training = begin(host, tiny_job(tmp_path, max_train_steps=100_000), tmp_path)
    run, control = training.folder, training.control
    wait_until(lambda: run.events_file.exists() and steps_of(run), log_of(run))
    with pytest.raises(CaddieError, match="one at a time"):
        begin(host, tiny_job(tmp_path), tmp_path)
    assert list_runs() == [run]  # the refused one left nothing
    control.pause()
    wait_until(lambda: control.waiting, "the pause")
    held = steps_of(run)
    control.ask("save")
    wait_until(lambda: any(isinstance(event, Saved) and event.kind == "state" for event in events_of(run)), "a save")
    assert steps_of(run) == held
    assert RunFolder(run.path).state() is Ending.RUNNING
    control.go_on()
    wait_until(lambda: len(steps_of(run)) > len(held), "more steps")
    control.stop(save=True)
    outcome = end_of(training)
    assert outcome.ending is Ending.STOPPED
    last = tmp_path / "out" / f"tiny-step{outcome.steps:08d}.safetensors"
    assert outcome.files[-1] == str(last)
    assert load_file(last)
    assert last.with_name(f"tiny-step{outcome.steps:08d}-state").is_dir()


def test_a_save_asked_for_in_a_pause_before_the_first_step_waits_for_that_step(host: Host, tmp_path: Path) -> None:
    held: list[Control] = []

    def hold(control: Control) -> None:
        control.pause()
        control.ask("save")
        held.append(control)

    training = begin(Host(hold), tiny_job(tmp_path, max_train_steps=3), tmp_path)
    run = training.folder
    wait_until(lambda: bool(held) and held[0].waiting, "the pause")
    assert not steps_of(run)
    held[0].go_on()
    end_of(training)
    saved = [event.step for event in events_of(run) if isinstance(event, Saved) and event.kind == "state"]
    assert saved == [1]


def test_a_run_folder_deleted_during_the_training_takes_nothing_from_its_end(tmp_path: Path) -> None:
    held: list[Control] = []

    def hold(control: Control) -> None:
        control.pause()
        held.append(control)

    training = begin(Host(hold), tiny_job(tmp_path, max_train_steps=3), tmp_path)
    wait_until(lambda: bool(held) and held[0].waiting, "the pause")
    shutil.rmtree(training.folder.path)
    held[0].go_on()
    outcome = end_of(training)
    assert (outcome.ending, outcome.steps, outcome.total_steps) == (Ending.FINISHED, 3, 3)
    assert outcome.files == (str(tmp_path / "out" / "tiny.safetensors"),)
    assert not training.folder.path.exists()  # whoever deletes a run wants no folder back with one file in it


def test_wishes_may_come_as_files_too(host: Host, tmp_path: Path) -> None:
    training = begin(host, tiny_job(tmp_path, max_train_steps=100_000), tmp_path)
    run = RunFolder(training.folder.path)  # as another process knows it
    wait_until(lambda: run.events_file.exists() and steps_of(run), log_of(run))
    run.wishes.pause(on=True)
    wait_until(lambda: training.control.waiting, "the pause")
    run.wishes.ask("save")
    wait_until(
        lambda: any(isinstance(event, Wished) and event.stage == "done" and event.path for event in events_of(run)), "a save"
    )
    run.wishes.save_at_stop()
    run.request_stop()
    assert end_of(training).ending is Ending.STOPPED
    assert training.outcome is not None
    assert len(training.outcome.files) >= 1
    assert not run.wishes.wants("save")
    told = [event for event in events_of(run) if isinstance(event, Wished)]
    assert [(event.wish, event.stage) for event in told] == [
        ("pause", "done"),
        ("save", "heard"),
        ("save", "done"),
        ("save-then-stop", "heard"),
        ("save-then-stop", "done"),
    ]
    assert {Path(event.path).name for event in told if event.path} == {f"tiny-step{told[0].step:08d}.safetensors"}
    (started,) = (event for event in events_of(run) if isinstance(event, Started))
    assert started.hears == ("save", "pause")  # the job names no prompts


def test_without_memory_it_ends_with_the_settings_that_help_and_the_next_one_can_start(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.training.forward import Forward

    plain, calls = Forward.loss, threading.local()

    def short(self: Forward, *args: Any) -> torch.Tensor:
        calls.count = getattr(calls, "count", 0) + 1
        if calls.count == 3:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return plain(self, *args)

    threads, kind = torch.get_num_threads(), torch.get_default_dtype()
    with monkeypatch.context() as patched:
        patched.setattr(Forward, "loss", short)
        outcome = end_of(begin(host, tiny_job(tmp_path, max_train_steps=50), tmp_path))
    assert outcome.ending is Ending.FAILED
    assert outcome.steps == 2
    for name in ("gradient_checkpointing", "train_batch_size", "cache_latents"):
        assert name in outcome.error
    assert outcome.advice is not None
    assert (torch.get_num_threads(), torch.get_default_dtype()) == (threads, kind)
    assert end_of(begin(host, tiny_job(tmp_path, max_train_steps=2), tmp_path)).ending is Ending.FINISHED


def test_after_an_error_that_costs_the_gpu_no_other_one_starts_here(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.training.steps import Stepper

    def broken(self: Stepper, loss: torch.Tensor) -> None:
        raise RuntimeError("CUDA error: device-side assert triggered\nCUDA kernel errors might be reported later")

    monkeypatch.setattr(Stepper, "backward", broken)
    training = begin(host, tiny_job(tmp_path, max_train_steps=50), tmp_path)
    outcome = end_of(training)
    assert outcome.ending is Ending.FAILED
    assert "device-side assert" in outcome.error
    assert "Traceback" in log_of(training.folder)
    assert outcome.advice is not None
    assert "restart Caddie" in outcome.advice.en
    assert "再起動" in outcome.advice.ja
    with pytest.raises(CaddieError, match="Restart Caddie"):
        begin(host, tiny_job(tmp_path), tmp_path)


_HOSTING = """
import sys
from pathlib import Path
from core.job.store import load_job
from core.options.snapshot import snapshot_for
from core.training.hosted import Host

job = load_job(Path(sys.argv[1]))
host = Host()
host.begin(job, snapshot_for(job.script), base=Path(sys.argv[1]).parent)
host.training.wait()
"""


def test_a_host_that_is_killed_leaves_a_run_that_counts_as_lost(tmp_path: Path) -> None:
    from core.job.store import save_job

    save_job(tiny_job(tmp_path, max_train_steps=100_000), tmp_path / "job.toml")
    variables = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    window = subprocess.Popen([sys.executable, "-c", _HOSTING, str(tmp_path / "job.toml")], cwd=PROJECT_ROOT, env=variables)
    try:
        wait_until(lambda: list_runs() and list_runs()[0].events_file.exists() and steps_of(list_runs()[0]), "a step")
        (run,) = list_runs()
        assert run.state() is Ending.RUNNING
        assert run.processes().host is not None
    finally:
        window.kill()
        window.wait()
    outcome = run.outcome()
    assert outcome is not None
    assert outcome.ending is Ending.LOST
    assert outcome.steps >= 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a file that is always full")
def test_a_full_disk_for_the_log_does_not_take_away_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def gather_without_it(run: RunFolder, **told: Any) -> Any:
        run.log_file.unlink()  # it can be read without end
        return gather(run, **told)

    monkeypatch.setattr("core.training.hosted.gather", gather_without_it)
    job = tiny_job(tmp_path).with_option("pretrained_model_name_or_path", "nobody/has-this-model")
    plan = at(plan_of(job), tmp_path)
    begun: list[HostedTraining] = []

    def begin_in(folder: RunFolder) -> None:
        folder.log_file.unlink(missing_ok=True)
        folder.log_file.symlink_to("/dev/full")
        begun.append(HostedTraining(folder, plan))
        begun[0].start()

    run = start_prepared(job, None, lambda folder: hosted_command(job, folder, tmp_path), begin_in)
    outcome = end_of(begun[0])
    assert outcome.ending is Ending.FAILED
    assert "nobody/has-this-model is neither" in str(RunFolder(run.path).outcome())  # asked for by its name, not as a folder


def test_a_folder_beside_the_job_comes_before_a_model_of_the_hub(tmp_path: Path) -> None:
    job = tiny_job(tmp_path).with_option("pretrained_model_name_or_path", "own/model").with_option("vae", "own/vae")
    (tmp_path / "own/model").mkdir(parents=True)
    models = at(plan_of(job), tmp_path).models
    assert (models.pretrained_model_name_or_path, models.vae) == (str(tmp_path / "own/model"), "own/vae")


def test_going_on_ends_a_pause_that_another_window_asked_for(tmp_path: Path) -> None:
    control = Control(tmp_path / "stop")
    WishFolder(tmp_path / "wishes").pause(on=True)
    assert control.paused
    control.go_on()
    assert not control.paused
