"""Opens files and folders with the system's own programs."""

from __future__ import annotations

import sys
from pathlib import Path

from PySide6.QtCore import QProcess, QUrl
from PySide6.QtGui import QDesktopServices


def reveal_command(path: Path, platform: str = sys.platform) -> tuple[str, list[str]] | None:
    """Program and arguments that show a file in its folder, marked; None where only the folder can be opened."""
    if platform == "win32":
        # Explorer wants the comma, and the path as its own argument may hold blanks.
        return "explorer.exe", ["/select,", str(path)]
    if platform == "darwin":
        return "open", ["-R", str(path)]
    return None


def show_in_folder(path: Path) -> bool:
    """Shows a file in its folder. False where nothing could be opened."""
    command = reveal_command(path)
    if command is not None and path.exists():
        started = QProcess.startDetached(command[0], command[1])
        return started[0] if isinstance(started, tuple) else bool(started)
    return open_path(path if path.is_dir() else path.parent)


def open_path(path: Path) -> bool:
    """Opens a file or folder with the program the system has for it. False where there is none, or nothing is there."""
    return path.exists() and QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))
