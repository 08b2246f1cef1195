"""Which layers get a LoRA, in which order, and what each is called: as sd-scripts has it, from diffusers' modules.

Source: sd-scripts networks/lora.py (LoRANetwork.__init__, create_modules). Its SD 1 and 2 U-Net has diffusers' names, its
SDXL U-Net those of Stability's own code (library/sdxl_original_unet.py): `down_blocks.1.attentions.0` is
`input_blocks.4.1` there. The order of its modules differs a little from diffusers' (a transformer block's feed-forward
comes between its two attentions); it decides the order of parameters and of the first random weights.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from torch import nn

Family = Literal["sd1", "sd2", "sdxl"]
Kind = Literal["linear", "conv1", "conv"]
Part = Literal["unet", "text"]

_UNET = frozenset({"Transformer2DModel"})
_UNET_CONV = frozenset({"ResnetBlock2D", "Downsample2D", "Upsample2D"})
_TEXT = frozenset({"CLIPAttention", "CLIPSdpaAttention", "CLIPFlashAttention2", "CLIPMLP"})

_BLOCK = re.compile(r"(?:(down|up)_blocks\.(\d+)|(mid)_block)\.(attentions|resnets|downsamplers|upsamplers)\.(\d+)\.(.+)")
_TRANSFORMER = re.compile(r"transformer_blocks\.(\d+)\.(attn1|ff|attn2)\.")
_SECTIONS = ("down", "up", "mid")
_LAYERS = ("attentions", "resnets", "downsamplers", "upsamplers")
_WITHIN = ("attn1", "ff", "attn2")
_SGM_SECTIONS = ("input_blocks", "middle_block", "output_blocks")
_SGM_RESNET = {
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}


@dataclass(frozen=True, slots=True)
class Target:
    """A layer that gets a LoRA.

    Attributes:
        name: the LoRA's, the key in its file: `lora_unet_down_blocks_0_attentions_0_proj_in`.
        other_name: what else files call it: SDXL's with diffusers' names; equal to `name` elsewhere.
        module: the frozen layer.
        part: where it belongs.
        kind: what it is; "conv1" is a 1x1 convolution.
        file_kind: what it is in the file, where sd-scripts' model has a 1x1 convolution for a linear layer (SD 2).
    """

    name: str
    other_name: str
    module: nn.Linear | nn.Conv2d
    part: Part
    kind: Kind
    file_kind: Kind


def unet_targets(unet: nn.Module, family: Family, *, with_residual: bool) -> list[Target]:
    """The layers of a U-Net of diffusers, in sd-scripts' order.

    Args:
        unet: its UNet2DConditionModel.
        family: of the model.
        with_residual: also those of the residual blocks and of the samplers (`conv_dim`).
    """
    parents = _UNET | _UNET_CONV if with_residual else _UNET
    sgm = _SgmNames(unet) if family == "sdxl" else None
    found: list[tuple[tuple[int, ...], Target]] = []
    for path, module in _layers(unet, parents):
        kind = _kind(module)
        file_kind: Kind = "conv1" if family == "sd2" and kind == "linear" and path.endswith((".proj_in", ".proj_out")) else kind
        name = sgm.name(path) if sgm else path
        key = sgm.order(path) if sgm else _order(path)
        found.append((key, Target(_lora_name("lora_unet", name), _lora_name("lora_unet", path), module, "unet", kind, file_kind)))
    found.sort(key=lambda pair: pair[0])  # stable: what the order says nothing about stays as it was
    return [target for _, target in found]


def text_targets(encoders: Sequence[nn.Module]) -> list[Target]:
    """The layers of the text encoders, in sd-scripts' order: `lora_te_…` for one, `lora_te1_…` and `lora_te2_…` for two."""
    targets: list[Target] = []
    for number, encoder in enumerate(encoders, start=1):
        prefix = "lora_te" if len(encoders) == 1 else f"lora_te{number}"
        for path, module in _layers(encoder, _TEXT):
            # transformers 5 has taken the `text_model` out of CLIPTextModel's names; the files keep it.
            name = _lora_name(prefix, path if path.startswith("text_model.") else f"text_model.{path}")
            targets.append(Target(name, name, module, "text", _kind(module), _kind(module)))
    return targets


