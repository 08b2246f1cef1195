"""A checkout whose library/train_util.py has sd-scripts' form and could not be imported, for tests of the preflight."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

TRAIN_UTIL = """
import argparse
import ast
import importlib
import logging
from typing import Any, Optional, Tuple

import a_heavy_package_that_is_not_there
from library.device_utils import init_ipex

init_ipex()

import torch
from torch.optim import Optimizer
try:
    import math as maths
except ImportError:
    maths = None

logger = setup_logging_that_is_nowhere(__name__)
DEFAULT_NAME: str = "AdamW"


def get_optimizer(args, trainable_params) -> tuple[str, str, Optimizer]:
    kind: Optional[str] = args.optimizer_type or DEFAULT_NAME
    kwargs = {}
    for item in args.optimizer_args or ():
        key, value = item.split("=")
        kwargs[key] = ast.literal_eval(value)
    if args.learning_rate < 1e-5:
        logger.warning("a low rate")
    if kind.lower() == "adamw":
        chosen = torch.optim.AdamW
    elif "." in kind:
        module, _, name = kind.rpartition(".")
        chosen = getattr(importlib.import_module(module), name)
    else:
        chosen = getattr(torch.optim, kind)
    optimizer = chosen(trainable_params, lr=args.learning_rate, **kwargs)
    if hasattr(optimizer, "train"):
        optimizer.train()
    return chosen.__module__ + "." + chosen.__name__, ",".join(f"{k}={v}" for k, v in kwargs.items()), optimizer


def is_plain(optimizer: Optimizer, args: argparse.Namespace) -> bool:
    return args.lr_scheduler == "constant"


def get_scheduler_fix(args, optimizer: Optimizer, num_processes: int):
    length = args.max_train_steps * num_processes

    class Plain:
        def step(self) -> None:
            pass

        def get_last_lr(self) -> list[float]:
            return [group["lr"] for group in optimizer.param_groups]

    if is_plain(optimizer, args):
        return Plain()
    if args.lr_scheduler == "warm-up":
        return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, step / 10))
    return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.5 * (1 + maths.cos(maths.pi * step / length)))
"""

REQUEST: dict[str, Any] = {
    "engine": "sd-scripts",
    "options": {
        "optimizer_type": "",
        "optimizer_args": None,
        "learning_rate": 1e-3,
        "lr_scheduler": "constant",
        "max_train_steps": 30,
    },
    "module_path": "",
    "groups": [
        {"lr": 1e-3, "shapes": [[[4, 24], 2, False], [[24, 4], 2, True]]},
        {"lr": 1e-4, "shapes": [[[4, 16], 1, False], [[16, 4], 1, True]]},
    ],
    "dtype": "float32",
    "steps": 30,
    "processes": 1,
    "max_grad_norm": 1.0,
    "hand_loss": False,
    "device": "cpu",
    "trial": True,
    "curves": None,
}
"""As `core.preflight.request.question` makes it, in small."""


def make_trainer(folder: Path, source: str = TRAIN_UTIL) -> Path:
    """A checkout with that file and nothing else."""
    (folder / "library").mkdir(parents=True)
    (folder / "library" / "train_util.py").write_text(source, encoding="utf-8")
    return folder


def request_for(folder: Path, options: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """A request with other options, or other things changed."""
    return {**copy.deepcopy(REQUEST), "folder": str(folder), "options": {**REQUEST["options"], **(options or {})}, **changes}
