"""Writes objective.json: what sd-scripts itself draws for a batch, and what it makes of a prediction.

Run in an environment that has sd-scripts' requirements: `python tests/golden/make_objective.py --checkout PATH_TO_SD_SCRIPTS`.
Made with kohya-ss/sd-scripts at 48d368f, torch 2.13.0 on a CPU.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

SHAPE = (2, 2, 6, 5)
DEFAULTS: dict[str, Any] = {
    "noise_offset": None,
    "noise_offset_random_strength": False,
    "adaptive_noise_scale": None,
    "multires_noise_iterations": None,
    "multires_noise_discount": 0.3,
    "ip_noise_gamma": None,
    "ip_noise_gamma_random_strength": False,
    "zero_terminal_snr": False,
    "min_timestep": None,
    "max_timestep": None,
    "loss_type": "l2",
    "huber_schedule": "snr",
    "huber_c": 0.1,
    "huber_scale": 1.0,
    "min_snr_gamma": None,
    "scale_v_pred_loss_like_noise_pred": False,
    "v_pred_like_loss": None,
    "debiased_estimation_loss": False,
    "v_parameterization": False,
    "masked_loss": True,
}
DRAWS: list[dict[str, Any]] = [
    {},
    {"v_parameterization": True},
    {"v_parameterization": True, "zero_terminal_snr": True},
    {"zero_terminal_snr": True, "min_timestep": 999},
    {"noise_offset": 0.1},
    {"noise_offset": 0.1, "noise_offset_random_strength": True},
    {"noise_offset": 0.05, "adaptive_noise_scale": 0.2},
    {"noise_offset": 0.05, "adaptive_noise_scale": -0.5},
    {"multires_noise_iterations": 6},
    {"multires_noise_iterations": 2, "multires_noise_discount": 0.8, "noise_offset": 0.1},
    {"ip_noise_gamma": 0.1},
    {"ip_noise_gamma": 0.1, "ip_noise_gamma_random_strength": True, "v_parameterization": True},
    {"min_timestep": 100, "max_timestep": 103},
    {"min_timestep": 500, "max_timestep": 500},
    {
        "noise_offset": 0.1,
        "noise_offset_random_strength": True,
        "adaptive_noise_scale": 0.1,
        "multires_noise_iterations": 4,
        "ip_noise_gamma": 0.2,
        "ip_noise_gamma_random_strength": True,
    },
]
WEIGHTS: list[dict[str, Any]] = [
    {},
    {"min_snr_gamma": 5.0},
    {"min_snr_gamma": 0.5, "v_parameterization": True},
    {"debiased_estimation_loss": True},
    {"debiased_estimation_loss": True, "v_parameterization": True},
    {"scale_v_pred_loss_like_noise_pred": True, "v_parameterization": True},
    {"v_pred_like_loss": 0.3},
    {"v_pred_like_loss": 0.3, "min_snr_gamma": 1.0, "debiased_estimation_loss": True},
    {"min_snr_gamma": 5.0, "zero_terminal_snr": True, "v_parameterization": True, "scale_v_pred_loss_like_noise_pred": True},
]
LOSSES: list[dict[str, Any]] = [
    {"loss_type": "l2"},
    {"loss_type": "l1"},
    *(
        {"loss_type": kind, "huber_schedule": schedule, "huber_c": huber_c, "huber_scale": 1.5, "zero_terminal_snr": ends}
        for kind, schedule, huber_c, ends in itertools.product(
            ("huber", "smooth_l1"), ("snr", "exponential", "constant"), (0.1, 0.7), (False, True)
        )
    ),
]


def plain_numbers(tensor: torch.Tensor) -> list[float]:
    """The shortest decimals that give the same float32 again."""
    return [number if isinstance(number, int) else float(f"{number:.9g}") for number in tensor.flatten().tolist()]


def arguments(changes: dict[str, Any]) -> SimpleNamespace:
    return SimpleNamespace(**{**DEFAULTS, **changes})


def draw(trainer: Any, train_util: Any, latents: torch.Tensor, changes: dict[str, Any], seed: int) -> dict[str, Any]:
    args = arguments(changes)
    scheduler = trainer.get_noise_scheduler(args, torch.device("cpu"))
    torch.manual_seed(seed)
    random.seed(seed)
    noise, noisy, timesteps = train_util.get_noise_noisy_latents_and_timesteps(args, scheduler, latents)
    target = scheduler.get_velocity(latents, noise, timesteps) if args.v_parameterization else noise
    numbers = {"noise": noise, "noisy": noisy, "timesteps": timesteps, "target": target}
    return {"options": changes, "seed": seed, **{name: plain_numbers(tensor) for name, tensor in numbers.items()}}


def judge(trainer: Any, parts: Any, batch: dict[str, torch.Tensor], changes: dict[str, Any], masked: bool) -> dict[str, Any]:
    """As `process_batch` in train_network.py goes on after the U-Net."""
    args = arguments(changes)
    scheduler = trainer.get_noise_scheduler(args, torch.device("cpu"))
    timesteps, prediction = batch["timesteps"], batch["prediction"].clone().requires_grad_()
    huber_c = parts.train_util.get_huber_threshold_if_needed(args, timesteps, scheduler)
    loss = parts.train_util.conditional_loss(prediction.float(), batch["target"].float(), args.loss_type, "none", huber_c)
    if masked:
        loss = parts.custom.apply_masked_loss(loss, {"alpha_masks": batch["mask"]})
    loss = loss.mean(dim=list(range(1, loss.ndim))) * batch["loss_weights"]
    loss = trainer.post_process_loss(loss, args, timesteps, scheduler)
    loss.mean().backward()
    return {
        "options": changes,
        "masked": masked,
        "losses": plain_numbers(loss),
        "loss": loss.mean().item(),
        "gradient": plain_numbers(prediction.grad[:, :, 0]),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--checkout", type=Path, required=True)
    sys.path.insert(0, str(parser.parse_args().checkout))
    import train_network  # pyright: ignore[reportMissingImports]
    from library import custom_train_functions, train_util  # pyright: ignore[reportMissingImports]

    trainer = train_network.NetworkTrainer()
    parts = SimpleNamespace(train_util=train_util, custom=custom_train_functions)
    torch.manual_seed(0)
    latents = torch.randn(SHAPE) * 0.8 + 0.2
    batch = {
        "prediction": torch.randn(4, 2, 4, 3),
        "target": torch.randn(4, 2, 4, 3),
        "mask": torch.rand(4, 8, 9),
        "timesteps": torch.tensor([0, 20, 500, 999]),
        "loss_weights": torch.tensor([1.0, 0.5, 2.0, 1.0]),
    }
    plain = trainer.get_noise_scheduler(arguments({}), torch.device("cpu"))
    ended = trainer.get_noise_scheduler(arguments({"zero_terminal_snr": True}), torch.device("cpu"))
    golden = {
        "shape": SHAPE,
        "latents": plain_numbers(latents),
        "alphas_cumprod": plain_numbers(plain.alphas_cumprod),
        "zero_terminal_snr": plain_numbers(ended.alphas_cumprod),
        "all_snr": plain_numbers(plain.all_snr[::37]),
        "draws": [draw(trainer, train_util, latents, changes, seed) for seed, changes in enumerate(DRAWS, 1)],
        "batch": {name: {"shape": list(tensor.shape), "values": plain_numbers(tensor)} for name, tensor in batch.items()},
        "losses": [
            *(judge(trainer, parts, batch, changes, False) for changes in (*WEIGHTS, *LOSSES)),
            *(judge(trainer, parts, batch, changes, True) for changes in ({}, LOSSES[4], WEIGHTS[1])),
        ],
    }
    Path(__file__).with_name("objective.json").write_text(json.dumps(golden), encoding="utf-8")


if __name__ == "__main__":
    main()
