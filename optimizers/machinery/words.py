"""Words of matrix programs that compute in float32 whatever the parameter's dtype is, and round back to it."""

from __future__ import annotations

import torch
from torch import Tensor

LOW_HALF = 1 << 16
"""A float32 whose lower 16 bits are zero is a bfloat16."""


class RoundingWords:
    """For lanes that hold real tensors."""

    __slots__ = ()

    def widened(self, value: Tensor) -> Tensor:
        """The value in float32; the very same tensor where it is that already, so that changing it changes the array."""
        return value.float()

    def working_copy(self, value: Tensor) -> Tensor:
        """A copy in float32, free to be changed."""
        return value.to(torch.float32, copy=True)

    def as_kept(self, name: str) -> Tensor:
        """An array with the changes made so far, rounded to its dtype: real tensors always are, traced ones are not."""
        return getattr(self, name)

    def put(self, name: str, value: Tensor, *, stochastic: bool) -> None:
        """Writes a widened array back.

        Args:
            name: of the array.
            value: its new values in float32; nothing is done where they are the array itself.
            stochastic: bfloat16 arrays are rounded up or down at random, with torch's generator.
        """
        target: Tensor = getattr(self, name)
        if target is value:
            return
        if stochastic and target.dtype == torch.bfloat16 and value.dtype == torch.float32:
            target.copy_(rounded_at_random(value))
        else:
            target.copy_(value)


def rounded_at_random(value: Tensor) -> Tensor:
    """float32 values whose lower half is zero: up or down, the nearer the likelier (arXiv:2010.06192).

    Args:
        value: float32, any shape; stays as it is.
    """
    noise = torch.randint_like(value, dtype=torch.int32, low=0, high=LOW_HALF)
    return noise.add_(value.view(torch.int32)).bitwise_and_(-LOW_HALF).view(torch.float32)
