"""How a run ended, in a sentence. Never "complete" by default."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from core.text import Text


class Ending(str, Enum):
    """The honest ends of a run, and the two states before."""

    STARTING = "starting"
    RUNNING = "running"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"
    LOST = "lost"  # the process is gone and nobody saw how it ended

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen."""
        return self not in (Ending.STARTING, Ending.RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The end of a run.

    Attributes:
        ending: one of the four ends.
        sentence: what happened, for a person.
        explanation: what a known error means; None where none is known.
        advice: what to do about it; None where nothing is known.
        exit_code: of the launched process; negative for a signal; None where nobody saw it.
        error: the line of the log that matters, raw; "" where there is none.
        tail: the last lines of the log.
        steps: optimizer steps done.
        total_steps: steps asked for, None where unknown.
        files: weights that were written, as paths.
        started_at, ended_at: seconds since the epoch.
    """

    ending: Ending
    sentence: Text
    explanation: Text | None = None
    advice: Text | None = None
    exit_code: int | None = None
    error: str = ""
    tail: tuple[str, ...] = ()
    steps: int = 0
    total_steps: int | None = None
    files: tuple[str, ...] = ()
    started_at: float | None = None
    ended_at: float | None = None
