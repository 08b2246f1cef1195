"""A queue on the disk: any number of windows, command lines and one driver read and change it (`docs/queue.md`).

Reading takes no lock: every file is replaced as a whole. Each change holds the queue's lock from its look to its last
write, so that two of them never undo each other.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Generator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from core.environment.model import Environment
from core.errors import CaddieError
from core.job.model import Job
from core.job.store import load_job, save_job
from core.locks import locked, locked_if_free
from core.paths import user_data_dir
from core.queue.judge import judged
from core.queue.lanes import trains_alone
from core.queue.model import Control, Entry, Snapshot, State
from core.queue.records import DriverNote, read_control, read_entry, read_note, write_control, write_entry, write_note
from core.runs.folder import slug
from core.runs.launch import run_name
from core.text import Text

REMOVED_KEPT: Final = 20
"""Removed entries that can be brought back."""

_LOOKS: Final = 3
_PAUSE: Final = 0.02


def queue_folder() -> Path:
    """The user's queue."""
    return user_data_dir() / "queue"


class Queue:
    """One queue.

    Args:
        folder: where its files are; the user's own where None.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = (folder or queue_folder()).absolute()
        self._entries = self.folder / "entries"
        self._removed = self.folder / "removed"
        self._control_file = self.folder / "queue.json"
        self._note_file = self.folder / "driver.json"
        self.driver_lock = self.folder / "driver.lock"
        self.driver_log = self.folder / "driver.log"

    # --- reading -----------------------------------------------------------------------------------------------

    def read(self) -> Snapshot:
        """All of it, as it is now. Never raises for a damaged file, which is shown as what it is."""
        driven = self.is_driven()
        note = read_note(self._note_file) if driven else None
        control, entries = self._load()
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
        return read_note(self._note_file) is not None

    def stamp(self) -> tuple[object, ...]:
        """Differs where something was written since the last look; costs one look at each entry's folder."""
        found: list[object] = []
        for path in (self._control_file, self._note_file, *(self._entries / name for name in self._names())):
            for file in (path, path / "entry.json"):
                with contextlib.suppress(OSError):
                    state = file.stat()
                    found.append((file.name, state.st_mtime_ns, state.st_size, state.st_ino))
        return tuple(found)

    def job_file(self, entry_id: str) -> Path:
        """The entry's own copy of its job."""
        return self._entries / entry_id / "job.toml"

    def job(self, entry_id: str) -> Job:
        """The job of an entry.

        Raises:
            CaddieError: its file is missing or damaged.
        """
        return load_job(self.job_file(entry_id))

    def entry_of(self, path: Path) -> str | None:
        """The id of the entry whose job lies there; None for any other file."""
        inside = path.name == "job.toml" and path.parent.parent == self._entries
        return path.parent.name if inside else None

    # --- changing ----------------------------------------------------------------------------------------------

    def add(
        self,
        job: Job,
        *,
        environment: Environment | None,
        base: Path | None = None,
        preflight: bool = True,
        held: bool = False,
    ) -> Entry:
        """Puts a copy of a job at the end.

        Args:
            job: what to train; it is not checked here.
            environment: where; None for the built-in trainer.
            base: folder from which relative paths of a job for the built-in trainer start.
            preflight: try its optimizer before the start.
            held: pass it over until it is released.

        Raises:
            CaddieError: the job cannot be written.
            OSError: no space, no permission, …
        """
        entry = Entry(
            id="",
            name="",
            state=State.HELD if held else State.WAITING,
            environment=environment,
            base=None if base is None else base.absolute(),
            preflight=preflight,
            added_at=time.time(),
        )
        with self._alone():
            control = self._load()[0]
            folder = self._make_folder(run_name(job))
            entry = replace(described(entry, job), id=folder.name)
            try:
                save_job(job, folder / "job.toml")
                write_entry(folder / "entry.json", entry)
                self._write(replace(control, order=(*control.order, entry.id)))
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
        return entry

    def rewrite(self, entry_id: str, job: Job) -> Entry:
        """Puts another job in the place of a waiting one's.

        Raises:
            CaddieError: it has been started meanwhile, it is gone, or the job cannot be written.
            OSError: no space, no permission, …
        """
        with self._alone():
            entry = self._get(entry_id)
            if not entry.state.is_idle:
                raise CaddieError(
                    Text(
                        f"“{entry.name}” does not wait any more, so its job stays as it is. Save the change as a file of its own.",
                        f"「{entry.name}」はもう待機中ではないため、ジョブは変更しませんでした。別名で保存してください。",
                    )
                )
            save_job(job, self.job_file(entry_id))
            changed = replace(described(entry, job), problem=None, tries=0)
            write_entry(self._entry_file(entry_id), changed)
        return changed

    def remove(self, entry_id: str) -> int:
        """Takes an entry out; its run stays. Returns its place, for `bring_back`.

        Raises:
            CaddieError: it trains, or it is gone.
            OSError: no permission, …
        """
        with self._alone():
            control = self._load()[0]
            entry = self._get(entry_id)
            if entry.state.is_under_way:
                raise CaddieError(
                    Text(
                        f"“{entry.name}” is training. Stop it first, then remove it.",
                        f"「{entry.name}」は学習中です。停止してから削除してください。",
                    )
                )
            place = control.order.index(entry_id)
            self._removed.mkdir(exist_ok=True)
            os.replace(self._entries / entry_id, self._removed / entry_id)
            order = tuple(item for item in control.order if item != entry_id)
            stop_after = None if control.stop_after == entry_id else control.stop_after
            self._write(replace(control, order=order, stop_after=stop_after))
            self._forget_removed()
        return place

    def bring_back(self, entry_id: str, place: int) -> Entry:
        """Puts a removed entry back.

        Raises:
            CaddieError: it is gone for good.
            OSError: no permission, …
        """
        with self._alone():
            control = self._load()[0]
            try:
                os.replace(self._removed / entry_id, self._entries / entry_id)
            except FileNotFoundError as error:
                raise _unknown(entry_id) from error
            order = [*control.order]
            order.insert(place, entry_id)
            self._write(replace(control, order=tuple(order)))
            return self._get(entry_id)

    def move(self, entry_id: str, place: int) -> None:
        """Moves an entry to a place, counted from 0 in the order without it; past the end is the end.

        Raises:
            CaddieError: it is gone.
            OSError: no space, no permission, …
        """
        with self._alone():
            control = self._load()[0]
            self._get(entry_id)
            order = [item for item in control.order if item != entry_id]
            order.insert(max(0, place), entry_id)
            self._write(replace(control, order=tuple(order)))

    def hold(self, entry_id: str) -> Entry:
        """Passes a waiting entry over.

        Raises:
            CaddieError: it does not wait.
            OSError: no space, no permission, …
        """
        return self._change_state(entry_id, (State.WAITING,), State.HELD)

    def release(self, entry_id: str) -> Entry:
        """Lets a held entry wait again.

        Raises:
            CaddieError: it is not held, or its file is damaged.
            OSError: no space, no permission, …
        """
        return self._change_state(entry_id, (State.HELD,), State.WAITING)

    def retry(self, entry_id: str) -> Entry:
        """Lets an entry that is over wait again; its run stays in the history.

        Raises:
            CaddieError: it is not over.
            OSError: no space, no permission, …
        """
        return self._change_state(entry_id, (State.DONE, State.STOPPED, State.FAILED), State.WAITING)

    def pause(self) -> None:
        """Starts nothing more; what trains goes on. Raises OSError."""
        self._control(paused=True)

    def go_on(self) -> None:
        """Ends a pause. Starts no driver (`core.queue.launch.start_queue` does). Raises OSError."""
        self._control(paused=False)

    def stop_after(self, entry_id: str | None) -> None:
        """Pauses the queue after the end of an entry; None takes that back.

        Raises:
            CaddieError: it is gone, or over.
            OSError: no space, no permission, …
        """
        if entry_id is not None and (entry := self._get(entry_id)).state.is_over:
            raise CaddieError(Text(f"“{entry.name}” is over.", f"「{entry.name}」はすでに終わっています。"))
        self._control(stop_after=entry_id)

    def set_lanes(self, lanes: Sequence[str] | None) -> None:
        """Says which GPUs train; None finds them. Raises OSError."""
        self._control(lanes=None if lanes is None else tuple(lanes))

    # --- for the driver ----------------------------------------------------------------------------------------

    def put(self, entry: Entry, *, over: Entry) -> bool:
        """Writes an entry, where what is on the disk is still `over`. Returns whether it was. Raises OSError."""
        with self._alone():
            if over.damaged or read_entry(self._entry_file(entry.id), entry.id) != over:
                return False
            write_entry(self._entry_file(entry.id), entry)
        return True

    def load(self) -> tuple[Control, list[Entry]]:
        """How the queue goes on, and the entries as written."""
        return self._load()

    def note(self, note: DriverNote | None) -> None:
        """Writes what the driver says of itself; None when it goes. Raises OSError."""
        if note is None:
            self._note_file.unlink(missing_ok=True)
        else:
            write_note(self._note_file, note)

    def end_of(self, entry_id: str) -> None:
        """An entry is over: pauses the queue where that was wanted. Raises OSError."""
        with self._alone():
            control = self._load()[0]
            if control.stop_after == entry_id:
                self._write(replace(control, stop_after=None, paused=True))

    @contextlib.contextmanager
    def alone(self) -> Generator[None]:
        """Nobody changes anything meanwhile. Not around any other method that changes something."""
        with self._alone():
            yield

    # --- inside ------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _alone(self) -> Generator[None]:
        self._entries.mkdir(parents=True, exist_ok=True)
        with locked(self.folder / "queue.lock"):
            yield

    def _entry_file(self, entry_id: str) -> Path:
        return self._entries / entry_id / "entry.json"

    def _names(self) -> list[str]:
        try:
            return sorted(item.name for item in os.scandir(self._entries) if item.is_dir() and not item.name.startswith("."))
        except FileNotFoundError:
            return []

    def _load(self) -> tuple[Control, list[Entry]]:
        control = read_control(self._control_file)
        found: dict[str, Entry] = {}
        for name in self._names():
            entry = read_entry(self._entry_file(name), name)
            if entry is None and (self._entries / name / "job.toml").exists():
                entry = Entry(id=name, name=name, state=State.HELD, damaged=True, problem=_NO_FILE)
            if entry is not None:
                found[name] = entry
        # What no order names (a damaged file, a process killed in between) comes last, in the order of adding.
        order = dict.fromkeys((*(name for name in control.order if name in found), *found))
        return replace(control, order=tuple(order)), [found[name] for name in order]

    def _get(self, entry_id: str) -> Entry:
        entry = read_entry(self._entry_file(entry_id), entry_id)
        if entry is None:
            if self.job_file(entry_id).exists():
                return Entry(id=entry_id, name=entry_id, state=State.HELD, damaged=True, problem=_NO_FILE)
            raise _unknown(entry_id)
        return judged(entry, driven=self.is_driven())

    def _write(self, control: Control) -> None:
        write_control(self._control_file, control)

    def _control(self, **changes: Any) -> None:
        with self._alone():
            self._write(replace(self._load()[0], **changes))

    def _change_state(self, entry_id: str, was: Sequence[State], state: State) -> Entry:
        with self._alone():
            entry = self._get(entry_id)
            if entry.state not in was:
                raise CaddieError(
                    Text(
                        f"“{entry.name}” is {entry.state.value}: this cannot be done with it now.",
                        f"「{entry.name}」の状態は {entry.state.value} のため、この操作はできません。",
                    )
                )
            if entry.damaged:
                assert entry.problem is not None
                raise CaddieError(entry.problem)
            former = entry.former if entry.run is None else (*entry.former, entry.run)
            changed = replace(entry, state=state, run=None, lane=None, tries=0, former=former, problem=None, ended_at=None)
            write_entry(self._entry_file(entry_id), changed)
        return changed

    def _make_folder(self, name: str) -> Path:
        stem = f"{datetime.now():%Y%m%d-%H%M%S}-{slug(name)}"
        number = 1
        while True:
            path = self._entries / (stem if number == 1 else f"{stem}-{number}")
            if not (self._removed / path.name).exists():
                with contextlib.suppress(FileExistsError):
                    path.mkdir(mode=0o700)  # a job may hold keys of other services
                    return path
            number += 1

    def _forget_removed(self) -> None:
        kept = sorted(self._removed.iterdir(), key=lambda path: path.stat().st_ctime)
        for path in kept[:-REMOVED_KEPT]:
            shutil.rmtree(path, ignore_errors=True)


def described(entry: Entry, job: Job) -> Entry:
    """The entry with what a list says of its job."""
    steps = job.options.get("max_train_steps")
    counted = isinstance(steps, int) and not isinstance(steps, bool) and "max_train_epochs" not in job.options
    return replace(
        entry,
        name=run_name(job),
        optimizer=job.optimizer_type or "AdamW",
        engine=job.engine,
        steps=steps if counted and isinstance(steps, int) else None,
        alone=trains_alone(job),
    )


_NO_FILE = Text(
    "The entry's file is missing. Its job is whole: add that file again, and remove this entry.",
    "キューの項目のファイルがありません。ジョブ自体は残っています。job.toml をもう一度追加して、この項目を削除してください。",
)


def _unknown(entry_id: str) -> CaddieError:
    return CaddieError(Text(f"There is no entry {entry_id} in the queue.", f"キューに項目 {entry_id} はありません。"))
