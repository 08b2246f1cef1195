"""Cache files beside the images, under sd-scripts' names and with its keys, so that both read what either wrote.

Latents are kept as the VAE gives them, before they are scaled. Files are written whole or not at all. Latents of old
versions (`<image>.npz`) are left alone, because their name does not say whose VAE made them.

Source: kohya-ss/sd-scripts at 48d368f; library/strategy_sd.py, SdSdxlLatentsCachingStrategy; library/strategy_base.py,
save_latents_to_disk; library/strategy_sdxl.py, SdxlTextEncoderOutputsCachingStrategy.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from core.errors import CaddieError
from core.files import write_atomically
from core.text import Text
from core.training.data.marks import Mark, is_same
from core.training.data.settings import Size

Floats = NDArray[np.floating[Any]]

_CAPTION_KEY: Final = "caddie_caption"
_MAKER_KEY: Final = "caddie_maker"
"""sd-scripts passes over keys that it does not know."""
_FULL: Final = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
_UNREADABLE: Final = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True, slots=True, eq=False)
class Latents:
    """What is kept of an image.

    Attributes:
        latents: (channels, h, w) float32, not scaled.
        flipped: of the mirrored image, or None.
        original_size: of the image, width and height.
        crop: left, top, right, bottom, as SDXL is told.
        alpha: (H, W) 0 to 1 in the bucket's pixels, or None.
    """

    latents: Floats
    flipped: Floats | None
    original_size: Size
    crop: tuple[float, ...]
    alpha: Floats | None


@dataclass(frozen=True, slots=True, eq=False)
class TextOutputs:
    """What SDXL's text encoders make of a caption: (tokens, width) each, and the pooled one (width)."""

    hidden1: Floats
    hidden2: Floats
    pooled: Floats


def latents_path(image: str, size: Size, *, is_sdxl: bool) -> str:
    """Where an image's latents are kept.

    Args:
        image: path of the image.
        size: of the image, width and height.
        is_sdxl: SDXL's lie beside those of the others.
    """
    return f"{os.path.splitext(image)[0]}_{size[0]:04d}x{size[1]:04d}{'_sdxl' if is_sdxl else '_sd'}.npz"


def text_path(image: str) -> str:
    """Where the text encoders' outputs for an image's caption are kept."""
    return os.path.splitext(image)[0] + "_te_outputs.npz"


def read_latents(
    path: str, image: str | None, shape: Size, *, flip: bool, alpha: bool, maker: Mark | None = None
) -> Latents | None:
    """Kept latents; None where there are none that can be used: damaged, of another size or VAE, too old, or in part.

    Args:
        path: of the cache file.
        image: path of the image; None where it does not matter whether it is younger.
        shape: (h, w) that the latents have to have.
        flip: the mirrored image's are needed too.
        alpha: the alpha mask is needed too.
        maker: the VAE's mark; a file that has none, as sd-scripts', is taken as it is.
    """
    try:
        if image is not None and os.path.getmtime(path) < os.path.getmtime(image):
            return None
        with np.load(path, allow_pickle=False) as file:
            if maker is not None and _MAKER_KEY in file and not is_same(file[_MAKER_KEY], maker):
                return None
            found = Latents(
                latents=file["latents"],
                flipped=file["latents_flipped"] if flip else None,
                original_size=(int(file["original_size"][0]), int(file["original_size"][1])),
                crop=tuple(map(float, file["crop_ltrb"])),
                alpha=file["alpha_mask"] if alpha else None,
            )
    except _UNREADABLE:
        return None
    if any(one is not None and one.shape[-2:] != shape for one in (found.latents, found.flipped)):
        return None
    return found


def write_latents(path: str, kept: Latents, maker: Mark | None = None) -> None:
    """Keeps latents.

    Args:
        path: of the cache file.
        kept: what to keep.
        maker: the VAE's mark.

    Raises:
        CaddieError: they could not be written; nothing new lies under the name.
    """
    arrays: dict[str, NDArray[Any]] = {
        "latents": kept.latents,
        "original_size": np.array(kept.original_size),
        "crop_ltrb": np.array(kept.crop),
    }
    if kept.flipped is not None:
        arrays["latents_flipped"] = kept.flipped
    if kept.alpha is not None:
        arrays["alpha_mask"] = kept.alpha
    if maker is not None:
        arrays[_MAKER_KEY] = maker
    _write(path, arrays)


def read_text(path: str, caption: str, caption_time: float, tokens: int, maker: Mark | None = None) -> TextOutputs | None:
    """Kept outputs of the text encoders; None where there are none for this caption, or of others.

    sd-scripts does not say which caption its file was made from, so its file has to be younger than the caption.

    Args:
        path: of the cache file.
        caption: that was encoded.
        caption_time: when it was last changed.
        tokens: that the outputs have to have.
        maker: the encoders' mark; a file that has none, as sd-scripts', is taken as it is.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            if maker is not None and _MAKER_KEY in file and not is_same(file[_MAKER_KEY], maker):
                return None
            if _CAPTION_KEY in file:
                if str(file[_CAPTION_KEY]) != _digest(caption):
                    return None
            elif os.path.getmtime(path) < caption_time:
                return None
            found = TextOutputs(file["hidden_state1"], file["hidden_state2"], file["pool2"])
    except _UNREADABLE:
        return None
    return found if found.hidden1.shape[0] == found.hidden2.shape[0] == tokens else None


def write_text(path: str, caption: str, outputs: TextOutputs, maker: Mark | None = None) -> None:
    """Keeps what the text encoders made of a caption.

    Args:
        path: of the cache file.
        caption: that was encoded.
        outputs: what to keep.
        maker: the encoders' mark.

    Raises:
        CaddieError: it could not be written; nothing new lies under the name.
    """
    named: dict[str, NDArray[Any]] = {"hidden_state1": outputs.hidden1, "hidden_state2": outputs.hidden2, "pool2": outputs.pooled}
    named |= {} if maker is None else {_MAKER_KEY: maker}
    _write(path, {**named, _CAPTION_KEY: np.array(_digest(caption))})


def _digest(caption: str) -> str:
    return hashlib.sha256(caption.encode()).hexdigest()


def _write(path: str, arrays: dict[str, NDArray[Any]]) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    try:
        write_atomically(Path(path), buffer.getvalue(), durable=False)
    except OSError as error:
        if error.errno in _FULL:
            raise CaddieError(
                Text(
                    f"{path}: the disk is full. Make room, or keep the cache in memory (cache_latents without "
                    "cache_latents_to_disk).",
                    f"{path}: ディスクの空き容量がありません。空きを増やすか、キャッシュをメモリに置いてください"
                    "(cache_latents_to_disk なしの cache_latents)。",
                )
            ) from error
        raise CaddieError(
            Text(f"{path}: the cache cannot be written: {error}", f"{path}: キャッシュを書き込めません: {error}")
        ) from error
