"""From a prompt's states to a picture: a sampler's walk through the U-Net, and the VAE.

The models are used as they stand in the training, by the few lines that sd-scripts' own pipelines consist of
(kohya-ss/sd-scripts at 48d368f, library/sdxl_lpw_stable_diffusion.py, __call__, decode_latents). diffusers' pipelines do not
fit here: they change the sampler's parameters (clip_sample, steps_offset) and the U-Net's config when they are built, convert
the VAE in place, take their types from the weights, which may be 8 bits, and want tokenizers of transformers. The tests
compare both.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from core.training.machine import Machine
from core.training.models.load import Components
from core.training.models.text import TextStates, added_conditions
from core.training.sampling.prompts import SamplePrompt

_LEAST_SIDE = 64
_MULTIPLE = 8


class NotANumberError(Exception):
    """The picture holds NaN or infinity."""


def picture_size(prompt: SamplePrompt) -> tuple[int, int]:
    """Width and height that are drawn: multiples of 8, at least 64, as in sd-scripts."""
    width, height = (max(_LEAST_SIDE, side - side % _MULTIPLE) for side in (prompt.width, prompt.height))
    return width, height


def generator_on(device: torch.device, seed: int) -> torch.Generator:
    """A generator that draws what sd-scripts draws after this seed; on mps it draws on the CPU, as sd-scripts does."""
    return torch.Generator("cpu" if device.type == "mps" else device).manual_seed(seed)


@torch.no_grad()
def draw_latents(
    components: Components,
    states: TextStates,
    prompt: SamplePrompt,
    *,
    scheduler: Any,
    generator: torch.Generator,
    machine: Machine,
    stop: Callable[[], bool] = lambda: False,
) -> Tensor | None:
    """Walks from noise to a picture's latents.

    Args:
        components: the model; its U-Net is on the device.
        states: of the negative prompt and the prompt, in this order, or of the prompt alone where nothing guides.
        prompt: steps, size, guidance.
        scheduler: a new one of diffusers.
        generator: for the first noise, and for samplers that add more.
        machine: where, and how precisely.
        stop: asked between two steps.

    Returns:
        (1, C, h, w) float32, scaled as in the training; None where it was stopped.
    """
    width, height = picture_size(prompt)
    stride = vae_stride(components)
    scheduler.set_timesteps(prompt.steps, device=machine.device)
    shape = (1, int(components.unet.config["in_channels"]), height // stride, width // stride)
    noise = torch.randn(shape, generator=generator, device=generator.device, dtype=torch.float32)
    latents = noise.to(machine.device) * scheduler.init_noise_sigma
    count = len(states.hidden)
    added = _added(components, states, (height, width))
    # Only some samplers draw on their way.
    more = {"generator": generator} if "generator" in inspect.signature(scheduler.step).parameters else {}
    for timestep in scheduler.timesteps:
        if stop():
            return None
        seen = scheduler.scale_model_input(torch.cat([latents] * count), timestep)
        with machine.computing():
            output = components.unet(seen, timestep, states.hidden, added_cond_kwargs=added, return_dict=False)[0]
        predicted = output.to(latents.dtype)
        if count == 2:
            without, with_prompt = predicted.chunk(2)
            predicted = without + prompt.scale * (with_prompt - without)
        latents = scheduler.step(predicted, timestep, latents, return_dict=False, **more)[0]
    return latents


@torch.no_grad()
def decode(components: Components, latents: Tensor) -> Image.Image:
    """Latents (1, C, h, w) as a picture; the VAE computes in its own type.

    Raises:
        NotANumberError: it has pixels that are no numbers.
    """
    vae = components.vae
    unscaled: Any = (latents / components.latent_scale).to(vae.dtype)
    decoded: Any = vae.decode(unscaled, return_dict=False)
    pixels = decoded[0][0].float()
    if not bool(pixels.isfinite().all()):
        raise NotANumberError
    levels = ((pixels / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8)
    return Image.fromarray(levels.permute(1, 2, 0).cpu().numpy())


def vae_stride(components: Components) -> int:
    """Pixels of a side per latent: every level of the VAE but the last one halves."""
    return 2 ** (len(components.vae.config["block_out_channels"]) - 1)


def _added(components: Components, states: TextStates, size: tuple[int, int]) -> dict[str, Tensor] | None:
    """SDXL is told the picture's size, as whole and uncropped."""
    if components.facts.family != "sdxl":
        return None
    assert states.pooled is not None
    sizes = torch.tensor([size] * len(states.hidden))
    return added_conditions(states.pooled, sizes, torch.zeros_like(sizes), sizes)
