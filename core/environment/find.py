"""Looks for installations in the usual places, within a bounded time and without starting anything."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from core.environment.discover import Found, make_environment, survey
from core.environment.interpreters import on_windows
from core.environment.model import Environment

_NAMES = re.compile(r"sd[-_]?scripts|kohya|lora[-_]?easy|stability[-_]?matrix", re.IGNORECASE)
_HOLDERS = ("AI", "ai", "SD", "sd", "git", "src", "work", "projects", "tools", "apps", "Documents", "Desktop", "Downloads")
_PYTHON_NAMES = ("python3.10", "python3.11", "python3.12", "python3.13", "python3", "python")


def find_installations(*, seconds: float = 3.0, roots: Iterable[Path] | None = None) -> list[Environment]:
    """Environments in the usual places: those that can train first, then other Pythons of this system.

    Args:
        seconds: when the search stops, with what it has by then.
        roots: folders to look in; the home folder, the drives and the installers' own places when None.
    """
    deadline = time.monotonic() + seconds
    found = Found()
    for candidate in _candidates(usual_roots(os.environ, Path.home()) if roots is None else roots, deadline):
        found.add(survey(candidate, deadline=deadline))
        if time.monotonic() > deadline:
            break
    pythons = [
        make_environment(path, None) for path in (*pythons_on_path(os.environ), *installed_pythons(os.environ, Path.home()))
    ]
    trainers = [item for item in found.environments if item.sd_scripts is not None]
    used = {str(item.python) for item in trainers}
    others: list[Environment] = []
    for item in pythons:
        real = os.path.realpath(item.python)
        if real not in used and str(item.python) not in used:
            used.add(real)
            others.append(item)
    return trainers + others


def usual_roots(variables: Mapping[str, str], home: Path, *, windows: bool | None = None) -> list[Path]:
    """Folders below which people put such programs, nearest first."""
    windows = on_windows() if windows is None else windows
    roots = [home, *(home / name for name in _HOLDERS)]
    if windows:
        roots += [Path(variables[name]) for name in ("APPDATA", "LOCALAPPDATA") if variables.get(name)]
        roots += [drive for letter in "CDEFG" for drive in _drive(letter)]
    else:
        roots += [Path(path) for path in ("/opt", "/workspace", "/mnt", "/data", "/srv")]
    return list(dict.fromkeys(roots))


def _drive(letter: str) -> list[Path]:
    root = f"{letter}:/"
    return [Path(root), *(Path(root + name) for name in _HOLDERS[:6])]


def _candidates(roots: Iterable[Path], deadline: float) -> Iterable[Path]:
    for root in roots:
        if time.monotonic() > deadline:
            return
        try:
            with os.scandir(root) as entries:
                names = [entry.path for entry in entries if _NAMES.search(entry.name)]
        except OSError:
            continue
        yield from (Path(name) for name in sorted(names) if os.path.isdir(name))


def pythons_on_path(variables: Mapping[str, str], *, windows: bool | None = None) -> list[Path]:
    """Interpreters that PATH leads to, each real file once; the stand-ins of the Microsoft Store and of pyenv are left out."""
    windows = on_windows() if windows is None else windows
    suffix = ".exe" if windows else ""
    seen: set[str] = set()
    found: list[Path] = []
    for folder in variables.get("PATH", "").split(";" if windows else os.pathsep):
        if not folder or "WindowsApps" in folder or Path(folder).name == "shims":
            continue
        for name in _PYTHON_NAMES:
            path = Path(folder) / (name + suffix)
            try:
                real = os.path.realpath(path)
                if path.is_file() and os.path.normcase(real) not in seen and os.access(path, os.X_OK):
                    seen.add(os.path.normcase(real))
                    found.append(path)
            except OSError:
                continue
    return found


def installed_pythons(variables: Mapping[str, str], home: Path, *, windows: bool | None = None) -> list[Path]:
    """Interpreters where installers of Python put them, whether or not PATH leads there."""
    windows = on_windows() if windows is None else windows
    if not windows:
        return sorted((home / ".pyenv" / "versions").glob("3.*/bin/python"))
    local = [Path(variables["LOCALAPPDATA"]) / "Programs" / "Python"] if variables.get("LOCALAPPDATA") else []
    places = [*local, *(Path(variables[name]) for name in ("ProgramFiles", "SystemDrive") if variables.get(name))]
    return [path for place in places for path in sorted(place.glob("Python3*/python.exe"))]
