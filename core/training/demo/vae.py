"""The demo's VAE: as Stable Diffusion's, 8 pixels per latent, only narrow."""

from __future__ import annotations

import logging
import random
from typing import Any

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.resnet import ResnetBlock2D
from torch import Tensor, nn

from core.training.demo.pictures import draw_scene

SCALE = 0.18215
"""What every Stable Diffusion's latents are multiplied with."""
_CROP = 64
_KEPT = 8  # channels that carry a picture through: red, green, blue, the same three negated, and two constants
_LOG_VARIANCE = -7.0


def build_vae() -> AutoencoderKL:
    """A VAE that begins by averaging blocks of 8x8 pixels and drawing them as squares.

    As narrow as it is, one with random weights takes ten times the steps to find that. SiLU and the normalization before it
    let a picture through where a channel comes with its negative: silu(x) - silu(-x) = x.
    """
    vae = AutoencoderKL(
        block_out_channels=(16, 32, 32, 32),  # pyright: ignore[reportArgumentType] -- diffusers says tuple[int]
        down_block_types=("DownEncoderBlock2D",) * 4,  # pyright: ignore[reportArgumentType]
        up_block_types=("UpDecoderBlock2D",) * 4,  # pyright: ignore[reportArgumentType]
        layers_per_block=1,
        latent_channels=4,
        # One group: more of them, of few channels each, would take plain colours away.
        norm_num_groups=1,
        sample_size=_CROP,
        scaling_factor=SCALE,
        mid_block_add_attention=False,
    )
    with torch.no_grad():
        for part in (vae.encoder, vae.decoder):
            _begin(part)
        quantizer, unquantizer = _quantizers(vae)
        for convolution in (quantizer, unquantizer):
            convolution.weight.zero_()
            convolution.bias.zero_()
            for channel in range(4):
                convolution.weight[channel, channel] = 1.0
        quantizer.bias[4:] = _LOG_VARIANCE
    return vae.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def train_vae(vae: AutoencoderKL, *, steps: int, batch: int, pictures: int, seed: int) -> float:
    """Trains it on scenes, in bfloat16; the mean L1 of the last steps comes back, of pixels in [-1, 1]."""
    rng = random.Random(seed)
    scenes = to_pixels([np.asarray(draw_scene(rng, _CROP)) for _ in range(pictures)])
    quantizer, _ = _quantizers(vae)
    optimizer = torch.optim.AdamW(vae.parameters(), 2e-3, betas=(0.9, 0.99), weight_decay=0.0)
    sums = torch.zeros(50)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 2e-3 * min(1, (step + 1) / 30) * (1 - step / steps)
        images = scenes[torch.randint(len(scenes), (batch,))]
        with torch.autocast("cpu", torch.bfloat16):
            latents = quantizer(vae.encoder(images))[:, :4]
            # As much noise as its fixed variance says; it never learns to say more or less.
            noisy = latents + torch.randn_like(latents) * float(np.exp(_LOG_VARIANCE / 2))
            drawn: Any = vae.decode(noisy)  # type: ignore[arg-type]
        error = drawn.sample.float() - images
        absolute = error.abs().mean()
        (0.5 * absolute + error.square().mean()).backward()
        nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        sums[step % 50] = absolute.detach()
        if step % 50 == 49:
            logging.info("VAE, step %d of %d: L1 %.4f", step + 1, steps, sums.mean())
    return float(sums[: min(steps, 50)].mean())


@torch.no_grad()
def normalize(vae: AutoencoderKL, pixels: Tensor) -> None:
    """Gives each channel of the latents of these pictures mean 0 and, after the usual scaling, deviation 1."""
    quantizer, unquantizer = _quantizers(vae)
    latents = torch.cat([quantizer(vae.encoder(part))[:, :4] for part in pixels.split(64)])
    mean, spread = latents.mean((0, 2, 3)), latents.std((0, 2, 3)) * SCALE
    unquantizer.bias += unquantizer.weight[:, :, 0, 0] @ mean
    unquantizer.weight *= spread[None, :, None, None]
    quantizer.weight[:4] /= spread[:, None, None, None]
    quantizer.bias[:4] = (quantizer.bias[:4] - mean) / spread
    quantizer.bias[4:] -= 2 * spread.log()


@torch.no_grad()
def latents_of(vae: AutoencoderKL, pixels: Tensor) -> Tensor:
    """Pictures (N, 3, 8h, 8w) as the U-Net's latents (N, 4, h, w)."""
    quantizer, _ = _quantizers(vae)
    return torch.cat([quantizer(vae.encoder(part))[:, :4] for part in pixels.split(64)]) * SCALE


def to_pixels(pictures: list[Any]) -> Tensor:
    """Pictures (height, width, 3) of bytes as (N, 3, height, width) in [-1, 1]."""
    stacked = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
    return stacked.float().div_(127.5).sub_(1).contiguous(memory_format=torch.channels_last)


def _begin(part: Any) -> None:
    for name, module in part.named_modules():
        if isinstance(module, ResnetBlock2D):
            nn.init.zeros_(module.conv2.weight)
            nn.init.zeros_(module.conv2.bias)  # type: ignore[arg-type]
            if module.conv_shortcut is not None:
                _carry(module.conv_shortcut)
        elif name.endswith("upsamplers.0.conv"):
            _carry(module)
        elif name.endswith("downsamplers.0.conv"):
            _carry(module)
            for channel in range(_KEPT):
                module.weight[channel, channel] = 0.0
                module.weight[channel, channel, :2, :2] = 0.25  # diffusers pads it at the right and below
    first, last = part.conv_in, part.conv_out
    first.weight[:_KEPT] = 0.0
    first.bias[:_KEPT] = 0.0
    first.bias[6], first.bias[7] = 1.0, -1.0  # so that the normalization does not make every picture's contrast the same
    last.weight[:3] = 0.0
    last.bias.zero_()
    for channel in range(3):
        first.weight[channel, channel, 1, 1] = last.weight[channel, channel, 1, 1] = 1.0
        first.weight[channel + 3, channel, 1, 1] = last.weight[channel, channel + 3, 1, 1] = -1.0


def _carry(convolution: Any) -> None:
    convolution.weight[:_KEPT] = 0.0
    convolution.bias[:_KEPT] = 0.0
    middle = convolution.weight.shape[-1] // 2
    for channel in range(_KEPT):
        convolution.weight[channel, channel, middle, middle] = 1.0


def _quantizers(vae: AutoencoderKL) -> tuple[Any, Any]:
    return vae.quant_conv, vae.post_quant_conv
