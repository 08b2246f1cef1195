"""Batches, in an order that depends on the seed and the epoch alone.

As in sd-scripts a batch holds images of one bucket of one dataset, the last one of a bucket may be smaller, and batches of
all buckets and datasets come mixed (library/train_util.py, BaseDataset.make_buckets, shuffle_buckets, __getitem__). The
random choices are not sd-scripts': there they go on from where the epoch before left them, here each is made anew from the
seed, the epoch and the image, so that a resumed training repeats them exactly, with any number of threads.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import partial

from torch import Tensor

from core.training.data.ahead import WORKERS, read_ahead
from core.training.data.batch import Batch, Sample, join
from core.training.data.buckets import crop_edges
from core.training.data.cache import LatentStore, TextStore, Tokenizer, tokens_of
from core.training.data.captions import Moment, process_caption
from core.training.data.contents import DatasetContents, ImageEntry
from core.training.data.pixels import load, load_mask, to_latent_mask, to_tensor
from core.training.data.settings import DataSettings, Size

Tensors = tuple[Tensor, ...]
Words = tuple[str, "tuple[Tensor, Tensor] | None", "tuple[Tensors, Tensors | None]"]
"""A caption, what is kept of it, or its tokens and their weights."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One image's turn in an epoch.

    Attributes:
        image: which one.
        number: of the turn among the image's, where it is repeated.
        weight: of its loss.
    """

    image: ImageEntry
    number: int
    weight: float


@dataclass(frozen=True, slots=True)
class Pace:
    """How batches become steps, for captions that grow with the steps (token_warmup_step).

    Attributes:
        steps: optimizer steps of the training.
        accumulation: batches per step.
    """

    steps: int = 1
    accumulation: int = 1


class Dataset:
    """The training's batches.

    Attributes:
        pace: set it when the training's length is known.
        latents: kept latents; None where images are loaded.
        texts: kept outputs of the text encoders; None where captions become tokens.

    Args:
        contents: what was found on the disk.
        settings: of the job.
        seed: of the training.
        tokenizers: one for each text encoder.
        stride: pixels of a side per latent.
        part: number and count of the processes that share the batches; each gets as many.
        workers: threads that make batches ahead of the training.
    """

    def __init__(
        self,
        contents: Sequence[DatasetContents],
        settings: DataSettings,
        *,
        seed: int,
        tokenizers: Sequence[Tokenizer] = (),
        stride: int = 8,
        part: tuple[int, int] = (0, 1),
        workers: int = WORKERS,
    ) -> None:
        self.contents = tuple(contents)
        self.pace = Pace()
        self.latents: LatentStore | None = None
        self.texts: TextStore | None = None
        self._settings = settings
        self._seed = seed
        self._tokenizers = tuple(tokenizers)
        self._stride = stride
        self._part = part
        self._workers = workers
        self.batches_per_epoch = math.ceil(sum(map(_batch_count, self.contents)) / part[1])

    @property
    def images(self) -> tuple[ImageEntry, ...]:
        """All images, for caching."""
        return tuple(image for contents in self.contents for image in contents.images)

    def order(self, epoch: int) -> list[tuple[Turn, ...]]:
        """All batches of an epoch, of this process alone.

        Args:
            epoch: 0-based.
        """
        draw = random.Random(f"{self._seed} order {epoch}")
        batches: list[tuple[Turn, ...]] = []
        for contents in self.contents:
            for turns in _buckets(contents).values():
                draw.shuffle(turns)
                size = contents.settings.batch_size
                batches += [tuple(turns[start : start + size]) for start in range(0, len(turns), size)]
        draw.shuffle(batches)
        number, count = self._part
        missing = -len(batches) % count
        # Every process needs as many, or some would wait for the others for ever: the first ones come twice.
        full = [*batches, *(batches[place % len(batches)] for place in range(missing))]
        return full[number::count]

    def batches(self, epoch: int, start: int = 0) -> Generator[Batch, None, None]:
        """The batches of an epoch. A few are made ahead in threads, until the iterator is closed.

        Args:
            epoch: 0-based.
            start: batches of the epoch that are done already.

        Raises:
            CaddieError: an image cannot be read any more; raised where its batch would come.
        """
        order = self.order(epoch)[start:]
        per_epoch = math.ceil(self.batches_per_epoch / self.pace.accumulation)
        work = (
            partial(self._batch, turns, Moment(epoch + 1, epoch * per_epoch + number // self.pace.accumulation, self.pace.steps))
            for number, turns in enumerate(order, start)
        )
        # Batches of whole images are large: no more than all threads need to stay at work.
        return read_ahead(work, workers=self._workers, ahead=self._workers + 2)

    def _batch(self, turns: Sequence[Turn], moment: Moment) -> Batch:
        return join([self._sample(turn, moment) for turn in turns], self._latent_size(turns[0].image.place.bucket))

    def _latent_size(self, bucket: Size) -> tuple[int, int]:
        return bucket[1] // self._stride, bucket[0] // self._stride

    def _sample(self, turn: Turn, moment: Moment) -> Sample:
        image, subset = turn.image, turn.image.subset
        place = f"{self._seed} {moment.epoch} {turn.number} {image.name}"
        # Two generators, so that the captions are the same with and without kept latents.
        draw, draw_words = random.Random(f"pixels {place}"), random.Random(f"words {place}")
        flipped = subset.flip_aug and draw.random() < 0.5
        pixels = kept = None
        if self.latents is not None:
            kept, known = self.latents.get(image, flipped=flipped)
            alpha, original, edges, corner = known.alpha, known.original_size, known.crop, None
        else:
            loaded = load(image, draw)
            pixels = to_tensor(loaded.pixels, flipped=flipped)
            alpha, corner = loaded.alpha, loaded.corner
            original = image.place.bucket if image.place.is_window else image.size
            edges = crop_edges(image.place.bucket, original)
        if image.mask:
            alpha = load_mask(image, corner or _middle(image))
        width, height = image.place.bucket
        mask = None if alpha is None else to_latent_mask(alpha, self._latent_size((width, height)), flipped=flipped)
        left = width - edges[2] if flipped else edges[0]
        caption, text, tokens = self._words(image, draw_words, moment)
        return Sample(
            image=pixels,
            latents=kept,
            caption=caption,
            token_ids=tokens[0],
            token_weights=tokens[1],
            text=text,
            loss_weight=turn.weight,
            mask=mask,
            original_size=(original[1], original[0]),
            crop=(int(edges[1]), int(left)),
            target_size=(height, width),
            key=image.path,
            flipped=flipped,
        )

    def _words(self, image: ImageEntry, draw: random.Random, moment: Moment) -> Words:
        if self.texts is not None:
            return self.texts.caption(image), self.texts.get(image), ((), None)
        caption = process_caption(image.caption, image.subset, draw, moment)
        settings = self._settings
        tokens = tokens_of(self._tokenizers, caption, settings.max_token_length, weighted=settings.weighted_captions)
        return caption, None, tokens


def _buckets(contents: DatasetContents) -> dict[Size, list[Turn]]:
    found: dict[Size, list[Turn]] = defaultdict(list)
    for image in contents.images:
        weight = contents.settings.prior_loss_weight if image.subset.is_reg else 1.0
        found[image.place.bucket] += [Turn(image, number, weight) for number in range(image.repeats)]
    return dict(sorted(found.items()))


def _batch_count(contents: DatasetContents) -> int:
    return sum(math.ceil(len(turns) / contents.settings.batch_size) for turns in _buckets(contents).values())


def _middle(image: ImageEntry) -> Size:
    scaled, bucket = image.place.scaled, image.place.bucket
    return (scaled[0] - bucket[0]) // 2, (scaled[1] - bucket[1]) // 2
