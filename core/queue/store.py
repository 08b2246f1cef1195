"""A queue on the disk: any number of windows, command lines and one driver read and change it (`docs/queue.md`).

Reading takes no lock: every file is replaced as a whole. Each change holds the queue's lock from its look to its last
write, so that two of them never undo each other.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any, Final

from core.environment.model import Environment
from core.errors import CaddieError
from core.job.model import Job
from core.job.store import save_job
from core.queue.files import QueueFiles, unknown_entry
from core.queue.lanes import trains_alone
from core.queue.model import STATE_WORDS, Control, Entry, State
from core.queue.records import DriverNote, read_entry, write_control, write_entry, write_note
from core.runs.folder import slug
from core.runs.launch import run_name
from core.text import Text

REMOVED_KEPT: Final = 20
"""Removed entries that can be brought back."""


class Queue(QueueFiles):
    """A queue to be changed; arguments as in `QueueFiles`."""

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
        with self.alone():
            control = self.load()[0]
            folder = self._free_folder(run_name(job))
            entry = replace(described(entry, job), id=folder.name)
            unseen = folder.with_name(f".new-{folder.name}")  # else somebody who reads now would see half an entry
            shutil.rmtree(unseen, ignore_errors=True)
            try:
                unseen.mkdir(mode=0o700)  # a job may hold keys of other services
                save_job(job, unseen / "job.toml")
                write_entry(unseen / "entry.json", entry)
                self._write(replace(control, order=(*control.order, entry.id)))
                os.replace(unseen, folder)
            except BaseException:
                shutil.rmtree(unseen, ignore_errors=True)
                raise
        return entry

    def rewrite(self, entry_id: str, job: Job) -> Entry:
        """Puts another job in the place of a waiting one's.

        Raises:
            CaddieError: it has been started meanwhile, it is gone, or the job cannot be written.
            OSError: no space, no permission, …
        """
        with self.alone():
            entry = self.get(entry_id)
            if not entry.state.is_idle:
                raise CaddieError(
                    Text(
                        f"“{entry.name}” does not wait any more, so its job stays as it is. Save the change as a file of its own.",
                        f"「{entry.name}」はもう待機中ではないため、ジョブは変更しませんでした。別名で保存してください。",
                    )
                )
            save_job(job, self.job_file(entry_id))
            changed = replace(described(entry, job), problem=None, tries=0)
            write_entry(self.entry_file(entry_id), changed)
        return changed

    def remove(self, entry_id: str) -> int:
        """Takes an entry out; its run stays. Returns its place, for `bring_back`.

        Raises:
            CaddieError: it trains, or it is gone.
            OSError: no permission, …
        """
        with self.alone():
            control = self.load()[0]
            entry = self.get(entry_id)
            if entry.state.is_under_way:
                raise CaddieError(
                    Text(
                        f"“{entry.name}” is training. Stop it first, then remove it.",
                        f"「{entry.name}」は学習中です。停止してから削除してください。",
                    )
                )
            place = control.order.index(entry_id)
            self.removed_folder.mkdir(exist_ok=True)
            os.replace(self.entries_folder / entry_id, self.removed_folder / entry_id)
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
        with self.alone():
            control = self.load()[0]
            try:
                os.replace(self.removed_folder / entry_id, self.entries_folder / entry_id)
            except FileNotFoundError as error:
                raise unknown_entry(entry_id) from error
            order = [*control.order]
            order.insert(place, entry_id)
            self._write(replace(control, order=tuple(order)))
            return self.get(entry_id)

    def move(self, entry_id: str, place: int) -> None:
        """Moves an entry to a place, counted from 0 in the order without it; past the end is the end.

        Raises:
            CaddieError: it is gone.
            OSError: no space, no permission, …
        """
        with self.alone():
            control = self.load()[0]
            self.get(entry_id)
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
        if entry_id is not None and (entry := self.get(entry_id)).state.is_over:
            raise CaddieError(Text(f"“{entry.name}” is over.", f"「{entry.name}」はすでに終わっています。"))
        self._control(stop_after=entry_id)

    def set_lanes(self, lanes: Sequence[str] | None) -> None:
        """Says which GPUs train; None finds them. Raises OSError."""
        self._control(lanes=None if lanes is None else tuple(lanes))

    # --- for the driver ----------------------------------------------------------------------------------------

    def put(self, entry: Entry, *, over: Entry) -> bool:
        """Writes an entry, where what is on the disk is still `over`. Returns whether it was. Raises OSError."""
        with self.alone():
            if over.damaged or read_entry(self.entry_file(entry.id), entry.id) != over:
                return False
            write_entry(self.entry_file(entry.id), entry)
        return True

    def note(self, note: DriverNote | None) -> None:
        """Writes what the driver says of itself; None when it goes. Raises OSError."""
        if note is None:
            self.note_file.unlink(missing_ok=True)
        else:
            write_note(self.note_file, note)

    def end_of(self, entry_id: str) -> None:
        """An entry is over: pauses the queue where that was wanted. Raises OSError."""
        with self.alone():
            control = self.load()[0]
            if control.stop_after == entry_id:
                self._write(replace(control, stop_after=None, paused=True))

    # --- inside -----------------------------------------------------------------------------------------------------

    def _write(self, control: Control) -> None:
        write_control(self.control_file, control)

    def _control(self, **changes: Any) -> None:
        with self.alone():
            self._write(replace(self.load()[0], **changes))

    def _change_state(self, entry_id: str, was: Sequence[State], state: State) -> Entry:
        with self.alone():
            entry = self.get(entry_id)
            if entry.state not in was:
                raise CaddieError(
                    Text(
                        f"“{entry.name}” is {entry.state.value}: this cannot be done with it now.",
                        f"「{entry.name}」の状態は「{STATE_WORDS[entry.state].ja}」のため、この操作はできません。",
                    )
                )
            if entry.damaged:
                assert entry.problem is not None
                raise CaddieError(entry.problem)
            former = entry.former if entry.run is None else (*entry.former, entry.run)
            changed = replace(entry, state=state, run=None, lane=None, tries=0, former=former, problem=None, ended_at=None)
            write_entry(self.entry_file(entry_id), changed)
        return changed

    def _free_folder(self, name: str) -> Path:
        stem = f"{datetime.now():%Y%m%d-%H%M%S}-{slug(name)}"
        names = (stem if number == 1 else f"{stem}-{number}" for number in count(1))
        taken = (self.entries_folder, self.removed_folder)
        return self.entries_folder / next(name for name in names if not any((folder / name).exists() for folder in taken))

    def _forget_removed(self) -> None:
        kept = sorted(self.removed_folder.iterdir(), key=lambda path: path.stat().st_ctime)
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
