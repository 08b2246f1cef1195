"""What a golden training step is made of, for sd-scripts (tests/golden/make_steps.py) and for the built-in trainer alike.

Both sides read the same files: tiny models as diffusers folders and LoRAs whose up weights are not zero, so that no gradient
vanishes. All numbers come from integers, by name and shape alone: the same bits on every machine and with every version of
torch, diffusers and transformers. `digest_of` says whether they are. Noise and timesteps come from torch's generator on the
CPU after the same seed.
"""

from __future__ import annotations

import hashlib
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTextModelWithProjection

from tests.helpers import tiny_models
from tests.helpers.tiny_models import Kind

CAPTIONS = ("a photo of a red cat, smile", "the blue dog, (sks circle:1.3), [hair]")
DIM, ALPHA = 4, 2.0
TEXT_LAYERS: dict[Kind, tuple[int, ...]] = {"sd1": (3,), "sd2-v": (3,), "sdxl": (12, 3)}
"""sd-scripts takes the 11th layer of SDXL's first text encoder by its number; so that one needs 12."""
SDXL_SIZES: dict[str, Any] = {
    # What sd-scripts has hard-coded in library/sdxl_original_unet.py cannot be smaller: 32 groups in each norm, 64 channels
    # in each head, 2 and 4 times the first block's channels in the others, and 256 numbers for each size.
    "block_out_channels": (32, 64, 128),
    "norm_num_groups": 32,
    "attention_head_dim": (1, 1, 2),
    "transformer_layers_per_block": (1, 1, 2),
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 64 + 6 * 256,
}


@dataclass(frozen=True, slots=True)
class Case:
    """One optimizer step.

    Attributes:
        kind: of model.
        options: of the job, by sd-scripts' names.
        loss_weights: of the pictures, for each micro-batch.
        has_images: pictures for the VAE rather than kept latents.
        has_masks: each picture has one.
    """

    kind: Kind
    options: Mapping[str, Any] = field(default_factory=dict)
    loss_weights: tuple[tuple[float, float], ...] = ((1.0, 1.0),)
    has_images: bool = False
    has_masks: bool = False


_UNET_ONLY = {"network_train_unet_only": True}
CASES: dict[str, Case] = {
    "sd1 l2": Case("sd1"),
    "sd1 min-snr": Case("sd1", {"min_snr_gamma": 5.0, **_UNET_ONLY}),
    "sd1 huber snr": Case("sd1", {"loss_type": "huber", "huber_schedule": "snr", "huber_c": 0.1, **_UNET_ONLY}),
    "sd1 clip skip": Case("sd1", {"clip_skip": 2}),
    "sd1 noise offset": Case("sd1", {"noise_offset": 0.1, **_UNET_ONLY}),
    "sd1 two micro-batches": Case(
        "sd1", {"gradient_accumulation_steps": 2, "min_snr_gamma": 1.0}, loss_weights=((1.0, 0.5), (0.5, 1.0))
    ),
    "sd1 convolutions": Case("sd1", {"network_args": ["conv_dim=2", "conv_alpha=1"]}),
    "sd1 images": Case("sd1", {"debiased_estimation_loss": True, **_UNET_ONLY}, has_images=True),
    "sd1 masks": Case("sd1", {"masked_loss": True, **_UNET_ONLY}, has_masks=True),
    "sd1 weighted long captions": Case("sd1", {"weighted_captions": True, "max_token_length": 150}),
    "sd1 checkpointing": Case("sd1", {"gradient_checkpointing": True}),
    "sd2-v scaled": Case("sd2-v", {"scale_v_pred_loss_like_noise_pred": True}),
    "sd2-v zero snr": Case("sd2-v", {"zero_terminal_snr": True, "min_snr_gamma": 5.0, "min_timestep": 900, **_UNET_ONLY}),
    "sdxl l2": Case("sdxl"),
    "sdxl smooth l1": Case(
        "sdxl",
        {"loss_type": "smooth_l1", "huber_schedule": "exponential", "noise_offset": 0.05, "max_token_length": 150, **_UNET_ONLY},
        loss_weights=((1.0, 0.3),),
    ),
}


def job_options(case: Case, model: Path, lora: Path) -> dict[str, Any]:
    """The job's options that both sides understand."""
    family = {"v2": True, "v_parameterization": True} if case.kind == "sd2-v" else {}
    return {
        "pretrained_model_name_or_path": str(model),
        "network_module": "networks.lora",
        "network_dim": DIM,
        "network_alpha": ALPHA,
        "network_weights": str(lora),
        **family,
        **case.options,
    }


def seed_of(number: int) -> int:
    """The seed that noise and timesteps of a micro-batch are drawn after."""
    return 1000 + number


