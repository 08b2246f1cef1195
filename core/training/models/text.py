"""What the U-Net is told: text encoders' hidden states, and for SDXL the pooled output and the picture's sizes.

Source: sd-scripts, library/strategy_sd.py (SdTextEncodingStrategy), library/strategy_sdxl.py (SdxlTextEncodingStrategy),
library/sdxl_train_util.py (get_size_embeddings).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from core.training.models.load import Components

_LAST_BUT_ONE = -2  # SDXL takes the last but one layer of both encoders


@dataclass(frozen=True, slots=True)
class TextStates:
    """What text encoders give.

    Attributes:
        hidden: (B, 75 * chunks + 2, C); for SDXL the second encoder's channels come after the first one's.
        pooled: (B, P) of SDXL's second encoder, else None.
    """

    hidden: torch.Tensor
    pooled: torch.Tensor | None = None


def encode(
    components: Components,
    token_ids: Sequence[torch.Tensor],
    *,
    clip_skip: int | None = None,
    weights: Sequence[torch.Tensor] | None = None,
) -> TextStates:
    """Encodes prompts; gradients flow where the caller lets them.

    Args:
        components: the model.
        token_ids: of each encoder, (B, chunks, 77) int64, on the encoders' device or not.
        clip_skip: layer counted from the end, None and 1 for the last; SDXL pays no heed to it. `load_components` has
            checked that there is such a layer.
        weights: of the tokens, (B, chunks, 77), for each encoder.

    Returns:
        The states, in the encoders' type, or in autocast's.
    """
    hidden: list[torch.Tensor] = []
    pooled = None
    is_sdxl = components.facts.family == "sdxl"
    for number, (encoder, given) in enumerate(zip(components.text_encoders, token_ids, strict=True)):
        ids = given.to(_device_of(encoder), non_blocking=True)
        flat = ids.flatten(0, 1)
        if is_sdxl:
            output: Any = encoder(flat, output_hidden_states=True)
            states = output.hidden_states[_LAST_BUT_ONE]
            if number == 1:
                eos = components.tokenizers[number].eos
                pooled = _pool(encoder, output.last_hidden_state, flat, eos)[:: ids.shape[1]]
        else:
            states = _last_states(encoder, flat, clip_skip)
        states = _joined(states, ids.shape[0])
        hidden.append(states if weights is None else _weighted(states, weights[number]))
    return TextStates(hidden[0] if len(hidden) == 1 else torch.cat(hidden, dim=2), pooled)


def added_conditions(
    pooled: torch.Tensor,
    original_sizes: torch.Tensor,
    crop_top_lefts: torch.Tensor,
    target_sizes: torch.Tensor,
) -> dict[str, torch.Tensor]:
    """SDXL's `added_cond_kwargs` for diffusers' U-Net.

    Args:
        pooled: (B, P).
        original_sizes, crop_top_lefts, target_sizes: (B, 2) in pixels, height or top first.
    """
    sizes = torch.cat([original_sizes, crop_top_lefts, target_sizes], dim=1)
    # float32 whatever the U-Net's type is: half precision cannot tell 2049 from 2048.
    return {"text_embeds": pooled, "time_ids": sizes.to(pooled.device, torch.float32, non_blocking=True)}


def _last_states(encoder: Any, flat: torch.Tensor, clip_skip: int | None) -> torch.Tensor:
    if clip_skip is None or clip_skip == 1:
        return encoder(flat).last_hidden_state
    states = encoder(flat, output_hidden_states=True).hidden_states
    return inner_model(encoder).final_layer_norm(states[-clip_skip])


def inner_model(encoder: Any) -> Any:
    """The encoder's embeddings and layers; transformers 5.6 took a level of nesting out of CLIPTextModel."""
    return getattr(encoder, "text_model", encoder)


def _pool(encoder: Any, states: torch.Tensor, flat: torch.Tensor, eos: int) -> torch.Tensor:
    """The state at the first end of text, projected. transformers' own takes the largest token in models of old configs."""
    at = (flat == eos).int().argmax(dim=1)
    chosen = states[torch.arange(len(flat), device=states.device), at]
    projection = encoder.text_projection
    return projection(chosen.to(projection.weight.dtype)).to(states.dtype)


def _joined(states: torch.Tensor, batch: int) -> torch.Tensor:
    """(B * chunks, 77, C) -> (B, 75 * chunks + 2, C): first and last state of a chunk stay at the very ends alone."""
    if len(states) == batch:
        return states
    chunks = states.unflatten(0, (batch, -1))
    return torch.cat([chunks[:, 0, :1], chunks[:, :, 1:-1].flatten(1, 2), chunks[:, -1, -1:]], dim=1)


def _weighted(states: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    weights = weights.to(states.device, torch.float32, non_blocking=True)
    inner = weights[:, :, 1:-1].flatten(1)
    factors = nn.functional.pad(inner, (1, 1), value=1.0).unsqueeze(2)
    return (states * factors).to(states.dtype)


def _device_of(encoder: nn.Module) -> torch.device:
    return next(encoder.parameters()).device
