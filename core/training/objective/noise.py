"""The noise that is added to pictures, and its variants. Draws in the order of sd-scripts; waits for no device."""

from __future__ import annotations

import random

import torch
from torch import Generator, Tensor
from torch.nn import functional

from core.training.objective.settings import ObjectiveSettings


def draw_noise(latents: Tensor, settings: ObjectiveSettings, generator: Generator) -> Tensor:
    """The noise for a batch: plain, with an offset, with coarser noise on top.

    Source: `get_noise_noisy_latents_and_timesteps` in sd-scripts' library/train_util.py.

    Args:
        latents: shape (B, C, H, W).
        settings: which variants.
        generator: on the latents' device.

    Returns:
        The shape and type of the latents.
    """
    noise = _normal_like(latents, generator)
    if settings.noise_offset:
        noise = _with_offset(noise, latents, settings, generator).to(latents.dtype)
    if settings.multires_noise_iterations:
        noise = _with_coarser(noise, settings.multires_noise_iterations, settings.multires_noise_discount, generator)
    return noise


def perturbed(noise: Tensor, settings: ObjectiveSettings, generator: Generator) -> Tensor:
    """The noise that the model sees, where it is to be disturbed (`ip_noise_gamma`, arXiv:2301.11706).

    Args:
        noise: shape (B, C, H, W).
        settings: how strongly; where 0, the noise comes back as it is and nothing is drawn.
        generator: on its device.
    """
    if not settings.ip_noise_gamma:
        return noise
    strength = _strength(settings.ip_noise_gamma, settings.ip_noise_gamma_random_strength, noise, generator)
    return (noise + strength * _normal_like(noise, generator)).to(noise.dtype)


def _normal_like(tensor: Tensor, generator: Generator) -> Tensor:
    # randn_like takes no generator in older versions of torch.
    return torch.randn(tensor.shape, generator=generator, device=tensor.device, dtype=tensor.dtype)


def _strength(most: float, is_random: bool, like: Tensor, generator: Generator) -> Tensor | float:
    return torch.rand(1, generator=generator, device=like.device) * most if is_random else most


def _with_offset(noise: Tensor, latents: Tensor, settings: ObjectiveSettings, generator: Generator) -> Tensor:
    """Adds a constant to each channel of each picture (https://www.crosslabs.org/blog/diffusion-with-offset-noise)."""
    offset = _strength(settings.noise_offset, settings.noise_offset_random_strength, latents, generator)
    if settings.adaptive_noise_scale is not None:
        means = latents.mean(dim=(2, 3), keepdim=True).abs()
        offset = (offset + settings.adaptive_noise_scale * means).clamp(min=0.0)
    shape = (*latents.shape[:2], 1, 1)
    return noise + offset * torch.randn(shape, generator=generator, device=latents.device)


def _with_coarser(noise: Tensor, iterations: int, discount: float, generator: Generator) -> Tensor:
    """Adds noise of coarser and coarser grids and scales all to a deviation of about 1 (`pyramid_noise_like`).

    The sizes of the grids have to be known before anything is drawn on the device, so they come from Python's random
    numbers as in sd-scripts, seeded by the generator's own seed.
    """
    draws = random.Random(generator.initial_seed())
    count, channels, *size = noise.shape
    height, width = size
    for number in range(iterations):
        factor = draws.random() * 2 + 2
        rows, columns = max(1, int(height / factor**number)), max(1, int(width / factor**number))
        # As float32, whatever the noise is, as in sd-scripts.
        coarse = torch.randn((count, channels, rows, columns), generator=generator, device=noise.device)
        finer = functional.interpolate(coarse, size=(height, width), mode="bilinear")
        noise = (noise + finer * discount**number).to(noise.dtype)
        if rows == 1 or columns == 1:
            break
    return noise / noise.std()
