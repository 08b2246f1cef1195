"""Processes that go on without the one that started them: no parent, no session, no window of it.

A module that wants to be one calls `detach` in its `main`; whoever starts it calls `start_detached`, which returns when
the real process is on its own. Two steps, so that the starter keeps neither a zombie nor an open handle.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from core.paths import PROJECT_ROOT

WATCH = "--watch"
"""On Windows, which has no fork: the first word of the second process."""

PATIENCE = 60.0
"""Seconds after which a process that does not detach itself counts as failed."""


def start_detached(module: str, argument: str, log: Path) -> None:
    """Starts `python -m MODULE ARGUMENT` with its words going into a file, and waits until it has detached itself.

    Raises:
        OSError: it could not be started, or the log cannot be written; the message is its last word where there is one.
    """
    argv = [sys.executable, "-X", "utf8", "-m", module, argument]
    try:
        with open(log, "ab") as stream:
            first = subprocess.run(
                argv,
                cwd=PROJECT_ROOT,
                env={**os.environ, "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                check=False,
                timeout=PATIENCE,
                start_new_session=sys.platform != "win32",
                creationflags=detached_flags(),
            )
    except subprocess.SubprocessError as error:
        raise OSError(str(error)) from error
    if first.returncode != 0:
        said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise OSError(said[-1] if said else f"exit code {first.returncode}")


def detached_flags(platform: str = sys.platform) -> int:
    """`creationflags` that cut a child loose without a window on Windows; 0 elsewhere (`start_new_session` does it)."""
    create_new_process_group, create_no_window = 0x00000200, 0x08000000
    return create_new_process_group | create_no_window if platform == "win32" else 0


def detach(module: str, argument: str, work: Callable[[str], None]) -> None:
    """Does the work in a process of its own; this one returns at once."""
    if sys.platform != "win32":
        if os.fork() == 0:
            os.setsid()
            _run(work, argument)
            os._exit(0)
        return
    argv = [sys.executable, "-X", "utf8", "-m", module, WATCH, argument]
    breakaway = 0x01000000
    flags = detached_flags()
    try:
        subprocess.Popen(argv, creationflags=flags | breakaway, stdin=subprocess.DEVNULL)
    except OSError:  # the job that the window lives in (a terminal, a CI runner) lets nobody out
        subprocess.Popen(argv, creationflags=flags, stdin=subprocess.DEVNULL)


def main_of(module: str, arguments: list[str], work: Callable[[str], None]) -> int:
    """What such a module's `main` does with its words: the name of a folder.

    Returns:
        An exit code: 2 for wrong usage.
    """
    if len(arguments) == 2 and arguments[0] == WATCH:
        _run(work, arguments[1])
        return 0
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        sys.stderr.write(f"usage: python -m {module} FOLDER\n")
        return 2
    detach(module, arguments[0], work)
    return 0


def _run(work: Callable[[str], None], argument: str) -> None:
    try:
        work(argument)
    except BaseException:
        import traceback

        traceback.print_exc()
        sys.stderr.flush()
        raise
