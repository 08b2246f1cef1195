"""Reads a running or finished run as it grows. Nothing is read twice; nothing blocks; cheap enough for ten times a second."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass, field
from pathlib import Path

from core.runs.console import Console, Progress
from core.runs.event_lines import decode_event
from core.runs.events import Event, Sample, Started, Step, Warned
from core.runs.folder import RunFolder
from core.runs.log_errors import hide_secrets_in
from core.runs.outcome import Ending, Outcome
from core.runs.samples import SampleFolder

_LOG_CHUNK = 1 << 20
_EVENTS_CHUNK = 2 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """What is new since the last poll.

    Attributes:
        events: in the order they happened.
        log: new text of the log, whole lines, without progress bars and control characters.
        progress: where the training stands, None before it is known. Not only when it is new.
        ending: of the run; over only when everything it left has been read.
        outcome: how it ended, None before.
        behind: there is more to read right now; poll again soon.
    """

    events: list[Event] = field(default_factory=list[Event])
    log: str = ""
    progress: Progress | None = None
    ending: Ending = Ending.STARTING
    outcome: Outcome | None = None
    behind: bool = False


class Tail:
    """The bytes that were added to a file since the last look. A file that shrank is read again from its start."""

    def __init__(self, path: Path, start: int = 0) -> None:
        self.path = path
        self.offset = start

    def read(self, limit: int) -> tuple[bytes, bool]:
        """Returns up to `limit` new bytes, and whether there are more. No file, no bytes."""
        try:
            with open(self.path, "rb") as stream:
                size = stream.seek(0, 2)
                if size < self.offset:
                    self.offset = 0
                stream.seek(self.offset)
                data = stream.read(limit)
        except (FileNotFoundError, PermissionError):
            return b"", False
        self.offset += len(data)
        return data, self.offset < size


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """What is known already of a run's events, so that they need not be read again.

    Attributes:
        offset: bytes of the event file that are known; whole lines.
        step, time, seconds: of the last step, 0 where there was none.
        total: steps asked for, where the events told.
        pictures: samples that were told.
        companion_failed: the companion said that it is the last time it says something.
    """

    offset: int
    step: int = 0
    time: float = 0.0
    seconds: float | None = None
    total: int | None = None
    pictures: frozenset[str] = frozenset()
    companion_failed: bool = False


class Follower:
    """Follows one run.

    Args:
        run: the run.
        log_tail: start this many bytes before the end of a log that is already there; None for all of it. What is left
            out is never parsed, so a run without the companion is always read whole.
        resumed: where somebody else has read the events up to; of a run with the companion.
    """

    def __init__(self, run: RunFolder, *, log_tail: int | None = None, resumed: Resumed | None = None) -> None:
        self.run = run
        command = run.command
        self._with_companion = command.companion
        self._total = command.total_steps
        self._console = Console(started_at=run.created_at)
        self._log = Tail(run.log_file, self._log_start(log_tail))
        self._events = Tail(run.events_file)
        self._torn = b""
        self._step: Step | None = None
        self._tensorboard = None
        self._told: set[str] = set()  # sample pictures
        self._stepped: list[tuple[float, int]] = []  # when; for pictures whose names tell the epoch
        self._samples = None if command.companion else SampleFolder(run)
        if not command.companion:
            from core.runs.fallback import FallbackMetrics

            self._tensorboard = FallbackMetrics(run)
        elif resumed is not None:
            self._go_on_from(resumed)

    def _go_on_from(self, known: Resumed) -> None:
        self._events.offset = known.offset
        if known.step:
            self._step = Step(time=known.time, step=known.step, seconds=known.seconds)
        self._total = known.total if known.total is not None else self._total
        self._told |= known.pictures
        if known.companion_failed:
            self._samples = SampleFolder(self.run, self._told)

    @property
    def consumed(self) -> int:
        """Bytes of the event file whose events have been told; whole lines."""
        return self._events.offset - len(self._torn)

    def _log_start(self, log_tail: int | None) -> int:
        if log_tail is None or not self._with_companion:
            return 0
        try:
            return max(0, self.run.log_file.stat().st_size - log_tail)
        except OSError:
            return 0

    def poll(self) -> Update:
        """Returns what is new. Safe to call after the end: then nothing is new."""
        outcome = self._outcome()  # looked at first: what was written before the end is then all there to read
        ending = self.run.under_way() if outcome is None else outcome.ending
        log_bytes, more_log = self._log.read(_LOG_CHUNK)
        text = self._console.feed(log_bytes)
        events, more_events = self._new_events()
        behind = more_log or more_events
        if outcome is not None and not behind:
            text += self._console.finish()
        if self._tensorboard is not None:
            events += self._tensorboard.poll(self._console.take_steps(), last=outcome is not None and not behind)
        for event in events:
            self._note(event)
        if self._samples is not None:
            events += self._samples.poll(self._step_at, last=outcome is not None and not behind)
        if outcome is not None and behind:
            ending, outcome = Ending.RUNNING, None
        # What the window shows, people put into screenshots and forum posts; the file on the disk keeps every word.
        text = hide_secrets_in(text)
        return Update(events=events, log=text, progress=self._progress(), ending=ending, outcome=outcome, behind=behind)

    def _outcome(self) -> Outcome | None:
        return self.run.outcome()

    def _new_events(self) -> tuple[list[Event], bool]:
        data, more = self._events.read(_EVENTS_CHUNK)
        lines = (self._torn + data).split(b"\n")
        self._torn = lines.pop()
        found = (decode_event(line) for line in lines if line.strip())
        return [event for event in found if event is not None], more

    def _note(self, event: Event) -> None:
        if isinstance(event, Step):
            self._step = event
            if self._samples is not None:
                self._stepped.append((event.time, event.step))
        elif isinstance(event, Started) and event.total_steps is not None:
            self._total = event.total_steps
        elif isinstance(event, Sample):
            self._told.add(event.path)
        elif isinstance(event, Warned) and event.key == "companion-failed":
            self._samples = SampleFolder(self.run, self._told)  # from here on nobody else tells of them

    def _step_at(self, time: float) -> int:
        """The step that was the latest one then, 0 where nobody knows."""
        before = bisect_right(self._stepped, (time, math.inf)) - 1
        return self._stepped[before][1] if before >= 0 else 0

    def _progress(self) -> Progress | None:
        """The bar's own word, else the last step's: the bar knows the total, the events know the step first."""
        bar = self._console.progress
        step = self._step
        if bar is not None and (step is None or bar.step >= step.step):
            return bar
        if step is None:
            return None
        total = self._total if self._total is not None or bar is None else bar.total
        seconds = bar.seconds_per_step if bar is not None else step.seconds
        left = None if total is None or seconds is None else max(0, total - step.step) * seconds
        return Progress(step=step.step, total=total, seconds_per_step=seconds, eta=left)
