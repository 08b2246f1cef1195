"""Where the images are: kohya's `<repeats>_<name>` folders, and the image files of a folder.

Source: kohya-ss/sd-scripts at 48d368f; library/config_util.py, generate_dreambooth_subsets_config_by_subdirs;
library/train_util.py, glob_images and IMAGE_EXTENSIONS.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path

from core.text import Text
from core.training.data.settings import SubsetSettings

IMAGE_ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".avif"})
"""Endings of images, whatever their case."""

OTHER_PICTURES = frozenset({".gif", ".tif", ".tiff", ".jxl", ".heic", ".heif", ".jfif", ".psd", ".tga"})
"""Pictures that sd-scripts passes over without a word; here they are named."""


@dataclass(slots=True)
class Findings:
    """What was noticed about the data.

    Attributes:
        errors: the training cannot start with these.
        warnings: it can, but somebody should know.
    """

    errors: list[Text] = field(default_factory=list)
    warnings: list[Text] = field(default_factory=list)

    def error(self, en: str, ja: str) -> None:
        """Remembers what is in the way of the training."""
        self.errors.append(Text(en, ja))

    def warn(self, en: str, ja: str) -> None:
        """Remembers what somebody should know."""
        self.warnings.append(Text(en, ja))


def repeated_folders(parent: str, subset: SubsetSettings, findings: Findings, *, is_reg: bool) -> tuple[SubsetSettings, ...]:
    """The `<repeats>_<name>` folders in a folder, by name; the name is the caption of images that have none.

    Args:
        parent: the folder that holds them; "" for none.
        subset: what holds for each of them.
        findings: gets what is not as it should be.
        is_reg: whether they hold regularization images.
    """
    if not parent:
        return ()
    try:
        folders = sorted(entry.name for entry in os.scandir(parent) if entry.is_dir())
    except OSError as error:
        findings.error(f"{parent}: the folder cannot be read: {error}", f"{parent}: フォルダーを読めません: {error}")
        return ()
    found: list[SubsetSettings] = []
    for name in folders:
        number, _, words = name.partition("_")
        repeats = _whole_number(number)
        path = str(Path(parent, name))
        if repeats is None or repeats < 1:
            if _has_images(path):
                findings.warn(
                    f"{path}: its images are left out, because the folder's name does not begin with how often they are "
                    "repeated (for example 10_name).",
                    f"{path}: フォルダー名が繰り返し回数(例: 10_name)で始まっていないため、この中の画像は使われません。",
                )
            continue
        found.append(replace(subset, image_dir=path, num_repeats=repeats, class_tokens=words, is_reg=is_reg))
    if not found:
        _say_none_found(parent, findings)
    return tuple(found)


def _say_none_found(parent: str, findings: Findings) -> None:
    if _has_images(parent):
        findings.error(
            f"{parent}: the images have to lie in a folder of it whose name says how often they are repeated, "
            f"for example {Path(parent, '10_name')}.",
            f"{parent}: 画像は、このフォルダーの中の、繰り返し回数で始まる名前のフォルダー(例: {Path(parent, '10_name')})に"
            "入れてください。",
        )
    else:
        findings.error(
            f"{parent}: there is no folder in it whose name begins with a number of repeats, for example 10_name.",
            f"{parent}: 繰り返し回数で始まる名前のフォルダー(例: 10_name)がありません。",
        )


def _whole_number(word: str) -> int | None:
    try:
        return int(word)
    except ValueError:
        return None


def image_files(folder: str) -> tuple[list[str], list[str]]:
    """The images of a folder, and the pictures of kinds that are not read, both as whole paths in sd-scripts' order.

    Hidden files (macOS leaves `._name.png` beside `name.png`) are no images.

    Raises:
        OSError: the folder cannot be read.
    """
    images: list[str] = []
    others: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            ending = os.path.splitext(entry.name)[1].lower()
            if entry.name.startswith(".") or entry.is_dir():
                continue
            if ending in IMAGE_ENDINGS:
                images.append(os.path.join(folder, entry.name))
            elif ending in OTHER_PICTURES:
                others.append(os.path.join(folder, entry.name))
    return sorted(images), sorted(others)


def _has_images(folder: str) -> bool:
    try:
        return bool(image_files(folder)[0])
    except OSError:
        return False
