"""What a LoRA's header says about models and datasets: the keys of sd-scripts' train_network.py, in its words."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from core.training.data.check import check_data
from core.training.data.contents import DataReport
from core.training.header import ModelHash, data_texts
from core.training.loop import Length
from core.training.plan import Plan, plan_of
from tests.helpers.tiny_training import draw_pictures, tiny_job

DATASET = {
    "is_dreambooth", "batch_size_per_device", "num_train_images", "num_reg_images", "resolution", "enable_bucket",
    "min_bucket_reso", "max_bucket_reso", "tag_frequency", "bucket_info", "resize_interpolation", "subsets",
}  # fmt: skip
SUBSET = {
    "img_count", "num_repeats", "color_aug", "flip_aug", "random_crop", "shuffle_caption", "keep_tokens",
    "keep_tokens_separator", "secondary_separator", "enable_wildcard", "caption_prefix", "caption_suffix",
    "resize_interpolation", "image_dir", "class_tokens", "is_reg",
}  # fmt: skip
"""Of "save metadata of multiple datasets" in train_network.py."""


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, DataReport]:
    folder = tmp_path_factory.mktemp("data")
    lines = ["[general]", 'caption_extension = ".txt"']
    for name, is_reg in (("one", "false"), ("two", "false"), ("reg", "true")):
        draw_pictures(folder / name)
        path = (folder / name / "2_shapes").as_posix()
        lines += ["[[datasets]]", "resolution = 64", "batch_size = 2"]
        lines += ["[[datasets.subsets]]", f'image_dir = "{path}"', f"is_reg = {is_reg}", 'class_tokens = "shape"']
    config = folder / "datasets.toml"
    config.write_text("\n".join(lines), encoding="utf-8")
    job = tiny_job(folder, dataset_config=str(config))
    for name in ("train_data_dir", "resolution", "caption_extension", "train_batch_size"):
        job = job.with_option(name, None)
    plan = plan_of(job)
    return plan, check_data(plan.data, is_sdxl=False, seed=1)


def test_several_datasets_are_described_as_by_sd_scripts(several: tuple[Plan, DataReport]) -> None:
    plan, report = several
    texts = data_texts(plan, report, Length(batches=4, steps_per_epoch=4, steps=8, epochs=2))
    datasets = json.loads(str(texts["ss_datasets"]))
    assert all(dataset.keys() == DATASET for dataset in datasets)
    assert all(subset.keys() == SUBSET for dataset in datasets for subset in dataset["subsets"])
    counts = {"n_repeats": 1, "img_count": 4}
    # Folders of one name are counted through; regularization images are left out.
    assert json.loads(str(texts["ss_dataset_dirs"])) == {"2_shapes": counts, "2_shapes (2)": counts}


def test_a_models_file_has_both_hashes_and_a_folder_none(tmp_path: Path) -> None:
    file = tmp_path / "vae.safetensors"
    file.write_bytes(b"x" * 0x100000 + b"y" * 0x20000)
    old = hashlib.sha256(b"y" * 0x10000).hexdigest()[:8]
    new = hashlib.sha256(file.read_bytes()).hexdigest()
    assert ModelHash(file, part="vae").texts() == {"ss_vae_name": "vae.safetensors", "ss_vae_hash": old, "ss_new_vae_hash": new}
    assert ModelHash(tmp_path, "someone/model").texts() == {"ss_sd_model_name": "someone/model"}
