"""What the virtual environment holds, so that a later start needs a few small reads and no pip.

Every start runs this before anything else, so it imports next to nothing (json, pathlib and hashlib would cost more
than the work itself).
"""

from __future__ import annotations

import os
import sys
import zlib
from collections.abc import Sequence

STAMP_NAME = "caddie-setup.txt"
_HEADING = "caddie set-up, finished"


class Stamp:
    """The state of the environment that Caddie made.

    Attributes:
        fingerprint: of the requirements when it was made.
        groups: dependency groups that are wholly installed.
        libraries_checked: whether Qt's system libraries were all found (Linux).
    """

    __slots__ = ("fingerprint", "groups", "libraries_checked")

    def __init__(self, fingerprint: str, groups: Sequence[str] = (), *, libraries_checked: bool = False) -> None:
        self.fingerprint = fingerprint
        self.groups = tuple(groups)
        self.libraries_checked = libraries_checked


def venv_python(venv: str | os.PathLike[str], *, windowed: bool = False) -> str:
    """The interpreter of a virtual environment; `windowed` is the one without a console on Windows."""
    if sys.platform == "win32":
        return os.path.join(venv, "Scripts", "pythonw.exe" if windowed else "python.exe")
    return os.path.join(venv, "bin", "python")


def fingerprint(root: str | os.PathLike[str]) -> str:
    """Changes whenever a new version of Caddie wants other packages.

    Which Python starts Caddie does not matter: the environment keeps its own.
    """
    sums: list[str] = []
    for name in ("constraints.txt", "pyproject.toml"):
        with open(os.path.join(root, name), "rb") as stream:
            sums.append(f"{zlib.crc32(stream.read()):08x}")
    return "-".join(sums)


def is_ready(root: str | os.PathLike[str], groups: Sequence[str], *, window: bool) -> bool:
    """Whether nothing has to be done for these groups; `window`: nor for Qt's system libraries."""
    venv = os.path.join(root, ".venv")
    found = read(venv)
    return (
        found is not None
        and set(groups) <= set(found.groups)
        and (found.libraries_checked or not window)
        and found.fingerprint == fingerprint(root)
        and os.path.exists(venv_python(venv))
    )


def read(venv: str | os.PathLike[str]) -> Stamp | None:
    """The stamp of the last set-up that came to its end, or None (never made, interrupted, unreadable)."""
    try:
        with open(os.path.join(venv, STAMP_NAME), encoding="utf-8") as stream:
            heading, fingerprint_line, groups, libraries = stream.read().splitlines()
    except (OSError, ValueError):
        return None
    if heading != _HEADING or libraries not in ("libraries", "no libraries"):
        return None
    return Stamp(fingerprint_line, groups.split(), libraries_checked=libraries == "libraries")


def write(venv: str | os.PathLike[str], stamp: Stamp) -> None:
    """Replaces the stamp; a half-written one is read as None, and the set-up repeated."""
    path = os.path.join(venv, STAMP_NAME)
    libraries = "libraries" if stamp.libraries_checked else "no libraries"
    with open(path + ".tmp", "w", encoding="utf-8", newline="\n") as stream:
        stream.write("\n".join([_HEADING, stamp.fingerprint, " ".join(stamp.groups), libraries]) + "\n")
    os.replace(path + ".tmp", path)


def forget(venv: str | os.PathLike[str]) -> None:
    """Marks the environment as unfinished before it is changed."""
    try:
        os.unlink(os.path.join(venv, STAMP_NAME))
    except FileNotFoundError:
        return