def _layers(root: nn.Module, parents: frozenset[str]) -> Iterator[tuple[str, nn.Linear | nn.Conv2d]]:
    for path, parent in root.named_modules():
        if type(parent).__name__ not in parents:
            continue
        for inner, module in parent.named_modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                yield f"{path}.{inner}" if path else inner, module


def _kind(module: nn.Linear | nn.Conv2d) -> Kind:
    if isinstance(module, nn.Linear):
        return "linear"
    return "conv1" if tuple(module.kernel_size) == (1, 1) else "conv"


def _lora_name(prefix: str, path: str) -> str:
    return f"{prefix}.{path}".replace(".", "_")


def _parts(path: str) -> tuple[str, int, str, int, str]:
    # "down_blocks.1.attentions.0.proj_in" -> ("down", 1, "attentions", 0, "proj_in")
    match = _BLOCK.fullmatch(path)
    assert match, f"not a layer of a Stable Diffusion U-Net: {path}"
    side, block, mid, layer, number, rest = match.groups()
    return side or mid, int(block or 0), layer, int(number), rest


def _order(path: str) -> tuple[int, ...]:
    section, block, layer, number, rest = _parts(path)
    return (_SECTIONS.index(section), block, _LAYERS.index(layer), number, *_inner_order(rest))


def _inner_order(rest: str) -> tuple[int, int]:
    match = _TRANSFORMER.match(rest)
    if match:
        return int(match[1]), _WITHIN.index(match[2])
    return (1 << 30 if rest == "proj_out" else -1), 0


class _SgmNames:
    """The names that Stability's own code has for the layers of an SDXL U-Net.

    Source: sd-scripts library/sdxl_model_util.py, make_unet_conversion_map; here from the number of layers per block, so
    that smaller models have names too.
    """

    def __init__(self, unet: nn.Module) -> None:
        self._down = _places(unet.down_blocks, start=1)  # the first is conv_in
        self._up = _places(unet.up_blocks, start=0)

    def name(self, path: str) -> str:
        section, number, slot = self._place(path)
        middle = f"{_SGM_SECTIONS[section]}.{slot}" if section == 1 else f"{_SGM_SECTIONS[section]}.{number}.{slot}"
        _, _, layer, _, rest = _parts(path)
        if layer == "resnets":
            rest = _SGM_RESNET[rest]
        elif layer == "downsamplers":
            rest = "op"
        return f"{middle}.{rest}"

    def order(self, path: str) -> tuple[int, ...]:
        return (*self._place(path), *_inner_order(_parts(path)[4]))

    def _place(self, path: str) -> tuple[int, int, int]:
        section, block, layer, number, _ = _parts(path)
        if section == "mid":
            return 1, 0, 1 if layer == "attentions" else 2 * number
        return (0, *self._down[block, layer, number]) if section == "down" else (2, *self._up[block, layer, number])


def _places(blocks: Any, *, start: int) -> dict[tuple[int, str, int], tuple[int, int]]:
    # Every residual block has a number of its own; its attention and its upsampler share it. A downsampler has its own.
    places: dict[tuple[int, str, int], tuple[int, int]] = {}
    number = start
    for index, block in enumerate(blocks):
        has_attention = getattr(block, "attentions", None) is not None
        for layer in range(len(block.resnets)):
            places[index, "resnets", layer] = (number, 0)
            places[index, "attentions", layer] = (number, 1)
            number += 1
        places[index, "upsamplers", 0] = (number - 1, 2 if has_attention else 1)
        if getattr(block, "downsamplers", None):
            places[index, "downsamplers", 0] = (number, 0)
            number += 1
    return places
