"""Counting a job's images: folders, buckets, captions and steps, beside what sd-scripts counts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from core.cli.main import run
from core.dataset.census import count_images
from core.errors import Problems
from core.job.model import Job
from core.job.store import save_job


def _fill(folder: Path, sizes: list[tuple[int, int]], *, captions: int) -> None:
    folder.mkdir(parents=True)
    for place, size in enumerate(sizes):
        Image.new("RGB", size).save(folder / f"絵{place}.png")
        if place < captions:
            (folder / f"絵{place}.txt").write_text("a cat", encoding="utf-8")


def _job(folder: Path, **options) -> Job:
    shared = {"train_data_dir": str(folder), "resolution": "128,128", "caption_extension": ".txt", "enable_bucket": True}
    return Job(options={**shared, "min_bucket_reso": 64, "max_bucket_reso": 256, **options})


def test_images_repeats_buckets_and_steps(tmp_path):
    _fill(tmp_path / "3_猫", [(128, 128), (128, 128), (256, 64)], captions=2)
    _fill(tmp_path / "1_dog", [(128, 128)], captions=1)
    census = count_images(_job(tmp_path, train_batch_size=2, max_train_epochs=4))
    assert (census.images, census.repeated, census.without_caption) == (4, 10, 1)
    dataset = census.datasets[0]
    assert [(bucket.size, bucket.count) for bucket in dataset.buckets] == [((128, 128), 7), ((256, 64), 3)]
    # Batches hold images of one bucket: 4 of 7 images and 2 of 3.
    assert (dataset.batches, census.steps_per_epoch, census.steps, census.epochs) == (6, 6, 24, 4)
    folders = [(Path(one.path).name, one.images, one.repeats, one.captions) for one in dataset.folders]
    assert sorted(folders) == [("1_dog", 1, 1, 1), ("3_猫", 3, 3, 2)]


def test_steps_with_accumulation_and_without_epochs(tmp_path):
    _fill(tmp_path / "2_cat", [(128, 128)] * 5, captions=5)
    census = count_images(_job(tmp_path, gradient_accumulation_steps=4, max_train_steps=10))
    assert (census.batches, census.steps_per_epoch, census.steps, census.epochs) == (10, 3, 10, 4)
    assert count_images(_job(tmp_path)).steps == 1600, "sd-scripts' own"


def test_regularization_images_fill_up_to_the_others(tmp_path):
    _fill(tmp_path / "img" / "2_cat", [(128, 128)] * 3, captions=3)
    _fill(tmp_path / "reg" / "1_animal", [(128, 128)] * 2, captions=0)
    census = count_images(_job(tmp_path / "img", reg_data_dir=str(tmp_path / "reg")))
    assert (census.images, census.repeated, census.reg_images) == (3, 6, 2)
    assert census.batches == 12


def test_a_dataset_config_with_two_datasets(tmp_path):
    _fill(tmp_path / "a", [(128, 128)] * 2, captions=2)
    _fill(tmp_path / "b", [(64, 64)] * 3, captions=0)
    text = (
        "[general]\ncaption_extension = '.txt'\nenable_bucket = true\n"
        "[[datasets]]\nresolution = 128\nmin_bucket_reso = 64\nbatch_size = 2\n[[datasets.subsets]]\nimage_dir = 'A'\nnum_repeats = 5\n"
        "[[datasets]]\nresolution = 64\nmin_bucket_reso = 64\n[[datasets.subsets]]\nimage_dir = 'B'\nclass_tokens = 'cat'\n"
    )
    text = text.replace("'A'", f"'{tmp_path / 'a'}'").replace("'B'", f"'{tmp_path / 'b'}'")
    (tmp_path / "data.toml").write_text(text, encoding="utf-8")
    census = count_images(Job(options={"dataset_config": str(tmp_path / "data.toml")}))
    assert [(dataset.batch_size, dataset.batches) for dataset in census.datasets] == [(2, 5), (1, 3)]
    assert census.without_caption == 3


def test_relative_paths_start_in_the_checkout(tmp_path, monkeypatch):
    _fill(tmp_path / "checkout" / "img" / "1_cat", [(128, 128)], captions=1)
    job = _job(Path("img"))
    assert count_images(job, tmp_path / "checkout").images == 1
    monkeypatch.chdir(tmp_path)
    assert count_images(job).errors


def test_what_is_wrong_is_told_and_nothing_is_raised(tmp_path):
    _fill(tmp_path / "1_cat", [(128, 128)], captions=1)
    (tmp_path / "1_cat" / "broken.png").write_bytes(b"no image")
    census = count_images(_job(tmp_path))
    assert any("broken.png" in text.en for text in census.errors)
    assert census.images == 1
    empty = count_images(_job(tmp_path / "nothing"))
    assert empty.errors
    assert (empty.images, empty.steps_per_epoch, empty.epochs, empty.steps) == (0, 0, 0, 0)
    with pytest.raises(Problems):
        count_images(_job(tmp_path, train_batch_size="many"))


def test_counting_can_be_ended(tmp_path):
    _fill(tmp_path / "1_cat", [(128, 128)] * 4, captions=0)

    class Ended(Exception):
        pass

    def enough(seen: int) -> None:
        if seen == 2:
            raise Ended

    with pytest.raises(Ended):
        count_images(_job(tmp_path), progress=enough)


def test_the_verb(tmp_path, capsys):
    _fill(tmp_path / "img" / "2_cat", [(128, 128)] * 2, captions=1)
    save_job(_job(tmp_path / "img"), tmp_path / "job.toml")
    assert run(["dataset", str(tmp_path / "job.toml"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["repeated"], found["steps_per_epoch"]) == (4, 4)
    assert run(["dataset", str(tmp_path / "job.toml")]) == 0
    assert "128 × 128" in capsys.readouterr().out
    save_job(_job(tmp_path / "none"), tmp_path / "job.toml")
    assert run(["dataset", str(tmp_path / "job.toml")]) == 1


def test_the_verb_on_a_dataset_config_alone(tmp_path, capsys):
    _fill(tmp_path / "cat", [(128, 128)] * 2, captions=1)
    text = f"[[datasets]]\nresolution = 128\nbatch_size = 2\n[[datasets.subsets]]\nimage_dir = '{tmp_path / 'cat'}'\nnum_repeats = 3\n"
    (tmp_path / "data.toml").write_text(text, encoding="utf-8")
    assert run(["dataset", str(tmp_path / "data.toml")]) == 0
    shown = capsys.readouterr().out
    assert "Steps an epoch" in shown
    assert "Epochs" not in shown, "how long it trains the job says"
    assert run(["dataset", str(tmp_path / "data.toml"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["repeated"], found["steps_per_epoch"], found["steps"]) == (6, 3, 0)
    (tmp_path / "data.toml").write_text(text + "repeats = 1\n", encoding="utf-8")
    assert run(["dataset", str(tmp_path / "data.toml")]) == 1
    assert "num_repeats?" in capsys.readouterr().err
