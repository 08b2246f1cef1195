"""Lets a queue go on: a driver of its own, which needs no window."""

from __future__ import annotations

from core.detached import start_detached
from core.errors import CaddieError
from core.queue.store import Queue
from core.text import Text


def start_queue(queue: Queue) -> None:
    """Ends a pause and sees to it that a driver is there. Returns when it is on its own; harmless where one works already.

    Raises:
        CaddieError: the files cannot be written, or the driver cannot be started.
    """
    try:
        queue.go_on()
        start_detached("core.queue.driver", str(queue.folder), queue.driver_log)
    except OSError as error:
        reason = error.strerror or str(error)
        raise CaddieError(Text(f"The queue cannot be started: {reason}", f"キューを開始できません: {reason}")) from error
