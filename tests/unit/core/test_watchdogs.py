"""Watchdogs: each barks at its trouble, once, and at nothing else."""

from __future__ import annotations

import math
import os
import stat
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from core.catalogue.loader import load_catalogue
from core.job.model import Job
from core.metrics.run_metrics import RunMetrics
from core.runs.events import Finished, Group, Started, Step
from core.watch.divergence import Divergence
from core.watch.model import Alarm, Dog, WatchSettings
from core.watch.surroundings import Around, gpu_trouble_in, look_around
from core.watch.watchdogs import AT_ONCE, Moment, Watchdogs

CATALOGUE = load_catalogue()
PRODIGY = Job(options={"optimizer_type": "prodigy", "learning_rate": 1.0})
MISSED = {"diverging-22-SGDNesterov"}
"""It said nothing after three steps, so that there is no better loss of its own to hold it against (docs/watchdogs.md)."""

LOSSES = Path(__file__).parents[2] / "golden" / "losses"


def feed(metrics: RunMetrics, losses: Iterable[float], d: Iterable[float] | None = None, first: int = 1) -> None:
    estimates = None if d is None else list(d)
    metrics.feed(
        Step(
            time=float(place),
            step=first + place,
            loss=float(loss),
            groups=(Group(name="unet", lr=1.0),)
            if estimates is None
            else (Group(name="unet", lr=1.0, d=float(estimates[place]), d_lr=float(estimates[place])),),
        )
        for place, loss in enumerate(losses)
    )


def watch(settings: WatchSettings | None = None, total: int = 1000) -> tuple[RunMetrics, Watchdogs]:
    metrics = RunMetrics()
    metrics.feed([Started(time=0.0, total_steps=total)])
    return metrics, Watchdogs(metrics, PRODIGY, CATALOGUE, settings)


def noisy(count: int, level: float = 0.1, seed: int = 0) -> np.ndarray:
    return level * np.exp(np.random.default_rng(seed).normal(0, 0.6, count))


def dogs(alarms: Iterable[Alarm]) -> list[Dog]:
    return [alarm.dog for alarm in alarms]


def test_a_loss_that_is_no_number_is_told_once_with_its_step() -> None:
    metrics, hounds = watch()
    feed(metrics, [0.1] * 20)
    assert hounds.look() == ()
    feed(metrics, [math.nan, math.inf, 0.1], first=21)
    (alarm,) = hounds.look()
    assert (alarm.dog, alarm.step) == (Dog.NAN_LOSS, 21)
    feed(metrics, [math.nan], first=24)
    assert hounds.look() == ()
    assert dogs(hounds.active) == [Dog.NAN_LOSS]


def test_a_loss_that_leaves_its_level_is_told_and_spikes_are_not() -> None:
    metrics, hounds = watch()
    calm = noisy(400)
    calm[::37] *= 30
    feed(metrics, calm)
    assert hounds.look() == ()
    feed(metrics, noisy(200, level=0.8, seed=1), first=401)
    (alarm,) = hounds.look()
    assert alarm.dog is Dog.DIVERGED
    assert 380 < alarm.step < 440


def test_it_does_not_matter_in_which_portions_the_steps_come() -> None:
    losses = np.concatenate([noisy(300), noisy(150, level=0.8, seed=1)])
    whole, single = Divergence(), Divergence()
    whole.feed(enumerate(losses.tolist(), 1))
    for step, loss in enumerate(losses.tolist(), 1):
        single.feed([(step, loss)])
    assert whole.since == single.since is not None


def test_a_long_run_is_taken_in_by_parts() -> None:
    metrics, hounds = watch()
    feed(metrics, np.concatenate([noisy(AT_ONCE + 100), noisy(300, level=0.9)]))
    assert hounds.look() == ()
    assert hounds.behind
    assert dogs(hounds.look()) == [Dog.DIVERGED]
    assert not hounds.behind


def test_a_training_that_went_back_begins_anew() -> None:
    metrics, hounds = watch()
    feed(metrics, np.concatenate([noisy(300), noisy(10, level=0.9)]))
    assert hounds.look() == ()
    metrics.feed([Started(time=0.0, total_steps=1000)])
    feed(metrics, noisy(260, level=0.9, seed=2), first=101)  # past where it was before
    (alarm,) = hounds.look()
    assert 99 <= alarm.step <= 105


