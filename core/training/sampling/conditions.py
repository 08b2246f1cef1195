"""What a sample's prompt tells the U-Net, weights such as (word:1.2) always read, as sd-scripts does for samples.

Source: kohya-ss/sd-scripts at 48d368f, library/lpw_stable_diffusion.py (get_weighted_text_embeddings) for Stable Diffusion 1
and 2, where prompts get as many chunks as they need and keep their mean under weights, as in A1111; for SDXL
library/sdxl_lpw_stable_diffusion.py, which encodes as the training does. Other than there, prompts for 2.x are filled up with
the token that the training fills captions up with; there they get the token of 1.x.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from core.training.models.clean import clean
from core.training.models.load import Components
from core.training.models.text import TextStates, encode
from core.training.models.tokens import CHUNK
from core.training.models.weighting import weighted_pieces

_MOST_CHUNKS = 3


def encode_prompts(
    components: Components, texts: Sequence[str], *, clip_skip: int | None, max_token_length: int | None
) -> list[TextStates]:
    """Encodes the prompts of one picture, all to the same length.

    Args:
        components: the model.
        texts: the prompt, and the negative one where there is one.
        clip_skip: of the job; SDXL pays no heed to it.
        max_token_length: of the job, for SDXL. Stable Diffusion 1 and 2 take up to 225 tokens, however many were trained with.

    Returns:
        One for each text: hidden (1, tokens, C), pooled (1, P) for SDXL.
    """
    if components.facts.family == "sdxl":
        return [_as_trained(components, text, max_token_length) for text in texts]
    tokenizer = components.tokenizers[0]
    length = CHUNK * max(_chunks_for(components, text) for text in texts)
    found: list[TextStates] = []
    for text in texts:
        ids, weights = tokenizer.weighted_token_ids(text, length)
        # Each chunk goes alone, so that its first and last token stay: (chunks, 1, 77).
        states = encode(components, [ids.unsqueeze(1)], clip_skip=clip_skip).hidden.flatten(0, 1)
        found.append(TextStates(_weighted(states, weights.flatten()).unsqueeze(0)))
    return found


def _as_trained(components: Components, text: str, max_token_length: int | None) -> TextStates:
    pairs = [tokenizer.weighted_token_ids(text, max_token_length) for tokenizer in components.tokenizers]
    ids = [ids.unsqueeze(0) for ids, _ in pairs]
    return encode(components, ids, weights=[weights.unsqueeze(0) for _, weights in pairs])


def _chunks_for(components: Components, text: str) -> int:
    """How many chunks a prompt fills, 1 to 3."""
    tokenizer, count = components.tokenizers[0], 0
    for piece, _ in weighted_pieces(text):
        parts = piece.split(tokenizer.alone) if tokenizer.alone else [piece]
        count += sum(len(tokenizer.encode(clean(part))) for part in parts) + len(parts) - 1
    return min(_MOST_CHUNKS, max(1, math.ceil(count / CHUNK)))


def _weighted(states: Tensor, weights: Tensor) -> Tensor:
    """States (tokens, C) times weights (tokens,), scaled back to their mean, which weights would shift."""
    if bool((weights == 1).all()):
        return states
    weighted = states * weights.to(states.device, states.dtype).unsqueeze(1)
    # In the states' own type, as there.
    before, after = states.float().mean().to(states.dtype), weighted.float().mean().to(states.dtype)
    return weighted * (before / after)


def joined(pair: Sequence[TextStates], device: torch.device) -> TextStates:
    """Several prompts' states as one batch on a device."""
    pooled = [states.pooled.to(device) for states in pair if states.pooled is not None]
    return TextStates(torch.cat([states.hidden.to(device) for states in pair]), torch.cat(pooled) if pooled else None)
