"""What a job says about the model."""

from __future__ import annotations

from dataclasses import dataclass

from core.text import Text
from core.training.options import OptionReader


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """The model, under sd-scripts' names.

    Attributes:
        pretrained_model_name_or_path: a .safetensors file or a diffusers folder.
        v2: the job says that it is Stable Diffusion 2.
        v_parameterization: the model predicts the velocity, and is trained so.
        vae: another VAE's file or folder; "" for the model's own.
        no_half_vae: the VAE computes in float32 whatever the rest does.
        clip_skip: which layer of the text encoder is used, counted from the end, 1 for the last. None is 1. SDXL always
            uses the last but one, as sd-scripts does.
        tokenizer_cache_dir: folder of tokenizers, as sd-scripts fills it; "" for none.
    """

    pretrained_model_name_or_path: str = ""
    v2: bool = False
    v_parameterization: bool = False
    vae: str = ""
    no_half_vae: bool = False
    clip_skip: int | None = None
    tokenizer_cache_dir: str = ""


def read_settings(options: OptionReader) -> ModelSettings:
    """Takes what is said about the model."""
    path = options.text("pretrained_model_name_or_path")
    if not path:
        options.refuse("pretrained_model_name_or_path", path, Text("names no model", "にモデルが指定されていません"))
    if options.value("v2") is True and options.has("clip_skip"):
        options.warn(
            Text(
                "clip_skip with v2: Stable Diffusion 2 was trained on the last layer that it has.",
                "v2 と clip_skip が同時に指定されています。Stable Diffusion 2 は clip_skip なしで学習されたモデルです。",
            )
        )
    return ModelSettings(
        pretrained_model_name_or_path=path,
        v2=options.flag("v2"),
        v_parameterization=options.flag("v_parameterization"),
        vae=options.text("vae"),
        no_half_vae=options.flag("no_half_vae"),
        clip_skip=options.maybe_integer("clip_skip", least=1),
        tokenizer_cache_dir=options.text("tokenizer_cache_dir"),
    )
