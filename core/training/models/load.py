"""Loading a model's parts with diffusers and transformers, from this computer alone."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from core.errors import CaddieError
from core.paths import RESOURCES
from core.text import Text
from core.training.models.family import ModelFacts, read_config
from core.training.models.header import read_header
from core.training.models.hub import find_model
from core.training.models.settings import ModelSettings
from core.training.models.single_file import Tensors, read_text_encoder, read_unet, read_vae
from core.training.models.tokens import Tokenizer, load_tokenizers
from core.training.models.weight_files import weights_of

if TYPE_CHECKING:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

CONFIGS = RESOURCES / "training" / "configs"
LATENT_SCALES = {"sd1": 0.18215, "sd2": 0.18215, "sdxl": 0.13025}


@dataclass(slots=True)
class Components:
    """A loaded model: everything frozen and in eval mode.

    Attributes:
        facts: what it is.
        unet: diffusers' U-Net.
        vae: diffusers' VAE.
        text_encoders: one, or two for SDXL: transformers' CLIPTextModel, CLIPTextModelWithProjection.
        tokenizers: one for each text encoder.
        alphas_cumprod: of the training's schedule, (1000,) float32 on the CPU.
        latent_scale: what the VAE's latents are multiplied with.
    """

    facts: ModelFacts
    unet: UNet2DConditionModel
    vae: AutoencoderKL
    text_encoders: tuple[nn.Module, ...]
    tokenizers: tuple[Tokenizer, ...]
    alphas_cumprod: torch.Tensor
    latent_scale: float


def load_components(
    facts: ModelFacts,
    settings: ModelSettings,
    *,
    dtype: torch.dtype,
    device: torch.device,
    configs: Path = CONFIGS,
) -> Components:
    """Loads a model.

    Args:
        facts: what `inspect_model` found.
        settings: the job's.
        dtype: of U-Net and text encoders, and of the VAE unless `no_half_vae` asks for float32.
        device: where to.
        configs: folder with the configurations that single files are loaded with, one folder a family.

    Raises:
        CaddieError: a part is missing, of another architecture or has broken numbers; or there is no tokenizer.
    """
    if not facts.has_vae and not settings.vae:
        raise CaddieError(
            Text(
                f"{facts.path} brings no VAE. Name one under vae.",
                f"{facts.path} には VAE が含まれていません。vae で指定してください。",
            )
        )
    tokenizers = load_tokenizers(facts, settings)
    vae_dtype = torch.float32 if settings.no_half_vae else dtype
    with _quiet():
        unet = _load_unet(facts, dtype, device, configs)
        vae = _load_other_vae(facts, settings.vae, vae_dtype, device, configs) if settings.vae else None
        vae = vae or _load_vae(facts, vae_dtype, device, configs)
        numbers = range(2 if facts.family == "sdxl" else 1)
        encoders = tuple(_load_text_encoder(facts, number, dtype, device, configs) for number in numbers)
    for part in (unet, vae, *encoders):
        part.requires_grad_(False).eval()
    _check_vae(vae, settings.vae or str(facts.path))
    for encoder, tokenizer in zip(encoders, tokenizers, strict=True):
        _check_vocabulary(facts, encoder, tokenizer)
    _check_clip_skip(facts, encoders[0], settings.clip_skip)
    scale = LATENT_SCALES[facts.family] if settings.vae else float(vae.config["scaling_factor"])
    return Components(facts, unet, vae, encoders, tokenizers, training_alphas(), scale)


def training_alphas() -> torch.Tensor:
    """The products of the alphas that every Stable Diffusion was trained with, (1000,) float32.

    Source: sd-scripts, train_network.py, get_noise_scheduler, which takes the same numbers whatever the model says.
    """
    from diffusers.schedulers.scheduling_ddpm import DDPMScheduler

    schedule = DDPMScheduler(
        num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False
    )
    return schedule.alphas_cumprod


def _load_unet(facts: ModelFacts, dtype: torch.dtype, device: torch.device, configs: Path) -> UNet2DConditionModel:
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    if facts.layout == "diffusers":
        return _from_folder(UNet2DConditionModel, facts.path / "unet", dtype, device)
    config = configs / facts.family / "unet"
    return _from_tensors(UNet2DConditionModel, read_unet(facts.path, device), config, dtype=dtype, device=device, path=facts.path)


def _load_vae(facts: ModelFacts, dtype: torch.dtype, device: torch.device, configs: Path) -> AutoencoderKL:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    if facts.layout == "diffusers":
        return _from_folder(AutoencoderKL, facts.path / "vae", dtype, device)
    tensors = read_vae(facts.path, device)
    return _from_tensors(AutoencoderKL, tensors, configs / facts.family / "vae", dtype=dtype, device=device, path=facts.path)


def _load_other_vae(facts: ModelFacts, name: str, dtype: torch.dtype, device: torch.device, configs: Path) -> AutoencoderKL:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    path = find_model(name)
    if path.is_dir():
        inner = path / "vae"
        return _from_folder(AutoencoderKL, inner if inner.is_dir() else path, dtype, device)
    if not path.is_file():
        raise CaddieError(Text(f"There is no VAE at {path}.", f"{path} に VAE がありません。"))
    read_header(path)
    tensors = read_vae(path, device)
    return _from_tensors(AutoencoderKL, tensors, configs / facts.family / "vae", dtype=dtype, device=device, path=path)


def _load_text_encoder(facts: ModelFacts, number: int, dtype: torch.dtype, device: torch.device, configs: Path) -> nn.Module:
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    part = "text_encoder_2" if number else "text_encoder"
    kind: Any = CLIPTextModelWithProjection if number else CLIPTextModel
    if facts.layout == "diffusers":
        return _from_folder(kind, facts.path / part, dtype, device)
    config = CLIPTextConfig.from_dict(read_config(configs / facts.family / part / "config.json"))
    tensors = read_text_encoder(facts.path, facts.family, number, int(config.num_hidden_layers), device)
    try:
        model, report = kind.from_pretrained(None, config=config, state_dict=tensors, dtype=dtype, output_loading_info=True)
    except RuntimeError as problem:
        raise _other_architecture(facts.path, part, str(problem)) from problem
    return _complete(model, report, facts.path, part).to(device)


def _from_folder(kind: Any, folder: Path, dtype: torch.dtype, device: torch.device) -> Any:
    """A part of a diffusers folder, by its library's own loading."""
    read_config(folder / "config.json")
    weights = weights_of(folder)
    weights.header()
    of_type = {"torch_dtype" if kind.__module__.startswith("diffusers") else "dtype": dtype}
    try:
        model, report = kind.from_pretrained(
            str(folder),
            variant=weights.variant or None,
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
            **of_type,
        )
    except (RuntimeError, ValueError, OSError) as problem:  # what the libraries raise where shapes or configs do not fit
        raise _other_architecture(folder, folder.name, str(problem)) from problem
    return _complete(model, report, folder, folder.name).to(device)


