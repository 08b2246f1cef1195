"""Ranks, alphas and learning rates of a LoRA by block of the U-Net (`block_dims`, `down_lr_weight` and their kin).

Source: sd-scripts networks/lora.py (parse_block_lr_kwargs, get_block_dims_and_alphas, get_block_lr_weight,
remove_block_dims_and_alphas, get_block_index). SD 1 and 2 have 25 blocks: 12 down, 1 middle, 12 up; SDXL has 23: 1 for what
gets no LoRA, 9 in, 3 middle, 9 out, 1 for what gets no LoRA.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from core.errors import CaddieError
from core.text import Text
from core.training.lora.settings import BLOCK_ARGUMENTS, RATE_ARGUMENTS, NetworkSettings

_Number = TypeVar("_Number", int, float)

_SIDES = {False: (12, 1), True: (9, 3)}
"""By whether it is SDXL: blocks down, which is also blocks up, and blocks in the middle."""
_NAME = re.compile(r"(up|down)_blocks_(\d+)_(resnets|upsamplers|downsamplers|attentions)_(\d+)_")
_SGM = re.compile(r"lora_unet_(input_blocks|middle_block|output_blocks)_(\d+)_")


@dataclass(frozen=True, slots=True)
class Blocks:
    """What differs by block; each list holds one entry a block.

    Attributes:
        dims, alphas: of linear layers and 1x1 convolutions; a rank of 0 is no LoRA.
        conv_dims, conv_alphas: of larger convolutions; None where they get none.
        rates: factors on the U-Net's learning rate; None where they are all the same.
    """

    dims: tuple[int, ...]
    alphas: tuple[float, ...]
    conv_dims: tuple[int, ...] | None
    conv_alphas: tuple[float, ...] | None
    rates: tuple[float, ...] | None


def read_blocks(settings: NetworkSettings, *, sdxl: bool) -> Blocks | None:
    """Reads what a job says about blocks.

    Args:
        settings: of the LoRA.
        sdxl: whether the model is one.

    Returns:
        None where the job says nothing about blocks.

    Raises:
        CaddieError: a list that cannot be read or has the wrong length.
    """
    texts = settings.block_texts
    rates = _rates(settings, sdxl=sdxl)
    if "block_dims" not in texts and rates is None:
        unused = [name for name in BLOCK_ARGUMENTS if name in texts]
        if unused:
            raise CaddieError(
                Text(
                    f"network_args: {', '.join(unused)} needs block_dims or a block learning rate beside it.",
                    f"network_args: {', '.join(unused)} には block_dims または層別学習率の指定が必要です。",
                )
            )
        return None
    count = 2 * _SIDES[sdxl][0] + _SIDES[sdxl][1] + (2 if sdxl else 0)

    def listed(name: str, kind: Callable[[str], _Number], otherwise: _Number) -> tuple[_Number, ...]:
        if name not in texts:
            return (otherwise,) * count
        values = _numbers(name, texts[name], kind)
        if len(values) != count:
            raise CaddieError(
                Text(
                    f"network_args: {name} has {len(values)} numbers, this model has {count} blocks.",
                    f"network_args: {name} の数は {len(values)} 個ですが、このモデルのブロックは {count} 個です。",
                )
            )
        return tuple(values)

    dims = listed("block_dims", int, settings.dim)
    alphas = listed("block_alphas", float, settings.alpha)
    conv_dims = conv_alphas = None
    if "conv_block_dims" in texts or settings.conv_dim is not None:
        conv_dims = listed("conv_block_dims", int, settings.conv_dim or 0)
        conv_alphas = listed("conv_block_alphas", float, settings.conv_alpha)
    if rates is not None:
        dims = tuple(0 if rate == 0 else dim for dim, rate in zip(dims, rates, strict=True))
        conv_dims = conv_dims and tuple(0 if rate == 0 else dim for dim, rate in zip(conv_dims, rates, strict=True))
    return Blocks(dims, alphas, conv_dims, conv_alphas, rates)


def block_of(lora_name: str, *, sdxl: bool) -> int:
    """The number of the block that a U-Net's LoRA belongs to.

    Args:
        lora_name: as in its file.
        sdxl: whether the model is one.
    """
    if sdxl:
        match = _SGM.match(lora_name)
        assert match, lora_name
        return {"input_blocks": 1, "middle_block": 10, "output_blocks": 13}[match[1]] + int(match[2])
    match = _NAME.search(lora_name)
    if match is None:
        assert "mid_block_" in lora_name, lora_name
        return 12
    side, block, layer, number = match[1], int(match[2]), match[3], int(match[4])
    within = number if layer in ("resnets", "attentions") else 2
    return 3 * block + within + (1 if side == "down" else 13)


def _rates(settings: NetworkSettings, *, sdxl: bool) -> tuple[float, ...] | None:
    texts = settings.block_texts
    if not any(name in texts for name in RATE_ARGUMENTS):
        return None
    side, middle = _SIDES[sdxl]
    threshold = _numbers("block_lr_zero_threshold", texts.get("block_lr_zero_threshold", "0"), float)[0]
    found: list[float] = []
    for name, count in zip(RATE_ARGUMENTS, (side, middle, side), strict=True):
        if name not in texts:
            found += [1.0] * count
            continue
        text = texts[name]
        shaped = name != "mid_lr_weight" and "," not in text
        values = _shape(name, text, count) if shaped else _numbers(name, text, float, empty="0")
        if len(values) > count:
            # sd-scripts drops the rest with a warning among hundreds of lines.
            raise CaddieError(
                Text(
                    f"network_args: {name} has {len(values)} numbers, this model has {count} blocks there.",
                    f"network_args: {name} の数は {len(values)} 個ですが、このモデルの該当ブロックは {count} 個です。",
                )
            )
        values = [*values, *[1.0] * (count - len(values))]
        found += [value if value > threshold else 0.0 for value in values]
    return (1.0, *found, 1.0) if sdxl else tuple(found)


def _shape(name: str, text: str, count: int) -> Sequence[float]:
    shape, _, added = text.partition("+")
    base = _numbers(name, added, float)[0] if added else 0.0
    ramp = [index / (count - 1) for index in range(count)]
    curves: dict[str, list[float]] = {
        "sine": [math.sin(math.pi * part / 2) for part in ramp],
        "linear": ramp,
        "zeros": [0.0] * count,
    }
    curves["cosine"], curves["reverse_linear"] = curves["sine"][::-1], ramp[::-1]
    if shape not in curves:
        raise CaddieError(
            Text(
                f"network_args: {name}={text} is neither a list of numbers nor one of {', '.join(curves)}.",
                f"network_args: {name}={text} は数値の列でも {', '.join(curves)} のいずれでもありません。",
            )
        )
    return [value + base for value in curves[shape]]


def _numbers(name: str, text: str, kind: Callable[[str], _Number], *, empty: str = "") -> list[_Number]:
    try:
        return [kind(word.strip() or empty) for word in text.split(",")]
    except ValueError:
        raise CaddieError(
            Text(
                f"network_args: {name}={text} holds something that is no number.",
                f"network_args: {name}={text} に数値でないものがあります。",
            )
        ) from None
