"""Goes on in the interpreter of the virtual environment. As light as `stamp`, for the same reason."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from core.bootstrap.stamp import venv_python

_CHECKED = "CADDIE_SET_UP_CHECKED"
_CONSOLE = "CADDIE_SET_UP"


def is_inside(venv: str) -> bool:
    """Whether this interpreter is the environment's."""
    return os.path.isdir(venv) and os.path.samefile(sys.prefix, venv)


def was_checked() -> bool:
    """Whether the process that handed over has just checked the set-up. Asked once: children do not inherit it."""
    return os.environ.pop(_CHECKED, "") == "1"


def was_sent_to_console() -> bool:
    """Whether this console was opened only to show a set-up (Windows); the window then goes on without it. Asked once."""
    return os.environ.pop(_CONSOLE, "") == "1"


def set_up_in_console(root: str, arguments: Sequence[str]) -> int:
    """Starts again through start.bat, in a console that shows what is installed and stays open where that fails.

    Returns:
        The exit code of this process.
    """
    import subprocess

    variables = {**os.environ, _CONSOLE: "1"}
    subprocess.Popen(console_command(root, arguments), env=variables, creationflags=getattr(subprocess, "CREATE_NEW_CONSOLE", 0))
    return 0


def console_command(root: str, arguments: Sequence[str]) -> str:
    """The line with which cmd.exe runs start.bat: `/s` takes the outer quotation marks away and leaves the rest alone."""
    words = [os.path.join(root, "start.bat"), *arguments]
    return 'cmd.exe /d /s /c "' + " ".join(f'"{word}"' for word in words) + '"'


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
