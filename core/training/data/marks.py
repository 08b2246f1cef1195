"""Whose a cache is: what a VAE or the text encoders make of one fixed thing, kept in each file that they made.

A file's name says nothing of the model, so that after a change of the model sd-scripts goes on with the latents and texts of
the one before. The mark is compared with some room, because one model in float32, bfloat16 and float16 is still the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # the data is looked at before torch is loaded
    from torch import Tensor

Mark = NDArray[np.float32]

CAPTION: Final = "a photo of a cat, 1girl, outdoors"
_SIDE: Final = 64
_ROOM: Final = 0.05
_MOST_NUMBERS: Final = 512


def picture() -> Tensor:
    """Smooth waves in three colours, (1, 3, 64, 64), -1 to 1: what a VAE is marked with."""
    import torch

    place = torch.linspace(0, 2 * torch.pi, _SIDE)
    waves = [torch.sin(place * (1 + colour))[:, None] * torch.cos(place * (2 - colour / 2))[None] for colour in range(3)]
    return torch.stack(waves)[None]


def mark_of(*made: Tensor) -> Mark:
    """The mark of a model that made these of the fixed thing."""
    import torch

    numbers = np.concatenate([one.detach().to("cpu", torch.float32).numpy().ravel() for one in made])
    return np.ascontiguousarray(numbers[:: max(1, len(numbers) // _MOST_NUMBERS)])


def is_same(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Whether two marks are of one model, in whatever precision.

    Middle values are compared: text encoders have a few channels that are a hundred times as large as all others.
    """
    if one.shape != other.shape:
        return False
    return bool(np.median(np.abs(one - other)) <= _ROOM * np.median(np.abs(one)))
