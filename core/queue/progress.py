"""How far the trainings of a queue are. Kept between two looks, so that each reads only what is new."""

from __future__ import annotations

from core.errors import CaddieError
from core.queue.model import Snapshot
from core.runs.console import Progress
from core.runs.folder import RunFolder
from core.runs.follow import Follower

LOG_TAIL = 100_000
"""Bytes of a log that are read when a training is first seen."""


class Progresses:
    """Knows the trainings that it has seen."""

    def __init__(self) -> None:
        self._followers: dict[str, Follower] = {}

    def look(self, snapshot: Snapshot) -> dict[str, Progress]:
        """The progress of what trains, by the id of its entry; those that have not told any are left out."""
        found: dict[str, Progress] = {}
        seen: dict[str, Follower] = {}
        for entry in snapshot.under_way:
            if entry.run is None:
                continue
            try:
                follower = self._followers.get(entry.id)
                if follower is None or follower.run.path != entry.run.resolve():
                    follower = Follower(RunFolder(entry.run), log_tail=LOG_TAIL)
                update = follower.poll()
                while update.behind:
                    update = follower.poll()
            except (CaddieError, OSError):
                continue  # a folder that is just being made, or taken away
            seen[entry.id] = follower
            if update.progress is not None:
                found[entry.id] = update.progress
        self._followers = seen
        return found
