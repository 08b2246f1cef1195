"""A job for the stand-in of sd-scripts that the tests have: real, small, and over in seconds."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from core.catalogue.loader import load_catalogue
from core.environment.model import Environment
from core.job.model import Job
from core.job.new import new_job
from tests.helpers.runs import DEMO


def small_environment() -> Environment:
    """This Python and the stand-in."""
    return Environment(id="small", name="small", python=Path(sys.executable), sd_scripts=DEMO, layout="sd-scripts")


def small_job(optimizer: str, steps: int, folder: Path) -> Job:
    """A job that trains the stand-in's task and writes into `folder`."""
    spec = load_catalogue().get(optimizer)
    assert spec is not None, optimizer
    job = new_job(spec)
    kept = {name: value for name, value in job.options.items() if name.startswith(("optimizer", "learning_rate"))}
    settings = {
        "output_dir": str(folder),
        "output_name": "demo",
        "network_dim": 8,
        "network_alpha": 8.0,
        "train_batch_size": 4,
        "max_train_steps": steps,
        "lr_scheduler": "cosine",
        "seed": 42,
        "save_model_as": "safetensors",
    }
    return replace(job, options=MappingProxyType(kept | settings), name="demo")
