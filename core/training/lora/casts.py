"""The LoRA's weights in the type that autocast computes in, cast all at once instead of one by one.

Under autocast every LoRA would cast its two matrices in the forward pass and their gradients in the backward pass: four
kernels for each of some hundred layers, a tenth of all that a step launches. The numbers are the same: what is cast is a
leaf of its own, whose gradient is added to the weight's own in that one's type, as autograd does it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from core.training.lora.module import LoRAModule


class Casts:
    """Weights of another type than their own, from a forward pass to the end of its backward pass.

    Args:
        loras: the LoRAs; what of them is trained is found out with every forward pass.
        dtype: that they compute in.
    """

    def __init__(self, loras: Sequence[LoRAModule], dtype: torch.dtype) -> None:
        self._loras = tuple(loras)
        self._dtype = dtype
        self._weights = tuple(weights for lora in self._loras for weights in (lora.down, lora.up))
        self._casts: tuple[Tensor, ...] = ()

    @torch.no_grad()
    def take(self) -> None:
        """Casts the weights as they are now; the LoRAs compute with that until `give_back`."""
        if not self._casts:
            self._casts = tuple(torch.empty_like(weights, dtype=self._dtype) for weights in self._weights)
        torch._foreach_copy_(self._casts, self._weights)  # pyright: ignore[reportPrivateImportUsage]
        for cast, weights in zip(self._casts, self._weights, strict=True):
            cast.requires_grad_(weights.requires_grad)
        for lora, down, up in zip(self._loras, self._casts[::2], self._casts[1::2], strict=True):
            lora.cast = (down, up)

    @torch.no_grad()
    def give_back(self) -> None:
        """Adds the gradients to those of the weights. From here on the LoRAs cast for themselves again."""
        for lora in self._loras:
            lora.cast = None
        trained = [
            (weights, cast.grad) for weights, cast in zip(self._weights, self._casts, strict=True) if cast.grad is not None
        ]
        if not trained:
            return
        arrived = [torch.empty_like(weights) for weights, _ in trained]
        torch._foreach_copy_(arrived, [grad for _, grad in trained])  # pyright: ignore[reportPrivateImportUsage]
        for cast in self._casts:
            cast.grad = None
        sums: list[tuple[Tensor, Tensor]] = []
        for (weights, _), grad in zip(trained, arrived, strict=True):
            if weights.grad is None:
                weights.grad = grad
            else:
                sums.append((weights.grad, grad))
        if sums:
            torch._foreach_add_([had for had, _ in sums], [new for _, new in sums])  # pyright: ignore[reportPrivateImportUsage]
