"""The names of what a training saves, and which older saves it deletes: as sd-scripts has them.

Source: sd-scripts, library/train_util.py, EPOCH_FILE_NAME and its neighbours, get_remove_epoch_no, get_remove_step_no.
"""

from __future__ import annotations

from core.training.settings import SaveSettings

WEIGHTS = ".safetensors"
STATE = "-state"


def of_epoch(name: str, epoch: int) -> str:
    """The stem of a save after an epoch (1-based)."""
    return f"{name}-{epoch:06d}"


def of_step(name: str, step: int) -> str:
    """The stem of a save after a step (1-based)."""
    return f"{name}-step{step:08d}"


def epoch_to_delete(settings: SaveSettings, epoch: int, *, state: bool) -> int | None:
    """The epoch whose save goes when that of another epoch has come; None where none does."""
    most = settings.last_epochs
    if state and settings.last_epochs_state is not None:
        most = settings.last_epochs_state
    if most is None:
        return None
    old = epoch - settings.every_epochs * most
    return old if old > 0 else None


def step_to_delete(settings: SaveSettings, step: int, *, state: bool) -> int | None:
    """The same for saves by steps; how many are kept is said in steps."""
    most = settings.last_steps
    if state and settings.last_steps_state is not None:
        most = settings.last_steps_state
    if most is None or settings.every_steps == 0:
        return None
    old = step - most - 1
    old -= old % settings.every_steps
    return old if old > 0 else None
