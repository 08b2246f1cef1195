"""Tiny random Stable Diffusion models: every part of the real ones, small enough to be built and trained in a moment.

`build("sdxl")` gives the objects, `write(folder, "sdxl")` a diffusers folder of them, laid out and named as the public
ones are. Weights depend on the kind and the seed alone. Biases and norms are random too, so that a mixed-up layer shows.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from safetensors.torch import save_file
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

Kind = Literal["sd1", "sd2-v", "sdxl"]
KINDS: tuple[Kind, ...] = get_args(Kind)

BOS, EOS = "<|startoftext|>", "<|endoftext|>"
WORDS = ("a", "the", "of", "cat", "dog", "girl", "red", "blue", "photo", "smile", "hair", "sks", "circle", "square")
"""Words that are one token of the tiny vocabulary; every other text falls apart into letters, none is unknown."""


@dataclass(frozen=True, slots=True)
class TinyModel:
    """The parts of a model, as diffusers and transformers have them.

    Attributes:
        kind: what it is like.
        unet: 4 latent channels in and out; cross attention of 32, 32 or 96 channels; a latent of 8x8 and more.
        vae: 8 pixels per latent in each direction, as the real one.
        text_encoders: one; two for SDXL, whose second one projects its pooled output.
        tokenizers: one each; the second one, and that of SD2, pad with token 0 as the real ones do.
        prediction: "epsilon" or "v_prediction".
    """

    kind: Kind
    unet: UNet2DConditionModel
    vae: AutoencoderKL
    text_encoders: tuple[nn.Module, ...]
    tokenizers: tuple[CLIPTokenizer, ...]
    prediction: str


def build(kind: Kind, *, seed: int = 0, text_layers: int = 2) -> TinyModel:
    """Builds a tiny model with random weights, float32, on the CPU."""
    vocabulary, merges = tiny_vocabulary()
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        unet = UNet2DConditionModel(**unet_config(kind))
        vae = AutoencoderKL(**vae_config(kind))
        encoders: tuple[nn.Module, ...] = (CLIPTextModel(text_config(kind, layers=text_layers)),)
        if kind == "sdxl":
            encoders += (CLIPTextModelWithProjection(text_config(kind, second=True, layers=text_layers)),)
        for module in (unet, vae, *encoders):
            _disturb(module)
    pads = (EOS, "!") if kind == "sdxl" else ("!" if kind == "sd2-v" else EOS,)
    tokenizers = tuple(
        CLIPTokenizer(vocab=vocabulary, merges=[tuple(pair) for pair in merges], pad_token=pad, model_max_length=77)  # type: ignore[arg-type]
        for pad in pads
    )
    return TinyModel(kind, unet, vae, encoders, tokenizers, "v_prediction" if kind == "sd2-v" else "epsilon")


def write(folder: Path, kind: Kind, *, seed: int = 0, text_layers: int = 2, dtype: torch.dtype = torch.float32) -> Path:
    """Writes a tiny model as a diffusers folder; its path comes back."""
    return save(build(kind, seed=seed, text_layers=text_layers), folder, dtype=dtype)


def save(model: TinyModel, folder: Path, *, dtype: torch.dtype = torch.float32) -> Path:
    """Writes a model as a diffusers folder, with the names that public folders have (`text_model.` before a text encoder's)."""
    index: dict[str, object] = {
        "_class_name": "StableDiffusionXLPipeline" if model.kind == "sdxl" else "StableDiffusionPipeline",
        "_diffusers_version": "0.32.0",
        "scheduler": ["diffusers", "EulerDiscreteScheduler"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    for name, module in (("unet", model.unet), ("vae", model.vae)):
        _save_weights(folder / name / "diffusion_pytorch_model.safetensors", module, dtype)
        module.save_config(folder / name)
    for number, (encoder, tokenizer) in enumerate(zip(model.text_encoders, model.tokenizers, strict=True)):
        suffix = "" if number == 0 else f"_{number + 1}"
        _save_weights(folder / f"text_encoder{suffix}" / "model.safetensors", encoder, dtype, prefix="text_model.")
        encoder.config.save_pretrained(folder / f"text_encoder{suffix}")  # type: ignore[union-attr]
        save_tokenizer(folder / f"tokenizer{suffix}", str(tokenizer.pad_token))
        index[f"text_encoder{suffix}"] = ["transformers", type(encoder).__name__]
        index[f"tokenizer{suffix}"] = ["transformers", "CLIPTokenizer"]
    _write_json(folder / "scheduler" / "scheduler_config.json", scheduler_config(model.prediction))
    _write_json(folder / "model_index.json", index)
    return folder


def unet_config(kind: Kind) -> dict[str, Any]:
    """The arguments of the tiny U-Net: the real one's, with fewer blocks and channels."""
    common: dict[str, Any] = {"sample_size": 8, "norm_num_groups": 8, "in_channels": 4, "out_channels": 4}
    if kind == "sdxl":
        return common | {
            "block_out_channels": (32, 32, 64),
            "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            "layers_per_block": 2,
            "transformer_layers_per_block": (1, 1, 2),
            "attention_head_dim": (4, 4, 8),
            "cross_attention_dim": 96,
            "use_linear_projection": True,
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 8,
            "projection_class_embeddings_input_dim": 64 + 6 * 8,
        }
    sizes = {
        "block_out_channels": (32, 64),
        "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
        "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
        "layers_per_block": 2,
        "cross_attention_dim": 32,
    }
    if kind == "sd1":
        return common | sizes | {"attention_head_dim": 8}
    return common | sizes | {"attention_head_dim": (4, 8), "use_linear_projection": True}


def vae_config(kind: Kind) -> dict[str, Any]:
    """The arguments of the tiny VAE: four levels, thus 8 pixels per latent."""
    return {
        "block_out_channels": (8, 8, 8, 16),
        "down_block_types": ("DownEncoderBlock2D",) * 4,
        "up_block_types": ("UpDecoderBlock2D",) * 4,
        "layers_per_block": 1,
        "latent_channels": 4,
        "norm_num_groups": 4,
        "sample_size": 64,
        "scaling_factor": 0.13025 if kind == "sdxl" else 0.18215,
    }


def text_config(kind: Kind, *, second: bool = False, layers: int = 2) -> CLIPTextConfig:
    """The configuration of a tiny text encoder: width 32, and 64 for SDXL's second one."""
    vocabulary, _ = tiny_vocabulary()
    width = 64 if second else 32
    return CLIPTextConfig(
        vocab_size=len(vocabulary),
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=layers,
        num_attention_heads=4,
        max_position_embeddings=77,
        hidden_act="gelu" if second or kind == "sd2-v" else "quick_gelu",
        projection_dim=width,
        bos_token_id=vocabulary[BOS],
        eos_token_id=vocabulary[EOS],
        pad_token_id=vocabulary["!"] if second or kind == "sd2-v" else vocabulary[EOS],
    )


def scheduler_config(prediction: str) -> dict[str, Any]:
    """The schedule of every Stable Diffusion."""
    return {
        "_class_name": "EulerDiscreteScheduler",
        "_diffusers_version": "0.32.0",
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "num_train_timesteps": 1000,
        "prediction_type": prediction,
        "steps_offset": 1,
        "timestep_spacing": "leading",
    }


def tiny_vocabulary() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """CLIP's vocabulary in small: all bytes, all bytes at a word's end, the pieces of `WORDS`, and the two special tokens last.

    Returns:
        Tokens with their numbers ("!" is 0, as in CLIP), and the merges that build `WORDS`.
    """
    letters = _byte_letters()
    tokens = [*letters, *(letter + "</w>" for letter in letters)]
    merges: list[tuple[str, str]] = []
    for word in WORDS:
        pieces = [*word[:-1], word[-1] + "</w>"]
        while len(pieces) > 1:
            pair = (pieces[0], pieces[1])
            if pair not in merges:
                merges.append(pair)
                tokens.append("".join(pair))
            pieces[:2] = ["".join(pair)]
    tokens += [BOS, EOS]
    return {token: number for number, token in enumerate(tokens)}, merges


def _byte_letters() -> list[str]:
    # CLIP and GPT-2 write each byte as one printable character; this is their table's order.
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    return [chr(code) for code in printable] + [chr(256 + number) for number in range(256 - len(printable))]


@torch.no_grad()
def _disturb(module: nn.Module) -> None:
    # Norms start as 1 and 0, biases of transformers as 0: with those a forgotten bias or a swapped norm would not show.
    for parameter in module.parameters():
        if parameter.dim() == 1:
            parameter.add_(torch.randn_like(parameter), alpha=0.1)
    module.requires_grad_(False).eval()


def _save_weights(path: Path, module: nn.Module, dtype: torch.dtype, *, prefix: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    named = {
        name if name.startswith((prefix, "text_projection.")) else prefix + name: value.to(dtype).contiguous()
        for name, value in module.state_dict().items()
    }
    save_file(named, path, metadata={"format": "pt"})


def save_tokenizer(folder: Path, pad: str) -> None:
    vocabulary, merges = tiny_vocabulary()
    special = {"bos_token": BOS, "eos_token": EOS, "pad_token": pad, "unk_token": EOS}
    _write_json(folder / "vocab.json", vocabulary)
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{one} {other}\n" for one, other in merges), encoding="utf-8")
    _write_json(folder / "special_tokens_map.json", special)
    config = special | {"model_max_length": 77, "do_lower_case": True, "tokenizer_class": "CLIPTokenizer"}
    _write_json(folder / "tokenizer_config.json", config)


def _write_json(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False), encoding="utf-8")
