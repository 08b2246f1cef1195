"""What a queue is made of: entries with a state, and how the whole goes on. Immutable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Final

from core.environment.model import Environment
from core.text import Text


class State(str, Enum):
    """Where an entry stands."""

    WAITING = "waiting"
    HELD = "held"  # passed over until it is released
    STARTING = "starting"
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"

    @property
    def is_idle(self) -> bool:
        """Waiting or held: it can still be edited, moved before others, taken away."""
        return self in (State.WAITING, State.HELD)

    @property
    def is_under_way(self) -> bool:
        """Whether a training of it may live."""
        return self in (State.STARTING, State.RUNNING)

    @property
    def is_over(self) -> bool:
        """Whether nothing more happens by itself."""
        return self in (State.DONE, State.STOPPED, State.FAILED)


STATE_WORDS: Final[Mapping[State, Text]] = MappingProxyType(
    {
        State.WAITING: Text("waiting", "待機中"),
        State.HELD: Text("held", "保留"),
        State.STARTING: Text("starting", "起動中"),
        State.RUNNING: Text("training", "学習中"),
        State.DONE: Text("finished", "完了"),
        State.STOPPED: Text("stopped", "停止"),
        State.FAILED: Text("failed", "失敗"),
    }
)

ALL_LANES = "*"
"""The lane of an entry that trains on all GPUs at once."""

NO_LANE = ""
"""The only lane where nothing has to be chosen: no GPU, or one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One job in a queue.

    Attributes:
        id: name of its folder.
        name: what a person calls it.
        optimizer: `--optimizer_type`, or sd-scripts' default.
        engine: what trains it.
        steps: optimizer steps asked for, None where the script works it out.
        state: as written; `core.queue.judge.judged` says what has become of one that was started.
        environment: where it trains, as it was when the job was added; None for the built-in trainer.
        base: folder from which relative paths of a job for the built-in trainer start.
        preflight: whether its optimizer is tried before the start.
        alone: it trains on several GPUs itself.
        run: folder of its run; None before the start.
        lane: `CUDA_VISIBLE_DEVICES` of its run, `NO_LANE` or `ALL_LANES`; None before the start.
        tries: starts that never came to a training, one after the other.
        former: folders of earlier runs, before a retry.
        problem: why it could not be started, or how it failed.
        damaged: its file cannot be read; `problem` says why. It is never started.
        added_at, ended_at: seconds since the epoch.
    """

    id: str
    name: str
    optimizer: str = ""
    engine: str = "sd-scripts"
    steps: int | None = None
    state: State = State.WAITING
    environment: Environment | None = None
    base: Path | None = None
    preflight: bool = True
    alone: bool = False
    run: Path | None = None
    lane: str | None = None
    tries: int = 0
    former: tuple[Path, ...] = ()
    problem: Text | None = None
    damaged: bool = False
    added_at: float = 0.0
    ended_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """How the queue goes on.

    Attributes:
        order: ids of the entries, the next one first.
        paused: nothing more is started; what trains goes on.
        stop_after: id of the entry after whose end the queue is paused, or None.
        lanes: values for `CUDA_VISIBLE_DEVICES`, one a lane; None finds the GPUs.
        problem: what was wrong with the file.
    """

    order: tuple[str, ...] = ()
    paused: bool = False
    stop_after: str | None = None
    lanes: tuple[str, ...] | None = None
    problem: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A queue at one moment.

    Attributes:
        entries: in order, their states judged from their runs.
        control: how it goes on.
        driven: whether somebody is there who starts what waits.
        waits_for: names of trainings outside the queue that it waits for.
        trouble: what keeps the driver from going on (a full disk), or None.
    """

    entries: tuple[Entry, ...] = ()
    control: Control = Control()
    driven: bool = False
    waits_for: tuple[str, ...] = ()
    trouble: Text | None = None

    @property
    def waiting(self) -> tuple[Entry, ...]:
        """What would be started."""
        return tuple(entry for entry in self.entries if entry.state is State.WAITING)

    @property
    def under_way(self) -> tuple[Entry, ...]:
        """What trains."""
        return tuple(entry for entry in self.entries if entry.state.is_under_way)

    def find(self, entry_id: str) -> Entry | None:
        """The entry of that id."""
        return next((entry for entry in self.entries if entry.id == entry_id), None)
