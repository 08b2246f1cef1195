"""The demo: a LoRA of golf flags for a model that Caddie ships, small enough to be trained on a CPU in a minute.

Model and pictures were made by `core.training.demo` (docs/demo.md). Nothing here imports torch.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from core.catalogue.catalogue import Catalogue
from core.catalogue.spec import OptimizerSpec
from core.errors import CaddieError
from core.files import write_atomically
from core.job.model import Job
from core.job.new import new_job
from core.job.store import save_job
from core.options.model import OptionValue
from core.paths import RESOURCES, user_data_dir
from core.text import Text

MODEL = RESOURCES / "demo" / "model"
PICTURES = RESOURCES / "demo" / "pictures"
OPTIMIZER = "Prodigy"
STEPS = 240
PROMPTS = (
    "a red golf flag on a blue background",
    # No picture shows a yellow flag or a purple ground.
    "a yellow golf flag on a purple background",
    "a blue golf flag on a white background",
)
_SIZE = 96


def demo_folder() -> Path:
    """Where the demo lies unless another folder is asked for."""
    return user_data_dir() / "demo"


def demo_job(folder: Path, spec: OptimizerSpec, steps: int = STEPS) -> Job:
    """The demo's job.

    Args:
        folder: of the demo; `write_demo` puts there what the job names.
        spec: the optimizer. The steps suit Prodigy, which finds its own rate; others begin with their usual one.
        steps: of the optimizer.
    """
    settings: dict[str, OptionValue | None] = {
        "pretrained_model_name_or_path": str(MODEL),
        "train_data_dir": str(folder / "pictures"),
        "output_dir": str(folder),
        "output_name": "demo",
        "resolution": f"{_SIZE},{_SIZE}",
        "enable_bucket": None,
        "network_dim": 8,
        "network_alpha": 8.0,
        # So narrow a model has little in its attention alone.
        "network_args": ["conv_dim=8", "conv_alpha=8"],
        "train_batch_size": 4,
        "max_train_epochs": None,
        "max_train_steps": steps,
        "save_every_n_epochs": None,
        "mixed_precision": None,
        "gradient_checkpointing": None,
        "max_data_loader_n_workers": None,
        "persistent_data_loader_workers": None,
        "sample_prompts": str(folder / "prompts.txt"),
        "sample_sampler": "euler_a",
        "sample_at_first": True,
        "sample_every_n_steps": steps // 3 if steps % 3 == 0 else steps,  # the last step is one of them
    }
    job = new_job(spec)
    for name, value in settings.items():
        job = job.with_option(name, value)
    if spec.id == OPTIMIZER:
        job = job.with_argument("d_coef", "0.5")  # gentler: twelve pictures are few, and so small a model forgets soon
    return replace(job, name="demo", engine="builtin", accelerate=MappingProxyType({}))


def write_demo(folder: Path, catalogue: Catalogue, *, optimizer: OptimizerSpec | None = None, steps: int = STEPS) -> Path:
    """Writes the demo's pictures, prompts and job, over what a former demo left there; the job's file comes back.

    Raises:
        CaddieError: the folder cannot be written.
    """
    spec = optimizer or catalogue.get(OPTIMIZER)
    assert spec is not None, OPTIMIZER
    file = folder / "demo.toml"
    try:
        shutil.copytree(PICTURES, folder / "pictures", dirs_exist_ok=True)
        lines = (f"{prompt} --w {_SIZE} --h {_SIZE} --s 20 --l 4 --d 7\n" for prompt in PROMPTS)
        write_atomically(folder / "prompts.txt", "".join(lines).encode())
    except (OSError, shutil.Error) as error:
        raise CaddieError(
            Text(f"The demo could not be written to {folder}: {error}", f"{folder} にデモを書き込めませんでした: {error}")
        ) from error
    save_job(demo_job(folder, spec, steps), file)
    return file
