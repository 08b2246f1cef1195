"""From a file to what the VAE and the loss see: tensors of pixels and masks."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from core.training.data.contents import ImageEntry
from core.training.data.images import choose_corner, fit, load_image, shift_colours
from core.training.data.settings import Size


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """An image as the training sees it, not mirrored.

    Attributes:
        pixels: (H, W, 3) uint8.
        alpha: (H, W) float32, 0 to 1, where the subset masks by alpha; else None.
        corner: left and top edge of the crop in the scaled image.
    """

    pixels: NDArray[np.uint8]
    alpha: NDArray[np.float32] | None
    corner: Size


def load(image: ImageEntry, draw: random.Random | None = None) -> Loaded:
    """Opens an image, scales and crops it.

    Args:
        image: which one.
        draw: makes the random choices; None where none is allowed, as for caches.

    Raises:
        CaddieError: it cannot be read any more.
    """
    subset = image.subset
    corner = choose_corner(image.place, draw if subset.random_crop else None)
    pixels = load_image(image.path, alpha=subset.alpha_mask)
    pixels = fit(pixels, image.place, corner, subset.resize_interpolation)
    if subset.color_aug and draw is not None:
        pixels = shift_colours(pixels, draw)
    alpha = _share(pixels[:, :, 3]) if subset.alpha_mask else None
    return Loaded(pixels[:, :, :3], alpha, corner)


def load_mask(image: ImageEntry, corner: Size) -> NDArray[np.float32]:
    """The mask that belongs to an image, (H, W) 0 to 1: its red channel, scaled and cropped as the image is.

    sd-scripts squeezes masks to the bucket without cropping them, so that they lie beside what they should cover.

    Raises:
        CaddieError: it cannot be read.
    """
    pixels = load_image(image.mask, alpha=False)
    return _share(fit(pixels, image.place, corner, image.subset.resize_interpolation)[:, :, 0])


def _share(values: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.divide(values, 255, dtype=np.float32)


def to_tensor(pixels: NDArray[np.uint8], *, flipped: bool) -> Tensor:
    """(H, W, 3) uint8 -> (3, H, W) float32, -1 to 1."""
    turned = pixels[:, ::-1] if flipped else pixels
    chosen = torch.from_numpy(np.ascontiguousarray(turned.transpose(2, 0, 1)))
    return chosen.to(torch.float32).div_(255).sub_(0.5).div_(0.5)


def to_latent_mask(mask: NDArray[np.floating], size: tuple[int, int], *, flipped: bool) -> Tensor:
    """(H, W) -> (1, h, w): the mean over what each latent pixel covers, as sd-scripts' apply_masked_loss has it."""
    turned = np.ascontiguousarray(mask[:, ::-1] if flipped else mask, np.float32)
    return functional.interpolate(torch.from_numpy(turned)[None, None], size=size, mode="area")[0]
