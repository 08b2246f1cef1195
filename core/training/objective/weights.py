"""How much the loss of each timestep counts."""

from __future__ import annotations

import torch
from torch import Tensor

from core.training.objective.settings import ObjectiveSettings

_SNR_LIMIT = 1000.0


def weights_by_timestep(settings: ObjectiveSettings, snr: Tensor, *, predicts_v: bool) -> Tensor | None:
    """The product of all weights that depend on the timestep alone, for every timestep.

    sd-scripts multiplies them one after the other, for each batch anew (`post_process_loss` in train_network.py;
    `apply_snr_weight`, `scale_v_prediction_loss_like_noise_prediction`, `add_v_prediction_like_loss`,
    `apply_debiased_estimation` in library/custom_train_functions.py). One table gives the same up to rounding.

    Args:
        settings: which weights.
        snr: signal-to-noise ratios, shape (timesteps,).
        predicts_v: the model predicts the velocity.

    Returns:
        The same shape; None where everything counts the same.
    """
    factors: list[Tensor] = []
    limited = snr.clamp(max=_SNR_LIMIT)
    scale = limited / (limited + 1)
    if settings.min_snr_gamma:
        factors.append(snr.clamp(max=settings.min_snr_gamma) / (snr + 1 if predicts_v else snr))
    if settings.scale_v_pred_loss_like_noise_pred:
        factors.append(scale)
    if settings.v_pred_like_loss:
        factors.append(1 + settings.v_pred_like_loss / scale)
    if settings.debiased_estimation_loss:
        factors.append(1 / (limited + 1) if predicts_v else 1 / limited.sqrt())
    return torch.stack(factors).prod(dim=0) if factors else None
