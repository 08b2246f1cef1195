"""torch.compile for the U-Net, where this computer can."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from core.text import Text
from core.training.models.lean import without_idle_work


def quicken(unet: Any, device: torch.device, *, compiles: bool, warn: Callable[[str], None]) -> None:
    """Makes a U-Net compute the same with less work.

    Args:
        unet: of diffusers, with the LoRA attached; changed in place.
        device: that it trains on.
        compiles: the job wants torch.compile. Its first step of each picture size is then slow.
        warn: hears why it is not compiled although the job wants it.
    """
    why = _why_not(device) if compiles else None
    if compiles and why is None:
        unet.compile()
        return
    if why is not None:
        warn(
            str(
                Text(
                    f"torch_compile does not work on this computer, so the training goes on without it: {why}",
                    f"このコンピューターでは torch_compile が動作しないため、使わずに学習を続けます: {why}",
                )
            )
        )
    without_idle_work(unet)


def _why_not(device: torch.device) -> str | None:
    """What is in the way of torch.compile; None where a small function compiles, forward and backward.

    Tried on a small function, because in the U-Net it would fail within the first step: it wants a C++ compiler on the CPU,
    and Triton for a GPU, which torch does not bring along on Windows.
    """
    try:
        numbers = torch.linspace(0, 1, 64, device=device).requires_grad_()
        torch.compile(_small)(numbers).backward()
    except Exception as error:  # noqa: BLE001 -- whatever is missing there, the training itself can go on
        return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"
    finally:
        torch.compiler.reset()
    return None


def _small(numbers: torch.Tensor) -> torch.Tensor:
    return (numbers.sin() * 2).sum()
