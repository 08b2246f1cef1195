"""What a whole log says: the line of its error, and what is known about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import CaddieError
from core.runs.explain import Explained, explain_lines
from core.runs.log_errors import find_error, hide_secrets, tail_of, without_launcher
from core.runs.log_text import read_log
from core.text import Text


@dataclass(frozen=True, slots=True)
class LogVerdict:
    """What was found.

    Attributes:
        line: of the error, without keys of other services; "" where nothing looks like one.
        known: its explanation, None where it has none.
        tail: the last lines, fit to be shown.
    """

    line: str
    known: Explained | None
    tail: tuple[str, ...]


def explain_log(lines: Sequence[str]) -> LogVerdict:
    """Finds the error in the lines of a log and explains it."""
    error = find_error(lines)
    # What the launcher said at its end is never the cause, and holds the whole command with its keys.
    known = explain_lines(error, without_launcher(lines))
    return LogVerdict(hide_secrets(known.line) if known is not None else error, known, tail_of(lines))


def explain_file(path: Path) -> LogVerdict:
    """`explain_log` for a file. Raises CaddieError where it cannot be read."""
    try:
        return explain_log(read_log(path))
    except OSError as error:
        reason = error.strerror or str(error)
        raise CaddieError(Text(f"{path} could not be read: {reason}", f"{path} を読めませんでした: {reason}")) from error
