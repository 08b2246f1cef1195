"""How far a stop has gone, told by the clock: the supervisor keeps the same times."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import Enum


class StopStage(str, Enum):
    """What is being done to end a run."""

    NONE = "none"
    SAVING = "saving"  # the script saves after its step, then ends itself
    ASKING = "asking"  # the script ends itself after its step
    INTERRUPTING = "interrupting"  # Ctrl-C
    TERMINATING = "terminating"
    KILLING = "killing"


@dataclass(slots=True)
class StopRequest:
    """A stop that was asked for, here or elsewhere.

    Attributes:
        asked: when, seconds since the epoch; None where nobody has.
        urgent: the asking is left out.
        saves: a save is to come first.
    """

    asked: float | None = None
    urgent: bool = False
    saves: bool = False

    def ask(self, *, now: bool, save: bool) -> None:
        """Somebody asks now."""
        self.asked = time.time()
        self.urgent = self.urgent or now
        self.saves = save

    def stage(self, *, hosted: bool, companion: bool) -> StopStage:
        """How far it has gone.

        Args:
            hosted: the window itself trains it: it cannot be ended but by itself, and may take its time.
            companion: somebody in the process can be asked.
        """
        if self.asked is None:
            return StopStage.NONE
        if hosted:
            return StopStage.SAVING if self.saves else StopStage.ASKING
        return stage_after(time.time() - self.asked, urgent=self.urgent, companion=companion, saves=self.saves)


def stage_after(seconds: float, *, urgent: bool, companion: bool, saves: bool = False) -> StopStage:
    """The stage of a stop that was asked for so many seconds ago.

    Args:
        seconds: since the request.
        urgent: the asking is left out.
        companion: somebody in the process can be asked.
        saves: a save is to come first.
    """
    from core.runs.records import StopTimes

    times = StopTimes()
    left = seconds
    stages = [(StopStage.TERMINATING, times.terminate)]
    if not urgent:
        stages.insert(0, (StopStage.INTERRUPTING, times.interrupt))
        if companion:
            stages.insert(0, (StopStage.SAVING, times.save) if saves else (StopStage.ASKING, times.ask))
    for stage, duration in stages:
        if left < duration:
            return stage
        left -= duration
    return StopStage.KILLING
