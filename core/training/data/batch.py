"""What the training gets at a step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """One image's turn.

    Attributes:
        image: (3, H, W) -1 to 1, or None where there are latents.
        latents: (C, h, w), scaled, or None.
        caption: that the text encoders see.
        token_ids: of each encoder, (chunks, 77).
        token_weights: of each encoder, (chunks, 77), or None.
        text: (tokens, C) and the pooled (P), where they are kept.
        loss_weight: 1, or the prior loss weight.
        mask: (1, h, w) 0 to 1, or None.
        original_size, crop, target_size: in pixels, height or top first.
        key: path of the image.
        flipped: whether it is mirrored.
    """

    image: Tensor | None
    latents: Tensor | None
    caption: str
    token_ids: tuple[Tensor, ...]
    token_weights: tuple[Tensor, ...] | None
    text: tuple[Tensor, Tensor] | None
    loss_weight: float
    mask: Tensor | None
    original_size: tuple[int, int]
    crop: tuple[int, int]
    target_size: tuple[int, int]
    key: str
    flipped: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """What the training gets at a step; all on the CPU.

    Attributes:
        images: (B, 3, H, W) float32, -1 to 1; None where there are latents.
        latents: (B, C, h, w) float32, multiplied with the VAE's scale; None where there are images.
        captions: B texts.
        token_ids: of each encoder, (B, chunks, 77) int64; None where `text_hidden` is kept.
        token_weights: of each encoder, (B, chunks, 77) float32; None without weighted captions.
        text_hidden: (B, tokens, C), the encoders' channels joined; None where nothing is kept.
        text_pooled: (B, P); None where nothing is kept.
        loss_weights: (B,) float32.
        masks: (B, 1, h, w) float32, 0 to 1; None where no image has one.
        original_sizes, crop_top_lefts, target_sizes: (B, 2) int64, in pixels, height or top first.
        keys: whole paths of the images.
        flipped: which images are mirrored.
    """

    images: Tensor | None
    latents: Tensor | None
    captions: tuple[str, ...]
    token_ids: tuple[Tensor, ...] | None
    token_weights: tuple[Tensor, ...] | None
    text_hidden: Tensor | None
    text_pooled: Tensor | None
    loss_weights: Tensor
    masks: Tensor | None
    original_sizes: Tensor
    crop_top_lefts: Tensor
    target_sizes: Tensor
    keys: tuple[str, ...]
    flipped: tuple[bool, ...]


def join(samples: Sequence[Sample], latent_size: tuple[int, int]) -> Batch:
    """Samples of one shape as a batch.

    Args:
        samples: at least one.
        latent_size: h and w, of the masks of images that have none.
    """
    texts = [sample.text for sample in samples if sample.text is not None]
    return Batch(
        images=_stack([sample.image for sample in samples]),
        latents=_stack([sample.latents for sample in samples]),
        captions=tuple(sample.caption for sample in samples),
        token_ids=None if texts else _stack_each([sample.token_ids for sample in samples]),
        token_weights=_stack_each([sample.token_weights or () for sample in samples]) or None,
        text_hidden=_stack([text[0] for text in texts]),
        text_pooled=_stack([text[1] for text in texts]),
        loss_weights=torch.tensor([sample.loss_weight for sample in samples], dtype=torch.float32),
        masks=_masks([sample.mask for sample in samples], latent_size),
        original_sizes=torch.tensor([sample.original_size for sample in samples]),
        crop_top_lefts=torch.tensor([sample.crop for sample in samples]),
        target_sizes=torch.tensor([sample.target_size for sample in samples]),
        keys=tuple(sample.key for sample in samples),
        flipped=tuple(sample.flipped for sample in samples),
    )


def _stack(tensors: Sequence[Tensor | None]) -> Tensor | None:
    there = [tensor for tensor in tensors if tensor is not None]
    return torch.stack(there) if there else None


def _stack_each(groups: Sequence[tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
    return tuple(torch.stack(tensors) for tensors in zip(*groups, strict=True))


def _masks(masks: Sequence[Tensor | None], size: tuple[int, int]) -> Tensor | None:
    if all(mask is None for mask in masks):
        return None
    return torch.stack([torch.ones(1, *size) if mask is None else mask for mask in masks])
