"""What a training needs around it: room on the disk, and a GPU that answers. Asked in a worker thread."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_SECONDS: Final = 20.0
_LOST: Final = re.compile(
    r"NVRM: Xid|GPU is lost|fallen off the bus|CUDA error: (?:unknown error|no CUDA-capable device)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What was found.

    Attributes:
        free: bytes on the fullest of the disks that are written to; None where none could be asked.
        gpus: how many NVIDIA GPUs answer; None where there is no nvidia-smi, 0 where it does not answer.
    """

    free: int | None = None
    gpus: int | None = None


def look_around(folders: Iterable[Path]) -> Around:
    """Asks the disks of these folders, and the GPUs. Takes up to 20 seconds where a GPU hangs."""
    spaces = [free for folder in folders if (free := _free(folder)) is not None]
    return Around(free=min(spaces, default=None), gpus=_gpus())


def gpu_trouble_in(log: str) -> str | None:
    """The line of a log that says that a GPU is gone, None where none does."""
    return next((line.strip() for line in log.splitlines() if _LOST.search(line)), None)


def _free(folder: Path) -> int | None:
    for place in (folder, *folder.parents):  # the output folder may not be there yet
        try:
            return shutil.disk_usage(place).free
        except OSError:
            continue
    return None


def _gpus() -> int | None:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return None
    hidden = getattr(subprocess, "CREATE_NO_WINDOW", 0)
    try:
        asked = subprocess.run([tool, "-L"], capture_output=True, timeout=_SECONDS, check=False, creationflags=hidden)
    except subprocess.TimeoutExpired:
        return 0
    except OSError:
        return None
    return 0 if asked.returncode else sum(line.startswith(b"GPU ") for line in asked.stdout.splitlines())
