"""From latents to a loss: what is drawn for a batch, and what its prediction is worth.

Nothing here waits for the device: all that depends on a timestep is looked up in tables that lie there.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from core.training.models.family import Prediction
from core.training.objective.losses import distance, huber_thresholds, masked
from core.training.objective.noise import draw_noise, perturbed
from core.training.objective.schedule import NoiseSchedule, signal_to_noise, with_zero_terminal_snr
from core.training.objective.settings import ObjectiveSettings
from core.training.objective.timesteps import draw_timesteps
from core.training.objective.weights import weights_by_timestep


@dataclass(frozen=True, slots=True)
class Drawn:
    """What was drawn for a batch, all on the latents' device.

    Attributes:
        noise: shape (B, C, H, W).
        timesteps: int64 of shape (B,).
        noisy: what the model gets to see, shape (B, C, H, W).
        target: what it is to predict, shape (B, C, H, W).
        huber_c: thresholds, shape (B,); None where the loss has none.
    """

    noise: Tensor
    timesteps: Tensor
    noisy: Tensor
    target: Tensor
    huber_c: Tensor | None


class Objective:
    """What a training minimises.

    Args:
        settings: the job's.
        alphas_cumprod: the model's noise schedule, float32 of shape (1000,), on the device that trains.
        prediction: what the model predicts.
    """

    def __init__(self, settings: ObjectiveSettings, alphas_cumprod: Tensor, prediction: Prediction) -> None:
        self.settings = settings
        self.predicts_v = prediction == "v_prediction"
        # sd-scripts takes the ratios from the schedule as it was before its end is set to zero; so do we.
        snr = signal_to_noise(alphas_cumprod)
        self.alphas_cumprod = with_zero_terminal_snr(alphas_cumprod) if settings.zero_terminal_snr else alphas_cumprod
        self._schedule = NoiseSchedule(self.alphas_cumprod)
        self._weights = weights_by_timestep(settings, snr, predicts_v=self.predicts_v)
        self._thresholds = None
        if settings.loss_type in {"huber", "smooth_l1"}:
            self._thresholds = huber_thresholds(
                settings.huber_schedule, settings.huber_c, settings.huber_scale, self.alphas_cumprod
            )

    def draw(self, latents: Tensor, generator: Generator, timesteps: Tensor | None = None) -> Drawn:
        """Draws noise and timesteps for a batch, in the order of sd-scripts.

        With a generator on the CPU the numbers are those that sd-scripts draws after the same seed.

        Args:
            latents: shape (B, C, H, W), already multiplied by the VAE's factor.
            generator: on their device.
            timesteps: int64 of shape (B,), instead of drawing them (validation).
        """
        settings = self.settings
        noise = draw_noise(latents, settings, generator)
        if timesteps is None:
            timesteps = draw_timesteps(latents.shape[0], settings.min_timestep, settings.max_timestep, generator)
        noisy = self._schedule.add_noise(latents, perturbed(noise, settings, generator), timesteps)
        target = self._schedule.velocity(latents, noise, timesteps) if self.predicts_v else noise
        huber_c = None if self._thresholds is None else self._thresholds[timesteps]
        return Drawn(noise, timesteps, noisy, target, huber_c)

    def losses(self, prediction: Tensor, drawn: Drawn, loss_weights: Tensor, masks: Tensor | None = None) -> Tensor:
        """The loss of each picture, with its weights (`process_batch` in sd-scripts' train_network.py).

        Args:
            prediction: the model's, shape (B, C, H, W); computed with in float32 at least.
            drawn: for this batch.
            loss_weights: of each picture, shape (B,).
            masks: shape (B, 1, h, w), 0 to 1; None for none.

        Returns:
            Shape (B,).
        """
        dtype = torch.promote_types(prediction.dtype, torch.float32)
        loss = distance(prediction.to(dtype), drawn.target.to(dtype), self.settings.loss_type, drawn.huber_c)
        if masks is not None:
            loss = masked(loss, masks)
        loss = loss.mean(dim=tuple(range(1, loss.ndim))) * loss_weights
        return loss if self._weights is None else loss * self._weights[drawn.timesteps]

    def loss(self, prediction: Tensor, drawn: Drawn, loss_weights: Tensor, masks: Tensor | None = None) -> Tensor:
        """The mean of `losses`, shape (): what is minimised."""
        return self.losses(prediction, drawn, loss_weights, masks).mean()
