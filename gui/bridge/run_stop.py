"""How far a stop has gone, told by the clock: the supervisor keeps the same times."""

from __future__ import annotations

from enum import Enum


class StopStage(str, Enum):
    """What is being done to end a run."""

    NONE = "none"
    ASKING = "asking"  # the script ends itself after its step
    INTERRUPTING = "interrupting"  # Ctrl-C
    TERMINATING = "terminating"
    KILLING = "killing"


def stage_after(seconds: float, *, urgent: bool, companion: bool) -> StopStage:
    """The stage of a stop that was asked for so many seconds ago.

    Args:
        seconds: since the request.
        urgent: the asking is left out.
        companion: somebody in the process can be asked.
    """
    from core.runs.records import StopTimes

    times = StopTimes()
    left = seconds
    stages = [(StopStage.TERMINATING, times.terminate)]
    if not urgent:
        stages.insert(0, (StopStage.INTERRUPTING, times.interrupt))
        if companion:
            stages.insert(0, (StopStage.ASKING, times.ask))
    for stage, duration in stages:
        if left < duration:
            return stage
        left -= duration
    return StopStage.KILLING