def latents_of(kind: Kind, number: int) -> Tensor:
    """Kept latents of a micro-batch, not yet multiplied with the VAE's scale, shape (2, 4, h, w)."""
    # With 2x2 numbers in its smallest layers SDXL's gradients there would be little more than rounding.
    return 4 * values(f"latents {number}", (2, 4, 16, 16) if kind == "sdxl" else (2, 4, 8, 8))


def images_of(number: int) -> Tensor:
    """Pictures of a micro-batch, shape (2, 3, 64, 64), -1 to 1."""
    return values(f"images {number}", (2, 3, 64, 64))


def masks_of(number: int) -> Tensor:
    """Masks of a micro-batch, shape (2, 1, 8, 8), 0 to 1."""
    return values(f"masks {number}", (2, 1, 8, 8)).abs()


def sizes_of() -> tuple[Tensor, Tensor, Tensor]:
    """Original sizes, crops and target sizes of the pictures, each (2, 2), height first."""
    return torch.tensor([[512, 768], [100, 64]]), torch.tensor([[0, 0], [18, 0]]), torch.tensor([[128, 128], [128, 128]])


def values(name: str, shape: tuple[int, ...]) -> Tensor:
    """Numbers from -1 to 1 that depend on a name and a shape alone, float32."""
    whole = torch.randint(-1000, 1001, shape, generator=torch.Generator().manual_seed(zlib.crc32(name.encode())))
    return whole.float() / 1000


@torch.no_grad()
def fill(module: nn.Module, part: str) -> None:
    """Gives a model its weights, of about the size that training would."""
    for given, parameter in module.named_parameters():
        name = given.removeprefix("text_model.")  # transformers 5.6 took that level of nesting away
        noise = values(f"{part} {name}", tuple(parameter.shape))
        if parameter.dim() > 1:
            parameter.copy_(noise * math.sqrt(3 / parameter[0].numel()))
        else:
            parameter.copy_(0.1 * noise + (1.0 if "norm" in name and name.endswith("weight") else 0.0))
    module.requires_grad_(False).eval()


def write_model(folder: Path, kind: Kind) -> Path:
    """Writes a tiny model as a diffusers folder; its path comes back."""
    unet_config = tiny_models.unet_config(kind) | (SDXL_SIZES if kind == "sdxl" else {})
    encoders: list[nn.Module] = []
    for number, layers in enumerate(TEXT_LAYERS[kind]):
        build = CLIPTextModelWithProjection if number else CLIPTextModel
        encoders.append(build(tiny_models.text_config(kind, second=bool(number), layers=layers)))
    parts = {"unet": UNet2DConditionModel(**unet_config), "vae": AutoencoderKL(**tiny_models.vae_config(kind))}
    for name, module in (*parts.items(), *((f"text {number}", encoder) for number, encoder in enumerate(encoders))):
        fill(module, name)
    pads = (tiny_models.EOS, "!") if kind == "sdxl" else ("!" if kind == "sd2-v" else tiny_models.EOS,)
    tokenizers: Any = tuple(SimpleNamespace(pad_token=pad) for pad in pads)  # all that is asked of them
    prediction = "v_prediction" if kind == "sd2-v" else "epsilon"
    model = tiny_models.TinyModel(kind, parts["unet"], parts["vae"], tuple(encoders), tokenizers, prediction)
    return tiny_models.save(model, folder)


def write_lora(path: Path, network: Mapping[str, Tensor]) -> Path:
    """Writes the LoRA that a step begins with.

    Args:
        path: of the file.
        network: kohya's keys and tensors of a LoRA of the same shape.
    """
    tensors = {}
    for key, tensor in network.items():
        if key.endswith(".alpha"):
            tensors[key] = tensor.float()
        else:
            tensors[key] = values(key, tuple(tensor.shape)) * math.sqrt(3 / tensor[0].numel()) * 0.5
    save_file(tensors, path)
    return path


def digest_of(*files: Path) -> str:
    """A hash over the names and numbers of files' tensors; the same on both sides."""
    found = hashlib.sha256()
    for file in files:
        for key, tensor in sorted(load_file(file).items()):
            found.update(key.encode() + tensor.float().numpy().tobytes())
    return found.hexdigest()


def weights_in(model: Path) -> list[Path]:
    """A model's files of weights, in an order of their own."""
    return sorted(model.glob("*/*.safetensors"))


def summary(key: str, gradient: Tensor) -> list[float]:
    """Three numbers that say what a gradient is: its norm, its sum with signs that depend on the key, and one of its elements."""
    flat = gradient.detach().double().flatten()
    signs = torch.randint(0, 2, flat.shape, generator=torch.Generator().manual_seed(zlib.crc32(key.encode()))) * 2 - 1
    return [flat.norm().item(), (flat * signs).sum().item(), flat[len(flat) // 3].item()]