@pytest.mark.parametrize("path", sorted(LOSSES.glob("*.csv")), ids=lambda path: path.stem)
def test_recorded_trainings_are_judged_rightly(path: Path) -> None:
    metrics, hounds = watch()
    feed(metrics, [float(line) for line in path.read_text(encoding="utf-8").split()])
    barked = {Dog.DIVERGED, Dog.NAN_LOSS} & set(dogs(hounds.look()))
    assert bool(barked) == (path.name.startswith("diverging") and path.stem not in MISSED)


def test_d_that_never_leaves_d0_is_told_when_there_were_enough_steps() -> None:
    metrics, hounds = watch()
    feed(metrics, noisy(150), np.full(150, 1e-6))
    assert hounds.look() == ()
    feed(metrics, noisy(100), np.full(100, 1e-6), first=151)
    (alarm,) = hounds.look()
    assert alarm.dog is Dog.D_STUCK
    assert "1e-4" in alarm.text.en


def test_d_that_still_rises_is_told_near_the_end_only() -> None:
    rising = 1e-6 * 1.02 ** np.arange(300)
    metrics, hounds = watch(total=300)
    feed(metrics, noisy(200), rising[:200])
    assert hounds.look() == ()
    feed(metrics, noisy(100), rising[200:], first=201)
    (alarm,) = hounds.look()
    assert alarm.dog is Dog.D_RISING
    settled = np.minimum(rising, 3e-5)
    metrics, hounds = watch(total=300)
    feed(metrics, noisy(300), settled)
    metrics.feed([Finished(time=1.0, step=300, how="returned")])
    assert hounds.look(Moment(over=True)) == ()


def test_no_progress_passes_when_the_training_goes_on() -> None:
    metrics, hounds = watch(WatchSettings(minutes=5))
    feed(metrics, noisy(10))
    assert hounds.look(Moment(idle=299)) == ()
    assert dogs(hounds.look(Moment(idle=300))) == [Dog.NO_PROGRESS]
    assert hounds.look(Moment(idle=400)) == ()
    assert hounds.look(Moment(idle=1)) == ()
    assert hounds.active == ()
    assert dogs(hounds.look(Moment(idle=300))) == [Dog.NO_PROGRESS]


def test_disk_and_gpu_are_told_while_they_last() -> None:
    _, hounds = watch(WatchSettings(free_bytes=1 << 30))
    assert hounds.look(Moment(around=Around(free=2 << 30, gpus=2))) == ()
    assert dogs(hounds.look(Moment(around=Around(free=1, gpus=1)))) == [Dog.DISK, Dog.GPU]
    assert dogs(hounds.active) == [Dog.DISK, Dog.GPU]
    hounds.look()  # nobody asked: they stay
    assert dogs(hounds.active) == [Dog.DISK, Dog.GPU]
    hounds.look(Moment(around=Around(free=2 << 30, gpus=2)))
    assert hounds.active == ()
    assert dogs(hounds.look(Moment(log="step 3\nRuntimeError: CUDA error: unknown error\n"))) == [Dog.GPU]


def test_a_dog_that_is_off_is_silent() -> None:
    metrics, hounds = watch(WatchSettings(on=frozenset({Dog.DISK})))
    feed(metrics, [0.1, math.nan])
    assert hounds.look(Moment(idle=1e6)) == ()


def test_without_the_job_the_loss_is_watched_all_the_same() -> None:
    metrics = RunMetrics()
    hounds = Watchdogs(metrics, None, CATALOGUE)
    feed(metrics, [math.nan] * 300, np.full(300, 1e-6))
    assert dogs(hounds.look()) == [Dog.NAN_LOSS]


def test_lines_of_a_log_that_say_that_a_gpu_is_gone() -> None:
    assert gpu_trouble_in("a\nNVRM: Xid (PCI:0000:01:00): 79, GPU has fallen off the bus.\n") is not None
    assert gpu_trouble_in("torch.cuda.OutOfMemoryError: CUDA out of memory.") is None


@pytest.mark.skipif(os.name == "nt", reason="a shell script stands in for nvidia-smi")
def test_the_disk_and_a_real_nvidia_smi_are_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'GPU 0: NVIDIA (UUID: GPU-1)'\necho 'GPU 1: NVIDIA (UUID: GPU-2)'\n", encoding="utf-8")
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin{os.pathsep}/usr/bin")
    around = look_around([tmp_path / "not" / "there" / "yet"])
    assert around.gpus == 2
    assert around.free is not None
    assert around.free > 0
    tool.write_text("#!/bin/sh\necho 'Unable to determine the device handle: GPU is lost'\nexit 15\n", encoding="utf-8")
    assert look_around([]).gpus == 0
