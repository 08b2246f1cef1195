"""Which GPUs train side by side, and which entry goes where."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from core.detached import detached_flags
from core.job.model import Job
from core.queue.model import ALL_LANES, NO_LANE, Entry, State

VISIBLE: Final = "CUDA_VISIBLE_DEVICES"
ORDER: Final = "CUDA_DEVICE_ORDER"
_TIMEOUT: Final = 20.0
"""Seconds in which NVIDIA's tool answers, also where the driver has to be loaded first."""


def find_lanes(variables: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """One lane for each NVIDIA GPU; `NO_LANE` alone where there is none or one, or where nobody can say.

    A `CUDA_VISIBLE_DEVICES` that is set already is what there is.
    """
    inherited = dict(os.environ) if variables is None else variables
    named = inherited.get(VISIBLE)
    devices = _ask_nvidia() if named is None else [part.strip() for part in named.split(",") if part.strip()]
    return tuple(devices) if len(devices) > 1 else (NO_LANE,)


def _ask_nvidia() -> list[str]:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    try:
        answer = subprocess.run(
            [tool, "--query-gpu=index", "--format=csv,noheader"],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=_TIMEOUT,
            check=False,
            creationflags=detached_flags(),
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return []
    lines = [line.strip() for line in answer.stdout.splitlines()]
    return [line for line in lines if line.isdecimal()] if answer.returncode == 0 else []


def lane_variables(lane: str, variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment variables that send a training to a lane.

    NVIDIA's tool and CUDA number the GPUs of a machine differently unless CUDA is told to go by the slots, too.
    """
    if lane in (NO_LANE, ALL_LANES):
        return {}
    inherited = dict(os.environ) if variables is None else variables
    chosen = {VISIBLE: lane}
    return chosen if VISIBLE in inherited or ORDER in inherited else {**chosen, ORDER: "PCI_BUS_ID"}


def trains_alone(job: Job) -> bool:
    """Whether a job uses several GPUs itself, or names its own: accelerate's launcher then overrules any lane."""
    options = job.accelerate
    several = any(isinstance(value := options.get(name), int) and value > 1 for name in ("num_processes", "num_machines"))
    return several or bool(options.get("multi_gpu")) or options.get("gpu_ids") not in (None, "", "all")


def due(entries: Sequence[Entry], lanes: Sequence[str], busy: Collection[str] = ()) -> list[tuple[Entry, str]]:
    """Which entries are to be started now, each with its lane.

    The order is kept: one that needs all lanes makes those behind it wait until all are free.

    Args:
        entries: in order, with their present states.
        lanes: what there is.
        busy: lanes that something outside the queue trains on.
    """
    taken = {entry.lane for entry in entries if entry.state.is_under_way} | set(busy)
    if ALL_LANES in taken:
        return []
    # An entry of a lane that is not there any more (the GPUs were chosen anew) keeps one of the others from being overfull.
    surplus = len([lane for lane in taken if lane not in lanes])
    free = [lane for lane in lanes if lane not in taken][surplus:]
    found: list[tuple[Entry, str]] = []
    for entry in entries:
        if entry.state is not State.WAITING or entry.damaged:
            continue
        if entry.alone and len(lanes) > 1:
            if not found and len(free) == len(lanes):
                return [(entry, ALL_LANES)]
            return found
        if not free:
            return found
        found.append((entry, free.pop(0)))
    return found
