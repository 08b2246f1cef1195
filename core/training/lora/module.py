"""One LoRA: a frozen layer's output plus a small product of two trained matrices.

Source: sd-scripts networks/lora.py, LoRAModule. The numbers are its; what is done for them is less: the factor goes into
the product instead of over the layer's whole output, the sum is made in place, and under autocast the input is cast once
for both the layer and its LoRA.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.training.lora.names import Target


@dataclass(frozen=True, slots=True)
class Dropouts:
    """Shares of what is left out while training, 0 to 1; 0 for nothing.

    Attributes:
        neurons: single numbers between the two matrices.
        ranks: whole ranks, per sample.
        modules: the LoRA as a whole, per step.
    """

    neurons: float = 0.0
    ranks: float = 0.0
    modules: float = 0.0


class LoRAModule(nn.Module):
    """The LoRA of one layer.

    Args:
        target: the layer.
        dim: rank.
        alpha: numerator of the factor alpha / rank; 0 stands for the rank.
        dropouts: what is left out while training.
        generator: draws the first weights; None for torch's own.

    Attributes:
        down: (rank, in) of a linear layer, (rank, in, height, width) of a convolution; float32 at first.
        up: (out, rank) of a linear layer, (out, rank, 1, 1) of a convolution; zeros at first.
        scale: alpha / rank.
        is_on: False leaves the layer's output alone.
        cast: down and up in the type that autocast computes in, where they have been cast already (`casts.py`).
    """

    def __init__(
        self,
        target: Target,
        dim: int,
        alpha: float,
        *,
        dropouts: Dropouts,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.name = target.name
        self.target = target
        self.dim = dim
        self.alpha = float(alpha) or float(dim)
        self.scale = self.alpha / dim
        self.dropouts = dropouts
        self.is_on = True
        self.cast: tuple[Tensor, Tensor] | None = None
        layer = target.module
        if isinstance(layer, nn.Conv2d):
            down, up = (dim, layer.in_channels, *layer.kernel_size), (layer.out_channels, dim, 1, 1)
        else:
            down, up = (dim, layer.in_features), (layer.out_features, dim)
        self.down = nn.Parameter(_first_down(down, up, generator))
        self.up = nn.Parameter(torch.zeros(up))
        self._is_conv = isinstance(layer, nn.Conv2d)
        self._base: Callable[[Tensor], Tensor] | None = None
        self._replaced: Callable[[Tensor], Tensor] | None = None

    def attach(self) -> None:
        """Puts the LoRA into its layer: from now on, the layer computes with it."""
        assert self._base is None, "attached twice"
        layer = self.target.module
        self._replaced = vars(layer).get("forward")
        self._base = layer.forward
        layer.forward = self.forward  # type: ignore[method-assign]

    def detach(self) -> None:
        """Gives the layer back as it was."""
        if self._base is None:
            return
        if self._replaced is None:
            del self.target.module.forward  # what `attach` has set on the object; the class's own shows again
        else:
            self.target.module.forward = self._replaced  # type: ignore[method-assign]
        self._base = self._replaced = None

    def forward(self, x: Tensor) -> Tensor:
        """What the layer gives, plus its LoRA.

        Args:
            x: the layer's input, (..., in) or (batch, in, height, width).
        """
        base = self._base
        assert base is not None, "not attached"
        if not self.is_on or self._is_left_out():
            return base(x)
        # Cast once, for the layer and its LoRA: autocast itself would cast the same input for each of them.
        device = x.device.type
        if torch.is_autocast_enabled(device):
            x = x.to(torch.get_autocast_dtype(device))
        down, up = self.cast or (self.down.to(x.dtype), self.up.to(x.dtype))
        return self._convolve(base, x, down, up) if self._is_conv else self._multiply(base, x, down, up)

    def _multiply(self, base: Callable[[Tensor], Tensor], x: Tensor, down: Tensor, up: Tensor) -> Tensor:
        # Two dimensions all the way, so that the product can be added in place to the layer's own output: one kernel for
        # the factor, the product and the sum, and no second tensor of that size.
        rows = x.reshape(-1, x.shape[-1])
        out = base(rows)
        hidden, scale = self._drop(functional.linear(rows, down), x.shape[:-1])
        out = out.addmm_(hidden, up.t(), alpha=scale)
        return out.view(*x.shape[:-1], out.shape[-1])

    def _convolve(self, base: Callable[[Tensor], Tensor], x: Tensor, down: Tensor, up: Tensor) -> Tensor:
        layer = self.target.module
        assert isinstance(layer, nn.Conv2d)
        out = base(x)
        hidden = functional.conv2d(x, down, stride=layer.stride, padding=layer.padding)  # type: ignore[arg-type]
        hidden, scale = self._drop(hidden, hidden.shape[:1])
        # The factor goes over the few ranks, not over the many channels.
        return out.add_(functional.conv2d(hidden if scale == 1 else hidden * scale, up))

    def _is_left_out(self) -> bool:
        # On the CPU, as in sd-scripts: asking a GPU would wait for it.
        share = self.dropouts.modules
        return bool(share and self.training and torch.rand(1) < share)

    def _drop(self, hidden: Tensor, leading: torch.Size) -> tuple[Tensor, float]:
        """Leaves out neurons and ranks.

        Args:
            hidden: between the two matrices, (rows, rank) or (batch, rank, height, width).
            leading: the input's dimensions before its last one; only the first counts for a convolution.

        Returns:
            What is left, and the factor that the LoRA's output gets.
        """
        drop = self.dropouts
        if not self.training:
            return hidden, self.scale
        if drop.neurons:
            hidden = functional.dropout(hidden, p=drop.neurons)
        if not drop.ranks:
            return hidden, self.scale
        mask = torch.rand((leading[0], self.dim), device=hidden.device) > drop.ranks
        if self._is_conv:
            hidden = hidden * mask[:, :, None, None]
        elif len(leading) == 2:
            hidden = (hidden.view(*leading, self.dim) * mask[:, None]).view(-1, self.dim)
        else:
            hidden = hidden * mask
        return hidden, self.scale / (1 - drop.ranks)


def _first_down(down: tuple[int, ...], up: tuple[int, ...], generator: torch.Generator | None) -> Tensor:
    # sd-scripts builds two layers of torch, whose constructors draw weights that it then overwrites. They are drawn here
    # too: the same state of the generator gives the same LoRA.
    weights = torch.empty(down)
    for shape in (down, up):
        nn.init.kaiming_uniform_(torch.empty(shape), a=math.sqrt(5), generator=generator)
    return nn.init.kaiming_uniform_(weights, a=math.sqrt(5), generator=generator)
