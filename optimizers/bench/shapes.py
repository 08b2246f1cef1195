"""The parameter sets that are measured: real ones, built from how the networks are made.

Source of `sd15` and `sdxl`: kohya's `networks.lora` at rank 16, that is every linear layer and every 1x1 convolution of
the U-Nets' transformers (sd-scripts' `library/original_unet.py`, `library/sdxl_original_unet.py`) and, for SD1.5, of
CLIP ViT-L's encoder; tensors in the order of its `named_parameters()`: text encoder before U-Net, `lora_down` before
`lora_up`. `full` is a piece of a full fine-tune: 119 consecutive parameters of SD1.5's U-Net, from the middle of
`down_blocks.0` to the beginning of `down_blocks.2`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

RANK: Final = 16
_CLIP_WIDTH = 768
_SDXL_CONTEXT = 2048
_TIME_WIDTH = 1280
TINY: Final = "-tiny"


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One parameter.

    Attributes:
        shape: its sizes.
        zero: it begins as zeros (`lora_up` does, and Prodigy keeps less for such a tensor).
    """

    shape: tuple[int, ...]
    zero: bool = False

    @property
    def numel(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)


def _lora(inputs: int, outputs: int, *, convolution: bool = False) -> Iterator[TensorSpec]:
    kernel = (1, 1) if convolution else ()
    yield TensorSpec((RANK, inputs, *kernel))
    yield TensorSpec((outputs, RANK, *kernel), zero=True)


def _lora_clip_layer() -> Iterator[TensorSpec]:
    for _ in ("k_proj", "v_proj", "q_proj", "out_proj"):
        yield from _lora(_CLIP_WIDTH, _CLIP_WIDTH)
    yield from _lora(_CLIP_WIDTH, 4 * _CLIP_WIDTH)
    yield from _lora(4 * _CLIP_WIDTH, _CLIP_WIDTH)


def _lora_transformer(width: int, depth: int, context: int, *, convolution: bool) -> Iterator[TensorSpec]:
    yield from _lora(width, width, convolution=convolution)  # proj_in
    for _ in range(depth):
        for _ in ("to_q", "to_k", "to_v", "to_out"):
            yield from _lora(width, width)
        yield from _lora(width, 8 * width)  # GEGLU
        yield from _lora(4 * width, width)
        yield from _lora(width, width)
        for _ in ("to_k", "to_v"):
            yield from _lora(context, width)
        yield from _lora(width, width)
    yield from _lora(width, width, convolution=convolution)  # proj_out


def _sd15() -> Iterator[TensorSpec]:
    for _ in range(12):
        yield from _lora_clip_layer()
    down, up, middle = (320, 320, 640, 640, 1280, 1280), (1280,) * 3 + (640,) * 3 + (320,) * 3, (1280,)
    for width in (*down, *up, *middle):  # sd-scripts registers the middle block last
        yield from _lora_transformer(width, 1, _CLIP_WIDTH, convolution=True)


def _sdxl() -> Iterator[TensorSpec]:
    down, middle, up = ((640, 2),) * 2 + ((1280, 10),) * 2, ((1280, 10),), ((1280, 10),) * 3 + ((640, 2),) * 3
    for width, depth in (*down, *middle, *up):
        yield from _lora_transformer(width, depth, _SDXL_CONTEXT, convolution=False)


_Shape = tuple[int, ...]


def _weight_and_bias(*shape: int) -> list[_Shape]:
    return [shape, (shape[0],)]


def _norm(width: int) -> list[_Shape]:
    return [(width,), (width,)]


def _attention(width: int) -> list[_Shape]:
    square = (width, width)
    return [
        *_norm(width),
        *_weight_and_bias(width, width, 1, 1),
        *(square, square, square, *_weight_and_bias(*square)),
        *_weight_and_bias(8 * width, width),
        *_weight_and_bias(width, 4 * width),
        *(square, (width, _CLIP_WIDTH), (width, _CLIP_WIDTH), *_weight_and_bias(*square)),
        *(_norm(width) * 3),
        *_weight_and_bias(width, width, 1, 1),
    ]


def _residual(inputs: int, outputs: int) -> list[_Shape]:
    shapes = [
        *_norm(inputs),
        *_weight_and_bias(outputs, inputs, 3, 3),
        *_weight_and_bias(outputs, _TIME_WIDTH),
        *_norm(outputs),
        *_weight_and_bias(outputs, outputs, 3, 3),
    ]
    return shapes + (_weight_and_bias(outputs, inputs, 1, 1) if inputs != outputs else [])


def _full() -> Iterator[TensorSpec]:
    block_0 = [*_attention(320)[-15:], *_residual(320, 320) * 2, *_weight_and_bias(320, 320, 3, 3)]
    block_1 = [*_attention(640) * 2, *_residual(320, 640), *_residual(640, 640), *_weight_and_bias(640, 640, 3, 3)]
    for shape in (*block_0, *block_1, *_attention(1280)[:6]):
        yield TensorSpec(shape)


_MAKERS = {"sd15": _sd15, "sdxl": _sdxl, "full": _full}
SETS: Final = (*_MAKERS, *(name + TINY for name in _MAKERS))
"""Names of the sets. A `-tiny` one has no size over 2: what is left of a step's time there is the host's work."""


def tensors_of(name: str) -> tuple[TensorSpec, ...]:
    """The parameters of a set, in order.

    Raises:
        KeyError: there is no set of that name.
    """
    tensors = tuple(_MAKERS[name.removesuffix(TINY)]())
    if not name.endswith(TINY):
        return tensors
    return tuple(TensorSpec(tuple(min(2, size) for size in tensor.shape), tensor.zero) for tensor in tensors)
