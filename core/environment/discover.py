"""From a path the user gave (or a usual place) to environments: which Python trains which checkout."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from core.environment.checkout import is_checkout
from core.environment.interpreters import (
    environment_root,
    find_interpreter,
    is_conda,
    is_venv,
    looks_like_interpreter,
    on_windows,
    with_console,
)
from core.environment.model import Environment
from core.environment.store import environment_id

VENV_NAMES = ("venv", ".venv", "env", ".env")
_MAX_ENTRIES = 400


@dataclass(frozen=True, slots=True)
class Layout:
    """How an installer lays things out. Paths are relative to its root.

    Attributes:
        name: what people call it.
        markers: files or folders of which all are there.
        checkouts: where sd-scripts can be.
        environments: where the venv can be, likeliest first.
    """

    name: str
    markers: tuple[str, ...]
    checkouts: tuple[str, ...]
    environments: tuple[str, ...]


LAYOUTS = (
    Layout(
        "LoRA_Easy_Training_Scripts",
        ("main_ui_files",),
        ("backend/sd_scripts", "sd_scripts", "backend/sd-scripts"),
        ("backend/sd_scripts/venv", "backend/venv", "sd_scripts/venv", "venv"),
    ),
    Layout("LoRA_Easy_Training_Scripts", ("sd_scripts", "training_api.py"), ("sd_scripts",), ("sd_scripts/venv", "venv")),
    Layout("kohya_ss", ("kohya_gui",), ("sd-scripts", "."), ("venv", ".venv")),
    Layout("kohya_ss", ("kohya_gui.py",), ("sd-scripts", "."), ("venv", ".venv")),
)
"""Installers that put things elsewhere than in the plain checkout; the first that fits is taken."""


@dataclass(slots=True)
class Found:
    """What lies at a path.

    Attributes:
        environments: complete pairs, and interpreters without a checkout.
        homeless: checkouts for which no Python was found; the user has to name one.
    """

    environments: list[Environment] = field(default_factory=list[Environment])
    homeless: list[Path] = field(default_factory=list[Path])

    def add(self, found: Found) -> None:
        """Takes over what another search found, without doubles."""
        known = {item.id for item in self.environments}
        self.environments += [item for item in found.environments if item.id not in known]
        self.homeless += [item for item in found.homeless if item not in self.homeless]


def discover(folder: Path) -> list[Environment]:
    """The environments at a path: a checkout, a kohya_ss, LoRA_Easy or Stability Matrix folder, a venv, an interpreter."""
    return survey(folder).environments


def survey(path: Path, *, windows: bool | None = None, deadline: float | None = None) -> Found:
    """Like `discover`, and names checkouts without a Python too.

    Args:
        path: any file or folder; links are followed only where the system does.
        windows: which system's layouts; this one's when None.
        deadline: `time.monotonic()` after which the search of subfolders stops.
    """
    windows = on_windows() if windows is None else windows
    path = path.expanduser()
    if not path.is_absolute():
        path = path.absolute()
    if path.is_file():
        return _from_file(path, windows)
    if not path.is_dir():
        return Found()
    found = _from_folder(path, windows)
    if not found.environments and not found.homeless:
        for inner in _subfolders(path, deadline):
            found.add(_from_folder(inner, windows))
            if deadline is not None and time.monotonic() > deadline:
                break
    return found


def make_environment(python: Path, sd_scripts: Path | None, *, layout: str = "by hand", name: str = "") -> Environment:
    """An environment of these paths, with its id and, when none is given, a name that people recognise."""
    python = with_console(python)
    return Environment(
        id=environment_id(python, sd_scripts),
        name=name or _name(python, sd_scripts, layout),
        python=python,
        sd_scripts=sd_scripts,
        layout=layout,
    )


def _name(python: Path, sd_scripts: Path | None, layout: str) -> str:
    if layout not in ("by hand", "sd-scripts"):
        return layout
    if sd_scripts is not None:
        return sd_scripts.name or str(sd_scripts)
    root = Path(environment_root(python))
    if root.name.lower() in VENV_NAMES:
        return f"{root.parent.name} ({root.name})"
    if is_venv(root) or is_conda(root):
        return root.name
    if root.name.lower().startswith(("python", "miniconda", "anaconda", "miniforge")):
        return root.name
    return f"Python {root.name}" if root.name[:1].isdigit() else python.name


def _from_file(path: Path, windows: bool) -> Found:
    if path.suffix == ".py":
        return _from_folder(path.parent, windows)
    if path.name == "pyvenv.cfg":
        return _from_interpreter_folder(path.parent, windows)
    if not looks_like_interpreter(path):
        # Whatever it is, the user chose it: the probe will say what is wrong with it.
        return Found([make_environment(path, None)])
    return _with_checkout_around(path, Path(environment_root(path)))


def _from_folder(folder: Path, windows: bool) -> Found:
    if is_venv(folder) or is_conda(folder):
        return _from_interpreter_folder(folder, windows)
    packages = _stability_matrix_packages(folder)
    if packages is not None:
        return _from_stability_matrix(packages, windows)
    for layout in LAYOUTS:
        if all((folder / marker).exists() for marker in layout.markers):
            found = _from_layout(folder, layout, windows)
            if found.environments or found.homeless:
                return found
    if is_checkout(folder):
        return _from_checkout(folder, windows)
    if folder.name.lower() in ("scripts", "bin"):
        folder = folder.parent  # the folder inside a venv that holds python.exe
        if is_venv(folder) or is_conda(folder):
            return _from_interpreter_folder(folder, windows)
    elif (python := find_interpreter(folder, windows=windows)) is not None and python.parent == folder:
        return _with_checkout_around(python, folder)  # an installation: C:\Python310
    return Found()


def _from_interpreter_folder(folder: Path, windows: bool) -> Found:
    python = find_interpreter(folder, windows=windows)
    return _with_checkout_around(python, folder) if python else Found()


def _with_checkout_around(python: Path, root: Path) -> Found:
    """An interpreter; with the checkout in or beside whose folder its venv lies, when there is one."""
    if is_venv(root):
        for folder in list(root.parents)[:3]:
            for layout in LAYOUTS:
                if all((folder / marker).exists() for marker in layout.markers):
                    for checkout in layout.checkouts:
                        if is_checkout(folder / checkout):
                            return Found([make_environment(python, _plain(folder, checkout), layout=layout.name)])
        for checkout in (root.parent, root.parent / "sd-scripts"):
            if is_checkout(checkout):
                return Found([make_environment(python, checkout, layout="sd-scripts")])
    return Found([make_environment(python, None)])


def _plain(folder: Path, inner: str) -> Path:
    return folder if inner == "." else folder / inner


def _from_layout(root: Path, layout: Layout, windows: bool) -> Found:
    checkout = next((_plain(root, inner) for inner in layout.checkouts if is_checkout(root / inner)), None)
    if checkout is None:
        return Found()
    for inner in layout.environments:
        python = find_interpreter(root / inner, windows=windows)
        if python is not None:
            return Found([make_environment(python, checkout, layout=layout.name)])
    return Found([], [checkout])


def _from_checkout(checkout: Path, windows: bool) -> Found:
    """A plain checkout: its venv is in it, else beside it (named venv, or after it)."""
    inside = [checkout / name for name in VENV_NAMES]
    beside = [checkout.parent / name for name in (*VENV_NAMES[:2], f"{checkout.name}-venv", f"venv-{checkout.name}")]
    for folder in inside + beside:
        python = find_interpreter(folder, windows=windows)
        if python is not None:
            return Found([make_environment(python, checkout, layout="sd-scripts")])
    return Found([], [checkout])


def _stability_matrix_packages(folder: Path) -> Path | None:
    """The Packages folder of a Stability Matrix installation at `folder`, or `folder` itself when it is that folder."""
    for data in (folder, folder / "Data"):
        packages = data / "Packages"
        known = (data / "settings.json", data / "Models", data / ".sm-portable", folder / "StabilityMatrix.exe")
        if packages.is_dir() and any(item.exists() for item in known):
            return packages
    if folder.name == "Packages" and any((folder.parent / name).exists() for name in ("settings.json", "Models")):
        return folder
    return None


def _from_stability_matrix(packages: Path, windows: bool) -> Found:
    found = Found()
    for package in _folders(packages):
        inner = _from_folder(package, windows)
        renamed = [
            make_environment(item.python, item.sd_scripts, layout="Stability Matrix", name=f"{package.name} (Stability Matrix)")
            for item in inner.environments
            if item.sd_scripts is not None  # image generators have a venv too, but nothing that trains
        ]
        found.add(Found(renamed, inner.homeless))
    return found


def _subfolders(folder: Path, deadline: float | None) -> Iterator[Path]:
    """Folders one and two levels below, nearest first; those with hidden names and those of big data left out."""
    level = list(_folders(folder))
    yield from level
    for inner in level:
        if deadline is not None and time.monotonic() > deadline:
            return
        yield from _folders(inner)


def _folders(folder: Path) -> list[Path]:
    try:
        entries = sorted(folder.iterdir())[:_MAX_ENTRIES]
        return [path for path in entries if not path.name.startswith("$") and path.is_dir()]
    except OSError:  # no permission, a drive that went away: nothing can be found there
        return []
