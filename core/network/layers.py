"""The layers of a checkpoint that can get a LoRA, under sd-scripts' names and in its order, from headers alone.

Source: sd-scripts networks/lora.py (LoRANetwork.create_modules), library/model_util.py (convert_ldm_unet_checkpoint: how
its SD 1 and 2 U-Net is named) and library/sdxl_original_unet.py (SDXL keeps Stability's names).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from core.training.models.family import TEXT, UNET, Family
from core.training.models.header import Header

Part = Literal["unet", "text"]
Sizes = tuple[int, ...]

_PER_BLOCK = 3  # Stability's numbering: two residual blocks and one sampler in each of diffusers' blocks
_OPEN_CLIP_UNUSED = 1  # sd-scripts drops SD 2's last text layer
_RESNET = {"in_layers.2": "conv1", "emb_layers.1": "time_emb_proj", "out_layers.3": "conv2", "skip_connection": "conv_shortcut"}
_SGM_RESNET = {there: here for here, there in _RESNET.items()}
_BLOCK = re.compile(r"(?:(down|up)_blocks\.(\d+)|(mid)_block)\.(attentions|resnets|downsamplers|upsamplers)\.(\d+)\.(.+)")
_LDM = re.compile(r"(input_blocks|output_blocks)\.(\d+)\.(\d+)\.(.+)|middle_block\.(\d+)\.(.+)")
_TRANSFORMER = re.compile(r"transformer_blocks\.(\d+)\.(attn1|ff|attn2)\.")
_TEXT_LAYER = re.compile(r"text_model\.encoder\.layers\.(\d+)\.(self_attn|mlp)\.(q_proj|k_proj|v_proj|out_proj|fc1|fc2)")
_OPEN_CLIP = re.compile(
    r"transformer\.resblocks\.(\d+)\.(attn\.in_proj_weight|attn\.out_proj\.weight|mlp\.c_fc\.weight|mlp\.c_proj\.weight)"
)
_TAILS = ("to_q", "to_k", "to_v", "to_out.0", "net.0.proj", "net.2", *_RESNET, *_SGM_RESNET)
"""The order of the layers within an attention, a feed-forward and a residual block: a header has them by the alphabet."""
_TEXT_ORDER = ("k_proj", "v_proj", "q_proj", "out_proj", "fc1", "fc2")
"""As CLIPAttention and CLIPMLP make them."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer that can get a LoRA.

    Attributes:
        name: of the LoRA in its file: `lora_unet_down_blocks_0_attentions_0_proj_in`.
        part: where it belongs.
        encoder: 1 or 2 for a text encoder's, 0 for the U-Net's.
        sizes: of the frozen weight: (out, in) or (out, in, height, width).
        is_residual: only trained with `conv_dim`.
    """

    name: str
    part: Part
    encoder: int
    sizes: Sizes
    is_residual: bool

    @property
    def is_large_convolution(self) -> bool:
        """3x3, whose rank is `conv_dim`."""
        return len(self.sizes) == 4 and self.sizes[2:] != (1, 1)


def text_layers(headers: Iterable[Header], family: Family, *, single_file: bool) -> list[Layer]:
    """The layers of the text encoders.

    Args:
        headers: of the single file, once; or of each text encoder's folder.
        family: of the model.
        single_file: which of both.
    """
    given = list(headers)
    if single_file:
        given = given * len(TEXT[family])
    layers: list[Layer] = []
    for number, header in enumerate(given, start=1):
        prefix = TEXT[family][number - 1] if single_file else ""
        found: list[tuple[tuple[int, int], Layer]] = []
        name_of_encoder = "lora_te" if len(given) == 1 else f"lora_te{number}"
        tensors = _below(header, prefix)
        if not any("text_model." in name or "resblocks" in name for name, _ in tensors) and single_file:
            tensors = [(f"text_model.{name}", sizes) for name, sizes in _below(header, "cond_stage_model.")]
        for path, sizes in _named_text(tensors, drops_last=family == "sd2" and single_file):
            match = _TEXT_LAYER.fullmatch(path)
            if match:
                key = int(match[1]), _TEXT_ORDER.index(match[3])
                found.append((key, Layer(_lora_name(name_of_encoder, path), "text", number, sizes, False)))
        layers += [layer for _, layer in sorted(found, key=lambda pair: pair[0])]
    return layers


def unet_layers(header: Header, family: Family, *, single_file: bool) -> list[Layer]:
    """The layers of the U-Net.

    Args:
        header: of the single file, or of the U-Net's folder.
        family: of the model.
        single_file: which of both.
    """
    tensors = {name.removesuffix(".weight"): sizes for name, sizes in _below(header, UNET if single_file else "")}
    tensors = {name: sizes for name, sizes in tensors.items() if len(sizes) in (2, 4) and not name.endswith(".bias")}
    paths = tensors if not single_file else _diffusers_names(tensors)
    found: list[tuple[tuple[int, ...], Layer]] = []
    for path, sizes in paths.items():
        match = _BLOCK.fullmatch(path)
        if match is None:
            continue  # conv_in, time_embedding, conv_out: no parent that gets a LoRA
        sgm, order = _sgm(path, paths)
        name = _lora_name("lora_unet", sgm if family == "sdxl" else path)
        # sd-scripts' U-Net of SD 2 has a convolution there and reshapes the weight.
        reshaped = family == "sd2" and len(sizes) == 2 and path.endswith((".proj_in", ".proj_out"))
        layer = Layer(name, "unet", 0, (*sizes, 1, 1) if reshaped else sizes, match[4] != "attentions")
        found.append((order if family == "sdxl" else _order(path), layer))
    return [layer for _, layer in sorted(found, key=lambda pair: pair[0])]


# --- text encoders -------------------------------------------------------------------------------------------------


def _below(header: Header, prefix: str) -> list[tuple[str, Sizes]]:
    return [(name.removeprefix(prefix), sizes) for name, sizes in header.shapes.items() if name.startswith(prefix)]


def _named_text(tensors: Iterable[tuple[str, Sizes]], *, drops_last: bool) -> Iterator[tuple[str, Sizes]]:
    """transformers' names, whatever the file has."""
    open_clip: list[tuple[int, str, Sizes]] = []
    for name, sizes in tensors:
        match = _OPEN_CLIP.fullmatch(name)
        if match:
            open_clip.append((int(match[1]), match[2], sizes))
        elif name.endswith(".weight"):
            yield name.removesuffix(".weight"), sizes
    last = max((number for number, _, _ in open_clip), default=0)
    for number, name, sizes in open_clip:
        if drops_last and number > last - _OPEN_CLIP_UNUSED:
            continue
        layer = f"text_model.encoder.layers.{number}"
        if name == "attn.in_proj_weight":  # queries, keys and values in one
            for inner in ("q_proj", "k_proj", "v_proj"):
                yield f"{layer}.self_attn.{inner}", (sizes[0] // 3, sizes[1])
        else:
            inner = {"attn.out_proj.weight": "self_attn.out_proj", "mlp.c_fc.weight": "mlp.fc1", "mlp.c_proj.weight": "mlp.fc2"}
            yield f"{layer}.{inner[name]}", sizes


# --- U-Net -----------------------------------------------------------------------------------------------------------


def _diffusers_names(tensors: Mapping[str, Sizes]) -> dict[str, Sizes]:
    """diffusers' names for Stability's."""
    found: dict[str, Sizes] = {}
    for name, sizes in tensors.items():
        match = _LDM.fullmatch(name)
        path = _diffusers_name(match, tensors) if match else None
        if path is not None:
            found[path] = sizes
    return found


def _diffusers_name(match: re.Match[str], tensors: Mapping[str, Sizes]) -> str | None:
    side, number, slot, rest, middle, middle_rest = match.groups()
    if side is None:
        slot, rest = int(middle), middle_rest
        if slot == 1:
            return f"mid_block.attentions.0.{rest}"
        return f"mid_block.resnets.{slot // 2}.{_RESNET[rest]}" if rest in _RESNET else None
    number, slot = int(number), int(slot)
    section = "down" if side == "input_blocks" else "up"
    if section == "down":
        if number == 0:
            return None
        number -= 1
    place = f"{section}_blocks.{number // _PER_BLOCK}"
    layer = number % _PER_BLOCK
    if rest == "op":
        return f"{place}.downsamplers.0.conv"
    if rest == "conv":
        return f"{place}.upsamplers.0.conv"
    if slot == 0:
        return f"{place}.resnets.{layer}.{_RESNET[rest]}" if rest in _RESNET else None
    return f"{place}.attentions.{layer}.{rest}"


def _sgm(path: str, paths: Mapping[str, Sizes]) -> tuple[str, tuple[int, ...]]:
    """Stability's name of a layer, and its place in sd-scripts' order."""
    section, block, layer, number, rest = _parts(path)
    if layer == "resnets":
        rest = _SGM_RESNET[rest]
    elif layer == "downsamplers":
        rest = "op"
    inner = _inner_order(rest)
    if section == "mid":
        slot = 1 if layer == "attentions" else 2 * number
        return f"middle_block.{slot}.{rest}", (1, 0, slot, *inner)
    slot = 1 if layer == "attentions" else 0
    if section == "down":
        place = 1 + _PER_BLOCK * block + (2 if layer == "downsamplers" else number)
        return f"input_blocks.{place}.{slot}.{rest}", (0, place, slot, *inner)
    place = _PER_BLOCK * block + (2 if layer == "upsamplers" else number)
    if layer == "upsamplers":
        slot = 2 if any(name.startswith(f"up_blocks.{block}.attentions.") for name in paths) else 1
    return f"output_blocks.{place}.{slot}.{rest}", (2, place, slot, *inner)


def _parts(path: str) -> tuple[str, int, str, int, str]:
    match = _BLOCK.fullmatch(path)
    assert match, path
    side, block, mid, layer, number, rest = match.groups()
    return side or mid, int(block or 0), layer, int(number), rest


def _order(path: str) -> tuple[int, ...]:
    section, block, layer, number, rest = _parts(path)
    sections, layers = ("down", "up", "mid"), ("attentions", "resnets", "downsamplers", "upsamplers")
    return (sections.index(section), block, layers.index(layer), number, *_inner_order(rest))


def _inner_order(rest: str) -> tuple[int, int, int]:
    place = next((place for place, tail in enumerate(_TAILS) if rest.endswith(tail)), -1)
    match = _TRANSFORMER.match(rest)
    if match:
        return int(match[1]), ("attn1", "ff", "attn2").index(match[2]), place
    return (1 << 30 if rest == "proj_out" else -1), 0, place


def _lora_name(prefix: str, path: str) -> str:
    return f"{prefix}.{path}".replace(".", "_")
