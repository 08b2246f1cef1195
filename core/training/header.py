"""What the header of a saved LoRA says about the training: data, model and length, in sd-scripts' words.

Source: sd-scripts, train_network.py, NetworkTrainer.train, from "TODO refactor metadata creation" on.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path

from core.training.data.contents import DataReport, DatasetContents
from core.training.loop import Length
from core.training.plan import Plan

_OLD_HASH_START, _OLD_HASH_LENGTH = 0x100000, 0x10000
_CHUNK = 1 << 22


class ModelHash:
    """The hashes of a model's file, made in a thread while the training begins: of a whole file that takes seconds.

    Args:
        path: a file, or a diffusers folder, which has no hash.
        name: what the header calls it; its file's name if "".
        part: which of the header's texts they are, "sd_model" or "vae".
    """

    def __init__(self, path: Path, name: str = "", part: str = "sd_model") -> None:
        self._path = path
        self._name = name or path.name
        self._part = part
        self._old = self._new = ""
        self._thread = threading.Thread(target=self._read, name="model hash", daemon=True)
        self._thread.start()

    def texts(self) -> dict[str, str]:
        """Name and hashes; waits for the thread. What cannot be read has no hash."""
        self._thread.join()
        texts = {f"ss_{self._part}_name": self._name}
        if self._new:
            texts |= {f"ss_{self._part}_hash": self._old, f"ss_new_{self._part}_hash": self._new}
        return texts

    def _read(self) -> None:
        if not self._path.is_file():
            return
        digest = hashlib.sha256()
        try:
            # Both now: when the LoRA is saved, the file may have been moved.
            old = _old_hash(self._path)
            with open(self._path, "rb") as stream:
                while chunk := stream.read(_CHUNK):
                    digest.update(chunk)
        except OSError:
            return
        self._old, self._new = old, digest.hexdigest()


def _old_hash(path: Path) -> str:
    """What AUTOMATIC1111's web UI called a model's hash at first."""
    with open(path, "rb") as stream:
        stream.seek(_OLD_HASH_START)
        return hashlib.sha256(stream.read(_OLD_HASH_LENGTH)).hexdigest()[:8]


def data_texts(plan: Plan, report: DataReport, length: Length) -> dict[str, object]:
    """The `ss_…` values about data and length.

    Args:
        plan: of the job.
        report: what was found on the disk.
        length: of the training.
    """
    datasets = report.datasets
    values: dict[str, object] = {
        "ss_num_train_images": sum(dataset.train_count for dataset in datasets),
        "ss_num_validation_images": sum(dataset.train_count for dataset in report.held_out),
        "ss_num_reg_images": sum(dataset.reg_count for dataset in datasets),
        "ss_num_batches_per_epoch": length.batches,
        "ss_num_epochs": length.epochs,
        "ss_max_train_steps": length.steps,
    }
    if plan.data.dataset_config:
        return values | _of_many(datasets)
    return values | _of_one(plan, datasets[0])


def _of_one(plan: Plan, contents: DatasetContents) -> dict[str, object]:
    settings, subset = contents.settings, plan.data.subset
    dirs = _folders(contents)
    resolution = settings.resolution or (0, 0)
    return {
        "ss_batch_size_per_device": settings.batch_size,
        "ss_total_batch_size": settings.batch_size * plan.loop.accumulation,
        "ss_resolution": f"({resolution[0]}, {resolution[1]})",
        "ss_color_aug": subset.color_aug,
        "ss_flip_aug": subset.flip_aug,
        "ss_random_crop": subset.random_crop,
        "ss_shuffle_caption": subset.shuffle_caption,
        "ss_enable_bucket": settings.enable_bucket,
        "ss_bucket_no_upscale": settings.bucket_no_upscale,
        "ss_min_bucket_reso": settings.min_bucket_reso,
        "ss_max_bucket_reso": settings.max_bucket_reso,
        "ss_keep_tokens": subset.keep_tokens,
        "ss_dataset_dirs": json.dumps(dirs[False]),
        "ss_reg_dataset_dirs": json.dumps(dirs[True]),
        "ss_tag_frequency": json.dumps(contents.tag_frequency()),
        "ss_bucket_info": json.dumps(contents.bucket_info()),
    }


def _of_many(datasets: tuple[DatasetContents, ...]) -> dict[str, object]:
    described: list[Mapping[str, object]] = []
    tags: dict[str, Mapping[str, int]] = {}
    dirs: dict[str, Mapping[str, int]] = {}
    for contents in datasets:
        settings, frequency = contents.settings, contents.tag_frequency()
        described.append(
            {
                "is_dreambooth": True,
                "batch_size_per_device": settings.batch_size,
                "num_train_images": contents.train_count,
                "num_reg_images": contents.reg_count,
                "resolution": settings.resolution,
                "enable_bucket": settings.enable_bucket,
                "min_bucket_reso": settings.min_bucket_reso,
                "max_bucket_reso": settings.max_bucket_reso,
                "tag_frequency": frequency,
                "bucket_info": contents.bucket_info(),
                "resize_interpolation": settings.resize_interpolation,
                "subsets": [
                    {
                        "img_count": contents.image_count(subset),
                        "num_repeats": subset.num_repeats,
                        "color_aug": subset.color_aug,
                        "flip_aug": subset.flip_aug,
                        "random_crop": subset.random_crop,
                        "shuffle_caption": subset.shuffle_caption,
                        "keep_tokens": subset.keep_tokens,
                        "keep_tokens_separator": subset.keep_tokens_separator,
                        "secondary_separator": subset.secondary_separator or None,
                        "enable_wildcard": subset.enable_wildcard,
                        "caption_prefix": subset.caption_prefix or None,
                        "caption_suffix": subset.caption_suffix or None,
                        "resize_interpolation": subset.resize_interpolation,
                        "image_dir": _name(subset.image_dir),
                        "class_tokens": subset.class_tokens,
                        "is_reg": subset.is_reg,
                    }
                    for subset in settings.subsets
                ],
            }
        )
        tags |= {name: counts for name, counts in frequency.items() if name not in tags}
        for subset in settings.subsets:
            if not subset.is_reg:
                counts = {"n_repeats": subset.num_repeats, "img_count": contents.image_count(subset)}
                dirs[_unused(_name(subset.image_dir), dirs)] = counts
    return {
        "ss_datasets": json.dumps(described),
        "ss_tag_frequency": json.dumps(tags),
        "ss_dataset_dirs": json.dumps(dirs),
    }


def _folders(contents: DatasetContents) -> dict[bool, dict[str, Mapping[str, int]]]:
    """The folders of images and of regularization images, by name."""
    found: dict[bool, dict[str, Mapping[str, int]]] = {False: {}, True: {}}
    for subset in contents.settings.subsets:
        found[subset.is_reg][_name(subset.image_dir)] = {
            "n_repeats": subset.num_repeats,
            "img_count": contents.image_count(subset),
        }
    return found


def _unused(name: str, taken: Mapping[str, object]) -> str:
    """The name, or with a number behind it where several datasets have a folder of that name."""
    number, found = 2, name
    while found in taken:
        number, found = number + 1, f"{name} ({number})"
    return found


def _name(folder: str) -> str:
    return os.path.basename(folder.replace("\\", "/").rstrip("/"))
