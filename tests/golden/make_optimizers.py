"""Writes optimizers.json: which class sd-scripts builds by which name, or how it fails.

Run in an environment that has sd-scripts' requirements and the packages of the catalogue:
`python tests/golden/make_optimizers.py --checkout PATH_TO_SD_SCRIPTS`.
Made with kohya-ss/sd-scripts at 48d368f, on a CPU.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

NAMES = [
    "",
    "AdamW",
    "adamw",
    "Adam",
    "RAdam",
    "adam",
    "AdamW8bit",
    "adamw8BIT",
    "Lion",
    "Lion8bit",
    "PagedLion8bit",
    "PagedAdamW",
    "PagedAdamW8bit",
    "PagedAdamW32bit",
    "SGDNesterov",
    "SGDNesterov8bit",
    "AdEMAMix8bit",
    "bitsandbytes.optim.AdEMAMix8bit",
    "bitsandbytes.optim.PagedAdEMAMix8bit",
    "bitsandbytes.optim.AdamW8bit",
    "DAdaptation",
    "DAdaptAdamPreprint",
    "DAdaptAdaGrad",
    "DAdaptAdam",
    "DAdaptAdan",
    "DAdaptAdanIP",
    "DAdaptLion",
    "DAdaptSGD",
    "DAdaptFoo",
    "dadaptation.DAdaptAdam",
    "Prodigy",
    "prodigy",
    "prodigyopt.Prodigy",
    "AdaFactor",
    "Adafactor",
    "transformers.optimization.Adafactor",
    "RAdamScheduleFree",
    "AdamWScheduleFree",
    "SGDScheduleFree",
    "schedulefree.AdamWScheduleFree",
    "FooScheduleFree",
    "prodigyplus.ProdigyPlusScheduleFree",
    "prodigyplus.prodigy_plus_schedulefree.ProdigyPlusScheduleFree",
    "came_pytorch.CAME",
    "lion_pytorch.Lion",
    "torch.optim.AdamW",
    "torch.optim.adamw",
    "pytorch_optimizer.optimizer.emonavi.EmoNavi",
    "pytorch_optimizer.optimizer.emonavi.EmoFact",
    "pytorch_optimizer.optimizer.emonavi.EmoLynx",
    "pytorch_optimizer.EmoNavi",
    "EmoNavi",
    "CAME",
    "no_such_package.Foo",
    "NoSuchOptimizer",
]
ARGUMENTS: list[tuple[str, list[str]]] = [
    ("AdamW", ["weight_decay=0.1", "betas=(0.8,0.95)", "eps=1e-7", "amsgrad=True"]),
    ("AdamW", ["weight_decy=0.1"]),
    ("AdamW", ["lr=0.1"]),
    ("SGDNesterov", ["momentum=0.5"]),
    ("SGDNesterov", ["nesterov=False"]),
    ("SGDNesterov8bit", []),
    ("SGDNesterov8bit", ["momentum=0.5"]),
    ("Prodigy", ["decouple=True", "use_bias_correction=True", "d_coef=0.5", "betas=(0.9,0.99)"]),
    ("DAdaptAdam", ["decouple=True", "weight_decay=0.01"]),
    ("AdaFactor", []),
    ("AdaFactor", ["relative_step=True", "warmup_init=True"]),
    ("AdaFactor", ["relative_step=False", "scale_parameter=False", "warmup_init=False"]),
    ("AdaFactor", ["relative_step=False", "warmup_init=True"]),
    ("AdamW", ["betas=(1.5,0.9)"]),
]
REST: dict[str, Any] = {
    "use_8bit_adam": False,
    "use_lion_optimizer": False,
    "fused_backward_pass": False,
    "gradient_accumulation_steps": 1,
    "max_grad_norm": 1.0,
    "lr_scheduler": "constant",
    "unet_lr": 1e-4,
    "text_encoder_lr": 5e-5,
}


def plain(value: Any) -> Any:
    """What JSON can hold; a tuple as a list."""
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return value if value is None or isinstance(value, (bool, int, float, str)) else None


def built(train_util: Any, name: str, arguments: list[str]) -> dict[str, Any]:
    args = SimpleNamespace(**REST, optimizer_type=name, optimizer_args=arguments, learning_rate=1e-4)
    groups = [{"params": [torch.ones(4, 3, requires_grad=True)], "lr": rate} for rate in (1e-4, 1e-4)]
    record: dict[str, Any] = {"name": name, "arguments": arguments}
    try:
        path, text, optimizer = train_util.get_optimizer(args, groups)
    except Exception as error:  # noqa: BLE001 (how sd-scripts ends is what is wanted)
        return {**record, "error": f"{type(error).__name__}: {error}"}
    numbers = {key: plain(value) for key, value in optimizer.param_groups[0].items() if key != "params"}
    return {**record, "class": path, "text": text, "group": numbers, "lr_scheduler": args.lr_scheduler}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--checkout", type=Path, required=True)
    sys.path.insert(0, str(parser.parse_args().checkout))
    from library import train_util  # pyright: ignore[reportMissingImports]

    cases = [*((name, []) for name in NAMES), *ARGUMENTS]
    golden = [built(train_util, name, arguments) for name, arguments in cases]
    Path(__file__).with_name("optimizers.json").write_text(json.dumps(golden, indent=0), encoding="utf-8")


if __name__ == "__main__":
    main()
