"""Makes the demo's model and its pictures."""

from __future__ import annotations

import importlib.metadata
import json
import logging
import platform
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from safetensors.torch import save_file
from torch import Tensor

from core.training.demo.pictures import draw_flags, draw_shape
from core.training.demo.unet import build_text_encoder, build_unet, train_unet
from core.training.demo.vae import build_vae, latents_of, normalize, to_pixels, train_vae
from core.training.demo.words import save_tokenizer
from core.training.models.family import ModelFacts
from core.training.models.settings import ModelSettings
from core.training.models.tokens import load_tokenizers

_MEASURED_SEED = 5  # of the pictures over which the latents' mean and deviation are taken

SCHEDULE: dict[str, Any] = {
    "_class_name": "DDIMScheduler",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000,
    "prediction_type": "epsilon",
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
}
INDEX: dict[str, Any] = {
    "_class_name": "StableDiffusionPipeline",
    "feature_extractor": [None, None],
    "image_encoder": [None, None],
    "requires_safety_checker": False,
    "safety_checker": [None, None],
    "scheduler": ["diffusers", "DDIMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How much of everything. The defaults made what is shipped.

    Attributes:
        seed: of all random numbers; each part begins anew from it.
        pictures: that the U-Net learns from; scenes: that the VAE learns from.
        measured: the pictures over which the latents' mean and deviation are taken.
        vae_steps, vae_batch, unet_steps, unet_batch: of the two trainings.
    """

    seed: int = 1
    pictures: int = 1600
    scenes: int = 4096
    measured: int = 256
    vae_steps: int = 1500
    vae_batch: int = 16
    unet_steps: int = 1500
    unet_batch: int = 32


def make_model(folder: Path, recipe: Recipe, *, keeps_vae: bool = False) -> None:
    """Trains the VAE, then U-Net and text encoder, and writes them as a diffusers folder, with training.json beside them.

    Args:
        keeps_vae: takes the VAE that lies in the folder, made by the same recipe before.
    """
    started = time.monotonic()
    record: dict[str, Any] = {"recipe": {name: getattr(recipe, name) for name in Recipe.__slots__}}
    rng = random.Random(recipe.seed)
    pairs = [draw_shape(rng) for _ in range(recipe.pictures)]
    pixels = to_pixels([np.asarray(picture) for picture, _ in pairs])
    if keeps_vae:
        vae: Any = AutoencoderKL.from_pretrained(folder / "vae")
        vae.to(memory_format=torch.channels_last)
        record |= json.loads((folder / "vae" / "training.json").read_text(encoding="utf-8"))
    else:
        other = random.Random(_MEASURED_SEED)
        torch.manual_seed(recipe.seed)
        vae = build_vae()
        error = train_vae(vae, steps=recipe.vae_steps, batch=recipe.vae_batch, pictures=recipe.scenes, seed=recipe.seed)
        vae.eval()
        normalize(vae, to_pixels([np.asarray(draw_shape(other)[0]) for _ in range(recipe.measured)]))
        of_vae = {"vae_l1": round(error, 4), "vae_seconds": round(time.monotonic() - started)}
        record |= of_vae
        _save(folder / "vae", vae, "diffusion_pytorch_model", half=False)
        _write_json(folder / "vae" / "training.json", of_vae)
    started = time.monotonic()
    save_tokenizer(folder / "tokenizer")
    ids = _tokens(folder, [*(caption for _, caption in pairs), ""])
    torch.manual_seed(recipe.seed)
    text, unet = build_text_encoder(), build_unet()
    latents = latents_of(vae, pixels)
    loss = train_unet(unet, text, latents, ids, steps=recipe.unet_steps, batch=recipe.unet_batch)
    record |= {"unet_loss": round(loss, 4), "unet_seconds": round(time.monotonic() - started)}
    _save(folder / "vae", vae, "diffusion_pytorch_model")
    (folder / "vae" / "training.json").unlink()
    _save(folder / "unet", unet, "diffusion_pytorch_model")
    _save(folder / "text_encoder", text, "model", prefix="text_model.")
    _write_json(folder / "scheduler" / "scheduler_config.json", SCHEDULE)
    _write_json(folder / "model_index.json", INDEX)
    names = ("torch", "diffusers", "transformers", "numpy", "pillow")
    record["versions"] = {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in names}
    record["threads"] = torch.get_num_threads()
    _write_json(folder / "training.json", record)
    logging.info("%s", record)


def make_pictures(folder: Path) -> None:
    """Writes the pictures that the demo's LoRA learns from, each with its caption."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, (picture, caption) in enumerate(draw_flags(), 1):
        picture.save(folder / f"{number:02d}.png", optimize=True)
        (folder / f"{number:02d}.txt").write_text(caption + "\n", encoding="utf-8", newline="\n")


def _tokens(folder: Path, captions: Sequence[str]) -> Tensor:
    """(N, 77), by the way that a training takes."""
    facts = ModelFacts(path=folder, layout="diffusers", family="sd1", prediction="epsilon", dtype="")
    (tokenizer,) = load_tokenizers(facts, ModelSettings())
    known = {caption: tokenizer.token_ids(caption)[0] for caption in sorted(set(captions))}
    return torch.stack([known[caption] for caption in captions])


def _save(folder: Path, module: Any, stem: str, *, prefix: str = "", half: bool = True) -> None:
    """Weights under the names that public folders have, and the config."""
    folder.mkdir(parents=True, exist_ok=True)
    change: Callable[[Tensor], Tensor] = Tensor.half if half else Tensor.float
    named = {
        name if name.startswith((prefix, "text_projection.")) else prefix + name: change(value.detach()).contiguous()
        for name, value in module.state_dict().items()
    }
    save_file(named, folder / f"{stem}.safetensors", metadata={"format": "pt"})
    if prefix:
        module.config.save_pretrained(folder)
    else:
        module.save_config(folder)


def _write_json(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")
