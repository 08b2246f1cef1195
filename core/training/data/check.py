"""Looking at all images and captions before anything is loaded: what is wrong is said in one list.

No torch: a training that cannot start is told so within seconds.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from core.errors import CaddieError, Problems, ValueProblem
from core.training.data.ahead import WORKERS
from core.training.data.buckets import BucketChooser
from core.training.data.cache_files import latents_path
from core.training.data.config_file import read_datasets
from core.training.data.contents import DataReport, DatasetContents, ImageEntry, share_out, split
from core.training.data.folders import Findings, repeated_folders
from core.training.data.listed import ListedScan, without_twins
from core.training.data.scan import Looks, SubsetScan
from core.training.data.settings import DatasetSettings, DataSettings, Size, SubsetSettings

_HEADERS_TOGETHER = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """Counting for a training that something else does.

    Attributes:
        document: what the job's `dataset_config` says, without faults; None where there is none, or to read it as for a training.
        looks: remembers what images look like; None to look at each.
    """

    document: Mapping[str, Any] | None = None
    looks: Looks | None = None


def check_data(
    settings: DataSettings,
    *,
    is_sdxl: bool,
    seed: int,
    progress: Callable[[int], None] | None = None,
    workers: int = WORKERS,
    whole: bool = True,
    counting: Counting | None = None,
) -> DataReport:
    """Looks at everything that the training will read. Changes nothing.

    Args:
        settings: of the job.
        is_sdxl: whether the model is an SDXL.
        seed: of the training; chooses what is held out where the job has no validation_seed.
        progress: told how many images were looked at.
        workers: threads.
        whole: decode the images too, to know that none is cut short; otherwise their headers are read.
        counting: nobody trains, so all that sd-scripts reads is counted; None for a training.

    Returns:
        What was found; `raise_errors` says what is in the way.
    """
    findings = Findings()
    count = itertools.count(1)

    def told() -> None:
        if progress is not None:
            progress(next(count))

    def kept(path: str, size: Size) -> bool:
        return not whole or (settings.cache_latents_to_disk and os.path.exists(latents_path(path, size, is_sdxl=is_sdxl)))

    datasets: list[DatasetContents] = []
    held_out: list[DatasetContents] = []
    looks = counting.looks if counting is not None else None
    for number, dataset in enumerate(_find_datasets(settings, findings, counting)):
        chooser = _check_settings(settings, dataset, findings, is_sdxl=is_sdxl)
        if chooser is None:
            continue
        train: list[ImageEntry] = []
        reg: list[ImageEntry] = []
        kept_out: list[ImageEntry] = []
        for place, subset in enumerate(_used_subsets(dataset, findings)):
            name = f"{number}/{place}"
            if subset.metadata_file:
                entries = ListedScan(subset, chooser, name, findings, looks, is_sdxl=is_sdxl).entries(told)
            else:
                scan = SubsetScan(subset, chooser, name, findings, looks)
                entries = scan.entries(kept, told, workers, 1 if whole else _HEADERS_TOGETHER)
            if subset.is_reg:
                reg += entries
            elif dataset.validation_split > 0 and not subset.metadata_file:
                choice = seed if dataset.validation_seed is None else dataset.validation_seed
                trained, others = split(entries, dataset.validation_split, choice)
                train += trained
                kept_out += [replace(image, repeats=1) for image in others]
            else:
                train += entries
        contents = _contents(dataset, without_twins(train, findings), reg, findings)
        datasets.append(contents)
        if kept_out:
            held_out.append(DatasetContents(settings=contents.settings, images=tuple(kept_out)))
    if not any(contents.images for contents in datasets) and not findings.errors:
        findings.error("There is not a single image to train on.", "学習に使える画像が 1 枚もありません。")
    return DataReport(
        settings=settings,
        is_sdxl=is_sdxl,
        datasets=tuple(contents for contents in datasets if contents.images),
        held_out=tuple(held_out),
        errors=tuple(findings.errors),
        warnings=tuple(findings.warnings),
    )


def _find_datasets(settings: DataSettings, findings: Findings, counting: Counting | None) -> tuple[DatasetSettings, ...]:
    document = counting.document if counting is not None else None
    if settings.dataset_config or document is not None:
        if settings.train_data_dir or settings.reg_data_dir:
            findings.warn(
                "train_data_dir and reg_data_dir are not used, because there is a dataset_config.",
                "dataset_config があるため、train_data_dir と reg_data_dir は使われません。",
            )
        try:
            datasets = read_datasets(settings) if document is None else read_datasets(settings, counting=True, document=document)
        except Problems as problems:
            findings.errors += [*problems.problems]
            return ()
        except CaddieError as error:
            findings.errors.append(error.text)
            return ()
        if not datasets:
            findings.error(
                f"{settings.dataset_config} has no [[datasets]].", f"{settings.dataset_config} に [[datasets]] がありません。"
            )
        return datasets
    if not settings.train_data_dir:
        findings.error(
            "train_data_dir is missing: where are the images?", "train_data_dir(画像のフォルダー)が指定されていません。"
        )
        return ()
    subsets = repeated_folders(settings.train_data_dir, settings.subset, findings, is_reg=False)
    subsets += repeated_folders(settings.reg_data_dir, settings.subset, findings, is_reg=True)
    return (replace(settings.dataset, subsets=subsets),)


def _check_settings(
    settings: DataSettings, dataset: DatasetSettings, findings: Findings, *, is_sdxl: bool
) -> BucketChooser | None:
    """What does not go together, whatever the images are."""
    subsets = dataset.subsets
    if settings.cache_latents and any(subset.changes_pixels for subset in subsets):
        findings.error(
            "cache_latents cannot be used with color_aug or random_crop, which change the images at each step.",
            "cache_latents は、画像が毎回変わる color_aug や random_crop とは一緒に使えません。",
        )
    if settings.cache_text and not is_sdxl:
        findings.error(
            "cache_text_encoder_outputs is there for SDXL alone.", "cache_text_encoder_outputs は SDXL でのみ使えます。"
        )
    if settings.cache_text and any(subset.changes_captions for subset in subsets):
        findings.error(
            "cache_text_encoder_outputs cannot be used with what changes the captions from step to step: shuffle_caption, "
            "enable_wildcard, token_warmup_step, caption_dropout_rate, caption_dropout_every_n_epochs, caption_tag_dropout_rate.",
            "cache_text_encoder_outputs は、キャプションが毎回変わる設定(shuffle_caption、enable_wildcard、token_warmup_step、"
            "caption_dropout_rate、caption_dropout_every_n_epochs、caption_tag_dropout_rate)とは一緒に使えません。",
        )
    if dataset.validation_split > 1:
        findings.error(
            f"validation_split = {dataset.validation_split} is more than 1.",
            f"validation_split = {dataset.validation_split} は 1 より大きい値です。",
        )
    if dataset.resolution is None:
        findings.error("resolution is missing.", "resolution(解像度)が指定されていません。")
        return None
    needed = (32 if is_sdxl else 64) if dataset.enable_bucket else 8
    if dataset.enable_bucket and dataset.bucket_reso_steps % needed:
        findings.error(
            f"bucket_reso_steps = {dataset.bucket_reso_steps} has to be a multiple of {needed}.",
            f"bucket_reso_steps = {dataset.bucket_reso_steps} は {needed} の倍数にしてください。",
        )
        return None
    if not dataset.enable_bucket and any(side % needed for side in dataset.resolution):
        findings.error(
            f"resolution = {dataset.resolution[0]},{dataset.resolution[1]} has to be multiples of {needed}.",
            f"resolution = {dataset.resolution[0]},{dataset.resolution[1]} は {needed} の倍数にしてください。",
        )
        return None
    try:
        return BucketChooser(dataset)
    except ValueProblem as problem:
        findings.errors.append(problem.text)
        return None


def _used_subsets(dataset: DatasetSettings, findings: Findings) -> Iterator[SubsetSettings]:
    known: set[str] = set()
    for subset in dataset.subsets:
        folder = os.path.normcase(os.path.abspath(subset.source))
        if folder in known:
            findings.warn(
                f"{subset.source}: named twice; only the first time counts.",
                f"{subset.source}: 2 回指定されています。最初の指定だけが使われます。",
            )
        elif subset.num_repeats < 1:
            findings.warn(
                f"{subset.source}: left out, because num_repeats = {subset.num_repeats}.",
                f"{subset.source}: num_repeats = {subset.num_repeats} のため使われません。",
            )
        else:
            known.add(folder)
            yield replace(subset, resize_interpolation=subset.resize_interpolation or dataset.resize_interpolation)


def _contents(
    dataset: DatasetSettings, train: Sequence[ImageEntry], reg: Sequence[ImageEntry], findings: Findings
) -> DatasetContents:
    images = [*train, *share_out(sum(image.repeats for image in train), reg)]
    left_out = len(train) + len(reg) - len(images)
    if left_out:
        findings.warn(
            f"{left_out} regularization images are not used, because there are more of them than of the others.",
            f"正則化画像が学習画像より多いため、{left_out} 枚は使われません。",
        )
    folders = {image.subset.source for image in images}
    used = tuple(subset for subset in dataset.subsets if subset.source in folders)
    reg_count = sum(image.repeats for image in reg)
    return DatasetContents(settings=replace(dataset, subsets=used), images=tuple(images), reg_count=reg_count)
