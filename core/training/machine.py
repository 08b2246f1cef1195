"""Where and how precisely a training computes."""

from __future__ import annotations

import contextlib
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch

from core.errors import CaddieError
from core.text import Text
from core.training.settings import LoopSettings, Precision

SMALL = 30_000_000
"""Parameters of a U-Net under which one thread of the CPU is enough."""
_TYPES: dict[Precision, torch.dtype] = {"no": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


@dataclass(frozen=True, slots=True)
class Machine:
    """A device and its number formats.

    Attributes:
        device: cuda, else mps, else cpu.
        weights: type of the frozen models' weights.
        unet: type of the U-Net's weights, 8 bits with fp8_base.
        network: type of the LoRA's weights.
        autocast: what autocast computes in; None for no autocast.
        scales_gradients: float16 gradients are scaled so that they do not vanish.
    """

    device: torch.device
    weights: torch.dtype
    unet: torch.dtype
    network: torch.dtype
    autocast: torch.dtype | None
    scales_gradients: bool

    def computing(self) -> AbstractContextManager[object]:
        """Within it the models compute in the job's precision."""
        if self.autocast is None:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, dtype=self.autocast)


def settle_threads(device: torch.device, unet: torch.nn.Module) -> None:
    """Computes a small model on the CPU in one thread.

    Its operations take microseconds, so several threads mostly wait for each other, and where other programs want the cores
    as well such a training took ten times as long with two threads as with one.
    """
    if device.type == "cpu" and sum(one.numel() for one in unet.parameters()) < SMALL:
        torch.set_num_threads(1)


def find_device(wanted: str = "") -> torch.device:
    """The device to train on.

    Args:
        wanted: "cuda:1", "cpu", …; "" for the best there is.

    Raises:
        CaddieError: it is not there.
    """
    if not wanted:
        if torch.cuda.is_available():
            return torch.device("cuda", torch.cuda.current_device())
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(wanted)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        first_line = str(error).splitlines()[0]
        raise CaddieError(
            Text(f"The device {wanted!r} cannot be used: {first_line}", f"デバイス {wanted!r} は使えません: {first_line}")
        ) from error
    return device


def machine_for(loop: LoopSettings, device: torch.device) -> Machine:
    """What a job's precision means on a device.

    Raises:
        CaddieError: the device cannot do it.
    """
    weights = _TYPES[loop.mixed_precision]
    if loop.mixed_precision == "fp16" and device.type == "cpu":
        raise CaddieError(
            Text(
                'mixed_precision = "fp16" needs a GPU. On this machine use "no" or "bf16".',
                'mixed_precision = "fp16" には GPU が必要です。このマシンでは "no" か "bf16" を使ってください。',
            )
        )
    # Kept in 8 bits, computed in 16: any GPU of NVIDIA's and the CPU can do that. Apple's have no such type.
    if loop.fp8_base and device.type == "mps":
        raise CaddieError(
            Text(
                "fp8_base is not possible on Apple's GPUs, which have no 8-bit floating point.",
                "Apple の GPU には 8 ビット浮動小数点がないため、fp8_base は使えません。",
            )
        )
    return Machine(
        device=device,
        weights=weights,
        unet=torch.float8_e4m3fn if loop.fp8_base else weights,
        network=weights if loop.full else torch.float32,
        autocast=None if loop.mixed_precision == "no" else weights,
        scales_gradients=loop.mixed_precision == "fp16",
    )
