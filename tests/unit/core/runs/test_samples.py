"""Sample pictures by their names, and those that only the folder tells of."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from core.job.model import Job
from core.job.store import save_job
from core.runs.event_lines import encode_event
from core.runs.events import Sample, Step, Warned
from core.runs.folder import RunFolder, make_run_folder, prepare
from core.runs.follow import Follower
from core.runs.records import RunCommand
from core.runs.samples import SampleFolder, SampleName, read_name


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("cat_000300_01_20260101120000_42.png", SampleName(name="cat", step=300, epoch=None, prompt=1, seed=42)),
        ("cat_e000002_00_20260101120000.png", SampleName(name="cat", step=None, epoch=2, prompt=0, seed=None)),
        ("1234567_100_20260101120000_0.png", SampleName(name="", step=1234567, epoch=None, prompt=100, seed=0)),
        (
            r"C:\猫\my_000001_猫_000010_00_20260101120000_1.PNG",
            SampleName(name="my_000001_猫", step=10, epoch=None, prompt=0, seed=1),
        ),
        ("cat.png", None),
        ("cat_000300_01_20260101120000_42.webp", None),
        ("cat_000300_01_42.png", None),
    ],
)
def test_a_name_is_read(name: str, said: SampleName | None) -> None:
    assert read_name(name) == said


def make_run(tmp_path: Path, *, companion: bool = False) -> RunFolder:
    folder = make_run_folder("cat", tmp_path / "runs")
    save_job(Job(name="cat"), folder.job_file)
    command = RunCommand(
        argv=("python",),
        cwd=str(tmp_path),
        companion=companion,
        output_dir=str(tmp_path / "out"),
        output_name="cat",
        created_at=time.time() - 100,
    )
    prepare(folder, command)
    return folder


def picture(tmp_path: Path, name: str, *, age: float = 0.0) -> str:
    path = tmp_path / "out" / "sample" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    os.utime(path, (time.time() - age,) * 2)
    return str(path)


def test_the_folder_tells_new_pictures_of_this_run_once_and_in_order(tmp_path: Path) -> None:
    folder = SampleFolder(make_run(tmp_path))
    assert folder.poll(lambda _: 7, last=True) == []  # no folder yet
    second = picture(tmp_path, "cat_000200_00_20260101120001_1.png", age=10)
    first = picture(tmp_path, "cat_000100_00_20260101120000_1.png", age=20)
    epoch = picture(tmp_path, "cat_e000001_00_20260101120002_1.png", age=5)
    picture(tmp_path, "cat_000050_00_20260101120000_1.png", age=1000)  # of an earlier run
    picture(tmp_path, "dog_000100_00_20260101120000_1.png")  # of another job
    picture(tmp_path, "notes.png")
    found = folder.poll(lambda _: 7, last=True)
    assert [(sample.step, sample.path) for sample in found] == [(100, first), (200, second), (7, epoch)]
    assert folder.poll(lambda _: 7, last=True) == []
    picture(tmp_path, "cat_000300_00_20260101120003_1.png")
    assert [sample.step for sample in folder.poll(lambda _: 7, last=True)] == [300]


def test_a_run_whose_companion_failed_is_looked_after_by_its_folder(tmp_path: Path) -> None:
    run = make_run(tmp_path, companion=True)
    told = picture(tmp_path, "cat_000001_00_20260101120000_1.png")
    lines = [Step(time=1.0, step=1), Sample(time=1.0, step=1, path=told)]
    run.events_file.write_text("".join(encode_event(event) + "\n" for event in lines), encoding="utf-8")
    follower = Follower(run)
    assert [event.path for event in follower.poll().events if isinstance(event, Sample)] == [told]
    untold = picture(tmp_path, "cat_000002_00_20260101120001_1.png")
    assert follower.poll().events == []  # the companion's word counts
    with open(run.events_file, "a", encoding="utf-8") as stream:
        stream.write(encode_event(Warned(time=2.0, step=1, key="companion-failed")) + "\n")
    assert [event.path for event in follower.poll().events if isinstance(event, Sample)] == [untold]
