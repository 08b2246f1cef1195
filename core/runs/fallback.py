"""Metrics of a run without the companion: TensorBoard's event files where there are any, else the console's bars."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from core.runs.events import Event, Started, Step, Validated
from core.runs.folder import RunFolder
from core.runs.tensorboard_reader import EventFiles, Merger


class FallbackMetrics:
    """Makes the events that the companion would have written, as far as the outside can see.

    The console knows only a rounded running average. It is used until the first event file appears, and for good where
    none does; what it said is then not said again with other numbers.
    """

    def __init__(self, run: RunFolder) -> None:
        command = run.command
        self._run = run
        self._files = None if command.logging_dir is None else EventFiles(Path(command.logging_dir), run.created_at, self._pids)
        self._merger = Merger()
        self._source: Literal["", "tensorboard", "console"] = ""
        self._averages: dict[int, float] = {}
        self._waiting: list[Step] = []
        self._last = 0

    def _pids(self) -> set[int]:
        record = self._run.processes()
        return {process.pid for process in record.roots}

    def poll(self, console_steps: list[Step], *, last: bool) -> list[Event]:
        """New events.

        Args:
            console_steps: what the bars said since the last call.
            last: the run is over and the whole log has been read.
        """
        steps = self._from_files(last=last)
        self._waiting += console_steps
        if not steps and self._source == "tensorboard":
            self._waiting.clear()
        if steps:
            self._waiting.clear()
            return self._give("tensorboard", steps)
        if self._files is not None and not last and self._source == "":
            return []  # the file is flushed after every step, but comes a moment later than the bar
        waiting, self._waiting = self._waiting, []
        return self._give("console", waiting) if self._source != "tensorboard" else []

    def _from_files(self, *, last: bool) -> list[Step | Validated]:
        if self._files is None:
            return []
        self._merger.add(self._files.read())
        return self._merger.take(last=last)

    def _give(self, source: Literal["tensorboard", "console"], told: Sequence[Step | Validated]) -> list[Event]:
        new = [event for event in told if isinstance(event, Validated) or event.step > self._last]
        if not new:
            return []
        self._last = max([self._last, *(event.step for event in new if isinstance(event, Step))])
        events: list[Event] = []
        if self._source != source:
            self._source = source
            events.append(Started(time=new[0].time, source=source))
        return [*events, *new]
