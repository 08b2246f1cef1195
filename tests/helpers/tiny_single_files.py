"""A tiny model as one .safetensors file, under the names of LDM's (1.x, 2.x) and sgm's (SDXL) checkpoints.

Written the other way round and without diffusers' converter, so that it can judge that one. `configs` writes the
configurations that the loader takes for a single file, which for real models lie in resources/training/configs.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from tests.helpers.tiny_models import TinyModel

Tensors = dict[str, torch.Tensor]

_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_UNET_ENDS = {
    "conv_in": "input_blocks.0.0",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "mid_block.resnets.0": "middle_block.0",
    "mid_block.attentions.0": "middle_block.1",
    "mid_block.resnets.1": "middle_block.2",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
_FAMILIES = {"sd1": "sd1", "sd2-v": "sd2", "sdxl": "sdxl"}


def write_single_file(
    path: Path, model: TinyModel, *, extra: Tensors | None = None, metadata: dict[str, str] | None = None
) -> Path:
    """Writes the whole model as one file; its path comes back."""
    tensors = {f"model.diffusion_model.{name}": value for name, value in unet_as_ldm(model).items()}
    tensors |= {f"first_stage_model.{name}": value for name, value in vae_as_ldm(model).items()}
    tensors |= text_encoders_as_ldm(model) | (extra or {})
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: value.contiguous().clone() for name, value in tensors.items()}, path, metadata=metadata)
    return path


def write_configs(folder: Path, model: TinyModel) -> Path:
    """Writes the configurations of the tiny model's parts; the folder for `load_components(configs=...)` comes back."""
    inner = folder / _FAMILIES[model.kind]
    parts: dict[str, Any] = {"unet": model.unet, "vae": model.vae}
    for name, part in parts.items():
        part.save_config(inner / name)
    encoders: tuple[Any, ...] = model.text_encoders
    for name, encoder in zip(("text_encoder", "text_encoder_2"), encoders, strict=False):
        (inner / name).mkdir(parents=True)
        (inner / name / "config.json").write_text(json.dumps(encoder.config.to_dict(), default=str), encoding="utf-8")
    return folder


def unet_as_ldm(model: TinyModel) -> Tensors:
    """The U-Net's weights under LDM's names: its blocks counted through, down and up."""
    names = dict(_UNET_ENDS)
    number = 1
    for level, block in enumerate(model.unet.down_blocks):
        for layer in range(len(block.resnets)):  # type: ignore[arg-type]
            names[f"down_blocks.{level}.resnets.{layer}"] = f"input_blocks.{number}.0"
            names[f"down_blocks.{level}.attentions.{layer}"] = f"input_blocks.{number}.1"
            number += 1
        if getattr(block, "downsamplers", None) is not None:
            names[f"down_blocks.{level}.downsamplers.0.conv"] = f"input_blocks.{number}.0.op"
            number += 1
    number = 0
    for level, block in enumerate(model.unet.up_blocks):
        has_attention = hasattr(block, "attentions")
        for layer in range(len(block.resnets)):  # type: ignore[arg-type]
            names[f"up_blocks.{level}.resnets.{layer}"] = f"output_blocks.{number}.0"
            names[f"up_blocks.{level}.attentions.{layer}"] = f"output_blocks.{number}.1"
            number += 1
        last = f"output_blocks.{number - 1}.{2 if has_attention else 1}.conv"
        names[f"up_blocks.{level}.upsamplers.0.conv"] = last
    renamed: Tensors = {}
    for name, value in model.unet.state_dict().items():
        start = next(start for start in names if name.startswith(f"{start}."))
        rest = name.removeprefix(f"{start}.")
        if ".resnets." in f".{start}":
            part, kind = rest.rsplit(".", 1)
            rest = f"{_RESNET[part]}.{kind}"
        renamed[f"{names[start]}.{rest}"] = value
    return renamed


