"""Where Python lives in a venv, a conda folder or an installation, on Windows and elsewhere; and how to start it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path, PurePath

from core.environment.variables import SAFE_VARIABLES, changed_variables

_INTERPRETER = re.compile(r"python(w)?([23](\.\d+)?)?(\.exe)?", re.IGNORECASE)


def on_windows() -> bool:
    """Whether this system is Windows."""
    return os.name == "nt"


def interpreter_candidates(root: PurePath, *, windows: bool) -> tuple[PurePath, ...]:
    """Where the interpreter of a venv, conda or installation folder `root` can be, likeliest first."""
    if windows:
        return (root / "Scripts" / "python.exe", root / "python.exe", root / "bin" / "python.exe")
    return (root / "bin" / "python", root / "bin" / "python3", root / "python")


def find_interpreter(root: Path, *, windows: bool | None = None) -> Path | None:
    """The interpreter in the folder `root`, or None. Links are not resolved: they are what makes a venv."""
    for candidate in interpreter_candidates(root, windows=on_windows() if windows is None else windows):
        path = Path(candidate)
        if path.is_file():
            return path
    return None


def looks_like_interpreter(path: PurePath) -> bool:
    """Whether the file name is one that Python interpreters have (`python3.11`, `pythonw.exe`)."""
    return _INTERPRETER.fullmatch(path.name) is not None


def with_console(python: Path) -> Path:
    """`python.exe` for a `pythonw.exe`, which has no output to read; others unchanged."""
    if python.name.lower() == "pythonw.exe":
        return python.with_name("python.exe")
    return python


def environment_root(python: PurePath) -> PurePath:
    """The venv, conda or installation folder of an interpreter."""
    parent = python.parent
    return parent.parent if parent.name.lower() in ("scripts", "bin") else parent


def is_venv(root: Path) -> bool:
    """Whether the folder is a virtual environment."""
    return (root / "pyvenv.cfg").is_file()


def is_conda(root: Path) -> bool:
    """Whether the folder is a conda environment."""
    return (root / "conda-meta").is_dir()


def search_path(python: PurePath, *, windows: bool, conda: bool) -> tuple[PurePath, ...]:
    """Folders that activating the environment would put before PATH.

    A conda Python on Windows does not find its DLLs (OpenSSL, MKL) without them.
    """
    root = environment_root(python)
    if windows and conda:
        library = root / "Library"
        return (root, library / "mingw-w64" / "bin", library / "usr" / "bin", library / "bin", root / "Scripts", root / "bin")
    return (python.parent,)


def child_environment(python: Path, variables: Mapping[str, str] | None = None, *, windows: bool | None = None) -> dict[str, str]:
    """Environment variables for a child that runs `python`: its own, UTF-8, unbuffered, without the user site.

    Args:
        python: the interpreter.
        variables: what to start from; this process's own when None.
        windows: which system's rules; this one's when None.
    """
    windows = on_windows() if windows is None else windows
    return changed_variables(
        os.environ if variables is None else variables,
        change=SAFE_VARIABLES,
        path_first=own_folders(python, windows=windows),
        windows=windows,
    )


def own_folders(python: Path, *, windows: bool | None = None) -> tuple[str, ...]:
    """What a child that runs `python` needs before PATH (see `search_path`); looks at the disk for a conda environment."""
    windows = on_windows() if windows is None else windows
    conda = is_conda(Path(environment_root(python)))
    return tuple(str(folder) for folder in search_path(python, windows=windows, conda=conda))
