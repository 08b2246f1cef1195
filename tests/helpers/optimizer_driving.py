"""A small LoRA-like network and ways to train it, for tests of how an optimizer lives among torch's own parts."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from tests.helpers.optimizer_compare import ACCIDENTS
from tests.helpers.optimizer_pairs import Pair, ours_of, pair_named, reference_of
from tests.helpers.optimizer_variants import plan_of

Make = Callable[[Any], Any]
"""Parameters -> optimizer."""
Drive = Callable[[Make], list[torch.Tensor]]
"""Trains with an optimizer and returns what has to agree, parameters first."""

STEPS = 14


class Little(nn.Module):
    """Down and up matrices beside a convolution; the data is fixed, and so is every number."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.down = nn.Parameter(torch.randn(4, 33, generator=generator) / 4)
        self.up = nn.Parameter(torch.zeros(33, 4))
        self.conv = nn.Parameter(torch.randn(4, 3, 3, 3, generator=generator) / 4)
        self.bias = nn.Parameter(torch.randn(33, generator=generator) / 4)
        self.scale = nn.Parameter(torch.tensor(1.0))
        self.x = torch.randn(8, 33, generator=generator)
        self.y = torch.randn(8, 33, generator=generator)
        self.image = torch.randn(2, 3, 6, 6, generator=generator)

    def forward(self, rows: slice = slice(None)) -> torch.Tensor:
        dtype = self.down.dtype
        out = self.scale * (self.x[rows].to(dtype) @ (self.down + 0.3).t() @ (self.up.t() + 0.2)) + self.bias
        picture = torch.nn.functional.conv2d(self.image.to(dtype), self.conv)
        return (out - self.y[rows].to(dtype)).square().mean() + (picture - 0.5).square().mean()


def values(model: nn.Module) -> list[torch.Tensor]:
    return [one.detach().clone() for one in model.parameters()]


def maker(pair: Pair, backend: str | None) -> Make:
    """Builds ours with that backend, or the reference where it is None, with the arguments of the pair's plan."""
    optimizer_class = reference_of(pair) if backend is None else ours_of(pair)

    def make(parameters: Any) -> Any:
        optimizer = optimizer_class(parameters, **plan_of(pair.name).base)
        if backend is not None:
            optimizer.backend = backend
        return optimizer

    return make


@functools.lru_cache(maxsize=8)
def _by_the_reference(name: str, drive: Drive) -> list[torch.Tensor] | Exception:
    torch.manual_seed(0)
    try:
        return drive(maker(pair_named(name), None))
    except Exception as error:  # noqa: BLE001 - ours has to do the same
        return error


def side_by_side(pair: Pair, backend: str, drive: Drive) -> None:
    """Drives the reference and ours alike; equal to the bit where exact, else within a fiftieth of the movement.

    The numbers are held more tightly elsewhere: here a step that is lost, doubled or taken on stale memory is to be seen,
    which is a fourteenth. (A gradient that begins near zero makes a hundredth of one rounding in D-Adaptation.)
    """
    expected = _by_the_reference(pair.name, drive)
    if isinstance(expected, Exception):
        if isinstance(expected, ACCIDENTS):
            pytest.skip(f"the reference stumbles: {expected!r}")
        with pytest.raises(type(expected)):
            drive(maker(pair, backend))
        return
    torch.manual_seed(0)
    got = drive(maker(pair, backend))
    assert len(got) == len(expected)
    start = values(Little())
    moved = max((one - other).abs().max().item() for one, other in zip(expected, start, strict=False) if one.shape == other.shape)
    assert moved > 0.0
    allowed = 0.0 if backend == "exact" else 2e-2 * moved
    for place, (one, other) in enumerate(zip(expected, got, strict=True)):
        gap = (one.double() - other.double()).abs().max().item() if one.numel() else 0.0
        assert gap <= allowed, f"value {place} is off by {gap}, of a movement of {moved}"
