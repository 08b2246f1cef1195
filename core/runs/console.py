"""Understands what a training prints: bytes in, clean lines and progress out.

sd-scripts writes its bars to stderr with carriage returns, its log records right behind a bar without a separator, and
its prints to stdout; all of it lies in one file here. Memory is bounded: a line that never ends is cut.

Source of the formats: tqdm 4.67 `std.tqdm.format_meter`, and raw output of sd-scripts 0.10.1.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from core.runs.events import Step

_LINE_LIMIT = 1 << 16
_STEPS_LIMIT = 100_000

_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\-_]")
_BAR = re.compile(
    r"(?P<desc>[^\r\n|]{0,120}?)(?::\s*|(?<![^\s]))?(?P<percent>\d{1,3})%\|[^|\r\n]*\|\s*"
    r"(?P<n>[\d.]+[kMG]?)/(?P<total>[\d.]+[kMG]?)\s\[(?P<inside>[^\]\r\n]*)\]"
)
_STEPS = re.compile(
    r"steps:\s+(?:\d{1,3}%\|[^|\r\n]*\|\s*)?(?P<n>\d{1,15})(?:/(?P<total>\d{1,15}))?(?:it)?\s"
    r"\[(?P<elapsed>[\d:]{1,20})(?:<(?P<left>[\d:?]{1,20}))?,\s*(?P<rate>\d{1,15}(?:\.\d{0,15})?|\?)\s?(?P<unit>s/it|it/s)"
    r"(?P<postfix>[^\]\r\n]*)\]",
    re.ASCII,  # a digit of another script is none that int() and float() have to meet here
)
_SOURCE = re.compile(r"\S+\.py:\d+")  # rich puts it at the far right of a wide console
_LOSS = re.compile(
    r"\b(?:avr_loss|avg_loss|loss)=([-+]?(?:nan|inf|(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?))", re.IGNORECASE | re.ASCII
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a training stands.

    Attributes:
        step: optimizer steps done.
        total: steps asked for, None where unknown.
        seconds_per_step: None where unknown.
        eta: seconds left, None where unknown.
        elapsed: seconds since the first step began, None where unknown.
    """

    step: int
    total: int | None = None
    seconds_per_step: float | None = None
    eta: float | None = None
    elapsed: float | None = None

    @property
    def rate(self) -> float | None:
        """Steps a second; None where unknown."""
        return 1 / self.seconds_per_step if self.seconds_per_step else None


