"""Whether a window can be shown here, and how to say that it could not when there is no console."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping


def has_display(variables: Mapping[str, str] | None = None, platform: str = sys.platform) -> bool:
    """Whether there is a display that answers. Always true on Windows and macOS.

    `QT_QPA_PLATFORM` set by hand (offscreen, vnc, …) is the user's word and is taken.
    """
    known = os.environ if variables is None else variables
    if not platform.startswith(("linux", "freebsd")):
        return True
    if known.get("QT_QPA_PLATFORM"):
        return True
    wayland = known.get("WAYLAND_DISPLAY")
    if wayland and os.path.exists(os.path.join(known.get("XDG_RUNTIME_DIR", "/run"), wayland)):
        return True
    return x_server_answers(known.get("DISPLAY", ""))


def x_server_answers(display: str) -> bool:
    """Whether something listens where `DISPLAY` points. Qt would abort the process when nothing does."""
    import socket  # here: a start on Windows or Wayland needs none

    host, colon, screen = display.rpartition(":")
    number_text = screen.partition(".")[0]
    if not colon or not number_text.isdecimal():
        return False
    number = int(number_text)
    if host in ("", "unix"):
        # Linux X servers listen on an abstract socket, a file, or both.
        path = f"/tmp/.X11-unix/X{number}"
        return any(_answers(socket.AF_UNIX, address) for address in (path, "\0" + path))
    return _answers(socket.AF_INET, (host, 6000 + number))


def _answers(family: int, address: str | tuple[str, int]) -> bool:
    import socket

    with socket.socket(family, socket.SOCK_STREAM) as connection:
        connection.settimeout(1.0)
        try:
            connection.connect(address)
        except OSError:
            return False
    return True


def show_failure(venv: str, error: BaseException) -> None:
    """Says why the window could not be opened: on the console, in a file, and on Windows in a message box."""
    from core.bootstrap import messages
    from core.bootstrap.messages import say

    text = say(messages.WINDOW_FAILED, reason=f"{type(error).__name__}: {error}")
    if sys.stderr is not None:
        print(text, file=sys.stderr)
    if sys.platform == "win32":
        import ctypes

        ctypes.windll.user32.MessageBoxW(None, text, "Caddie", 0x10)
    with open(os.path.join(venv, "caddie-window-error.txt"), "w", encoding="utf-8") as stream:
        stream.write(text)
