"""sd-scripts' words for samplers -> diffusers' schedulers, with sd-scripts' parameters.

Source: kohya-ss/sd-scripts at 48d368f, library/train_util.py, get_my_scheduler. Every sampler walks over the schedule that
all Stable Diffusions were trained with, in diffusers' default spacing; those that can clip do so, as there. Other than there,
an unknown word is an error instead of ddim, and dpmsolver ends at the least sigma, because diffusers refuses its default.
"""

from __future__ import annotations

import importlib
from typing import Any, Final

from core.training.models.family import Prediction

_CLASSES: Final = {
    "ddim": "ddim.DDIMScheduler",
    "ddpm": "ddpm.DDPMScheduler",
    "pndm": "pndm.PNDMScheduler",
    "lms": "lms_discrete.LMSDiscreteScheduler",
    "euler": "euler_discrete.EulerDiscreteScheduler",
    "euler_a": "euler_ancestral_discrete.EulerAncestralDiscreteScheduler",
    "heun": "heun_discrete.HeunDiscreteScheduler",
    "dpm_2": "k_dpm_2_discrete.KDPM2DiscreteScheduler",
    "dpm_2_a": "k_dpm_2_ancestral_discrete.KDPM2AncestralDiscreteScheduler",
    "dpmsolver": "dpmsolver_multistep.DPMSolverMultistepScheduler",
    "dpmsolver++": "dpmsolver_multistep.DPMSolverMultistepScheduler",
    "dpmsingle": "dpmsolver_singlestep.DPMSolverSinglestepScheduler",
}
_MORE: Final[dict[str, dict[str, object]]] = {
    "heun": {"clip_sample": True},
    "dpmsolver": {"algorithm_type": "dpmsolver", "final_sigmas_type": "sigma_min"},
    "dpmsolver++": {"algorithm_type": "dpmsolver++"},
}


def build_scheduler(word: str, prediction: Prediction) -> Any:
    """A new scheduler.

    Args:
        word: one of `SAMPLERS`.
        prediction: what the U-Net predicts.
    """
    name = word.removeprefix("k_")
    module, _, kind = _CLASSES[name].partition(".")
    build = getattr(importlib.import_module(f"diffusers.schedulers.scheduling_{module}"), kind)
    return build(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type=prediction,
        **_MORE.get(name, {}),
    )
