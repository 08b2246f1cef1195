"""Keeping what the VAE and the text encoders make of images and captions, in memory or beside the images."""

from __future__ import annotations

import contextlib
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Final, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

from core.errors import CaddieError
from core.text import Text
from core.training.data.ahead import WORKERS, read_ahead
from core.training.data.buckets import crop_edges
from core.training.data.cache_files import (
    Latents,
    TextOutputs,
    latents_path,
    read_latents,
    read_text,
    text_path,
    write_latents,
    write_text,
)
from core.training.data.captions import Moment, process_caption
from core.training.data.contents import ImageEntry
from core.training.data.marks import CAPTION, Mark, mark_of, picture
from core.training.data.pixels import Loaded, load, to_tensor
from core.training.randomness import generator_for

_T = TypeVar("_T")

Encode = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Images (B, 3, H, W) float32 on the CPU -> mean and standard deviation of their latents, (B, C, h, w) each."""

EncodeText = Callable[[tuple[Tensor, ...], "tuple[Tensor, ...] | None"], tuple[Tensor, Tensor]]
"""Token ids and weights of each encoder, (B, chunks, 77) -> hidden states (B, tokens, C), joined, and the pooled (B, P)."""

Told = Callable[[int, int], None]
"""Told how many of how many are done; what it raises ends the work."""

CPU: Final = torch.device("cpu")


class Tokenizer(Protocol):
    """What makes tokens of a caption."""

    def token_ids(self, text: str, max_token_length: int | None = None) -> Tensor:
        """(chunks, 77) int64."""
        ...

    def weighted_token_ids(self, text: str, max_token_length: int | None = None) -> tuple[Tensor, Tensor]:
        """(chunks, 77) int64, and their weights, float32."""
        ...


class LatentStore:
    """Latents of images, from memory or from the disk.

    Attributes:
        maker: the VAE's mark; what another one has written is not used. None where that is not known.

    Args:
        is_sdxl: whose files to read.
        stride: pixels of a side per latent.
        scale: the VAE's, which the latents are multiplied with.
    """

    def __init__(self, *, is_sdxl: bool, stride: int, scale: float) -> None:
        self._is_sdxl = is_sdxl
        self._stride = stride
        self._scale = scale
        self._kept: dict[str, Latents] = {}
        self.maker: Mark | None = None

    def path(self, image: ImageEntry) -> str:
        """Where an image's latents lie on the disk."""
        return latents_path(image.path, image.size, is_sdxl=self._is_sdxl)

    def on_disk(self, image: ImageEntry, *, checked: bool = False) -> Latents | None:
        """What lies on the disk; None where that cannot be used.

        Args:
            image: whose.
            checked: it was looked at when the training began, and younger than its image. Whoever touches the image later (a backup, a
                viewer that turns it) does not end a training that has no need of it.
        """
        width, height = image.place.bucket
        shape = (height // self._stride, width // self._stride)
        subset, source = image.subset, None if checked else image.path
        maker = None if checked else self.maker
        found = read_latents(self.path(image), source, shape, flip=subset.flip_aug, alpha=subset.alpha_mask, maker=maker)
        return found if found is None or found.alpha is None or found.alpha.shape == (height, width) else None

    def keep(self, image: ImageEntry, latents: Latents) -> None:
        """Keeps latents in memory."""
        self._kept[image.name] = latents

    def get(self, image: ImageEntry, *, flipped: bool) -> tuple[Tensor, Latents]:
        """An image's scaled latents (C, h, w), and what is known with them.

        Raises:
            CaddieError: they are gone from the disk.
        """
        found = self._kept.get(image.name) or self.on_disk(image, checked=True)
        if found is None:
            path = self.path(image)
            raise CaddieError(
                Text(
                    f"{path}: the cached latents are gone, or changed during the training.",
                    f"{path}: キャッシュした latent がなくなったか、学習中に変更されました。",
                )
            )
        chosen = found.flipped if flipped else found.latents
        assert chosen is not None
        return torch.from_numpy(chosen).to(torch.float32) * self._scale, found


def cache_latents(
    images: Sequence[ImageEntry],
    encode: Encode,
    store: LatentStore,
    *,
    to_disk: bool,
    batch_size: int,
    seed: int,
    part: tuple[int, int] = (0, 1),
    told: Told = lambda done, of: None,
    workers: int = WORKERS,
) -> None:
    """Makes the latents of images. Each is drawn with numbers of the image's own, so that a resumed training draws the same.

    Args:
        images: all of the training's; what lies on the disk already is used.
        encode: the VAE.
        store: gets them.
        to_disk: keep them beside the images instead of in memory, where an image has a file name of its own.
        batch_size: images at once.
        seed: of the training.
        part: number and count of the processes that share the work; only on the disk can they see each other's.
        told: progress.
        workers: threads that open images.

    Raises:
        CaddieError: an image cannot be read, the VAE gives no numbers, the disk is full.
    """
    own_file, others = _with_own_file(images, store.path, lambda image: (image.path, image.place)) if to_disk else ([], [*images])
    mine = own_file[part[0] :: part[1]]
    written = {image.name for image in mine}
    count = len(mine) + len(others)
    if mine:
        with torch.no_grad():
            store.maker = mark_of(encode(picture())[0])
    waiting = [*_not_on_disk(mine, store.on_disk, lambda done: told(done, count), workers), *others]
    done = count - len(waiting)
    told(done, count)
    groups = list(_alike(waiting, lambda image: (image.place.bucket, image.subset.flip_aug), batch_size))
    for group, loaded in read_ahead((partial(_load_group, group) for group in groups), workers=workers, ahead=workers + 1):
        pixels = torch.stack([to_tensor(one.pixels, flipped=False) for one in loaded])
        plain = _sample(encode, pixels, group, seed, "latents")
        mirrored = _sample(encode, pixels.flip(3), group, seed, "flipped latents") if group[0].subset.flip_aug else None
        for number, (image, one) in enumerate(zip(group, loaded, strict=True)):
            made = Latents(
                latents=plain[number],
                flipped=None if mirrored is None else mirrored[number],
                original_size=image.size,
                crop=crop_edges(image.place.bucket, image.size),
                alpha=one.alpha,
            )
            if image.name in written:
                write_latents(store.path(image), made, store.maker)
            else:
                store.keep(image, made)
        done += len(group)
        told(done, count)


def _with_own_file(
    images: Sequence[ImageEntry], path: Callable[[ImageEntry], str], content: Callable[[ImageEntry], object]
) -> tuple[list[ImageEntry], list[ImageEntry]]:
    """Images with a cache file of their own, and those that would write different things into one file.

    The file's name knows neither the image's ending nor the dataset's resolution: in sd-scripts the last one wins.
    """
    contents: dict[str, set[object]] = defaultdict(set)
    for image in images:
        contents[path(image)].add(content(image))
    own = [image for image in images if len(contents[path(image)]) == 1]
    return own, [image for image in images if len(contents[path(image)]) > 1]


def _not_on_disk(
    images: Sequence[ImageEntry], on_disk: Callable[[ImageEntry], object], told: Callable[[int], None], workers: int
) -> list[ImageEntry]:
    """The images of which nothing lies on the disk that can be used. Whoever is told how many there are may end it."""
    missing: list[ImageEntry] = []
    checks = (partial(on_disk, image) for image in images)
    with contextlib.closing(read_ahead(checks, workers=workers, ahead=4 * workers)) as found:
        for number, (image, one) in enumerate(zip(images, found, strict=True), 1):
            if one is None:
                missing.append(image)
            told(number - len(missing))
    return missing


def _load_group(group: list[ImageEntry]) -> tuple[list[ImageEntry], list[Loaded]]:
    return group, [load(image) for image in group]


def _sample(encode: Encode, pixels: Tensor, group: Sequence[ImageEntry], seed: int, what: str) -> np.ndarray:
    with torch.no_grad():
        mean, deviation = encode(pixels)
    noise = torch.stack([torch.randn(mean.shape[1:], generator=generator_for(CPU, seed, what, image.name)) for image in group])
    latents = mean.to("cpu", torch.float32) + deviation.to("cpu", torch.float32) * noise
    bad = [image.path for image, one in zip(group, latents, strict=True) if not bool(torch.isfinite(one).all())]
    if bad:
        names = ", ".join(bad)
        raise CaddieError(
            Text(
                f"The VAE gave no numbers (NaN) for {names}. Switch no_half_vae on, or use another VAE.",
                f"VAE の出力が数値になりませんでした (NaN): {names}。no_half_vae を有効にするか、別の VAE を使ってください。",
            )
        )
    return latents.numpy()


def _alike(items: Iterable[_T], key: Callable[[_T], object], most: int) -> Iterator[list[_T]]:
    groups: dict[object, list[_T]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    for group in groups.values():
        yield from (group[start : start + most] for start in range(0, len(group), most))


class TextStore:
    """What SDXL's text encoders make of the captions, from memory or from the disk.

    Attributes:
        maker: the encoders' mark; what others have written is not used. None where that is not known.

    Args:
        tokenizers: one for each encoder.
        max_token_length: None for 75.
        weighted: captions may say (word:1.2).
    """

    def __init__(self, tokenizers: Sequence[Tokenizer], max_token_length: int | None = None, *, weighted: bool = False) -> None:
        self._tokenizers = tuple(tokenizers)
        self._length = max_token_length
        self._weighted = weighted
        self._kept: dict[str, TextOutputs] = {}
        self.maker: Mark | None = None

    def caption(self, image: ImageEntry) -> str:
        """What is encoded: the caption with all that is done to it alike at each step."""
        return process_caption(image.caption, image.subset, random.Random(0), Moment())

    def on_disk(self, image: ImageEntry) -> TextOutputs | None:
        """What lies on the disk; None where that cannot be used."""
        caption = self.caption(image)
        # sd-scripts encodes the caption as it stands in the file, without a prefix.
        since = image.caption_time if caption == image.caption else float("inf")
        return read_text(text_path(image.path), self._label(caption), since, (self._length or 75) + 2, self.maker)

    def write(self, image: ImageEntry, outputs: TextOutputs) -> None:
        """Keeps outputs on the disk.

        Raises:
            CaddieError: they cannot be written.
        """
        write_text(text_path(image.path), self._label(self.caption(image)), outputs, self.maker)

    def _label(self, caption: str) -> str:
        """The caption, and whether its brackets are weights."""
        return f"weighted\0{caption}" if self._weighted else caption

    def keep(self, image: ImageEntry, outputs: TextOutputs) -> None:
        """Keeps outputs in memory."""
        self._kept[image.name] = outputs

    def tokens(self, captions: Sequence[str]) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...] | None]:
        """Token ids of each encoder, (B, chunks, 77), and their weights."""
        each = [tokens_of(self._tokenizers, caption, self._length, weighted=self._weighted) for caption in captions]
        ids = tuple(torch.stack(found) for found in zip(*(one[0] for one in each), strict=True))
        weights = tuple(torch.stack(found) for found in zip(*(one[1] or () for one in each), strict=True))
        return ids, weights or None

    def get(self, image: ImageEntry) -> tuple[Tensor, Tensor]:
        """An image's hidden states (tokens, C), the encoders' joined, and the pooled (P).

        Raises:
            CaddieError: they are gone from the disk.
        """
        found = self._kept.get(image.name) or self.on_disk(image)
        if found is None:
            path = text_path(image.path)
            raise CaddieError(
                Text(
                    f"{path}: the cached text encoder outputs are gone, or changed during the training.",
                    f"{path}: キャッシュしたテキストエンコーダーの出力がなくなったか、学習中に変更されました。",
                )
            )
        hidden = torch.cat([torch.from_numpy(found.hidden1), torch.from_numpy(found.hidden2)], dim=1)
        return hidden.to(torch.float32), torch.from_numpy(found.pooled).to(torch.float32)


