"""The curves of a finished or running run, read whole."""

from __future__ import annotations

from collections.abc import Callable

from core.metrics.run_metrics import RunMetrics
from core.runs.folder import RunFolder
from core.runs.follow import Follower


def read_metrics(run: RunFolder, *, check: Callable[[], None] | None = None) -> RunMetrics:
    """All that is told of a run so far, from whichever source it has.

    Args:
        run: the run.
        check: called between two parts of a long file; what it raises ends the reading.

    Raises:
        CaddieError: its command.json is damaged.
        OSError: a file cannot be read.
    """
    metrics, follower = RunMetrics(), Follower(run, log_tail=0)
    while True:
        if check is not None:
            check()
        update = follower.poll()
        metrics.feed(update.events)
        if not update.behind:
            return metrics
