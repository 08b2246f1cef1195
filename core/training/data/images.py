"""Opening an image, and making it the size that the training sees.

The pixels are those that sd-scripts' load_image and trim_and_resize_if_required give (library/train_util.py, and
resize_image in library/utils.py, at 48d368f), to 1/255, with two differences that are meant: an image that a camera stored
lying on its side is turned upright, and 16 bit greyscale is scaled to 8 bits instead of cut off at 255.
"""

from __future__ import annotations

import os
import random
import struct
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from core.errors import CaddieError
from core.text import Text
from core.training.data.buckets import Placing
from core.training.data.resize import resize
from core.training.data.settings import Interpolation, Size

Pixels = NDArray[np.uint8]
"""(height, width, 3 or 4), red, green, blue and, where asked for, alpha."""

_ORIENTATION = 0x0112
_SIDEWAYS = range(5, 9)
_BROKEN = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    MemoryError,
    RuntimeError,
    ArithmeticError,
    LookupError,
    TypeError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)
"""What Pillow raises for files that are no images, or no whole ones."""


@dataclass(frozen=True, slots=True)
class Look:
    """What an image's header says.

    Attributes:
        size: upright, width and height.
        turned: the file says that it is to be turned or mirrored.
        transparent: it may have transparent pixels.
        animated: it has more than one picture; the first is used.
    """

    size: Size
    turned: bool = False
    transparent: bool = False
    animated: bool = False


def look_at(path: str, *, whole: bool) -> Look:
    """Reads an image's header, and its pixels where it has to be known that it is whole.

    Args:
        path: of the file.
        whole: decode it too.

    Raises:
        CaddieError: it is no image, or a broken one.
    """
    try:
        with Image.open(path) as image:
            width, height = image.size
            transparent = image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info
            animated = getattr(image, "n_frames", 1) > 1
            if whole:
                if image.mode == "F":
                    raise ValueError("floating point pixels")
                # JPEG can be decoded at an eighth of its size, which still reads all of it.
                image.draft("RGB", (max(1, width // 8), max(1, height // 8)))
                image.load()
            # PngImageFile's own decodes the whole image, in case the orientation stands behind the pixels.
            facts = image.getexif() if whole else Image.Image.getexif(image)
            orientation = facts.get(_ORIENTATION, 1)
    except _BROKEN as error:
        raise _broken(path, error) from error
    return Look(
        size=(height, width) if orientation in _SIDEWAYS else (width, height),
        turned=orientation in range(2, 9),
        transparent=transparent,
        animated=animated,
    )


def load_image(path: str, *, alpha: bool) -> Pixels:
    """The pixels of an image, upright.

    Args:
        path: of the file.
        alpha: with the alpha channel, 255 where the image has none.

    Raises:
        CaddieError: it is no image, a broken one, or not there any more.
    """
    try:
        with Image.open(path) as image:
            return _pixels(image, alpha)
    except _BROKEN as error:
        raise _broken(path, error) from error


def _pixels(image: Image.Image, alpha: bool) -> Pixels:
    upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I"):
        grey = np.asarray(upright).clip(0, 65535).astype(np.float32) / 257
        upright = Image.fromarray(np.rint(grey).astype(np.uint8))
    elif upright.mode == "F":
        raise ValueError("floating point pixels")
    elif upright.mode == "P" and isinstance(upright.info.get("transparency"), bytes):
        upright = upright.convert("RGBA")  # what Pillow asks for, in a warning; the colours are the same
    wanted = "RGBA" if alpha else "RGB"
    return np.array(upright if upright.mode == wanted else upright.convert(wanted), np.uint8)


def choose_corner(place: Placing, draw: random.Random | None = None) -> Size:
    """The left and top edge of the crop in the scaled image.

    Args:
        place: what the image becomes.
        draw: makes the choice; None for the middle.
    """
    spare = place.scaled[0] - place.bucket[0], place.scaled[1] - place.bucket[1]
    # An edge of no spare pixels draws no number, as in sd-scripts.
    left, top = (one // 2 if draw is None or one == 0 else draw.randint(0, one) for one in spare)
    return left, top


def fit(pixels: Pixels, place: Placing, corner: Size, interpolation: Interpolation | None = None) -> Pixels:
    """Scales an image and crops it to its bucket.

    Args:
        pixels: the image.
        place: what it becomes.
        corner: left and top edge of the crop in the scaled image.
        interpolation: None for area where it gets smaller, else lanczos.
    """
    if pixels.shape[1::-1] != place.scaled:
        pixels = resize(pixels, place.scaled, interpolation)
    (left, top), (width, height) = corner, place.bucket
    return pixels[top : top + height, left : left + width]


def shift_colours(pixels: Pixels, draw: random.Random) -> Pixels:
    """Slightly other colours, or another brightness, one time in three (`color_aug`; AugHelper.color_aug).

    The hue moves by up to 8 of 180 steps; Pillow counts 256.
    """
    if draw.random() > 0.33:
        return pixels
    if draw.random() > 0.5:
        shift = round(draw.uniform(-8, 8) * 256 / 180)
        hsv = np.array(Image.fromarray(pixels[:, :, :3]).convert("HSV"))
        hsv[:, :, 0] = (hsv[:, :, 0].astype(np.int16) + shift) % 256
        colours = np.array(Image.fromarray(hsv, "HSV").convert("RGB"))
    else:
        colours = np.clip(pixels[:, :, :3] ** draw.uniform(0.95, 1.05), 0, 255).astype(np.uint8)
    return np.concatenate([colours, pixels[:, :, 3:]], axis=2)


def _broken(path: str, error: BaseException) -> CaddieError:
    if isinstance(error, OSError) and not os.path.exists(path):
        return CaddieError(
            Text(
                f"{path}: the file is gone. Was its folder moved or renamed, or a drive disconnected?",
                f"{path}: ファイルがなくなりました。フォルダーの移動や名前の変更、ドライブの切断がなかったか確認してください。",
            )
        )
    if isinstance(error, UnidentifiedImageError):
        return CaddieError(Text(f"{path}: this is no image.", f"{path}: 画像ファイルではありません。"))
    return CaddieError(Text(f"{path}: the image cannot be read: {error}", f"{path}: 画像を読めません: {error}"))