def vae_as_ldm(model: TinyModel) -> Tensors:
    """The VAE's weights under LDM's names; its attention's linear layers are 1x1 convolutions there."""
    renamed: Tensors = {}
    levels = len(model.vae.config["block_out_channels"])
    for original, value in model.vae.state_dict().items():
        name = original
        for level in range(levels):
            name = _renamed(name, ((f"decoder.up_blocks.{level}.", f"decoder.up.{levels - 1 - level}."),))
        name = _renamed(
            name,
            (
                ("down_blocks.", "down."),
                ("mid_block.resnets.0", "mid.block_1"),
                ("mid_block.resnets.1", "mid.block_2"),
                ("mid_block.attentions.0", "mid.attn_1"),
                ("resnets.", "block."),
                ("downsamplers.0.", "downsample."),
                ("upsamplers.0.", "upsample."),
                ("conv_shortcut", "nin_shortcut"),
                ("group_norm.", "norm."),
                ("to_q.", "q."),
                ("to_k.", "k."),
                ("to_v.", "v."),
                ("to_out.0.", "proj_out."),
                ("conv_norm_out", "norm_out"),
            ),
        )
        is_matrix = ".attn_1." in name and name.endswith(".weight") and value.dim() == 2
        renamed[name] = value[:, :, None, None] if is_matrix else value
    return renamed


def text_encoders_as_ldm(model: TinyModel) -> Tensors:
    """The text encoders' weights: OpenAI's CLIP as it is, OpenCLIP's with q, k and v as one matrix and one more layer in 2.x."""
    first = {
        name if name.startswith("text_model.") else f"text_model.{name}": value
        for name, value in model.text_encoders[0].state_dict().items()
    }
    if model.kind == "sd1":
        return {f"cond_stage_model.transformer.{name}": value for name, value in first.items()}
    if model.kind == "sd2-v":
        layers = int(model.text_encoders[0].config.num_hidden_layers)  # type: ignore[union-attr, arg-type]
        unused = {
            name.replace(f"layers.{layers - 1}.", f"layers.{layers}."): value
            for name, value in first.items()
            if f"layers.{layers - 1}." in name
        }
        return {f"cond_stage_model.model.{name}": value for name, value in _as_open_clip(first | unused).items()}
    second = _as_open_clip(dict(model.text_encoders[1].state_dict()))
    return {f"conditioner.embedders.0.transformer.{name}": value for name, value in first.items()} | {
        f"conditioner.embedders.1.model.{name}": value for name, value in second.items()
    }


def _as_open_clip(tensors: Tensors) -> Tensors:
    renamed: Tensors = {"logit_scale": torch.tensor(4.6)}
    for original, given in tensors.items():
        name, value = original, given
        if ".self_attn.k_proj." in name or ".self_attn.v_proj." in name:
            continue
        if ".self_attn.q_proj." in name:
            value = torch.cat([tensors[name.replace("q_proj", f"{part}_proj")] for part in "qkv"])
        if name == "text_projection.weight":
            name, value = "text_projection", value.T
        name = _renamed(
            name,
            (
                ("text_model.encoder.layers.", "transformer.resblocks."),
                ("text_model.embeddings.position_embedding.weight", "positional_embedding"),
                ("text_model.embeddings.token_embedding.", "token_embedding."),
                ("text_model.final_layer_norm.", "ln_final."),
                (".layer_norm1.", ".ln_1."),
                (".layer_norm2.", ".ln_2."),
                (".mlp.fc1.", ".mlp.c_fc."),
                (".mlp.fc2.", ".mlp.c_proj."),
                (".self_attn.out_proj.", ".attn.out_proj."),
                (".self_attn.q_proj.", ".attn.in_proj_"),
            ),
        )
        renamed[name] = value
    return renamed


def _renamed(name: str, pairs: tuple[tuple[str, str], ...]) -> str:
    for old, new in pairs:
        name = name.replace(old, new)
    return name
