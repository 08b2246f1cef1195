"""Borrowing models from a training: they are given back as they were, whatever happened."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import nn


@contextlib.contextmanager
def evaluating(*modules: nn.Module) -> Iterator[None]:
    """Within it the modules are in eval mode, so that nothing is dropped at random; each part gets its own mode back."""
    modes = [(part, part.training) for module in modules for part in module.modules()]
    for part, _ in modes:
        part.training = False
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode


@contextlib.contextmanager
def visiting(device: torch.device, *modules: nn.Module) -> Iterator[None]:
    """Within it the modules are on a device; afterwards each one is back where it was."""
    homes = [(module, next((parameter.device for parameter in module.parameters()), device)) for module in modules]
    try:
        for module, home in homes:
            if home != device:
                module.to(device)
        yield
    finally:
        for module, home in homes:
            if home != device:
                module.to(home)
