"""What is measured in a run, and how its curves are named."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Quantity(str, Enum):
    """What is measured. The value is the name in a CSV file."""

    LOSS = "loss"
    AVERAGE_LOSS = "average_loss"  # the script's own running mean
    VALIDATION_LOSS = "validation_loss"  # on images that are held out
    LR = "lr"
    EFFECTIVE_LR = "effective_lr"
    D = "d"
    D_LR = "d*lr"
    EFFECTIVE_STEP = "effective_step"  # root mean square of the change of the weights in a step
    GRAD_NORM = "grad_norm"
    SECONDS = "seconds"
    MEMORY = "memory"  # bytes
    EPOCH = "epoch"
    TIME = "time"  # seconds since the epoch


PER_GROUP = (Quantity.LR, Quantity.EFFECTIVE_LR, Quantity.D, Quantity.D_LR, Quantity.EFFECTIVE_STEP)


@dataclass(frozen=True, slots=True)
class SeriesKey:
    """Names one curve: a quantity and, where it has one, the parameter group."""

    quantity: Quantity
    group: str = ""

    @property
    def name(self) -> str:
        """`loss`, `d*lr/unet`, …: column name in a CSV file."""
        return f"{self.quantity.value}/{self.group}" if self.group else self.quantity.value
