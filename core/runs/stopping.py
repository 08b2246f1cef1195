"""Ends a run: asks first, then interrupts, then terminates, then kills; always the whole tree, and nothing stays."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import Enum

import psutil

from core.runs.folder import RunFolder
from core.runs.processes import end, interrupt, members
from core.runs.records import ProcessRecord, StopTimes

_KILL_TRIES = 20
_PAUSE = 0.25


class Stage(Enum):
    """How far a stop has gone."""

    ASK = "ask"
    INTERRUPT = "interrupt"
    TERMINATE = "terminate"
    KILL = "kill"


class Stopper:
    """Brings a run to its end, one `push` at a time, so that its caller can go on watching in between.

    Args:
        run: the run.
        times: how long each stage is given.
        with_companion: somebody in the process can be asked.
        urgent: leaves the asking out.
        saves: the training is to save before it ends.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        run: RunFolder,
        times: StopTimes,
        *,
        with_companion: bool,
        urgent: bool,
        saves: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._run = run
        self._times = times
        self._clock = clock
        self._until = 0.0
        self.stage = Stage.ASK
        if urgent:
            self._enter(Stage.TERMINATE)
        elif with_companion:
            self._until = clock() + (times.save if saves else times.ask)
        else:
            self._enter(Stage.INTERRUPT)

    def hurry(self) -> None:
        """Leaves the asking out from now on."""
        if self.stage in (Stage.ASK, Stage.INTERRUPT):
            self._enter(Stage.TERMINATE)

    def push(self) -> None:
        """Goes on to the next stage where the time of this one is up."""
        if self._clock() < self._until:
            return
        following = {Stage.ASK: Stage.INTERRUPT, Stage.INTERRUPT: Stage.TERMINATE, Stage.TERMINATE: Stage.KILL}
        self._enter(following.get(self.stage, Stage.KILL))

    def _enter(self, stage: Stage) -> None:
        self.stage = stage
        record = self._run.processes()
        if stage is Stage.INTERRUPT:
            interrupt(alive(self._run, record), None if record.child is None else record.child.pid)
            self._until = self._clock() + self._times.interrupt
        elif stage is Stage.TERMINATE:
            end(alive(self._run, record), kill=False)
            self._until = self._clock() + self._times.terminate
        elif stage is Stage.KILL:
            end(alive(self._run, record), kill=True)
            self._until = self._clock() + _PAUSE


def alive(run: RunFolder, record: ProcessRecord | None = None) -> list[psutil.Process]:
    """Every living process of a run, its supervisor not counted."""
    record = run.processes() if record is None else record
    supervisor = None if record.supervisor is None else record.supervisor.pid
    session = None if record.child is None else record.child.pid
    return [process for process in members(run.path, record.roots, session) if process.pid != supervisor]


def end_leftovers(run: RunFolder, times: StopTimes) -> int:
    """Ends what still runs after a run is over; returns how many could not be ended (0 in any sane system)."""
    left = alive(run)
    if not left:
        return 0
    end(left, kill=False)
    psutil.wait_procs(left, timeout=times.terminate)
    for _ in range(_KILL_TRIES):
        left = alive(run)
        if not left:
            return 0
        end(left, kill=True)
        psutil.wait_procs(left, timeout=_PAUSE)
    return len(left)
