"""When sample pictures are drawn, and what their files are called. No torch.

Source: kohya-ss/sd-scripts at 48d368f, library/train_util.py, sample_images_common, sample_image_inference. Other than there,
a resumed training draws none at its start, whatever the interval: the run before has drawn them.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from core.training.settings import SampleSettings


class Place(Protocol):
    """Where a training stands; `core.training.state.Place` is one."""

    @property
    def step(self) -> int: ...
    @property
    def epoch(self) -> int: ...
    @property
    def batch(self) -> int: ...


@dataclass(frozen=True, slots=True)
class SampleTimes:
    """When to draw.

    Attributes:
        settings: of the job.
        first_step: where the training begins: 0, or where it was resumed.
    """

    settings: SampleSettings
    first_step: int = 0

    def samples_at(self, place: Place, after_epoch: bool) -> bool:
        """Whether pictures belong here.

        Args:
            place: where the training stands.
            after_epoch: an epoch has ended; otherwise a step has, or nothing was done yet.
        """
        settings = self.settings
        if not settings.prompts:
            return False
        if place.step == self.first_step and not after_epoch:
            return place.step == 0 and settings.at_first
        if settings.every_epochs:
            # Epochs win: where both are set, steps count for nothing.
            return after_epoch and place.epoch % settings.every_epochs == 0
        return not after_epoch and bool(settings.every_steps) and place.step % settings.every_steps == 0


def file_name(name: str, place: Place, number: int, seed: int) -> str:
    """The name of a picture.

    Args:
        name: `output_name`; "" for none.
        place: where the training stands; between two epochs the epochs are counted, else the steps.
        number: of the prompt, 0-based.
        seed: that the picture was drawn with.
    """
    at = f"e{place.epoch:06d}" if place.batch == 0 else f"{place.step:06d}"
    stamp = time.strftime("%Y%m%d%H%M%S", time.localtime())
    return f"{name}{'_' if name else ''}{at}_{number:02d}_{stamp}_{seed}.png"


def unused(path: Path) -> Path:
    """The path, or, where it is taken (two wishes within one second), the first of `…-2.png`, `…-3.png` that is not."""
    candidate, number = path, 1
    while candidate.exists():
        number += 1
        candidate = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return candidate
