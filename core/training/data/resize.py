"""Scaling images as OpenCV and Pillow do where sd-scripts calls them, with numpy and Pillow alone.

sd-scripts scales down with OpenCV's INTER_AREA, and up with Pillow's Lanczos. Pillow's own filters are no substitute for the
first: they differ from it by up to a whole pixel's weight. Each output pixel of INTER_AREA is the mean of the part of the
image that it covers, which is said here as weights of rows and columns.

Source of the rules: OpenCV 4.10, modules/imgproc/src/resize.cpp; kohya-ss/sd-scripts at 48d368f, library/utils.py,
resize_image and get_cv2_interpolation.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.training.data.settings import Interpolation, Size

Taps = tuple[NDArray[np.intp], NDArray[np.float32]]
"""For each output row, the input rows that it is made of, and their weights: both (rows, taps)."""

_ROWS_AT_ONCE = 16


def resize(pixels: NDArray[np.uint8], size: Size, interpolation: Interpolation | None = None) -> NDArray[np.uint8]:
    """An image at another size.

    Args:
        pixels: (height, width, channels).
        size: new width and height.
        interpolation: None for area where neither side grows, else lanczos.
    """
    height, width = pixels.shape[:2]
    if interpolation is None:
        interpolation = "area" if width >= size[0] and height >= size[1] else "lanczos"
    if interpolation == "lanczos":
        return np.array(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))
    if interpolation == "nearest":
        rows, columns = _nearest(height, size[1]), _nearest(width, size[0])
        return pixels[rows][:, columns]
    area_shrinks = width >= size[0] and height >= size[1]
    taps = _TAPS[interpolation] if interpolation != "area" else (_area if area_shrinks else _area_up)
    tall = _weigh(pixels.reshape(height, -1), taps(height, size[1])).reshape(size[1], width, -1)
    wide = _weigh(np.ascontiguousarray(tall.transpose(1, 0, 2)).reshape(width, -1), taps(width, size[0]))
    made = wide.reshape(size[0], size[1], -1).transpose(1, 0, 2)
    return np.ascontiguousarray(np.floor(made + 0.5).clip(0, 255).astype(np.uint8))


def _weigh(rows: NDArray[np.uint8] | NDArray[np.float32], taps: Taps) -> NDArray[np.float32]:
    """Sums of weighted rows: (input rows, n) -> (output rows, n)."""
    indices, weights = taps
    made = np.zeros((len(indices), rows.shape[1]), np.float32)
    # A few rows at a time, so that they stay in the processor's cache.
    for start in range(0, len(indices), _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        for tap in range(indices.shape[1]):
            made[part] += weights[part, tap, None] * rows[indices[part, tap]]
    return made


def _area(length: int, wanted: int) -> Taps:
    scale = length / wanted
    start = np.arange(wanted) * scale
    end = np.minimum(start + scale, length)
    first = np.floor(start).astype(np.intp)
    count = math.ceil(scale) + 1
    indices = first[:, None] + np.arange(count)
    covered = np.minimum(indices + 1, end[:, None]) - np.maximum(indices, start[:, None])
    weights = np.clip(covered, 0, None) / (end - start)[:, None]
    return np.minimum(indices, length - 1), weights.astype(np.float32)


def _area_up(length: int, wanted: int) -> Taps:
    """INTER_AREA where a side grows: linear, but with edges that keep the pixels square."""
    scale = length / wanted
    place = np.arange(wanted)
    first = np.floor(place * scale)
    fraction = (place + 1) - (first + 1) / scale
    fraction = np.where(fraction <= 0, 0.0, fraction - np.floor(fraction))
    return _linear_taps(first, fraction, length)


def _linear(length: int, wanted: int) -> Taps:
    place = (np.arange(wanted) + 0.5) * (length / wanted) - 0.5
    first = np.floor(place)
    return _linear_taps(first, place - first, length)


def _linear_taps(first: NDArray[np.floating[Any]], fraction: NDArray[np.floating[Any]], length: int) -> Taps:
    indices = (first[:, None] + [0, 1]).clip(0, length - 1).astype(np.intp)
    return indices, np.stack([1 - fraction, fraction], axis=1).astype(np.float32)


def _cubic(length: int, wanted: int) -> Taps:
    place = (np.arange(wanted) + 0.5) * (length / wanted) - 0.5
    first = np.floor(place)
    near, sharpness = place - first, -0.75

    def outer(distance: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
        return ((sharpness * distance - 5 * sharpness) * distance + 8 * sharpness) * distance - 4 * sharpness

    def inner(distance: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
        return ((sharpness + 2) * distance - (sharpness + 3)) * distance * distance + 1

    weights = [outer(near + 1), inner(near), inner(1 - near)]
    weights.append(1 - weights[0] - weights[1] - weights[2])
    indices = (first[:, None] + [-1, 0, 1, 2]).clip(0, length - 1).astype(np.intp)
    return indices, np.stack(weights, axis=1).astype(np.float32)


def _nearest(length: int, wanted: int) -> NDArray[np.intp]:
    """INTER_NEAREST_EXACT, in the fixed point numbers that decide between two equally near rows."""
    step = ((length << 16) + wanted // 2) // wanted
    place = np.arange(wanted) * step + (step // 2 - length % 2)
    return np.clip(place >> 16, 0, length - 1).astype(np.intp)


_TAPS: dict[str, Callable[[int, int], Taps]] = {
    "bilinear": _linear,
    "linear": _linear,
    "bicubic": _cubic,
    "cubic": _cubic,
}
