"""The files of a queue and what they say. Reading takes no lock: every file is replaced as a whole."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Final

from core.errors import CaddieError
from core.job.model import Job
from core.job.store import load_job
from core.locks import locked, locked_if_free
from core.paths import user_data_dir
from core.queue.judge import judged
from core.queue.model import Control, Entry, Snapshot, State
from core.queue.records import read_control, read_entry, read_note
from core.text import Text

_LOOKS: Final = 3
_PAUSE: Final = 0.02
"""Seconds between two looks at a lock that another one may only be looking at."""


def queue_folder() -> Path:
    """The user's queue."""
    return user_data_dir() / "queue"


class QueueFiles:
    """A queue to be read.

    Args:
        folder: where its files are; the user's own where None.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = (folder or queue_folder()).absolute()
        self.entries_folder = self.folder / "entries"
        self.removed_folder = self.folder / "removed"
        self.control_file = self.folder / "queue.json"
        self.note_file = self.folder / "driver.json"
        self.driver_lock = self.folder / "driver.lock"
        self.driver_log = self.folder / "driver.log"

    def read(self) -> Snapshot:
        """All of it, as it is now. Never raises for a damaged file, which is shown as what it is."""
        driven = self.is_driven()
        note = read_note(self.note_file) if driven else None
        control, entries = self.load()
        return Snapshot(
            entries=tuple(judged(entry, driven=driven) for entry in entries),
            control=control,
            driven=driven,
            waits_for=note.waits_for if note is not None else (),
            trouble=note.trouble if note is not None else None,
        )

    def is_driven(self) -> bool:
        """Whether a driver is at work. Its lock says so: no clock and no reused process id can mislead."""
        for look in range(_LOOKS):  # another one who looks holds it for a moment, too
            try:
                with locked_if_free(self.driver_lock) as free:
                    if free:
                        return False
            except OSError:
                return False
            if look < _LOOKS - 1:
                time.sleep(_PAUSE)
        return True

    def is_attended(self) -> bool:
        """Whether the holder of the driver's lock looks at the queue again before it goes."""
        return read_note(self.note_file) is not None

    def job_file(self, entry_id: str) -> Path:
        """The entry's own copy of its job."""
        return self.entries_folder / entry_id / "job.toml"

    def job(self, entry_id: str) -> Job:
        """The job of an entry.

        Raises:
            CaddieError: its file is missing or damaged.
        """
        return load_job(self.job_file(entry_id))

    def entry_of(self, path: Path) -> str | None:
        """The id of the entry whose job lies there; None for any other file."""
        inside = path.name == "job.toml" and path.parent.parent == self.entries_folder
        return path.parent.name if inside else None

    @contextlib.contextmanager
    def alone(self) -> Generator[None]:
        """Nobody changes anything meanwhile. Not to be taken twice. Raises OSError."""
        self.entries_folder.mkdir(parents=True, exist_ok=True)
        with locked(self.folder / "queue.lock"):
            yield

    def entry_file(self, entry_id: str) -> Path:
        """What is known of an entry."""
        return self.entries_folder / entry_id / "entry.json"

    def _names(self) -> list[str]:
        try:
            return sorted(
                item.name for item in os.scandir(self.entries_folder) if item.is_dir() and not item.name.startswith(".")
            )
        except FileNotFoundError:
            return []

    def load(self) -> tuple[Control, list[Entry]]:
        """How the queue goes on, and the entries in order, as written."""
        control = read_control(self.control_file)
        found: dict[str, Entry] = {}
        for name in self._names():
            entry = read_entry(self.entry_file(name), name)
            if entry is None and (self.entries_folder / name / "job.toml").exists():
                entry = Entry(id=name, name=name, state=State.HELD, damaged=True, problem=_NO_FILE)
            if entry is not None:
                found[name] = entry
        # What no order names (a damaged file, a process killed in between) comes last, in the order of adding.
        order = dict.fromkeys((*(name for name in control.order if name in found), *found))
        return replace(control, order=tuple(order)), [found[name] for name in order]

    def get(self, entry_id: str) -> Entry:
        """One entry, with the state that its run gives it. Raises CaddieError for an id that nobody has."""
        entry = read_entry(self.entry_file(entry_id), entry_id)
        if entry is None:
            if self.job_file(entry_id).exists():
                return Entry(id=entry_id, name=entry_id, state=State.HELD, damaged=True, problem=_NO_FILE)
            raise unknown_entry(entry_id)
        return judged(entry, driven=self.is_driven())


_NO_FILE = Text(
    "The entry's file is missing. Its job is whole: add that file again, and remove this entry.",
    "キューの項目のファイルがありません。ジョブ自体は残っています。job.toml をもう一度追加して、この項目を削除してください。",
)


def unknown_entry(entry_id: str) -> CaddieError:
    """What to say of an id that nobody has."""
    return CaddieError(Text(f"There is no entry {entry_id} in the queue.", f"キューに項目 {entry_id} はありません。"))
