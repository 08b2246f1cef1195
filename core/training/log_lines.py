"""What a person finds in a training's log: its landmarks, one line each. Steps are told by the plots."""

from __future__ import annotations

import time
from typing import TextIO

from core.runs.events import Event, Finished, Sample, Saved, Started, Validated, Warned


class LogLines:
    """Takes events and writes the landmarks.

    Args:
        stream: the log, in UTF-8.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __call__(self, event: Event) -> None:
        """Writes an event's line, where it has one.

        Raises:
            OSError: it cannot be written.
        """
        words = _words(event)
        if words:
            self._stream.write(f"{time.strftime('%H:%M:%S', time.localtime(event.time))} {words}\n")
            self._stream.flush()


def _words(event: Event) -> str:
    if isinstance(event, Started):
        return f"training with {event.optimizer}, {event.total_steps} steps"
    if isinstance(event, Saved):
        return f"step {event.step}: saved {event.path}"
    if isinstance(event, Sample):
        return f"step {event.step}: sample {event.path}"
    if isinstance(event, Validated):
        return f"step {event.step}: validation loss {event.loss:.6g}"
    if isinstance(event, Warned):
        return f"step {event.step}: {event.key} {event.detail}".rstrip()
    return f"step {event.step}: {event.how}" if isinstance(event, Finished) else ""