def _from_tensors(kind: Any, tensors: Tensors, config: Path, *, dtype: torch.dtype, device: torch.device, path: Path) -> Any:
    """A U-Net or VAE, by diffusers' conversion of LDM's names."""
    try:
        model = kind.from_single_file(tensors, config=str(config), torch_dtype=dtype, local_files_only=True, device=str(device))
    except (RuntimeError, ValueError, KeyError) as problem:
        raise _other_architecture(path, config.name, str(problem)) from problem
    # What the file lacks stays on the meta device, without any numbers.
    missing = [name for name, value in model.state_dict().items() if value.is_meta]
    if missing:
        raise _other_architecture(path, config.name, f"{len(missing)} weights are missing, as {missing[0]}")
    return model.to(device)


def _complete(model: Any, report: Any, path: Path, part: str) -> Any:
    missing = sorted(report["missing_keys"])
    if missing:
        raise _other_architecture(path, part, f"{len(missing)} weights are missing, as {missing[0]}")
    return model


def _other_architecture(path: Path, part: str, why: str) -> CaddieError:
    return CaddieError(
        Text(
            f"The {part} of {path} is not built as this family's is: {why}",
            f"{path} の {part} はこの系列のモデルと構造が異なります: {why}",
        )
    )


@torch.no_grad()
def _check_vae(vae: AutoencoderKL, name: str) -> None:
    """Encodes a small picture: a VAE that overflows or is damaged would spoil every step of the training.

    Raises:
        CaddieError: NaN or infinity in the latents.
    """
    generator = torch.Generator().manual_seed(0)
    picture = torch.rand((1, 3, 64, 64), generator=generator) * 2 - 1
    distribution = vae.encode(picture.to(vae.device, vae.dtype)).latent_dist  # type: ignore[union-attr]
    weights = torch.stack([parameter.isfinite().all() for parameter in vae.parameters()])
    if not bool(weights.all() & distribution.mean.isfinite().all()):
        half = vae.dtype == torch.float16
        advice = Text(
            " Set no_half_vae, or use a VAE made for fp16.", "no_half_vae をオンにするか、fp16 対応の VAE を使ってください。"
        )
        raise CaddieError(
            Text(
                f"The VAE of {name} gives NaN." + (advice.en if half else " Choose another one under vae."),
                f"{name} の VAE の出力が NaN になります。" + (advice.ja if half else "vae で別の VAE を指定してください。"),
            )
        )


def _check_vocabulary(facts: ModelFacts, encoder: nn.Module, tokenizer: Tokenizer) -> None:
    known = int(encoder.config.vocab_size)  # type: ignore[union-attr]
    if tokenizer.largest_id >= known:
        raise CaddieError(
            Text(
                f"The tokenizer of {facts.path} knows {tokenizer.largest_id + 1} tokens, its text encoder only {known}.",
                f"{facts.path} のトークナイザーの語彙は {tokenizer.largest_id + 1} 語ですが、テキストエンコーダーの語彙は {known} 語です。",
            )
        )


def _check_clip_skip(facts: ModelFacts, encoder: nn.Module, clip_skip: int | None) -> None:
    layers = int(encoder.config.num_hidden_layers)  # type: ignore[union-attr]
    if clip_skip is not None and facts.family != "sdxl" and clip_skip > layers:
        raise CaddieError(
            Text(
                f"clip_skip = {clip_skip}, but the text encoder of {facts.path} has only {layers} layers.",
                f"clip_skip = {clip_skip} ですが、{facts.path} のテキストエンコーダーは {layers} 層しかありません。",
            )
        )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The libraries' bars and remarks would go to a console that nobody reads."""
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    levels = diffusers_logging.get_verbosity(), transformers_logging.get_verbosity()
    diffusers_logging.set_verbosity_error()
    transformers_logging.set_verbosity_error()
    had_bar = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        diffusers_logging.set_verbosity(levels[0])
        transformers_logging.set_verbosity(levels[1])
        if had_bar:
            transformers_logging.enable_progress_bar()