def tokens_of(
    tokenizers: Sequence[Tokenizer], caption: str, max_token_length: int | None, *, weighted: bool
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...] | None]:
    """A caption's tokens for each encoder, (chunks, 77), and their weights."""
    if not weighted:
        return tuple(tokenizer.token_ids(caption, max_token_length) for tokenizer in tokenizers), None
    found = [tokenizer.weighted_token_ids(caption, max_token_length) for tokenizer in tokenizers]
    return tuple(ids for ids, _ in found), tuple(weights for _, weights in found)


def cache_text(
    images: Sequence[ImageEntry],
    encode: EncodeText,
    store: TextStore,
    *,
    first_width: int,
    to_disk: bool,
    batch_size: int,
    part: tuple[int, int] = (0, 1),
    told: Told = lambda done, of: None,
    workers: int = WORKERS,
) -> None:
    """Makes what the text encoders say about the captions.

    Args:
        images: all of the training's; what lies on the disk already is used.
        encode: the text encoders.
        store: gets it.
        first_width: channels of the first encoder among the joined ones.
        to_disk: keep it beside the images instead of in memory.
        batch_size: captions at once.
        part: number and count of the processes that share the work.
        told: progress.
        workers: threads that look at what lies on the disk.

    Raises:
        CaddieError: the encoders give no numbers, the disk is full.
    """
    own_file, others = _with_own_file(images, lambda image: text_path(image.path), store.caption) if to_disk else ([], [*images])
    mine = own_file[part[0] :: part[1]]
    written = {image.name for image in mine}
    count = len(mine) + len(others)
    if mine:
        with torch.no_grad():
            hidden, pooled = encode(*store.tokens([CAPTION]))
            store.maker = mark_of(hidden[0, :16], pooled)
    waiting = [*_not_on_disk(mine, store.on_disk, lambda done: told(done, count), workers), *others]
    done = count - len(waiting)
    told(done, count)
    for group in _alike(waiting, lambda _: None, batch_size):
        captions = [store.caption(image) for image in group]
        with torch.no_grad():
            hidden, pooled = (_storable(one) for one in encode(*store.tokens(captions)))
        if not (bool(torch.isfinite(hidden).all()) and bool(torch.isfinite(pooled).all())):
            raise CaddieError(
                Text("The text encoders gave no numbers (NaN).", "テキストエンコーダーの出力が数値になりませんでした (NaN)。")
            )
        for number, image in enumerate(group):
            first, second = hidden[number, :, :first_width], hidden[number, :, first_width:]
            made = TextOutputs(first.contiguous().numpy(), second.contiguous().numpy(), pooled[number].contiguous().numpy())
            if image.name in written:
                store.write(image, made)
            else:
                store.keep(image, made)
        done += len(group)
        told(done, count)


def _storable(tensor: Tensor) -> Tensor:
    """numpy has no bfloat16."""
    return tensor.to("cpu", torch.float32 if tensor.dtype == torch.bfloat16 else tensor.dtype)
