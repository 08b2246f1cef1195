"""A job that the built-in trainer does in seconds: a tiny random model and a few small pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from core.job.model import Job
from core.runs.events import Event, Step
from core.training.control import Control
from core.training.loop import Trainer
from core.training.plan import plan_of
from core.training.prepare import prepare
from core.training.reporting import Reporter
from tests.helpers import tiny_models

COLOURS = ("red", "blue", "green", "yellow")


def draw_pictures(folder: Path, *, size: int = 64, repeats: int = 2) -> Path:
    """Writes four pictures with captions as `<repeats>_shapes` below a folder, and returns that folder."""
    images = folder / f"{repeats}_shapes"
    images.mkdir(parents=True)
    for number, colour in enumerate(COLOURS):
        picture = Image.new("RGB", (size, size), "white")
        edge = size // 8 * (1 + number % 2)
        ImageDraw.Draw(picture).ellipse((edge, edge, size - edge, size - edge), fill=colour)
        picture.save(images / f"{colour}.png")
        (images / f"{colour}.txt").write_text(f"a {colour} circle", encoding="utf-8")
    return folder


def tiny_job(folder: Path, kind: tiny_models.Kind = "sd1", **options: Any) -> Job:
    """A job over a fresh model and fresh pictures below a folder."""
    model, images = folder / f"model {kind}", folder / "画像"
    if not model.exists():
        tiny_models.write(model, kind)
    if not images.exists():
        draw_pictures(images)
    plain: dict[str, Any] = {
        "pretrained_model_name_or_path": str(model),
        "train_data_dir": str(images),
        "caption_extension": ".txt",
        "resolution": "64,64",
        "output_dir": str(folder / "out"),
        "output_name": "tiny",
        "network_module": "networks.lora",
        "network_dim": 2,
        "optimizer_type": "AdamW",
        "learning_rate": 1e-3,
        "max_train_steps": 6,
        "train_batch_size": 2,
        "seed": 7,
    }
    if kind == "sd2-v":
        plain |= {"v2": True, "v_parameterization": True}
    script = "sdxl_train_network.py" if kind == "sdxl" else "train_network.py"
    return Job(script=script, engine="builtin", options=plain | options)


def trainer_of(job: Job, events: list[Event] | None = None, control: Control | None = None) -> Trainer:
    """The training of a job, ready to run on the CPU."""
    found: list[Event] = [] if events is None else events
    return prepare(plan_of(job), Reporter(found.append), control or Control(), "cpu")


def losses(events: list[Event]) -> list[float | None]:
    """The loss of each step."""
    return [event.loss for event in events if isinstance(event, Step)]
