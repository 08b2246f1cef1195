"""What a job says about noise, timesteps and loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from core.text import Text
from core.training.options import OptionReader

LossType = Literal["l2", "l1", "huber", "smooth_l1"]
HuberSchedule = Literal["snr", "exponential", "constant"]
LOSS_TYPES: tuple[LossType, ...] = get_args(LossType)
HUBER_SCHEDULES: tuple[HuberSchedule, ...] = get_args(HuberSchedule)

TIMESTEPS = 1000
"""Steps of the noise schedule of every Stable Diffusion model up to SDXL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectiveSettings:
    """The objective, under sd-scripts' names. 0 turns off what can be turned off.

    Attributes:
        noise_offset: a constant of about this size is added to the noise of each channel.
        noise_offset_random_strength: between 0 and `noise_offset`, drawn for each batch.
        adaptive_noise_scale: adds so many times the mean of the latents' channel to the offset; None for none.
        multires_noise_iterations: so many coarser noises are added; 0 for none.
        multires_noise_discount: what each coarser one is multiplied by, once more than the one before.
        ip_noise_gamma: extra noise on what the model sees, which the target knows nothing of.
        ip_noise_gamma_random_strength: between 0 and `ip_noise_gamma`, drawn for each batch.
        zero_terminal_snr: the noise schedule ends in noise alone.
        min_timestep, max_timestep: timesteps are drawn from min to max - 1.
        loss_type, huber_schedule, huber_c, huber_scale: how far a prediction is from its target.
        min_snr_gamma: limit of the signal-to-noise ratio in the weights; 0 for no weights.
        scale_v_pred_loss_like_noise_pred: weights that make a v loss as large as a noise loss.
        v_pred_like_loss: so much of the loss is added as a v loss would have it; 0 for none.
        debiased_estimation_loss: weights of "debiased estimation".
    """

    noise_offset: float = 0.0
    noise_offset_random_strength: bool = False
    adaptive_noise_scale: float | None = None
    multires_noise_iterations: int = 0
    multires_noise_discount: float = 0.3
    ip_noise_gamma: float = 0.0
    ip_noise_gamma_random_strength: bool = False
    zero_terminal_snr: bool = False
    min_timestep: int = 0
    max_timestep: int = TIMESTEPS
    loss_type: LossType = "l2"
    huber_schedule: HuberSchedule = "snr"
    huber_c: float = 0.1
    huber_scale: float = 1.0
    min_snr_gamma: float = 0.0
    scale_v_pred_loss_like_noise_pred: bool = False
    v_pred_like_loss: float = 0.0
    debiased_estimation_loss: bool = False


def read_settings(options: OptionReader) -> ObjectiveSettings:
    """Takes what is said about the objective, and refuses what sd-scripts refuses (`verify_training_args`)."""
    settings = ObjectiveSettings(
        noise_offset=options.number("noise_offset", 0.0),
        noise_offset_random_strength=options.flag("noise_offset_random_strength"),
        adaptive_noise_scale=options.maybe_number("adaptive_noise_scale"),
        multires_noise_iterations=options.integer("multires_noise_iterations", 0, least=0),
        multires_noise_discount=options.number("multires_noise_discount", 0.3),
        ip_noise_gamma=options.number("ip_noise_gamma", 0.0),
        ip_noise_gamma_random_strength=options.flag("ip_noise_gamma_random_strength"),
        zero_terminal_snr=options.flag("zero_terminal_snr"),
        min_timestep=options.integer("min_timestep", 0, least=0),
        max_timestep=options.integer("max_timestep", TIMESTEPS, least=0),
        loss_type=options.word("loss_type", LOSS_TYPES, "l2"),
        huber_schedule=options.word("huber_schedule", HUBER_SCHEDULES, "snr"),
        huber_c=options.number("huber_c", 0.1),
        huber_scale=options.number("huber_scale", 1.0),
        min_snr_gamma=options.number("min_snr_gamma", 0.0, least=0),
        scale_v_pred_loss_like_noise_pred=options.flag("scale_v_pred_loss_like_noise_pred"),
        v_pred_like_loss=options.number("v_pred_like_loss", 0.0),
        debiased_estimation_loss=options.flag("debiased_estimation_loss"),
    )
    _check_timesteps(settings, options)
    _check_prediction(settings, options)
    if settings.adaptive_noise_scale is not None and not options.has("noise_offset"):
        options.refuse("adaptive_noise_scale", settings.adaptive_noise_scale, _needs("noise_offset"))
    if settings.loss_type in {"huber", "smooth_l1"} and settings.huber_c <= 0:
        options.refuse("huber_c", settings.huber_c, Text("has to be more than 0", "は 0 より大きい値にしてください"))
    return settings


def _check_timesteps(settings: ObjectiveSettings, options: OptionReader) -> None:
    low, high = settings.min_timestep, settings.max_timestep
    if high > TIMESTEPS:
        options.refuse("max_timestep", high, Text(f"is more than {TIMESTEPS}", f"は {TIMESTEPS} を超えています"))
    elif low > high:
        # sd-scripts would train on max_timestep alone, which nobody can have meant.
        options.refuse(
            "min_timestep", low, Text(f"is more than max_timestep = {high}", f"は max_timestep = {high} を超えています")
        )
    elif low == high == TIMESTEPS:
        options.refuse("min_timestep", low, Text(f"has to be less than {TIMESTEPS}", f"は {TIMESTEPS} 未満にしてください"))


def _check_prediction(settings: ObjectiveSettings, options: OptionReader) -> None:
    predicts_v = options.flag("v_parameterization")
    if settings.scale_v_pred_loss_like_noise_pred and not predicts_v:
        options.refuse("scale_v_pred_loss_like_noise_pred", True, _needs("v_parameterization"))
    if settings.zero_terminal_snr and not predicts_v:
        options.warn(
            Text(
                "zero_terminal_snr without v_parameterization: at the last timestep there is nothing but noise to see, and "
                "predicting noise teaches nothing there. It is meant for models that predict v.",
                "zero_terminal_snr がオンですが v_parameterization がオフです。最後のタイムステップではノイズしか見えず、ノイズ予測では何も"
                "学習できません。v 予測モデル向けの設定です。",
            )
        )
    if settings.v_pred_like_loss and predicts_v:
        why = Text("cannot go with v_parameterization", "は v_parameterization と同時に指定できません")
        options.refuse("v_pred_like_loss", settings.v_pred_like_loss, why)


def _needs(what: str) -> Text:
    return Text(f"needs {what}", f"には {what} が必要です")
