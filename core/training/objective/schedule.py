"""The noise schedule: how much of a picture is left at each timestep."""

from __future__ import annotations

import torch
from torch import Tensor


def with_zero_terminal_snr(alphas_cumprod: Tensor) -> Tensor:
    """The schedule, shifted and stretched so that nothing of the picture is left at its end (arXiv:2305.08891).

    The way over betas and back is that of sd-scripts (`fix_noise_scheduler_betas_for_zero_terminal_snr` in
    library/custom_train_functions.py), so that the numbers are the same to the last bit.

    Args:
        alphas_cumprod: float32 of shape (timesteps,), falling.

    Returns:
        The same shape; the last one is 0 exactly.
    """
    roots = alphas_cumprod.sqrt()
    first, last = roots[0].clone(), roots[-1].clone()
    roots = (roots - last) * (first / (first - last))
    squares = roots**2
    alphas = torch.cat([squares[:1], squares[1:] / squares[:-1]])
    betas = 1 - alphas
    return torch.cumprod(1.0 - betas, dim=0)


def signal_to_noise(alphas_cumprod: Tensor) -> Tensor:
    """The signal-to-noise ratio at each timestep, as sd-scripts computes it (`prepare_scheduler_for_custom_training`).

    Args:
        alphas_cumprod: shape (timesteps,).

    Returns:
        The same shape.
    """
    return (alphas_cumprod.sqrt() / (1.0 - alphas_cumprod).sqrt()) ** 2


class NoiseSchedule:
    """Mixes pictures and noise.

    In float32 this is diffusers' DDPMScheduler (`add_noise`, `get_velocity`), which sd-scripts uses, to the last bit and
    without its copies between devices. For latents of 16 bits diffusers rounds the schedule first: in bfloat16 the first two
    timesteps then get no noise at all, and 26 of them are wrong by more than 2 %. Here the shares are computed in float32
    and only the result is rounded.

    Args:
        alphas_cumprod: float32 of shape (timesteps,).
    """

    def __init__(self, alphas_cumprod: Tensor) -> None:
        self._signal = alphas_cumprod**0.5
        self._noise = (1 - alphas_cumprod) ** 0.5

    def add_noise(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """What the model gets to see.

        Args:
            latents, noise: shape (B, C, H, W).
            timesteps: int64 of shape (B,), on the same device.
        """
        signal, share = self._shares(latents, timesteps)
        return (signal * latents + share * noise).to(latents.dtype)

    def velocity(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """What a v-prediction model is to predict; arguments as of `add_noise`."""
        signal, share = self._shares(latents, timesteps)
        return (signal * noise - share * latents).to(latents.dtype)

    def _shares(self, latents: Tensor, timesteps: Tensor) -> tuple[Tensor, Tensor]:
        shape = (-1, *[1] * (latents.ndim - 1))
        dtype = torch.promote_types(latents.dtype, torch.float32)
        return self._signal[timesteps].to(dtype).view(shape), self._noise[timesteps].to(dtype).view(shape)
