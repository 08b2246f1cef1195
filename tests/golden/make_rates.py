"""Writes rates.json: the learning rates that sd-scripts' schedulers give, step by step.

Run in an environment that has sd-scripts' requirements: `python tests/golden/make_rates.py --checkout PATH_TO_SD_SCRIPTS`.
Made with kohya-ss/sd-scripts at 48d368f, transformers 4.54.1, diffusers 0.32.1, torch 2.13.0.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

STEPS = 24
RATES = (1e-3, 2.5e-5)
CASES: list[dict[str, Any]] = [
    {},
    {"lr_scheduler": "constant"},
    {"lr_scheduler": "constant", "lr_warmup_steps": 3},
    {"lr_scheduler": "constant_with_warmup"},
    {"lr_scheduler": "constant_with_warmup", "lr_warmup_steps": 5},
    {"lr_scheduler": "constant_with_warmup", "lr_warmup_steps": 0.3},
    {"lr_scheduler": "linear"},
    {"lr_scheduler": "linear", "lr_warmup_steps": 4},
    {"lr_scheduler": "cosine"},
    {"lr_scheduler": "cosine", "lr_warmup_steps": 0.1},
    {"lr_scheduler": "cosine", "lr_scheduler_args": ["num_cycles=1.5"]},
    {"lr_scheduler": "cosine_with_restarts", "lr_scheduler_num_cycles": 3, "lr_warmup_steps": 2},
    {"lr_scheduler": "cosine_with_restarts"},
    {"lr_scheduler": "polynomial"},
    {"lr_scheduler": "polynomial", "lr_scheduler_power": 2.0, "lr_warmup_steps": 3},
    {"lr_scheduler": "polynomial", "lr_scheduler_power": 0.5, "lr_scheduler_args": ["lr_end=1e-6"]},
    {"lr_scheduler": "inverse_sqrt"},
    {"lr_scheduler": "inverse_sqrt", "lr_warmup_steps": 4},
    {"lr_scheduler": "inverse_sqrt", "lr_scheduler_timescale": 2},
    {"lr_scheduler": "cosine_with_min_lr"},
    {"lr_scheduler": "cosine_with_min_lr", "lr_scheduler_min_lr_ratio": 0.1, "lr_warmup_steps": 2},
    {"lr_scheduler": "cosine_with_min_lr", "lr_scheduler_min_lr_ratio": 0.1, "lr_scheduler_num_cycles": 2},
    {"lr_scheduler": "cosine_with_min_lr", "lr_scheduler_args": ["min_lr=1e-5"]},
    {"lr_scheduler": "warmup_stable_decay"},
    {"lr_scheduler": "warmup_stable_decay", "lr_warmup_steps": 3, "lr_decay_steps": 0.25},
    {"lr_scheduler": "warmup_stable_decay", "lr_warmup_steps": 2, "lr_decay_steps": 8, "lr_scheduler_min_lr_ratio": 0.2},
    {
        "lr_scheduler": "warmup_stable_decay",
        "lr_warmup_steps": 4,
        "lr_decay_steps": 6,
        "lr_scheduler_args": ["decay_type='linear'", "warmup_type='cosine'"],
    },
    {"lr_scheduler": "piecewise_constant", "lr_scheduler_args": ["step_rules='1:4,0.5:10,0.1'"]},
    {"lr_scheduler": "cosine_warmup_with_min_lr", "lr_warmup_steps": 2, "lr_scheduler_min_lr_ratio": 0.1},
    {"lr_scheduler": "reduce_lr_on_plateau"},
    {"lr_scheduler": "cosin"},
    {"lr_scheduler": "adafactor"},
    {"lr_scheduler_type": "CosineAnnealingLR", "lr_scheduler_args": ["T_max=10", "eta_min=1e-6"]},
    {"lr_scheduler_type": "torch.optim.lr_scheduler.StepLR", "lr_scheduler_args": ["step_size=5", "gamma=0.5"]},
    {"lr_scheduler_type": "CosineAnnealingWarmRestarts", "lr_scheduler_args": ["T_0=6", "T_mult=2"], "lr_scheduler": "linear"},
    {"lr_scheduler_type": "OneCycleLR", "lr_scheduler_args": ["max_lr=1e-3", "total_steps=30"]},
    {"lr_scheduler_type": "StepLR", "lr_scheduler_args": ["step_size=5"], "lr_warmup_steps": 3},
    {"lr_scheduler_type": "NoSuchLR"},
    {"lr_scheduler": "cosine", "lr_warmup_steps": 5, "optimizer_type": "AdamWScheduleFree"},
]
DEFAULTS: dict[str, Any] = {
    "lr_scheduler": "constant",
    "lr_scheduler_type": "",
    "lr_scheduler_args": None,
    "lr_warmup_steps": 0,
    "lr_decay_steps": 0,
    "lr_scheduler_num_cycles": 1,
    "lr_scheduler_power": 1,
    "lr_scheduler_timescale": None,
    "lr_scheduler_min_lr_ratio": None,
    "optimizer_type": "AdamW",
    "max_train_steps": STEPS,
}


def toy() -> torch.optim.Optimizer:
    groups = [{"params": [torch.zeros(1, requires_grad=True)], "lr": rate} for rate in RATES]
    return torch.optim.SGD(groups, lr=RATES[0])


def table(train_util: Any, options: dict[str, Any]) -> dict[str, Any]:
    optimizer = toy()
    rates: list[list[float]] = []
    try:
        schedule = train_util.get_scheduler_fix(SimpleNamespace(**{**DEFAULTS, **options}), optimizer, 1)
        for _ in range(STEPS):
            rates.append([float(group["lr"]) for group in optimizer.param_groups])
            optimizer.step()
            schedule.step()
    except Exception as error:  # noqa: BLE001 (how sd-scripts ends is what is wanted)
        return {"options": options, "error": f"{type(error).__name__}: {error}"}
    return {"options": options, "rates": rates}


def adafactor(train_util: Any) -> list[list[float]]:
    """AdaFactor's own scheduler, with the optimizer that sd-scripts builds for it, on gradients that anybody can repeat."""
    parameters = [torch.linspace(0.1, 1.0, 12).reshape(3, 4).requires_grad_(), torch.linspace(-1, 1, 5).requires_grad_()]
    groups = [{"params": [parameter], "lr": 1e-4} for parameter in parameters]
    names = {"optimizer_type": "AdaFactor", "optimizer_args": None, "learning_rate": 1e-4, "max_grad_norm": 1.0}
    rest = {"use_8bit_adam": False, "use_lion_optimizer": False, "fused_backward_pass": False, "unet_lr": None}
    args = SimpleNamespace(**{**DEFAULTS, **names, **rest, "text_encoder_lr": None, "gradient_accumulation_steps": 1})
    _, _, optimizer = train_util.get_optimizer(args, groups)
    schedule = train_util.get_scheduler_fix(args, optimizer, 1)
    rates: list[list[float]] = []
    for _ in range(6):
        for parameter in parameters:
            parameter.grad = parameter.detach() * 0.5 + 0.1
        optimizer.step()
        schedule.step()
        rates.append([float(rate) for rate in schedule.get_last_lr()])
    return rates


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--checkout", type=Path, required=True)
    sys.path.insert(0, str(parser.parse_args().checkout))
    from library import train_util  # pyright: ignore[reportMissingImports]

    golden = {
        "steps": STEPS,
        "start": RATES,
        "cases": [table(train_util, options) for options in CASES],
        "adafactor": adafactor(train_util),
    }
    Path(__file__).with_name("rates.json").write_text(json.dumps(golden), encoding="utf-8")


if __name__ == "__main__":
    main()
