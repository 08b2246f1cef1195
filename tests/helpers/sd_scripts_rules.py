"""What sd-scripts makes of `--optimizer_type` and `--optimizer_args`.

The rules of `get_optimizer` in library/train_util.py (kohya-ss/sd-scripts at 48d368f, v0.10.1), said again as data, so that
the catalogue can be held against them without sd-scripts at hand.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SCHEDULERS = frozenset(
    [
        "linear",
        "cosine",
        "cosine_with_restarts",
        "polynomial",
        "constant",
        "constant_with_warmup",
        "inverse_sqrt",
        "cosine_with_min_lr",
        "warmup_stable_decay",
        "piecewise_constant",
        "adafactor",
    ]
)
"""Names that `--lr_scheduler` takes: diffusers' SchedulerType and sd-scripts' own."""

_BUILT_IN = {
    "lion": ("lion_pytorch", "Lion"),
    "adamw8bit": ("bitsandbytes.optim", "AdamW8bit"),
    "sgdnesterov8bit": ("bitsandbytes.optim", "SGD8bit"),
    "lion8bit": ("bitsandbytes.optim", "Lion8bit"),
    "pagedadamw8bit": ("bitsandbytes.optim", "PagedAdamW8bit"),
    "pagedlion8bit": ("bitsandbytes.optim", "PagedLion8bit"),
    "pagedadamw": ("bitsandbytes.optim", "PagedAdamW"),
    "pagedadamw32bit": ("bitsandbytes.optim", "PagedAdamW32bit"),
    "sgdnesterov": ("torch.optim", "SGD"),
    "dadaptation": ("dadaptation.experimental", "DAdaptAdamPreprint"),
    "dadaptadampreprint": ("dadaptation.experimental", "DAdaptAdamPreprint"),
    "dadaptadagrad": ("dadaptation", "DAdaptAdaGrad"),
    "dadaptadam": ("dadaptation", "DAdaptAdam"),
    "dadaptadan": ("dadaptation", "DAdaptAdan"),
    "dadaptadanip": ("dadaptation.experimental", "DAdaptAdanIP"),
    "dadaptlion": ("dadaptation", "DAdaptLion"),
    "dadaptsgd": ("dadaptation", "DAdaptSGD"),
    "prodigy": ("prodigyopt", "Prodigy"),
    "adafactor": ("transformers.optimization", "Adafactor"),
    "adamw": ("torch.optim", "AdamW"),
    "radamschedulefree": ("schedulefree", "RAdamScheduleFree"),
    "adamwschedulefree": ("schedulefree", "AdamWScheduleFree"),
    "sgdschedulefree": ("schedulefree", "SGDScheduleFree"),
}
_IMPORTED_BY_ENDING = {"8bit": "bitsandbytes", "schedulefree": "schedulefree"}


def imported_by_name(optimizer_type: str) -> set[str]:
    """Packages that sd-scripts imports for the ending of a name, whatever the name is."""
    return {package for ending, package in _IMPORTED_BY_ENDING.items() if optimizer_type.lower().endswith(ending)}


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """What sd-scripts is about to build.

    Attributes:
        optimizer_class: the class.
        arguments: its keywords, beside params and lr; what sd-scripts adds is in them.
        keeps_lr: False where sd-scripts takes the learning rates away (AdaFactor's relative_step).
        own_branch: sd-scripts knows the name; otherwise it was imported by its path, without any preparation.
        dummy_scheduler: `--lr_scheduler` is ignored.
    """

    optimizer_class: type[Any]
    arguments: dict[str, Any]
    keeps_lr: bool
    own_branch: bool
    dummy_scheduler: bool

    def build(self, groups: Sequence[dict[str, Any]], learning_rate: float) -> Any:
        """Builds it over LoRA-like parameter groups, in train mode as sd-scripts does."""
        groups = [dict(group) for group in groups]
        if not self.keeps_lr:
            for group in groups:
                group.pop("lr", None)
        optimizer = self.optimizer_class(groups, lr=learning_rate if self.keeps_lr else None, **self.arguments)
        if callable(getattr(optimizer, "train", None)):
            optimizer.train()
        return optimizer


def resolve(optimizer_type: str, optimizer_args: Sequence[str] = (), *, options: Mapping[str, Any] | None = None) -> Resolved:
    """Follows sd-scripts from the options to the class.

    Raises:
        AssertionError, ValueError, ImportError, AttributeError: where sd-scripts raises them.
    """
    options = options or {}
    for switch, meant in (("use_8bit_adam", "AdamW8bit"), ("use_lion_optimizer", "Lion")):
        if options.get(switch):
            assert not optimizer_type, f"both option {switch} and optimizer_type are specified"
            optimizer_type = meant
            break
    written = optimizer_type or "AdamW"
    name = written.lower()
    arguments: dict[str, Any] = {}
    for argument in optimizer_args:
        key, value = argument.split("=")
        arguments[key] = ast.literal_eval(value)

    for package in imported_by_name(name):
        importlib.import_module(package)
    if name.startswith("dadapt") and name not in _BUILT_IN:
        raise ValueError(f"Unknown optimizer type: {name}")
    own_branch = name in _BUILT_IN
    if own_branch:
        module, class_name = _BUILT_IN[name]
    else:
        module, _, class_name = written.rpartition(".")
    optimizer_class = getattr(importlib.import_module(module or "torch.optim"), class_name)

    if name in ("sgdnesterov", "sgdnesterov8bit"):
        arguments.setdefault("momentum", 0.9)
        arguments["nesterov"] = True
    keeps_lr = True
    if name == "adafactor":
        arguments.setdefault("relative_step", True)
        if arguments.get("warmup_init", False):
            arguments["relative_step"] = True
        keeps_lr = not arguments["relative_step"]
    return Resolved(
        optimizer_class=optimizer_class,
        arguments=arguments,
        keeps_lr=keeps_lr,
        own_branch=own_branch,
        dummy_scheduler=name.endswith("schedulefree"),
    )