class Console:
    """An incremental reader of one log.

    Attributes:
        progress: from the newest `steps:` bar, None before the first.

    Args:
        started_at: seconds since the epoch, to date the steps that the bars tell of.
    """

    def __init__(self, *, started_at: float = 0.0) -> None:
        self.progress: Progress | None = None
        self._started_at = started_at
        self._decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode
        self._line = ""
        self._held = ""  # carriage returns at the very end: the next chunk tells whether a newline follows
        self._average: tuple[int, float, float] | None = None
        self._steps: list[Step] = []

    def feed(self, data: bytes) -> str:
        """Takes the next bytes of the log; returns the lines that are complete now, bars left out."""
        return self._take(self._decode(data))

    def finish(self) -> str:
        """No more will come: returns what is left, and closes the last step."""
        text = self._take(self._decode(b"", final=True))
        self._held = ""
        if self._line:
            text += self._complete(self._line)
            self._line = ""
        self._close_average()
        return text

    def take_steps(self) -> list[Step]:
        """Steps that the bars told of since the last call: the running average of the loss, nothing else."""
        steps, self._steps = self._steps, []
        return steps

    def _take(self, text: str) -> str:
        whole = self._held + text
        text = whole.rstrip("\r")
        self._held = whole[len(text) :]
        if not text:
            return ""
        pieces = (self._line + re.sub(r"\r+\n", "\n", text)).split("\n")
        self._line = pieces.pop()
        lines = [self._complete(piece) for piece in pieces]
        if "\r" in self._line:
            lines.append(self._overwritten())
        self._look(self._line)
        if len(self._line) > _LINE_LIMIT:
            lines.append(self._complete(self._line))
            self._line = ""
        return "".join(lines)

    def _overwritten(self) -> str:
        """Takes all but the last segment of the open line: the terminal would have drawn over them."""
        *over, self._line = self._line.split("\r")
        said: list[str] = []
        for segment in over:
            rest = self._without_bar(segment)
            if rest is not None and rest.strip():
                said.append(rest.rstrip() + "\n")  # a log record behind a bar, not a redrawn line
        return "".join(said)

    def _complete(self, line: str) -> str:
        """The text of a finished line: what stays on a terminal, and what follows a bar."""
        if "\r" not in line and not _may_be_bar(line):
            return f"{_without_source(_clean(line).rstrip())}\n"
        segments = line.split("\r")
        said: list[str] = []
        for segment in segments[:-1]:
            rest = self._without_bar(segment)
            if rest is not None and rest.strip():
                said.append(rest.rstrip())
        last = segments[-1]
        rest = self._without_bar(last)
        if rest is None:
            said.append(_without_source(_clean(last).rstrip()))
        elif rest.strip():
            said.append(_without_source(rest.rstrip()))
        elif not self._is_steps(last):
            said.append(_clean(last).strip())  # another bar, finished: its last state is worth a line
        return "".join(f"{text}\n" for text in said)

    def _without_bar(self, segment: str) -> str | None:
        """What follows the bar(s) at the start of a segment; None where it does not start with one."""
        if not _may_be_bar(segment):
            return None
        text = _clean(segment)
        found = False
        while (match := _STEPS.match(text) or _BAR.match(text)) is not None:
            found = True
            self._look(text)
            text = text[match.end() :]
        return text if found else None

    @staticmethod
    def _is_steps(segment: str) -> bool:
        return _STEPS.match(_clean(segment)) is not None

    def _look(self, segment: str) -> None:
        """Reads the `steps:` bar at the start of a segment. Anchored: "validation steps:" is another bar."""
        match = _STEPS.match(_clean(segment))
        if match is None:
            return
        step = int(match["n"])
        rate = None if "?" in match["rate"] else float(match["rate"])
        seconds = None if not rate else rate if match["unit"] == "s/it" else 1 / rate
        elapsed = _seconds(match["elapsed"])
        self.progress = Progress(
            step=step,
            total=int(match["total"]) if match["total"] else None,
            seconds_per_step=seconds,
            eta=None if not match["left"] or "?" in match["left"] else _seconds(match["left"]),
            elapsed=elapsed,
        )
        loss = _LOSS.search(match["postfix"])
        if self._average is not None and step > self._average[0]:
            self._close_average()
        if loss is not None and step > 0:
            # The first redraw of a step still shows the loss of the one before; the last one counts.
            self._average = (step, float(loss[1]), elapsed or 0.0)

    def _close_average(self) -> None:
        if self._average is None:
            return
        step, loss, elapsed = self._average
        self._average = None
        if len(self._steps) < _STEPS_LIMIT:
            self._steps.append(Step(time=self._started_at + elapsed, step=step, average_loss=loss))


def _may_be_bar(text: str) -> bool:
    """A quick look: most lines of most logs hold no bar."""
    return "%|" in text or "steps:" in text


def _without_source(text: str) -> str:
    """A log record with the source line close behind it, not at the far right of a wide console."""
    if ".py:" not in text:
        return text
    # Cut by hand: an expression that looks for the blanks takes a minute for a line of 64,000 of them.
    said, _, source = text.rpartition(" ")
    bare = said.rstrip()
    return f"{bare}  {source}" if len(said) - len(bare) >= 2 and _SOURCE.fullmatch(source) else text


def _clean(text: str) -> str:
    """Without escape sequences and other control characters."""
    if "\x1b" in text:
        text = _ESCAPES.sub("", text)
    return text if text.isprintable() else "".join(char for char in text if char == "\t" or char >= " ")


def _seconds(clock: str) -> float | None:
    total = 0
    for part in clock.split(":"):
        if not part.isdigit():
            return None
        total = total * 60 + int(part)
    return float(total)
