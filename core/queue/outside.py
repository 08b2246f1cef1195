"""Trainings that the queue did not start: it waits for them, since two on one GPU are slower than one after the other."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from core.queue.lanes import VISIBLE
from core.runs.folder import RunFolder, list_runs
from core.runs.records import read_command

NEWEST = 30
"""Runs that are looked at, the newest first."""


class Outside:
    """Finds them.

    Args:
        runs_dir: where runs are; the user's runs folder if None.
    """

    def __init__(self, runs_dir: Path | None = None) -> None:
        self._runs_dir = runs_dir
        self._over: set[Path] = set()

    def look(self, known: Collection[Path], lanes: Sequence[str]) -> dict[str, str]:
        """The lanes that are taken, with the name of the training there.

        One that names no GPU takes the first lane, as CUDA gives it the first GPU.

        Args:
            known: runs of the queue itself.
            lanes: what there is.
        """
        found: dict[str, str] = {}
        for run in list_runs(self._runs_dir)[:NEWEST]:
            if run.path in known or run.path in self._over:
                continue
            if run.state().is_over:
                self._over.add(run.path)
                continue
            found[self._lane(run, lanes)] = run.name
        return found

    def _lane(self, run: RunFolder, lanes: Sequence[str]) -> str:
        command = read_command(run.command_file)
        named = command.environment.get(VISIBLE) if command is not None else None
        return named if named is not None and named in lanes else lanes[0]
