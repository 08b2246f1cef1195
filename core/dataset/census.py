"""Counting what will be trained, from the headers of the images and from the captions.

The looking and the buckets are the built-in trainer's (`core.training.data`), which are held against sd-scripts' own.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.dataset.config import Fault, config_faults, document_faults
from core.dataset.memory import LookMemory
from core.dataset.source import parse, read_source
from core.errors import Problems
from core.job.model import Job
from core.text import Text
from core.training.data.check import Counting, check_data
from core.training.data.contents import DataReport, DatasetContents
from core.training.data.scan import Looks
from core.training.data.settings import DataSettings, Size, read_settings
from core.training.options import OptionReader

_DEFAULT_STEPS = 1600


@dataclass(frozen=True, slots=True)
class Bucket:
    """One size that images are brought to. `size` is width and height in pixels, `count` includes repeats."""

    size: Size
    count: int


@dataclass(frozen=True, slots=True)
class Folder:
    """One subset.

    Attributes:
        path: of its folder, or of its metadata file.
        images: files that can be trained on.
        repeats: how often each comes in an epoch.
        captions: images with a caption that says something.
        is_reg: regularization images.
    """

    path: str
    images: int
    repeats: int
    captions: int
    is_reg: bool


@dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset: its folders, its buckets (the most first), its batch size and micro-batches in an epoch."""

    folders: tuple[Folder, ...]
    buckets: tuple[Bucket, ...]
    batch_size: int
    batches: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """All that will be trained.

    Attributes:
        datasets: with images; empty where there are none.
        images: files, regularization images aside.
        repeated: the same with their repeats: what comes in an epoch.
        reg_images: regularization images that are used: as many as there are others, with their repeats.
        steps_per_epoch: optimizer steps.
        steps: of the whole training.
        epochs: of the whole training; the last one may end early.
        errors: why it cannot be trained.
        warnings: what somebody should know.
    """

    datasets: tuple[Dataset, ...]
    images: int
    repeated: int
    reg_images: int
    steps_per_epoch: int
    steps: int
    epochs: int
    errors: tuple[Text, ...]
    warnings: tuple[Text, ...]

    @property
    def batches(self) -> int:
        """Micro-batches of an epoch."""
        return sum(dataset.batches for dataset in self.datasets)

    @property
    def without_caption(self) -> int:
        """Images that have no caption, or one that says nothing."""
        return sum(folder.images - folder.captions for dataset in self.datasets for folder in dataset.folders)


def count_images(
    job: Job,
    base: Path | None = None,
    *,
    config: Mapping[str, Any] | None = None,
    progress: Callable[[int], None] | None = None,
    looks: Looks | None = None,
) -> Census:
    """Looks at every image and caption that the job names; reads headers, no pixels, and changes nothing of theirs.

    Args:
        job: the job.
        base: where relative paths start: sd-scripts' checkout, where sd-scripts runs; None for the current folder.
        config: what the job's `dataset_config` says, where that is not on the disk yet.
        progress: told how many images were looked at; what it raises ends the counting.
        looks: remembers what images look like; Caddie's own memory if None.

    Raises:
        Problems: options about the data that cannot be read.
    """
    reader = OptionReader(job.options)
    settings = read_settings(reader)
    if reader.problems:
        raise Problems(Text("The images cannot be counted:", "画像を数えられません:"), reader.problems)
    settings = _from(settings, base)
    faults: tuple[Fault, ...] = ()
    if config is not None:
        faults = document_faults(config, masked_loss=settings.masked_loss)
    elif settings.dataset_config and job.engine == "sd-scripts":
        faults, config = _read(Path(settings.dataset_config), masked_loss=settings.masked_loss)
    errors = tuple(fault.whole for fault in faults if fault.severity == "error")
    if errors:
        return _census(job, DataReport(settings=settings, is_sdxl=False, datasets=(), held_out=(), errors=errors, warnings=()))
    seed = job.options.get("seed")
    report = check_data(
        settings,
        is_sdxl=job.script.startswith("sdxl_"),
        seed=seed if isinstance(seed, int) else 0,
        progress=progress,
        whole=False,
        counting=Counting(document=config, looks=looks if looks is not None else LookMemory()),
    )
    warnings = tuple(fault.whole for fault in faults if fault.code != "twice")  # which the counting finds itself
    return _census(job, replace(report, warnings=(*warnings, *report.warnings)))


def _read(path: Path, *, masked_loss: bool) -> tuple[tuple[Fault, ...], dict[str, Any] | None]:
    """What is wrong with a dataset config, and what it says where anybody can read it."""
    faults = config_faults(path, masked_loss=masked_loss)
    if any(fault.code == "file" for fault in faults):
        named = (replace(fault, text=Text(f"{path}: {fault.text.en}", f"{path}: {fault.text.ja}")) for fault in faults)
        return tuple(named), None
    return faults, parse(read_source(path)).document


def _from(settings: DataSettings, base: Path | None) -> DataSettings:
    if base is None:
        return settings

    def whole(path: str) -> str:
        return os.path.join(base, path) if path else path  # an absolute path stays as it is

    return replace(
        settings,
        train_data_dir=whole(settings.train_data_dir),
        reg_data_dir=whole(settings.reg_data_dir),
        dataset_config=whole(settings.dataset_config),
        base=str(base),
    )


def _census(job: Job, report: DataReport) -> Census:
    datasets = tuple(_dataset(contents) for contents in report.datasets)
    batches = sum(dataset.batches for dataset in datasets)
    per_epoch = math.ceil(batches / (_whole(job, "gradient_accumulation_steps") or 1))
    said = _whole(job, "max_train_epochs")
    steps = said * per_epoch if said else _whole(job, "max_train_steps") or _DEFAULT_STEPS
    steps = steps if per_epoch else 0
    folders = [folder for dataset in datasets for folder in dataset.folders]
    return Census(
        datasets=datasets,
        images=sum(folder.images for folder in folders if not folder.is_reg),
        repeated=sum(contents.train_count for contents in report.datasets),
        reg_images=sum(folder.images for folder in folders if folder.is_reg),
        steps_per_epoch=per_epoch,
        steps=steps,
        epochs=said or (math.ceil(steps / per_epoch) if per_epoch else 0),
        errors=report.errors,
        warnings=report.warnings,
    )


def _whole(job: Job, name: str) -> int:
    said = job.options.get(name)
    return said if isinstance(said, int) and not isinstance(said, bool) and said > 0 else 0


def _dataset(contents: DatasetContents) -> Dataset:
    counts: Counter[Size] = Counter()
    images: Counter[str] = Counter()
    captions: Counter[str] = Counter()
    for image in contents.images:
        counts[image.place.bucket] += image.repeats
        images[image.subset.source] += 1
        captions[image.subset.source] += bool(image.caption and image.caption_time)
    size = contents.settings.batch_size
    subsets = {image.subset.source: image.subset for image in contents.images}
    folders = (Folder(path, images[path], subset.num_repeats, captions[path], subset.is_reg) for path, subset in subsets.items())
    buckets = tuple(Bucket(bucket, count) for bucket, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])))
    return Dataset(tuple(folders), buckets, size, sum(math.ceil(bucket.count / size) for bucket in buckets))
