"""How noisy each picture of a batch is made."""

from __future__ import annotations

import torch
from torch import Generator, Tensor


def draw_timesteps(count: int, low: int, high: int, generator: Generator) -> Tensor:
    """Timesteps, each as likely as the other (`get_timesteps` in sd-scripts' library/train_util.py).

    sd-scripts draws them on the CPU and copies them over; here they are drawn where the generator lives.

    Args:
        count: B, of pictures.
        low: the least.
        high: one more than the greatest; where it equals `low`, all are `low`.
        generator: on the device that is to hold them.

    Returns:
        int64 of shape (B,).
    """
    if low >= high:
        return torch.full((count,), high, dtype=torch.int64, device=generator.device)
    return torch.randint(low, high, (count,), generator=generator, device=generator.device)
