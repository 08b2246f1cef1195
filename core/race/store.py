"""A race on the disk: which trainings belong to it, and a queue of their own that outlives whoever began it."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from core.command.build import join_path
from core.environment.model import Environment
from core.errors import CaddieError
from core.files import write_atomically
from core.history.notes import read_notes, write_notes
from core.job.model import Job
from core.paths import user_data_dir
from core.queue.launch import start_queue
from core.queue.model import Snapshot
from core.queue.store import Queue
from core.race.plan import Entrant
from core.runs.folder import make_run_folder
from core.text import Text

_FILE = "race.json"
_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One training of a race.

    Attributes:
        entry: id of its entry in the race's queue.
        name: of the optimizer, with the seed where there are several.
        optimizer, seed: of the catalogue, and of the training.
    """

    entry: str
    name: str
    optimizer: str
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Race:
    """A race.

    Attributes:
        folder: where it lies.
        name: of the job.
        members: in the order of the start.
        created_at: seconds since the epoch.
    """

    folder: Path
    name: str
    members: tuple[Member, ...]
    created_at: float

    @property
    def id(self) -> str:
        """Name of its folder: what the command line calls it."""
        return self.folder.name

    @property
    def queue(self) -> Queue:
        """The trainings, to be followed, held, stopped and started again as in any queue."""
        return Queue(self.folder / "queue")

    @property
    def tag(self) -> str:
        """What its runs are tagged with in the history."""
        return f"race-{self.id}"

    def runs(self, snapshot: Snapshot | None = None) -> list[tuple[Member, Path]]:
        """The members that were started, with the folders of their runs."""
        now = snapshot or self.queue.read()
        found = ((member, now.find(member.entry)) for member in self.members)
        return [(member, entry.run) for member, entry in found if entry is not None and entry.run is not None]


def races_dir() -> Path:
    """The folder that holds one folder for each race."""
    return user_data_dir() / "races"


def create_race(
    job: Job,
    entrants: Sequence[Entrant],
    *,
    environment: Environment | None,
    base: Path | None = None,
    lanes: Sequence[str] | None = None,
    preflight: bool = True,
) -> Race:
    """Writes a race down; nothing is started.

    Args:
        job: what it was made of.
        entrants: from `core.race.plan.entrants`.
        environment: where they train; None for the built-in trainer.
        base: folder from which relative paths of a job for the built-in trainer start.
        lanes: values for `CUDA_VISIBLE_DEVICES`, one training on each at a time; None finds the GPUs.
        preflight: try each optimizer before its start.

    Raises:
        CaddieError: a job cannot be written.
        OSError: no space, no permission, …
    """
    name = job.name or str(job.options.get("output_name") or "race")
    folder = make_run_folder(name, races_dir()).path
    queue = Queue(folder / "queue")
    members: list[Member] = []
    for entrant in entrants:
        entry = queue.add(_into_own_folder(entrant.job, folder.name), environment=environment, base=base, preflight=preflight)
        members.append(Member(entry=entry.id, name=entrant.id, optimizer=entrant.optimizer, seed=entrant.seed))
    if lanes is not None:
        queue.set_lanes(lanes)
    race = Race(folder=folder, name=name, members=tuple(members), created_at=time.time())
    # Last: a race that has no file was cut off while it was written, and nobody lists it.
    write_atomically(folder / _FILE, json.dumps(_record(race), ensure_ascii=False, indent=1))
    return race


def _into_own_folder(job: Job, race_id: str) -> Job:
    """What a race writes lies in a folder of its own inside the job's: a second race must not write over the first one's LoRAs."""
    own = job.options.get("output_dir")
    return job.with_option("output_dir", join_path(own, f"race-{race_id}")) if isinstance(own, str) and own else job


def start_race(race: Race) -> None:
    """Lets it train, by a driver of its own that needs neither a window nor a terminal. Harmless where it does so already.

    Raises:
        CaddieError: the driver cannot be started.
    """
    start_queue(race.queue)


def load_race(word: str | Path) -> Race:
    """A race by its id, or by its folder.

    Raises:
        CaddieError: there is none, or its file cannot be read.
    """
    folder = word if isinstance(word, Path) else races_dir() / word
    try:
        return _race(folder, json.loads((folder / _FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        known = ", ".join(race.id for race in list_races()[:10]) or "-"
        raise CaddieError(
            Text(f"There is no race {folder.name!r}. Known: {known}", f"比較レース {folder.name!r} はありません。既存: {known}")
        ) from error


def list_races() -> list[Race]:
    """All races, the newest first; what cannot be read is left out."""
    found: list[Race] = []
    for path in races_dir().glob(f"*/{_FILE}"):
        try:
            found.append(_race(path.parent, json.loads(path.read_text(encoding="utf-8"))))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return sorted(found, key=lambda race: race.created_at, reverse=True)


def tag_runs(race: Race, snapshot: Snapshot | None = None) -> None:
    """Tags what was started, so that the history finds it together. A run that was deleted is passed over."""
    for _, run in race.runs(snapshot):
        with contextlib.suppress(OSError, CaddieError):
            tags = read_notes(run).tags
            if race.tag not in tags and run.is_dir():
                write_notes(run, tags=(*tags, race.tag))


def is_over(snapshot: Snapshot) -> bool:
    """Whether nothing trains and nothing waits any more."""
    return not snapshot.waiting and not snapshot.under_way


def _record(race: Race) -> dict[str, Any]:
    members = [
        {"entry": member.entry, "name": member.name, "optimizer": member.optimizer, "seed": member.seed}
        for member in race.members
    ]
    return {"version": _VERSION, "name": race.name, "created_at": race.created_at, "members": members}


def _race(folder: Path, data: object) -> Race:
    record = cast("dict[str, Any]", data)
    members = tuple(Member(**member) for member in record["members"])
    return Race(folder=folder, name=str(record["name"]), members=members, created_at=float(record["created_at"]))
