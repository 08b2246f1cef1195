"""What a run trains with: Python, packages, checkout. Written down at the start, so that runs can be compared later.

Only names of folders are read: nothing of the user's Python is started or imported.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, cast

from core.environment.checkout import read_git
from core.files import write_atomically

FILE: Final = "environment.json"
_DISTRIBUTION = re.compile(r"(?P<name>[A-Za-z0-9][\w.]*)-(?P<version>[^-]+)(?:-py[^-]*)?\.(?:dist|egg)-info")


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Attributes:
    python: the interpreter, "" where unknown.
    python_version: for example "3.11"; "" where unknown.
    checkout: the folder of sd-scripts, "" where none is.
    commit: of the checkout, "" where unknown.
    packages: installed distributions (normalised names) and their versions; empty where they cannot be told.
    """

    python: str = ""
    python_version: str = ""
    checkout: str = ""
    commit: str = ""
    packages: Mapping[str, str] = field(default_factory=dict[str, str])


def look_around(python: Path, checkout: Path | None) -> Surroundings:
    """What is there now. Never raises: what cannot be read is left out."""
    version, packages = "", dict[str, str]()
    for site in _site_folders(python):
        version = version or _version_of(site, python)
        packages |= _distributions(site)
    commit = read_git(checkout)[0] if checkout is not None else None
    return Surroundings(
        python=str(python),
        python_version=version,
        checkout="" if checkout is None else str(checkout),
        commit=commit or "",
        packages=dict(sorted(packages.items())),
    )


def write_surroundings(folder: Path, found: Surroundings) -> None:
    """Writes the file into a run's folder.

    Raises:
        OSError: it cannot be written.
    """
    write_atomically(folder / FILE, json.dumps(asdict(found), ensure_ascii=False, indent=1) + "\n")


def read_surroundings(folder: Path) -> Surroundings | None:
    """What was written; None where nothing was (an older run, an imported one), or where it is damaged."""
    try:
        content: object = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(content, dict):
        return None
    values = cast("dict[str, Any]", content)
    texts = {name: str(values.get(name, "")) for name in ("python", "python_version", "checkout", "commit")}
    packages = values.get("packages")
    named = cast("dict[str, object]", packages) if isinstance(packages, dict) else {}
    return Surroundings(**texts, packages={name: str(version) for name, version in named.items()})


def _site_folders(python: Path) -> list[Path]:
    """Where pip puts packages for this interpreter: a venv's, else an installation's own."""
    roots = [python.parent.parent, python.parent]  # POSIX and Scripts of a venv; an installation on Windows
    for root in roots:
        found = [*sorted(root.glob("lib/python3*/site-packages")), *root.glob("Lib/site-packages")]
        if found:
            return found
    return []


def _version_of(site: Path, python: Path) -> str:
    if site.parent.name.startswith("python3"):
        return site.parent.name.removeprefix("python")
    try:
        lines = (python.parent.parent / "pyvenv.cfg").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    pairs = (line.partition("=") for line in lines)
    return next((value.strip() for key, _, value in pairs if key.strip() in ("version", "version_info")), "")


def _distributions(site: Path) -> dict[str, str]:
    try:
        names = [entry.name for entry in site.iterdir()]
    except OSError:
        return {}
    found = (match for name in names if (match := _DISTRIBUTION.fullmatch(name)) is not None)
    return {re.sub(r"[-_.]+", "-", match["name"]).lower(): match["version"] for match in found}
