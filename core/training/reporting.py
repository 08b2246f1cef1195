"""Telling the world what happens in a training: typed events, to a function or to the run folder's file."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from core.runs.event_lines import encode_event
from core.runs.events import Event, Finished, Sample, Saved, Started, Warned, Wished

_logger = logging.getLogger(__name__)

Report: TypeAlias = Callable[[Event], None]


class EventFile:
    """Appends events to a file, one line each, at once on the disk's side of Python.

    Args:
        path: events.jsonl of a run folder.
    """

    def __init__(self, path: Path) -> None:
        self._stream = open(path, "a", encoding="utf-8", newline="\n")  # noqa: SIM115 -- closed by close()

    def __call__(self, event: Event) -> None:
        self._stream.write(encode_event(event) + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Closes the file."""
        self._stream.close()


class Reporter:
    """Makes events and hands them on.

    Args:
        report: what they are handed to.
    """

    def __init__(self, report: Report) -> None:
        self._listeners = [report]
        self._failed: list[Report] = []
        self.step = 0
        self.sampled_last = ""

    def listen(self, report: Report) -> None:
        """Hands everything to somebody else, too."""
        self._listeners.append(report)

    def _report(self, event: Event) -> None:
        for listener in self._listeners:
            try:
                listener(event)
            except OSError as error:  # a full disk for the log must not end the training
                if listener not in self._failed:
                    self._failed.append(listener)
                    _logger.warning("Events are lost: %s", error)

    def send(self, event: Event) -> None:
        """Hands an event on as it is."""
        self._report(event)

    def started(self, optimizer: object, steps: int, hands_loss: bool, *, samples: bool = False) -> None:
        kind = type(optimizer)
        name = f"{kind.__module__}.{kind.__qualname__}"
        now, hears = time.time(), ("save", "sample", "pause") if samples else ("save", "pause")
        self._report(
            Started(time=now, optimizer=name, total_steps=steps, source="builtin", hands_loss=hands_loss or None, hears=hears)
        )

    def wished(self, wish: str, stage: str, path: str = "", detail: str = "") -> None:
        self._report(Wished(time=time.time(), step=self.step, wish=wish, stage=stage, path=path, detail=detail[:500]))

    def saved(self, path: Path, kind: str = "weights") -> None:
        self._report(Saved(time=time.time(), step=self.step, path=str(path), kind=kind))

    def sampled(self, path: Path) -> None:
        self.sampled_last = str(path)
        self._report(Sample(time=time.time(), step=self.step, path=str(path)))

    def warned(self, key: str, detail: str = "") -> None:
        self._report(Warned(time=time.time(), step=self.step, key=key, detail=detail))

    def finished(self, how: str, error: str = "") -> None:
        self._report(Finished(time=time.time(), step=self.step, how=how, error=error[:2000]))
