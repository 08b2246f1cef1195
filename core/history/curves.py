"""The curves of a finished or running run, read whole."""

from __future__ import annotations

from core.metrics.run_metrics import RunMetrics
from core.runs.folder import RunFolder
from core.runs.follow import Follower


def read_metrics(run: RunFolder) -> RunMetrics:
    """All that is told of a run so far, from whichever source it has.

    Raises:
        CaddieError: its command.json is damaged.
        OSError: a file cannot be read.
    """
    metrics, follower = RunMetrics(), Follower(run, log_tail=0)
    while True:
        update = follower.poll()
        metrics.feed(update.events)
        if not update.behind:
            return metrics
