"""Buckets: the sizes that images of many shapes are scaled and cropped to, so that a batch has one shape.

Source: kohya-ss/sd-scripts at 48d368f; library/model_util.py, make_bucket_resolutions; library/train_util.py,
BucketManager and BaseDataset.adjust_min_max_bucket_reso_by_steps, make_buckets. The same sizes for the same images, to the
pixel: latents that were cached by one are read by the other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import ValueProblem
from core.text import Text
from core.training.data.settings import DatasetSettings, Size


@dataclass(frozen=True, slots=True)
class Placing:
    """What becomes of an image.

    Attributes:
        bucket: the size that the training sees.
        scaled: the size that the image is scaled to before it is cropped to the bucket; never smaller than that.
        is_window: a piece of the image as it is, which counts as an image of its own: SDXL is told nothing of the rest.
    """

    bucket: Size
    scaled: Size
    is_window: bool = False


def bucket_sizes(resolution: Size, smallest: int, largest: int, steps: int) -> tuple[Size, ...]:
    """All bucket sizes whose area is not above the resolution's.

    Args:
        resolution: width and height.
        smallest: lower limit of either side.
        largest: upper limit of either side.
        steps: the sides are multiples of it.
    """
    area = resolution[0] * resolution[1]
    side = int(math.sqrt(area) // steps) * steps
    sizes = {(side, side)}
    for width in range(smallest, largest + 1, steps):
        height = min(largest, (area // width) // steps * steps)
        if height >= smallest:
            sizes |= {(width, height), (height, width)}
    return tuple(sorted(sizes))


def limits(settings: DatasetSettings) -> Size:
    """The smallest and the largest side of a bucket: the settings', made multiples of the steps.

    Raises:
        ValueProblem: the resolution does not lie between them.
    """
    steps = settings.bucket_reso_steps
    # Never 0: sd-scripts divides by it.
    smallest = max(steps, settings.min_bucket_reso - settings.min_bucket_reso % steps)
    largest = settings.max_bucket_reso + -settings.max_bucket_reso % steps
    width, height = settings.resolution or (0, 0)
    if min(width, height) < smallest:
        raise ValueProblem(
            Text(
                f"min_bucket_reso = {settings.min_bucket_reso} is larger than the resolution {width},{height}. "
                "Make the resolution larger or min_bucket_reso smaller.",
                f"min_bucket_reso = {settings.min_bucket_reso} が解像度 {width},{height} より大きくなっています。"
                "解像度を上げるか、min_bucket_reso を小さくしてください。",
            )
        )
    if max(width, height) > largest:
        raise ValueProblem(
            Text(
                f"max_bucket_reso = {settings.max_bucket_reso} is smaller than the resolution {width},{height}. "
                "Make the resolution smaller or max_bucket_reso larger.",
                f"max_bucket_reso = {settings.max_bucket_reso} が解像度 {width},{height} より小さくなっています。"
                "解像度を下げるか、max_bucket_reso を大きくしてください。",
            )
        )
    return smallest, largest


class BucketChooser:
    """Says which bucket an image belongs to.

    Attributes:
        has_buckets: False where every image gets the resolution.
        sizes: of all buckets; empty where each image makes its own.

    Args:
        settings: of the dataset; they have a resolution.

    Raises:
        ValueProblem: the settings contradict each other.
    """

    def __init__(self, settings: DatasetSettings) -> None:
        assert settings.resolution is not None
        self._resolution = settings.resolution
        self._steps = settings.bucket_reso_steps
        self.has_buckets = settings.enable_bucket
        self._is_free = settings.enable_bucket and settings.bucket_no_upscale
        if not settings.enable_bucket:
            self.sizes: tuple[Size, ...] = (settings.resolution,)
            return
        smallest, largest = limits(settings)
        self.sizes = () if self._is_free else bucket_sizes(settings.resolution, smallest, largest, self._steps)

    def place(self, size: Size) -> Placing:
        """The bucket of an image and the size it is scaled to.

        Args:
            size: the image's own.

        Raises:
            ValueProblem: the image is too small for any bucket.
        """
        return self._place_without_enlarging(size) if self._is_free else _place_in(self.sizes, size)

    def window(self, size: Size) -> Placing:
        """What `random_crop` makes of an image where there are no buckets: a piece of the resolution, nothing scaled.

        Source: BaseDataset.__getitem__ of sd-scripts.

        Args:
            size: the image's own.

        Raises:
            ValueProblem: the image is smaller than the resolution.
        """
        (width, height), wanted = size, self._resolution
        if width < wanted[0] or height < wanted[1]:
            raise ValueProblem(
                Text(
                    f"{width} x {height} pixels are too few for random_crop at the resolution {wanted[0]},{wanted[1]}; "
                    "enable_bucket enlarges small images",
                    f"{width} x {height} ピクセルでは、解像度 {wanted[0]},{wanted[1]} の random_crop には小さすぎます。"
                    "enable_bucket を有効にすると拡大して使えます",
                )
            )
        return Placing(wanted, size, is_window=True)

    def _place_without_enlarging(self, size: Size) -> Placing:
        steps, (width, height) = self._steps, size
        area = self._resolution[0] * self._resolution[1]
        scaled = size if width * height <= area else _shrink(size, area, steps)
        bucket = (scaled[0] - scaled[0] % steps, scaled[1] - scaled[1] % steps)
        if min(bucket) == 0:
            raise ValueProblem(
                Text(
                    f"{width} x {height} pixels are too few for bucket_no_upscale with bucket_reso_steps = {steps}",
                    f"{width} x {height} ピクセルでは小さすぎます(bucket_no_upscale、bucket_reso_steps = {steps})",
                )
            )
        return Placing(bucket, scaled)


def _place_in(sizes: Sequence[Size], size: Size) -> Placing:
    width, height = size
    aspect = width / height
    # The first of the nearest, as numpy's argmin has it.
    bucket = size if size in sizes else min(sizes, key=lambda one: abs(one[0] / one[1] - aspect))
    scale = bucket[1] / height if aspect > bucket[0] / bucket[1] else bucket[0] / width
    return Placing(bucket, (int(width * scale + 0.5), int(height * scale + 0.5)))


def _shrink(size: Size, area: int, steps: int) -> Size:
    """The size of a too large image at the area, with one side a multiple of the steps: the one that keeps the shape best."""
    aspect = size[0] / size[1]
    exact_width = math.sqrt(area * aspect)
    exact_height = area / exact_width

    def whole(length: float) -> int:
        rounded = int(length + 0.5)
        return rounded - rounded % steps

    width = whole(exact_width)
    height = whole(exact_height)
    height_for_width, width_for_height = whole(width / aspect), whole(height * aspect)
    # A side of 0 is no bucket; sd-scripts divides by it.
    by_width = abs(width / height_for_width - aspect) if height_for_width else math.inf
    by_height = abs(width_for_height / height - aspect) if height else math.inf
    if by_width < by_height:
        return width, int(width / aspect + 0.5)
    return int(height * aspect + 0.5), height


def crop_edges(bucket: Size, size: Size) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a bucket in its image, as SDXL is told them (BucketManager.get_crop_ltrb).

    Args:
        bucket: the size that the training sees.
        size: the image's own.
    """
    aspect = size[0] / size[1]
    if bucket[0] / bucket[1] > aspect:
        width, height = bucket[1] * aspect, float(bucket[1])
    else:
        width, height = float(bucket[0]), bucket[0] / aspect
    left, top = (bucket[0] - width) // 2, (bucket[1] - height) // 2
    return left, top, left + width, top + height
