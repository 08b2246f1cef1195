"""One command with a live log: pip, git, python -m venv. Stopped on request, with everything it started."""

from __future__ import annotations

import codecs
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from core.environment.child import Child
from core.text import Text

_TAIL = 16000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended.

    Attributes:
        how: by itself, on request, after its time, or it never began.
        exit_code: None where it did not end by itself.
        tail: the last part of the output.
        problem: why it never began.
    """

    how: Literal["finished", "stopped", "too slow", "not started"]
    exit_code: int | None = None
    tail: str = ""
    problem: Text | None = None

    @property
    def ok(self) -> bool:
        """It ended by itself, with 0."""
        return self.exit_code == 0


def run_command(
    command: Sequence[str],
    *,
    variables: Mapping[str, str],
    on_output: Callable[[str], None],
    stop: threading.Event,
    cwd: Path | None = None,
    limit: float | None = None,
) -> Ended:
    """Runs it to its end. Never raises for what the command does.

    Args:
        command: program and arguments.
        variables: its whole environment.
        on_output: gets output and errors, decoded, as they come, in this thread.
        stop: ends the whole process tree when set.
        cwd: its working folder; None for this process's.
        limit: seconds after which it is ended.
    """
    try:
        child = Child(command, cwd=cwd, variables=variables, merge_errors=True)
    except OSError as error:
        why = error.strerror or error
        text = Text(f"{command[0]} cannot be started: {why}.", f"{command[0]} を起動できません: {why}。")
        return Ended(how="not started", problem=text)
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    tail = ""
    ends_at = None if limit is None else time.monotonic() + limit
    with child:
        while True:
            chunk = child.read(0.2)
            if stop.is_set():
                return Ended(how="stopped", tail=tail)
            if ends_at is not None and time.monotonic() > ends_at:
                return Ended(how="too slow", tail=tail)
            if chunk is None:
                continue
            text = decoder.decode(chunk, final=not chunk)
            if text:
                tail = (tail + text)[-_TAIL:]
                on_output(text)
            if not chunk:
                break
        return Ended(how="finished", exit_code=child.wait(10.0), tail=tail)
