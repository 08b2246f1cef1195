"""The demo's U-Net and text encoder: as Stable Diffusion 1's, only narrow, trained together to predict the noise."""

from __future__ import annotations

import logging
from typing import Any

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import CLIPTextConfig, CLIPTextModel

from core.training.demo.pictures import SIZE
from core.training.demo.words import BOS, EOS, vocabulary
from core.training.models.load import training_alphas

_WIDTH = 64
_LATENTS = SIZE // 8


def build_text_encoder() -> CLIPTextModel:
    """Two layers over the demo's vocabulary."""
    known, _ = vocabulary()
    config = CLIPTextConfig(
        vocab_size=len(known),
        hidden_size=_WIDTH,
        intermediate_size=2 * _WIDTH,
        num_hidden_layers=2,
        num_attention_heads=4,
        projection_dim=_WIDTH,
        bos_token_id=known[BOS],
        eos_token_id=known[EOS],
        pad_token_id=known[EOS],
    )
    return CLIPTextModel(config)


def build_unet() -> UNet2DConditionModel:
    """Two levels; the inner one, of half the latents, attends to the text."""
    return UNet2DConditionModel(
        sample_size=_LATENTS,
        block_out_channels=(32, 64),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        norm_num_groups=8,
        cross_attention_dim=_WIDTH,
        attention_head_dim=4,  # heads, in spite of its name, as in Stable Diffusion 1
    )


def train_unet(
    unet: UNet2DConditionModel,
    text: CLIPTextModel,
    latents: Tensor,
    ids: Tensor,
    *,
    steps: int,
    batch: int,
    rate: float = 2e-3,
) -> float:
    """Trains both, in bfloat16; they end with the moving mean of their weights.

    Args:
        latents: (N, 4, h, w), scaled.
        ids: tokens of the captions (N + 1, 77); the last one is the empty caption, which every tenth picture gets, so that
            guidance has something to start from.

    Returns:
        The mean loss of the last steps.
    """
    unet.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    alphas = training_alphas()
    parameters = [*unet.parameters(), *text.parameters()]
    kept = [parameter.detach().clone() for parameter in parameters]
    optimizer = torch.optim.AdamW(parameters, rate, betas=(0.9, 0.99), weight_decay=0.01)
    losses = torch.zeros(50)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = rate * min(1, (step + 1) / 100) * (1 - step / steps)
        chosen = torch.randint(len(latents), (batch,))
        said = torch.where(torch.rand(batch) < 0.1, len(latents), chosen)
        times, noise = torch.randint(1000, (batch,)), torch.randn(batch, *latents.shape[1:])
        part = alphas[times].view(-1, 1, 1, 1)
        noisy = (part.sqrt() * latents[chosen] + (1 - part).sqrt() * noise).contiguous(memory_format=torch.channels_last)
        # The backward pass of torch's own attention takes ten times as long in bfloat16 on a CPU.
        with torch.autocast("cpu", torch.bfloat16), sdpa_kernel(SDPBackend.MATH):
            predicted: Any = unet(noisy, times, text(ids[said]).last_hidden_state)
        loss = nn.functional.mse_loss(predicted.sample.float(), noise)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        _keep(kept, parameters, 1 - min(0.995, step / (step + 10)))
        losses[step % 50] = loss.detach()
        if step % 50 == 49:
            logging.info("U-Net, step %d of %d: loss %.4f", step + 1, steps, losses.mean())
    with torch.no_grad():
        for parameter, mean in zip(parameters, kept, strict=True):
            parameter.copy_(mean)
    return float(losses[: min(steps, 50)].mean())


@torch.no_grad()
def _keep(kept: list[Tensor], parameters: list[nn.Parameter], share: float) -> None:
    for mean, parameter in zip(kept, parameters, strict=True):
        mean.lerp_(parameter, share)
