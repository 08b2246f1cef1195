"""Dataset configs made of folders of images, as sd-scripts takes `<repeats>_<name>` folders.

Source: kohya-ss/sd-scripts at 48d368f, library/config_util.py, generate_dreambooth_subsets_config_by_subdirs.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.dataset.document import DatasetConfig, from_document
from core.errors import CaddieError
from core.job.model import Job
from core.text import Text
from core.training.data.folders import image_files


def repeats_of(name: str) -> tuple[int, str] | None:
    """Repeats and words of a folder's name `<repeats>_<words>`; None where it is no such name."""
    number, _, words = name.partition("_")
    try:
        repeats = int(number)
    except ValueError:
        return None
    return (repeats, words) if repeats > 0 else None


def subsets_of_folder(folder: Path) -> list[dict[str, Any]]:
    """Subsets for a folder that somebody points at: itself where images lie in it, else the folders inside that hold images.

    Repeats and words come from names like `10_cat`, where they are such.

    Raises:
        OSError: it cannot be read.
    """
    if image_files(str(folder))[0]:
        return [_subset(folder)]
    inside = sorted(entry.path for entry in os.scandir(folder) if entry.is_dir() and not entry.name.startswith("."))
    return [_subset(Path(path)) for path in inside if image_files(path)[0]]


def _subset(folder: Path) -> dict[str, Any]:
    named = repeats_of(folder.name)
    if named is None:
        return {"image_dir": str(folder)}
    repeats, words = named
    return {"image_dir": str(folder), "num_repeats": repeats, **({"class_tokens": words} if words else {})}


def folders_named_by(job: Job) -> bool:
    """Whether a job names folders that a config can be made of."""
    return any(isinstance(job.options.get(name), str) and job.options[name] for name in ("train_data_dir", "reg_data_dir"))


def config_of_job(job: Job, base: Path | None = None) -> DatasetConfig:
    """The dataset config that trains what the job's folders do; what it leaves open the job goes on to say.

    Args:
        job: the job.
        base: where its relative paths start; None for the current folder.

    Raises:
        CaddieError: a folder cannot be read, or holds no folder that sd-scripts would take.
    """
    subsets: list[dict[str, Any]] = []
    for name, more in (("train_data_dir", {}), ("reg_data_dir", {"is_reg": True})):
        said = job.options.get(name)
        if isinstance(said, str) and said:
            subsets += [{**subset, **more} for subset in _named_folders(Path(base or "", said))]
    if not subsets:
        said = str(job.options.get("train_data_dir") or "")
        raise CaddieError(
            Text(
                f"There is no folder in {said} whose name begins with a number of repeats, for example 10_name.",
                f"{said} の中に、繰り返し回数で始まる名前のフォルダー(例: 10_name)がありません。",
            )
        )
    return from_document({"datasets": [{"subsets": subsets}]})


def _named_folders(parent: Path) -> Sequence[dict[str, Any]]:
    try:
        names = sorted(entry.name for entry in os.scandir(parent) if entry.is_dir() and repeats_of(entry.name) is not None)
    except OSError as error:
        raise CaddieError(Text(f"{parent} cannot be read: {error}", f"{parent} を読めません: {error}")) from error
    found = [_subset(parent / name) for name in names]
    for subset in found:
        subset.setdefault("class_tokens", "")  # a name without words is a caption without words
    return found
