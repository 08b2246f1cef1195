"""What was found in the user's folders, as far as the training needs it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from core.errors import Problems
from core.text import Text
from core.training.data.buckets import Placing
from core.training.data.settings import DatasetSettings, DataSettings, Size, SubsetSettings

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageEntry:
    """One image of a dataset.

    Attributes:
        path: whole path of the file.
        name: of the image among all of the training, the same on another machine; random choices are made from it.
        size: upright, width and height.
        caption: as it stands in the file.
        caption_time: when the caption was last changed, in seconds; 0 where it has no file.
        subset: what is done to it.
        repeats: how often it comes in an epoch.
        place: the size it becomes.
        mask: path of its mask; "" for none.
    """

    path: str
    name: str
    size: Size
    caption: str
    subset: SubsetSettings
    repeats: int
    place: Placing
    caption_time: float = 0.0
    mask: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetContents:
    """One dataset and its images.

    Attributes:
        settings: with the subsets that hold images.
        images: regularization images last.
        reg_count: regularization images that were found, with their folders' repeats (`num_reg_images`).
    """

    settings: DatasetSettings
    images: tuple[ImageEntry, ...]
    reg_count: int = 0

    @property
    def train_count(self) -> int:
        """Images with their repeats, regularization images aside (`num_train_images`)."""
        return sum(image.repeats for image in self.images if not image.subset.is_reg)

    def image_count(self, subset: SubsetSettings) -> int:
        """Images of a subset, without repeats (`img_count`)."""
        return sum(image.subset.image_dir == subset.image_dir for image in self.images)

    def bucket_info(self) -> dict[str, Any] | None:
        """What sd-scripts tells of the buckets in a LoRA's metadata (BaseDataset.make_buckets); None without buckets."""
        if not self.settings.enable_bucket:
            return None
        counts: Counter[Size] = Counter()
        errors: list[float] = []
        for image in self.images:
            (width, height), size = image.place.bucket, image.size
            counts[width, height] += image.repeats
            errors.append(abs(width / height - size[0] / size[1]))
        buckets = {number: {"resolution": size, "count": counts[size]} for number, size in enumerate(sorted(counts))}
        return {"buckets": buckets, "mean_img_ar_error": sum(errors) / len(errors) if errors else 0}

    def tag_frequency(self) -> dict[str, dict[str, int]]:
        """How often each tag stands in the captions, by folder name (BaseDataset.set_tag_frequency)."""
        counts: dict[str, dict[str, int]] = {}
        for image in self.images:
            of_folder = counts.setdefault(image.subset.image_dir.replace("\\", "/").rstrip("/").rpartition("/")[2], {})
            for tag in filter(None, (word.strip().lower() for word in image.caption.split(","))):
                of_folder[tag] = of_folder.get(tag, 0) + 1
        return counts


@dataclass(frozen=True, slots=True, kw_only=True)
class DataReport:
    """What the check of the data found.

    Attributes:
        settings: of the job.
        is_sdxl: whether the caches are those of SDXL.
        datasets: what is trained on.
        held_out: what the validation loss is measured on; empty where nothing is held out.
        errors: the training cannot start with these.
        warnings: it can, but somebody should know.
    """

    settings: DataSettings
    is_sdxl: bool
    datasets: tuple[DatasetContents, ...]
    held_out: tuple[DatasetContents, ...]
    errors: tuple[Text, ...]
    warnings: tuple[Text, ...]

    def raise_errors(self) -> None:
        """Says everything that is in the way.

        Raises:
            Problems: there are errors.
        """
        if self.errors:
            raise Problems(
                Text("The training cannot start with these images:", "画像データに問題があるため、学習を開始できません:"),
                self.errors,
            )


def split(items: Sequence[_T], share: float, seed: int) -> tuple[list[_T], list[_T]]:
    """Holds a share of some images out (split_train_val in sd-scripts' library/train_util.py).

    Held out are those that sd-scripts holds out; it trains on one of them all the same where the share is rounded up.

    Args:
        items: in the folder's order.
        share: 0 to 1.
        seed: of the choice; the same one holds the same images out.

    Returns:
        What is trained on, and what is held out.
    """
    shuffled = list(items)
    random.Random(seed).shuffle(shuffled)
    kept = len(shuffled) - round(len(shuffled) * share)
    return shuffled[:kept], shuffled[kept:]


def share_out(train_count: int, images: Iterable[ImageEntry]) -> list[ImageEntry]:
    """Repeats regularization images until there are as many as others; leaves out those that are too many.

    Source: the end of DreamBoothDataset.__init__ in sd-scripts' library/train_util.py.

    Args:
        train_count: other images, with their repeats.
        images: the regularization images.
    """
    given = list(images)
    repeats: list[int] = []
    missing = train_count
    for image in given:
        if missing <= 0:
            break
        repeats.append(image.repeats)
        missing -= image.repeats
    if missing > 0 and repeats:
        every, rest = divmod(missing, len(repeats))
        repeats = [one + every + (number < rest) for number, one in enumerate(repeats)]
    return [replace(image, repeats=count) for image, count in zip(given, repeats, strict=False)]
