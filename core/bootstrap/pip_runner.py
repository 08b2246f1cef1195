"""Runs pip in the virtual environment, shows how far it is, and says in words why it failed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from core.bootstrap import messages
from core.text import Text

_DOWNLOADING = re.compile(r"^\s*Downloading (?P<file>\S+?)(?:\.metadata)?(?: \((?P<size>[^)]+)\))?$")
_SHARE = re.compile(r"  +\d+% of (?P<size>[\d.]+ MB)$")
_RAW_PROGRESS = re.compile(r"^Progress (?P<done>\d+) of (?P<total>\d+)$")
_NETWORK = ("NewConnectionError", "Could not fetch URL", "Temporary failure in name resolution", "ProxyError", "Read timed out")
_NETWORK_OFF = ("No matching distribution found", "Retrying (Retry(")
_SPACE = ("No space left on device", "[Errno 28]", "[WinError 112]")
_PERMISSION = ("[WinError 32]", "[WinError 5]", "Permission denied", "[Errno 13]")
_UNRESOLVED = ("No matching distribution found", "ResolutionImpossible")


def explain(output: list[str]) -> Text:
    """Why pip failed, from the last lines it printed."""
    text = "\n".join(output)
    if any(mark in text for mark in _SPACE):
        return messages.REASON_SPACE
    if any(mark in text for mark in _PERMISSION):
        return messages.REASON_PERMISSION
    if any(mark in text for mark in _NETWORK) or all(mark in text for mark in _NETWORK_OFF):
        return messages.REASON_NETWORK
    errors = [line for line in output if line.startswith("ERROR")] or [line for line in output if line.strip()] or ["?"]
    return messages.REASON_OTHER.format(line=errors[-1])


def unresolved(output: list[str]) -> bool:
    """Whether pip failed because the pinned versions do not exist for this machine (and not for want of a network)."""
    text = "\n".join(output)
    return any(mark in text for mark in _UNRESOLVED) and explain(output) is not messages.REASON_NETWORK


class Progress:
    """One line that is written over in a terminal, plain lines elsewhere.

    Args:
        stream: where to.
        lines: elsewhere too each file and each phase gets a line, not only the end.
    """

    def __init__(self, stream: IO[str], *, lines: bool = False) -> None:
        self._stream = stream
        self._lines = lines
        self._live = stream.isatty()
        self._written = 0.0
        self._last: str = ""

    def show(self, text: str, *, final: bool = False) -> None:
        """Shows the state of things; in a terminal at most ten times a second."""
        now = time.monotonic()
        if not final and (now - self._written < 0.1 or text == self._last):
            return
        if self._live:
            width = shutil.get_terminal_size().columns - 1
            self._stream.write("\r\033[K" + text[:width] + ("\n" if final else ""))
        elif final:
            self._stream.write(text + "\n")
        elif self._lines:
            phase = _SHARE.sub("", text)
            if phase != _SHARE.sub("", self._last):
                self._stream.write(phase + "\n")
        self._stream.flush()
        self._written = now
        self._last = text


def _lines(stream: IO[bytes]) -> Iterator[str]:
    for raw in stream:
        yield from (piece for piece in raw.decode("utf-8", "replace").rstrip().split("\r") if piece)


def run_pip(
    python: Path, arguments: list[str], *, root: Path, log: Path, title: str, raw_progress: bool
) -> tuple[int, list[str]]:
    """Runs `python -m pip …` in `root`, with progress on standard error and everything in `log`.

    Args:
        python: the interpreter whose pip it is.
        arguments: what follows `pip`.
        root: working directory (for `--group`, which reads pyproject.toml there).
        log: file to which all output is appended.
        title: what the progress line begins with.
        raw_progress: pip is at least 24.1, which can say how many bytes are done.

    Returns:
        The exit code and the last 200 lines.
    """
    command = [str(python), "-m", "pip", *arguments, "--progress-bar", "raw" if raw_progress else "off", "--no-input"]
    variables = {**os.environ, "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1", "PYTHONNOUSERSITE": "1"}
    for name in ("PYTHONPATH", "PYTHONHOME", "PIP_TARGET", "PIP_PREFIX", "PIP_USER"):
        variables.pop(name, None)  # these would put packages elsewhere than into the virtual environment
    progress, tail = Progress(sys.stderr, lines="CADDIE_PROGRESS_LINES" in os.environ), deque[str](maxlen=200)
    started, current = time.monotonic(), ""
    with (
        log.open("a", encoding="utf-8") as record,
        subprocess.Popen(
            command, cwd=root, env=variables, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as process,
    ):
        record.write(f"\n$ {command}\n")
        assert process.stdout is not None
        for line in _lines(process.stdout):
            current = _describe(line, current)
            progress.show(f"{title}  {current}")
            if not _RAW_PROGRESS.match(line):
                record.write(line + "\n")
                record.flush()
                tail.append(line)
    progress.show(f"{title}  {time.monotonic() - started:.0f} s", final=True)
    return process.returncode, list(tail)


def _describe(line: str, current: str) -> str:
    """What to show after this line of pip's output."""
    if found := _RAW_PROGRESS.match(line):
        share = int(found["done"]) / max(1, int(found["total"]))
        name = current.split("  ", maxsplit=1)[0]
        return f"{name}  {share:4.0%} of {int(found['total']) / 1e6:.1f} MB"
    if found := _DOWNLOADING.match(line):
        return found["file"].split("/")[-1]
    if line.startswith("Installing collected packages"):
        return f"unpacking {line.count(',') + 1} packages"
    return current
