"""The groups of parameters that a training gives its optimizer, as shapes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from core.job.model import Job
from core.preflight.model import Group, Shape

_TEXT_ENCODER = (((768, 768), 48), ((768, 3072), 12), ((3072, 768), 12))
_UNET = (((320, 320), 40), ((640, 640), 40), ((1280, 1280), 56), ((768, 320), 10), ((768, 640), 10), ((768, 1280), 12))
"""(inputs, outputs) of the linear layers that a LoRA of SD 1.5 has halves for, and how many of them."""
_DEFAULT_DIM = 4


def groups_of(job: Job, base: Path | None = None) -> tuple[Group, ...]:
    """The groups of a LoRA's training, in sd-scripts' order: text encoder, then U-Net."""
    dim = job.options.get("network_dim")
    rank = dim if isinstance(dim, int) and dim > 0 else _DEFAULT_DIM
    groups: list[Group] = []
    if not job.options.get("network_train_unet_only"):
        groups.append(Group("text_encoder", _rate(job, "text_encoder_lr"), _halves(_TEXT_ENCODER, rank)))
    if not job.options.get("network_train_text_encoder_only"):
        groups.append(Group("unet", _rate(job, "unet_lr"), _halves(_UNET, rank)))
    return tuple(groups)


def _rate(job: Job, name: str) -> float | None:
    for key in (name, "learning_rate"):
        value = job.options.get(key)
        if isinstance(value, list):
            value = value[0] if value else None
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
    return None


def _halves(layers: tuple[tuple[tuple[int, int], int], ...], rank: int) -> tuple[Shape, ...]:
    shapes: Counter[Shape] = Counter()
    for (inputs, outputs), number in layers:
        shapes[Shape((rank, inputs), 1)] += number
        shapes[Shape((outputs, rank), 1, at_zero=True)] += number
    return tuple(Shape(shape.sizes, number, shape.at_zero) for shape, number in shapes.items())
