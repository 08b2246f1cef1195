"""The small process that starts what waits in a queue, one after the other, with or without a window.

`python -m core.queue.driver FOLDER` detaches itself and returns. Of any number of them one works: it holds the queue's
driver lock as long as it lives. It goes when nothing trains and nothing is to be started. Killed at any moment, it
leaves files from which the next one goes on.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from core.detached import main_of
from core.errors import CaddieError
from core.locks import locked_if_free
from core.paths import user_data_dir
from core.queue.judge import TRIES, judged, needs_supervisor
from core.queue.lanes import due, find_lanes
from core.queue.model import Control, Entry, State
from core.queue.outside import Outside
from core.queue.records import DriverNote
from core.queue.start import Starter, Withdrawn
from core.queue.store import Queue
from core.runs.folder import RunFolder
from core.runs.launch import start_supervisor
from core.text import Text, same

LOOK = 1.0
"""Seconds between two looks; `CADDIE_QUEUE_LOOK` changes it."""

AGAIN = 15.0
"""Seconds before something that the disk did not allow is tried again, and before a supervisor that did not come is."""

_TAKE_OVER = 10.0
"""Seconds in which a driver that is just going lets go of its lock."""

_SURE = 1.0
"""Seconds after which the holder of the lock counts as one that works."""


def start_lock() -> Path:
    """Held by whichever driver of this user is just starting something."""
    return user_data_dir() / "start.lock"


class Driver:
    """Drives one queue.

    Args:
        queue: the queue.
        runs_dir: where the run's folders are made; the user's runs folder if None.
        look: seconds between two looks.
        again: seconds before a second attempt.
    """

    def __init__(self, queue: Queue, *, runs_dir: Path | None = None, look: float = LOOK, again: float = AGAIN) -> None:
        self._queue = queue
        self._starter = Starter(queue, runs_dir)
        self._outside = Outside(runs_dir)
        self._start_lock = start_lock()
        self._look = look
        self._again = again
        self._lanes: tuple[str, ...] | None = None
        self._supervised: dict[Path, tuple[int, float]] = {}
        self._not_before = 0.0
        self._note = DriverNote()
        self._terminated = False

    def run(self) -> None:
        """Works until there is nothing to do; at once where another one works."""
        self._queue.folder.mkdir(parents=True, exist_ok=True)
        self._start_lock.parent.mkdir(parents=True, exist_ok=True)
        begun = time.monotonic()
        while True:
            with locked_if_free(self._queue.driver_lock) as mine:
                if mine:
                    self._work()
                    return
            held = time.monotonic() - begun
            if held > _TAKE_OVER or (held > _SURE and self._queue.is_attended()):
                return
            time.sleep(0.05)

    def _work(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_terminate)
        self._tell(DriverNote(pid=os.getpid()), always=True)
        while not self._terminated:
            try:
                control, entries = self._judge_all()
                self._start_due(control, entries)
                if self._may_go():
                    return
            except OSError as error:  # a disk that is away comes back; what trains goes on meanwhile
                self._disk(error)
            time.sleep(self._look)
        self._try_to(lambda: self._queue.note(None))

    def _on_terminate(self, _number: int, _frame: object) -> None:
        self._terminated = True  # what trains goes on; what is just being started is started

    # --- what has become of them -------------------------------------------------------------------------------

    def _judge_all(self) -> tuple[Control, list[Entry]]:
        found: list[Entry] = []
        for entry in self._queue.load()[1]:
            if entry.state is State.STARTING and entry.run is None:
                # Nobody is starting it now: a driver before this one was killed, or a full disk kept this one from saying so.
                self._put(replace(entry, state=State.WAITING, lane=None), over=entry)
                found.append(entry)
                continue
            if needs_supervisor(entry) and self._supervise(entry):
                found.append(entry)
                continue
            now = judged(entry, driven=True)
            # Where the disk is full, the entry stays as it is written; the next look comes to the same judgement.
            if now != entry and self._put(now, over=entry) and now.state.is_over:
                self._try_to(lambda entry=entry: self._queue.end_of(entry.id))
            found.append(now)
        return self._queue.load()[0], found

    def _supervise(self, entry: Entry) -> bool:
        """Starts a supervisor for a run that was prepared and has none; not again while one may be on its way.

        Returns:
            False where none comes: then the run is judged as it is.
        """
        assert entry.run is not None
        now = time.monotonic()
        tries, since = self._supervised.get(entry.run, (0, -self._again))
        if now - since < self._again:
            return True
        if tries >= TRIES:
            return False
        self._supervised[entry.run] = (tries + 1, now)
        try:
            start_supervisor(RunFolder(entry.run))
        except CaddieError as error:
            self._say(error.text)
        return True

    # --- starting ----------------------------------------------------------------------------------------------

    def _start_due(self, control: Control, entries: list[Entry]) -> None:
        if control.paused or self._terminated or time.monotonic() < self._not_before:
            return
        if not any(entry.state is State.WAITING for entry in entries):
            return
        # Another queue (that of a race) must not start something between this one's look and its start.
        with locked_if_free(self._start_lock) as mine:
            if not mine:
                return
            busy = self._busy(entries, control)
            for entry, lane in due(entries, self._lanes_of(control), busy):
                if self._terminated or not self._start(entry, lane):
                    return

    def _lanes_of(self, control: Control) -> tuple[str, ...]:
        if control.lanes is not None:
            return control.lanes
        if self._lanes is None:
            self._lanes = find_lanes()
        return self._lanes

    def _busy(self, entries: list[Entry], control: Control) -> set[str]:
        known = {folder for entry in entries for folder in (entry.run, *entry.former) if folder is not None}
        found = self._outside.look(known, self._lanes_of(control))
        self._tell(replace(self._note, waits_for=tuple(sorted(found.values()))))
        return set(found)

    def _start(self, entry: Entry, lane: str) -> bool:
        """Starts one; returns whether the next may be started as well."""
        claimed = replace(entry, state=State.STARTING, run=None, lane=lane, problem=None)
        try:
            if not self._queue.put(claimed, over=entry):
                return True  # held, edited or removed meanwhile
        except OSError as error:
            self._disk(error)
            return False
        try:
            run = self._starter.start(claimed, lane)
        except Withdrawn:
            return True
        except CaddieError as error:
            return self._not_started(claimed, error)
        except OSError as error:
            return self._not_started(claimed, _from(error))
        except Exception as error:  # noqa: BLE001 - a fault that one job brings out must not keep the others from training
            traceback.print_exc()
            return self._not_started(claimed, CaddieError(same(f"{type(error).__name__}: {error}")))
        self._supervised[run.path] = (1, time.monotonic())
        self._tell(replace(self._note, trouble=None))
        return True

    def _not_started(self, claimed: Entry, error: CaddieError) -> bool:
        present = next((entry for entry in self._queue.load()[1] if entry.id == claimed.id), claimed)
        if isinstance(error.__cause__, OSError):
            # Not this job's fault, and the next one would fare no better: it waits until the disk has room.
            self._disk(error.__cause__)
            self._put(replace(claimed, state=State.WAITING, lane=None), over=present)
            return False
        failed = replace(claimed, state=State.FAILED, lane=None, problem=error.text, ended_at=time.time())
        if self._put(failed, over=present):
            self._try_to(lambda: self._queue.end_of(claimed.id))
        return True

    # --- going -------------------------------------------------------------------------------------------------

    def _may_go(self) -> bool:
        """Whether nothing is left to do. Said under the queue's lock: whoever adds something then sees that nobody is there."""
        try:
            with self._queue.alone():
                control, entries = self._queue.load()
                if any(entry.state.is_under_way for entry in entries):
                    return False
                if not control.paused and any(entry.state is State.WAITING for entry in entries):
                    return False
                self._queue.note(None)
                return True
        except OSError as error:
            self._disk(error)
            return False

    # --- words -------------------------------------------------------------------------------------------------

    def _disk(self, error: OSError) -> None:
        self._not_before = time.monotonic() + self._again
        reason = error.strerror or str(error)
        text = Text(
            f"The queue cannot write its files ({reason}). It tries again every {self._again:.0f} seconds.",
            f"キューのファイルに書き込めません ({reason})。{self._again:.0f} 秒ごとに再試行します。",
        )
        self._say(text)
        self._tell(replace(self._note, trouble=text))

    def _put(self, entry: Entry, *, over: Entry) -> bool:
        """Writes an entry where it still is `over` and the disk allows it; returns whether it did."""
        try:
            return self._queue.put(entry, over=over)
        except OSError as error:
            self._disk(error)
            return False

    def _try_to(self, action: Callable[[], object]) -> None:
        try:
            action()
        except OSError as error:
            self._disk(error)

    def _tell(self, note: DriverNote, *, always: bool = False) -> None:
        if note != self._note or always:
            self._note = note
            with contextlib.suppress(OSError):  # only words; the same disk may be the trouble
                self._queue.note(note)

    def _say(self, text: Text) -> None:
        with contextlib.suppress(OSError):
            sys.stderr.write(f"{text.en}\n")


def _from(cause: OSError) -> CaddieError:
    error = CaddieError(same(cause.strerror or str(cause)))
    error.__cause__ = cause
    return error


def _drive(folder: str) -> None:
    look = float(os.environ.get("CADDIE_QUEUE_LOOK") or LOOK)
    Driver(Queue(Path(folder)), look=look).run()


def main(arguments: list[str]) -> int:
    """Detaches and drives. Returns an exit code: 2 for wrong usage."""
    return main_of("core.queue.driver", arguments, _drive)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
