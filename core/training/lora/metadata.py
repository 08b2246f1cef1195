"""The texts in a LoRA's header that web UIs show and search: `ss_…` of the training, `modelspec.…` of the model.

Source: sd-scripts train_network.py (train, "metadata"), library/sai_model_spec.py (build_metadata). Left out is what only
sd-scripts has (its commit) and, with `no_metadata`, all but what programs need to load the file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from core.options.model import OptionSet, OptionValue
from core.training.lora.names import Family
from core.training.lora.settings import FileSettings, NetworkSettings

NEEDED: Final = ("ss_v2", "ss_base_model_version", "ss_network_module", "ss_network_dim", "ss_network_alpha", "ss_network_args")
"""What stays with `no_metadata`."""

OPTIONS: Final = [
    "output_name",
    "learning_rate",
    "text_encoder_lr",
    "unet_lr",
    "gradient_checkpointing",
    "gradient_accumulation_steps",
    "max_train_steps",
    "lr_warmup_steps",
    "lr_scheduler",
    "network_module",
    "network_dim",
    "network_alpha",
    "network_dropout",
    "mixed_precision",
    "full_fp16",
    "v2",
    "clip_skip",
    "max_token_length",
    "cache_latents",
    "seed",
    "lowram",
    "noise_offset",
    "multires_noise_iterations",
    "multires_noise_discount",
    "adaptive_noise_scale",
    "zero_terminal_snr",
    "training_comment",
    "max_grad_norm",
    "caption_dropout_rate",
    "caption_dropout_every_n_epochs",
    "caption_tag_dropout_rate",
    "face_crop_aug_range",
    "prior_loss_weight",
    "min_snr_gamma",
    "scale_weight_norms",
    "ip_noise_gamma",
    "noise_offset_random_strength",
    "ip_noise_gamma_random_strength",
    "loss_type",
    "huber_schedule",
    "huber_scale",
    "huber_c",
    "fp8_base",
    "fp8_base_unet",
    "validation_seed",
    "validation_split",
    "max_validation_steps",
    "validate_every_n_epochs",
    "validate_every_n_steps",
    "resize_interpolation",
]
"""Options that stand in the header as `ss_` and their name, with sd-scripts' default where the job says nothing."""

_VERSIONS: Final[Mapping[Family, str]] = {"sd1": "sd_v1", "sd2": "sd_v2", "sdxl": "sdxl_base_v1-0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingFacts:
    """What is known of a training beside its job.

    Attributes:
        family: of the model.
        v_prediction: whether the model predicts v.
        started, saved: seconds since 1970.
        session: a number that is the same for all files of a training.
        steps, epoch: where the file was saved.
        optimizer: its class and arguments, as in `BuiltOptimizer.description`.
        more: further `ss_…` values, for example of the data; they replace the others.
        program: name and version of what trained.
    """

    family: Family
    v_prediction: bool
    started: float
    saved: float
    session: int
    steps: int
    epoch: int
    optimizer: str
    more: Mapping[str, object]
    program: str = "Caddie"


def header_texts(
    job: Mapping[str, OptionValue], known: OptionSet, network: NetworkSettings, file: FileSettings, facts: TrainingFacts
) -> dict[str, str]:
    """All texts of a LoRA's header but the hashes, which `save_lora` adds.

    Args:
        job: its options.
        known: the options of sd-scripts' script, for their defaults.
        network: the LoRA.
        file: what the job says about the header.
        facts: what else is known.
    """
    values: dict[str, object] = {}
    for name in OPTIONS:
        option = known.get(name)
        values[f"ss_{name}"] = job.get(name, option.default if option else None)
        if option and values[f"ss_{name}"] is None and option.kind.value == "flag":
            values[f"ss_{name}"] = False
    values |= {
        # A list of equal rates is one rate for networks.lora.
        "ss_text_encoder_lr": network.text_encoder_lr,
        "ss_debiased_estimation": bool(job.get("debiased_estimation_loss", False)),
        "ss_base_model_version": _VERSIONS[facts.family] + ("_v" if facts.v_prediction and facts.family != "sdxl" else ""),
        "ss_session_id": facts.session,
        "ss_training_started_at": facts.started,
        "ss_training_finished_at": facts.saved,
        "ss_steps": facts.steps,
        "ss_epoch": facts.epoch,
        "ss_optimizer": facts.optimizer,
    }
    if network.arguments:
        values["ss_network_args"] = json.dumps(dict(network.arguments))
    values |= facts.more
    texts = {name: str(value) for name, value in values.items()}
    if not file.with_metadata:
        texts = {name: texts[name] for name in NEEDED if name in texts}
    return texts | _model_spec(job, file, facts)


def _model_spec(job: Mapping[str, OptionValue], file: FileSettings, facts: TrainingFacts) -> dict[str, str]:
    xl, v2 = facts.family == "sdxl", facts.family == "sd2"
    architecture = "stable-diffusion-xl-v1-base" if xl else "stable-diffusion-v1"
    if v2:
        architecture = "stable-diffusion-v2-768-v" if facts.v_prediction else "stable-diffusion-v2-512"
    title = file.title or str(job.get("output_name") or "") or f"LoRA@{facts.saved}"
    spec = {
        "sai_model_spec": "1.0.1",
        "architecture": f"{architecture}/lora",
        # The names in the file are those of Stability's own code for SDXL, those of diffusers elsewhere.
        "implementation": "https://github.com/Stability-AI/generative-models" if xl else "diffusers",
        "implementation_version": facts.program,
        "title": title,
        "resolution": _resolution(job.get("resolution"), 1024 if xl else 768 if v2 and facts.v_prediction else 512),
        "date": datetime.fromtimestamp(int(facts.saved)).isoformat(),
        "prediction_type": "v" if facts.v_prediction else "epsilon",
    }
    if "min_timestep" in job or "max_timestep" in job:
        spec["timestep_range"] = f"{job.get('min_timestep', 0)},{job.get('max_timestep', 1000)}"
    if "clip_skip" in job:
        spec["encoder_layer"] = str(job["clip_skip"])
    return {f"modelspec.{name}": text for name, text in (spec | dict(file.model_spec)).items()}


def _resolution(value: OptionValue | None, otherwise: int) -> str:
    if value is None:
        return f"{otherwise}x{otherwise}"
    sides = [str(side).strip() for side in (value if isinstance(value, list) else str(value).split(","))]
    return f"{sides[0]}x{sides[-1]}"
