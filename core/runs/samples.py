"""Sample pictures: what their names say, and those of a run that nobody tells of."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.runs.events import Sample
from core.runs.folder import RunFolder

FOLDER = "sample"
"""Where a script puts them, under its output folder."""

_NAME = re.compile(
    r"(?:(?P<name>.*)_)?(?P<epoch>e?)(?P<at>\d{6,})_(?P<prompt>\d{2,})_\d{14}(?:_(?P<seed>\d+))?\.png", re.IGNORECASE
)
_PAUSE = 2.0  # seconds between two looks: a folder on a network drive may hold thousands of files


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleName:
    """What the name of a sample picture says. Source: sd-scripts at 48d368f, library/train_util.py, sample_image_inference.

    Attributes:
        name: the job's output_name, "" for none.
        step: None where the name tells the epoch.
        epoch: None where the name tells the step.
        prompt: place in the prompt file, 0-based.
        seed: None where the prompt names none.
    """

    name: str
    step: int | None
    epoch: int | None
    prompt: int
    seed: int | None


def read_name(path: str) -> SampleName | None:
    """Reads `[<output_name>_]<step, or e and the epoch>_<prompt>_<time>[_<seed>].png`; None for any other name."""
    found = _NAME.fullmatch(path.replace("\\", "/").rpartition("/")[2])
    if found is None:
        return None
    at, seed = int(found["at"]), found["seed"]
    return SampleName(
        name=found["name"] or "",
        step=None if found["epoch"] else at,
        epoch=at if found["epoch"] else None,
        prompt=int(found["prompt"]),
        seed=None if seed is None else int(seed),
    )


class SampleFolder:
    """The pictures of a run without the companion, as they appear in its sample folder.

    Args:
        run: the run.
        known: pictures that were told already.
    """

    def __init__(self, run: RunFolder, known: set[str] | None = None) -> None:
        command = run.command
        self._folder = None if command.output_dir is None else Path(command.cwd, command.output_dir, FOLDER)
        self._prefix = command.output_name or ""
        self._since = run.created_at - 2  # seconds: the coarsest clock of a file system in use (FAT)
        self._known = {os.path.normcase(path) for path in known or ()}
        self._next_look = 0.0

    def poll(self, step_at: Callable[[float], int], *, last: bool = False) -> list[Sample]:
        """New pictures, the oldest first; looks at the disk every other second only.

        Args:
            step_at: gives the step of a time in seconds since the epoch, for names that tell the epoch.
            last: the run is over.
        """
        now = time.monotonic()
        if self._folder is None or (now < self._next_look and not last):
            return []
        self._next_look = now + _PAUSE
        found: list[tuple[float, str, SampleName]] = []
        try:
            with os.scandir(self._folder) as entries:
                for entry in entries:
                    told = read_name(entry.name) if os.path.normcase(entry.path) not in self._known else None
                    if told is None or told.name != self._prefix:
                        continue
                    changed = entry.stat().st_mtime
                    self._known.add(os.path.normcase(entry.path))
                    if changed >= self._since:
                        found.append((changed, entry.path, told))
        except OSError:
            return []  # no picture yet, or a drive that is away
        found.sort(key=lambda item: (item[0], item[2].prompt))
        return [Sample(time=at, step=step_at(at) if told.step is None else told.step, path=path) for at, path, told in found]
