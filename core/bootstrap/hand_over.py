"""Goes on in the interpreter of the virtual environment. As light as `stamp`, for the same reason."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from core.bootstrap.stamp import venv_python

_CHECKED = "CADDIE_SET_UP_CHECKED"


def is_inside(venv: str) -> bool:
    """Whether this interpreter is the environment's."""
    return os.path.isdir(venv) and os.path.samefile(sys.prefix, venv)


def was_checked() -> bool:
    """Whether the process that handed over has just checked the set-up. Asked once: children do not inherit it."""
    return os.environ.pop(_CHECKED, "") == "1"


def go_on(venv: str, arguments: Sequence[str], *, window: bool) -> int:
    """Starts the same program again in the environment.

    On POSIX in place. Windows has no exec that keeps the console's attention: there the window is started without a
    console and let go, and a command-line verb is waited for, with Ctrl-C left to the child.

    Returns:
        The exit code (Windows only).
    """
    os.environ[_CHECKED] = "1"
    if sys.platform != "win32":
        python = venv_python(venv)
        os.execv(python, [python, *arguments])
    return _go_on_windows(venv, arguments, window=window)


def _go_on_windows(venv: str, arguments: Sequence[str], *, window: bool) -> int:
    import subprocess

    command = [venv_python(venv, windowed=window), *arguments]
    if window:
        detached = getattr(subprocess, "DETACHED_PROCESS", 0) | getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
        subprocess.Popen(command, creationflags=detached, close_fds=True)
        return 0
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return subprocess.run(command, check=False).returncode
