"""How far a prediction is from its target."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from core.training.objective.settings import TIMESTEPS, HuberSchedule, LossType


def huber_thresholds(schedule: HuberSchedule, huber_c: float, scale: float, alphas_cumprod: Tensor) -> Tensor:
    """Where huber and smooth_l1 go over from a square to a line, for every timestep.

    Source: `get_huber_threshold_if_needed` in sd-scripts' library/train_util.py. `scale` has no effect on the "snr"
    schedule, there as here.

    Args:
        schedule: how it depends on the timestep.
        huber_c: its least value, or the only one.
        scale: `huber_scale`.
        alphas_cumprod: float32 of shape (timesteps,).

    Returns:
        The same shape.
    """
    timesteps = torch.arange(alphas_cumprod.shape[0], device=alphas_cumprod.device)
    if schedule == "exponential":
        return torch.exp(math.log(huber_c) / TIMESTEPS * timesteps) * scale
    if schedule == "snr":
        sigmas = ((1.0 - alphas_cumprod) / alphas_cumprod) ** 0.5
        return (1 - huber_c) / (1 + sigmas) ** 2 + huber_c
    return torch.full_like(alphas_cumprod, huber_c * scale)


def distance(prediction: Tensor, target: Tensor, kind: LossType, huber_c: Tensor | None) -> Tensor:
    """The loss of every number (`conditional_loss` in sd-scripts' library/train_util.py).

    Args:
        prediction, target: shape (B, …).
        kind: which distance.
        huber_c: shape (B,); huber and smooth_l1 need it.

    Returns:
        The shape of the prediction.
    """
    if kind == "l2":
        return functional.mse_loss(prediction, target, reduction="none")
    if kind == "l1":
        return functional.l1_loss(prediction, target, reduction="none")
    assert huber_c is not None, f"{kind} needs thresholds"
    threshold = huber_c.view(-1, *[1] * (prediction.ndim - 1))
    curve = 2 * (torch.sqrt((prediction - target) ** 2 + threshold**2) - threshold)
    return threshold * curve if kind == "huber" else curve


def masked(loss: Tensor, masks: Tensor) -> Tensor:
    """The loss where the masks are 1 (`apply_masked_loss` in sd-scripts' library/custom_train_functions.py).

    The mean over it still counts the masked pixels, as in sd-scripts: a picture with a small mask weighs less.

    Args:
        loss: shape (B, C, h, w).
        masks: shape (B, 1, H, W), 0 to 1; scaled to the loss by area.
    """
    masks = masks.to(loss.dtype)
    if masks.shape[2:] != loss.shape[2:]:
        masks = functional.interpolate(masks, size=loss.shape[2:], mode="area")
    return loss * masks
