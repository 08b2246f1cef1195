"""What a watchdog says. Pure data."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from core.text import Text


class Dog(str, Enum):
    """One watchdog. The value is its name in settings and JSON."""

    NAN_LOSS = "nan-loss"
    DIVERGED = "diverged"
    D_STUCK = "d-stuck"
    D_RISING = "d-rising"
    NO_PROGRESS = "no-progress"
    DISK = "disk"
    GPU = "gpu"


NAMES: Final[dict[Dog, Text]] = {
    Dog.NAN_LOSS: Text("The loss is NaN or infinite", "loss が NaN または無限大になった"),
    Dog.DIVERGED: Text("The loss diverges", "loss が発散している"),
    Dog.D_STUCK: Text("d never leaves d0", "d が d0 から動かない"),
    Dog.D_RISING: Text("d still rises at the end", "終了時にも d が上昇している"),
    Dog.NO_PROGRESS: Text("No progress", "進行が止まっている"),
    Dog.DISK: Text("The disk is nearly full", "ディスクの空きが少ない"),
    Dog.GPU: Text("The GPU does not answer any more", "GPU が応答しない"),
}

CAN_STOP: Final = (Dog.NAN_LOSS, Dog.DIVERGED, Dog.D_STUCK, Dog.DISK)
"""Those after which a training can be saved and ended; after the others there is nothing to end, or nobody who would hear."""

PASSES: Final = (Dog.NO_PROGRESS, Dog.DISK, Dog.GPU)
"""Those whose trouble may go by itself; the others bark once in a run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Something to look at in a run.

    Attributes:
        dog: who says so.
        step: where the run was.
        text: what, and what can be done, in full sentences.
    """

    dog: Dog
    step: int
    text: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchSettings:
    """Which watchdogs are on, and what they do.

    Attributes:
        on: the ones that watch.
        stop: the ones that save and end the training.
        minutes: without an event or a line in the log, before that is no progress.
        free_bytes: on the disk that is written to, below which it is nearly full.
    """

    on: frozenset[Dog] = frozenset(Dog)
    stop: frozenset[Dog] = field(default_factory=frozenset[Dog])
    minutes: float = 10.0
    free_bytes: int = 2 << 30
