"""The loss on images that are held out: each time with the same noise at the same timesteps, so that its changes mean something.

Source: kohya-ss/sd-scripts at 48d368f, train_network.py, train: when, at which four timesteps, and that dropout rests. Other
than there, the noise belongs to the image and the timestep, so that it stays the same whatever the batch size; captions and
pixels are not changed at random; and the mean is taken over the images, not over the batches.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from core.runs.events import Validated
from core.training.data.batch import Batch
from core.training.data.contents import DatasetContents
from core.training.data.dataset import Dataset
from core.training.data.settings import SubsetSettings
from core.training.forward import Forward
from core.training.objective.objective import Drawn, Objective
from core.training.objective.settings import ObjectiveSettings
from core.training.randomness import generator_for
from core.training.reporting import Reporter
from core.training.sampling.modes import evaluating
from core.training.settings import ValidationSettings
from core.training.state import Place

_TIMESTEPS: Final = 4


@dataclass(frozen=True, slots=True)
class ValidationTimes:
    """When to measure: by steps where the job says so, and by epochs, each one where it says nothing, as in sd-scripts.

    Attributes:
        settings: of the job.
    """

    settings: ValidationSettings

    def validates_at(self, place: Place, after_epoch: bool) -> bool:
        """Whether a measurement belongs here.

        Args:
            place: where the training stands.
            after_epoch: an epoch has ended; otherwise a step has.
        """
        if after_epoch:
            return place.epoch % (self.settings.every_epochs or 1) == 0
        return bool(self.settings.every_steps) and place.step % (self.settings.every_steps or 1) == 0


def steady(held_out: Sequence[DatasetContents]) -> tuple[DatasetContents, ...]:
    """Held-out images without anything that changes them or their captions at random.

    Args:
        held_out: what the check of the data found.
    """
    return tuple(
        replace(contents, images=tuple(replace(image, subset=_steady(image.subset)) for image in contents.images))
        for contents in held_out
    )


def validation_timesteps(settings: ObjectiveSettings) -> tuple[int, ...]:
    """Four timesteps, evenly spread over those that are trained: 200, 400, 600 and 800 of all."""
    spread = np.linspace(settings.min_timestep, settings.max_timestep, _TIMESTEPS + 2, dtype=int)
    return tuple(int(timestep) for timestep in spread[1:-1])


class Validator:
    """Measures.

    Draws from generators of its own and holds no gradients: the training goes on as if nothing had been measured. What goes
    wrong is told as a warning.

    Args:
        dataset: over what `steady` gives, with one process's part being all of it.
        forward: the training's.
        objective: the training's.
        network: the LoRA, whose dropout rests meanwhile.
        settings: of the job.
        seed: of the training; the job's validation_seed comes before it.
        device: that trains.
        batches_per_epoch: of the training.
        reporter: hears of the loss.
        stop: asked between two batches; where it says yes, nothing is told.
    """

    def __init__(
        self,
        dataset: Dataset,
        *,
        forward: Forward,
        objective: Objective,
        network: nn.Module,
        settings: ValidationSettings,
        seed: int,
        device: torch.device,
        batches_per_epoch: int,
        reporter: Reporter,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._dataset = dataset
        self._forward = forward
        self._objective = objective
        self._network = network
        self._most = settings.most_batches
        self._seed = seed if settings.seed is None else settings.seed
        self._device = device
        self._batches_per_epoch = batches_per_epoch
        self._reporter = reporter
        self._stop = stop
        self._timesteps = validation_timesteps(objective.settings)
        self._last_step: int | None = None

    def validate(self, place: Place) -> None:
        """Measures and tells, once for each step: an epoch's end is also the end of a step.

        Args:
            place: where the training stands.
        """
        if place.step == self._last_step:
            return
        failed = ""
        try:
            with evaluating(self._network):
                loss = self.loss()
        except Exception as error:  # noqa: BLE001 -- whatever it is, hours of training are worth more than a measurement
            loss, failed = None, f"{type(error).__name__}: {error}"[:500]
        if failed:
            self._reporter.warned("validation-failed", failed)
        if loss is not None:
            self._last_step = place.step
            epoch = place.epoch + place.batch / self._batches_per_epoch
            self._reporter.send(Validated(time=time.time(), step=place.step, loss=loss, epoch=epoch))

    @torch.no_grad()
    def loss(self) -> float | None:
        """The mean over the images and the timesteps; None where it was stopped or there is no image."""
        total: Tensor | None = None
        images = 0
        # Closed in any case: its threads read ahead.
        with contextlib.closing(self._dataset.batches(0)) as batches:
            for number, batch in enumerate(batches):
                if self._stop():
                    return None
                if self._most is not None and number >= self._most:
                    break
                measured = self._measure(batch)
                images += len(batch.keys)
                total = measured if total is None else total + measured
        return None if total is None else float(total) / (images * len(self._timesteps))

    def _measure(self, batch: Batch) -> Tensor:
        """The sum over a batch's images and the timesteps, shape (), on the device."""
        latents = self._latents(batch)
        losses: list[Tensor] = []
        for timestep in self._timesteps:
            drawn = self._draw(batch, latents, timestep)
            losses.append(self._forward.loss_of(batch, latents, drawn, trains=False).double())
        return torch.stack(losses).sum() * len(batch.keys)

    def _latents(self, batch: Batch) -> Tensor:
        if batch.images is None:
            return self._forward.latents(batch, self._generator("latents"))
        # One by one, because the VAE draws, and an image's numbers are not to depend on its neighbours.
        alone = [replace(batch, images=image.unsqueeze(0)) for image in batch.images]
        pairs = zip(alone, batch.keys, strict=True)
        return torch.cat([self._forward.latents(one, self._generator("latents", _name(key))) for one, key in pairs])

    def _draw(self, batch: Batch, latents: Tensor, timestep: int) -> Drawn:
        at = torch.full((1,), timestep, dtype=torch.int64, device=self._device)
        drawn = [
            self._objective.draw(latents[place : place + 1], self._generator(_name(key), timestep), at)
            for place, key in enumerate(batch.keys)
        ]
        thresholds = [one.huber_c for one in drawn if one.huber_c is not None]
        return Drawn(
            noise=torch.cat([one.noise for one in drawn]),
            timesteps=torch.cat([one.timesteps for one in drawn]),
            noisy=torch.cat([one.noisy for one in drawn]),
            target=torch.cat([one.target for one in drawn]),
            huber_c=torch.cat(thresholds) if thresholds else None,
        )

    def _generator(self, *place: str | int) -> torch.Generator:
        return generator_for(self._device, self._seed, "validation", *place)


def _name(key: str) -> str:
    """An image's name that is the same where its folder lies elsewhere."""
    return "/".join(Path(key).parts[-2:])


def _steady(subset: SubsetSettings) -> SubsetSettings:
    return replace(
        subset,
        shuffle_caption=False,
        caption_dropout_rate=0.0,
        caption_dropout_every_n_epochs=0,
        caption_tag_dropout_rate=0.0,
        token_warmup_step=0.0,
        color_aug=False,
        flip_aug=False,
        random_crop=False,
    )
