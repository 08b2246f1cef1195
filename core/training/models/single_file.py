"""The parts of a single-file checkpoint, under the names that diffusers and transformers use.

diffusers turns the U-Net and the VAE over itself; what is here are the text encoders, whose conversion diffusers offers
for whole pipelines only. Names: OpenAI's CLIP as transformers has it, and OpenCLIP (SD 2.x, SDXL's second one).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import torch

from core.training.models.family import TEXT, UNET, VAE, Family

Tensors = dict[str, torch.Tensor]

_OPEN_CLIP = (
    ("transformer.resblocks.", "text_model.encoder.layers."),
    ("positional_embedding", "text_model.embeddings.position_embedding.weight"),
    ("token_embedding.", "text_model.embeddings.token_embedding."),
    ("ln_final.", "text_model.final_layer_norm."),
)
_IN_LAYER = (
    (".ln_1.", ".layer_norm1."),
    (".ln_2.", ".layer_norm2."),
    (".mlp.c_fc.", ".mlp.fc1."),
    (".mlp.c_proj.", ".mlp.fc2."),
    (".attn.out_proj.", ".self_attn.out_proj."),
)
_LAYER = re.compile(r"encoder\.layers\.(\d+)\.")


def read_tensors(path: Path, prefixes: Iterable[str], device: torch.device) -> Tensors:
    """Reads those tensors of a .safetensors file whose names start with one of `prefixes` ("" for all)."""
    from safetensors import safe_open

    wanted = tuple(prefixes)
    with safe_open(path, framework="pt", device=str(device)) as file:
        return {name: file.get_tensor(name) for name in file.keys() if name.startswith(wanted)}  # noqa: SIM118 - no mapping


def read_unet(path: Path, device: torch.device) -> Tensors:
    """The U-Net's tensors, still under LDM's names."""
    return read_tensors(path, (UNET,), device)


def read_vae(path: Path, device: torch.device) -> Tensors:
    """A VAE's tensors, out of a whole checkpoint or of a VAE's own file; without what only its training needed."""
    tensors = read_tensors(path, (VAE,), device) or read_tensors(path, ("",), device)
    unused = ("loss.", "model_ema.", f"{VAE}loss.", f"{VAE}model_ema.")
    return {name: value for name, value in tensors.items() if not name.startswith(unused)}


def read_text_encoder(path: Path, family: Family, number: int, layers: int, device: torch.device) -> Tensors:
    """A text encoder's tensors under transformers' names.

    Args:
        path: the checkpoint.
        family: of the checkpoint.
        number: 0, or 1 for SDXL's second one.
        layers: that the model has; later ones are left out, as the last one of SD 2.x, whose output is never used.
        device: where to.
    """
    prefix = TEXT[family][number]
    is_open = prefix.endswith("model.")
    # Some old merges of 1.x leave `text_model` or `transformer` out of the names.
    loose = ("cond_stage_model.embeddings.", "cond_stage_model.encoder.", "cond_stage_model.final_layer_norm.")
    tensors = read_tensors(path, (prefix,) if is_open or family != "sd1" else (prefix, *loose), device)
    stripped = {name.removeprefix(prefix).removeprefix("cond_stage_model."): value for name, value in tensors.items()}
    converted = from_open_clip(stripped) if is_open else _with_text_model(stripped)
    return {name: value for name, value in converted.items() if _is_used(name, layers)}


def from_open_clip(tensors: Tensors) -> Tensors:
    """Renames OpenCLIP's text encoder; the three matrices that it keeps as one are taken apart.

    Its `text_projection` multiplies from the right, transformers' is a linear layer's weight, so it is transposed, as
    diffusers, ComfyUI and A1111 do. sd-scripts (library/sdxl_model_util.py, convert_sdxl_text_encoder_2_checkpoint) does
    not, so that its pooled output of a single file differs from what every program for inference computes; from a
    diffusers folder it is the same.
    """
    converted: Tensors = {}
    for name, value in tensors.items():
        if name == "text_projection":
            converted["text_projection.weight"] = value.T.contiguous()
        elif name == "text_projection.weight":  # Playground's files have the linear layer itself
            converted[name] = value
        elif ".attn.in_proj_" in name:
            base, kind = name.split(".attn.in_proj_")
            for part, piece in zip("qkv", value.chunk(3), strict=True):
                converted[_renamed(base) + f".self_attn.{part}_proj.{kind}"] = piece
        elif name not in {"logit_scale", "attn_mask"}:
            converted[_renamed(name)] = value
    return converted


def _renamed(name: str) -> str:
    for old, new in _OPEN_CLIP:
        if name.startswith(old):
            name = new + name[len(old) :]
    for old, new in _IN_LAYER:
        name = name.replace(old, new)
    return name


def _with_text_model(tensors: Tensors) -> Tensors:
    return {
        name if name.startswith(("text_model.", "text_projection")) else f"text_model.{name}": value
        for name, value in tensors.items()
    }


def _is_used(name: str, layers: int) -> bool:
    layer = _LAYER.search(name)
    return not name.endswith("position_ids") and (layer is None or int(layer[1]) < layers)
