"""What the virtual environment holds, so that the next start needs one small read and no pip."""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

STAMP_NAME = "caddie-setup.json"


@dataclass(frozen=True)
class Stamp:
    """The state of the environment that Caddie made.

    Attributes:
        fingerprint: hash of what the requirements were when it was made.
        groups: dependency groups that are wholly installed.
        libraries_checked: whether Qt's system libraries were all found (Linux).
    """

    fingerprint: str
    groups: tuple[str, ...] = ()
    libraries_checked: bool = False


def fingerprint(root: Path) -> str:
    """Changes whenever a new version of Caddie wants other packages, or the minor version of Python changes."""
    digest = hashlib.sha256(f"{sys.version_info[0]}.{sys.version_info[1]}".encode())
    for name in ("constraints.txt", "pyproject.toml"):
        digest.update((root / name).read_bytes())
    return digest.hexdigest()[:16]


def read(venv: Path) -> Stamp | None:
    """The stamp of the last set-up that came to its end, or None (never made, interrupted, unreadable)."""
    try:
        stored = json.loads((venv / STAMP_NAME).read_text(encoding="utf-8"))
        return Stamp(str(stored["fingerprint"]), tuple(stored["groups"]), bool(stored["libraries_checked"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write(venv: Path, stamp: Stamp) -> None:
    """Replaces the stamp; a half-written one would be read as None and repaired."""
    temporary = venv / (STAMP_NAME + ".tmp")
    temporary.write_text(json.dumps(asdict(stamp)), encoding="utf-8")
    temporary.replace(venv / STAMP_NAME)


def forget(venv: Path) -> None:
    """Marks the environment as unfinished before it is changed."""
    (venv / STAMP_NAME).unlink(missing_ok=True)
