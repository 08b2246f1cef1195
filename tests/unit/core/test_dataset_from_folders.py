"""Dataset configs made of folders."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from core.dataset.census import count_images
from core.dataset.config import config_faults
from core.dataset.from_folders import config_of_job, folders_named_by, repeats_of, subsets_of_folder
from core.errors import CaddieError
from core.job.model import Job


def _fill(folder: Path, count: int = 1) -> Path:
    folder.mkdir(parents=True)
    for number in range(count):
        Image.new("RGB", (64, 64)).save(folder / f"{number}.png")
    return folder


def test_names_of_folders():
    found = [repeats_of(name) for name in ("10_cat girl", "3", "2_a_b", "0_none", "cat", "x_1", "-1_a")]
    assert found == [(10, "cat girl"), (3, ""), (2, "a_b"), None, None, None, None]


def test_a_folder_becomes_one_subset_or_those_inside(tmp_path):
    plain, named = _fill(tmp_path / "img" / "plain"), _fill(tmp_path / "img" / "5_猫")
    (tmp_path / "img" / "empty").mkdir()
    assert subsets_of_folder(plain) == [{"image_dir": str(plain)}]
    assert subsets_of_folder(tmp_path / "img") == [
        {"image_dir": str(named), "num_repeats": 5, "class_tokens": "猫"},
        {"image_dir": str(plain)},
    ]
    assert subsets_of_folder(tmp_path / "img" / "empty") == []


def test_the_config_of_a_job_trains_what_the_job_does(tmp_path):
    _fill(tmp_path / "img" / "2_猫", 3)
    _fill(tmp_path / "img" / "1_dog", 1)
    _fill(tmp_path / "img" / "loose", 4)
    _fill(tmp_path / "reg" / "1_animal", 2)
    shared = {"resolution": "64", "train_batch_size": 2, "max_train_epochs": 2}
    job = Job(options={**shared, "train_data_dir": "img", "reg_data_dir": "reg"})
    assert folders_named_by(job)
    config = config_of_job(job, tmp_path)
    assert not config_faults(config.text)
    before = count_images(job, tmp_path)
    after = count_images(Job(options=shared), tmp_path, config=config.document())
    assert (after.images, after.repeated, after.reg_images, after.steps, after.datasets) == (
        before.images,
        before.repeated,
        before.reg_images,
        before.steps,
        before.datasets,
    )
    assert (after.images, after.reg_images) == (4, 2)


def test_folders_without_repeats_are_refused(tmp_path):
    _fill(tmp_path / "img" / "cat")
    assert not folders_named_by(Job())
    for name in ("img", "nowhere"):
        with pytest.raises(CaddieError):
            config_of_job(Job(options={"train_data_dir": name}), tmp_path)
