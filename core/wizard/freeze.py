"""What pip had installed, kept before each change, so that it can be put back."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from core.environment.interpreters import child_environment
from core.errors import CaddieError
from core.files import write_atomically
from core.text import Text
from core.wizard.journal import place_of

_SECONDS = 120.0
_PREFIX = "packages-"


def read_freeze(python: Path) -> str:
    """`pip freeze` of an environment, as text.

    Raises:
        CaddieError: it does not answer.
    """
    try:
        answer = subprocess.run(
            [str(python), "-m", "pip", "--disable-pip-version-check", "freeze", "--all"],
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=_SECONDS,
            check=True,
            stdin=subprocess.DEVNULL,
            env=child_environment(python),
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise CaddieError(
            Text(f"The packages of {python} cannot be listed: {error}", f"{python} のパッケージ一覧を取得できません: {error}")
        ) from error
    return answer.stdout


def save_freeze(folder: Path, python: Path) -> Path:
    """Writes down what is installed now, under a name with the time.

    Raises:
        CaddieError: pip does not answer.
        OSError: it cannot be written.
    """
    path = place_of(folder) / f"{_PREFIX}{time.strftime('%Y%m%d-%H%M%S')}.txt"
    write_atomically(path, read_freeze(python))
    return path


def saved_freezes(folder: Path) -> list[Path]:
    """What was written down, the newest first."""
    return sorted(place_of(folder).glob(f"{_PREFIX}*.txt"), reverse=True)


def differences(before: str, now: str) -> tuple[list[str], list[str]]:
    """What would have to be installed and what removed to come back: pip requirements, and names.

    Lines that are no `name==version` (an editable install, a path) are left alone; what they name is not removed either.
    """
    old, new = _pairs(before), _pairs(now)
    install = [f"{name}=={version}" for name, version in old.items() if new.get(name) != version]
    elsewhere = _from_elsewhere(before)
    return sorted(install), sorted(name for name in new if name not in old and name not in elsewhere)


_ELSEWHERE = re.compile(r"^(?:([\w.-]+) @ |-e .*[#&]egg=([\w.-]+)|# Editable .*\(([\w.-]+)(?:==[^)]*)?\))", re.MULTILINE)


def _from_elsewhere(text: str) -> set[str]:
    """Names of what came from an address or a folder."""
    return {name.lower().replace("_", "-") for match in _ELSEWHERE.finditer(text) for name in match.groups() if name}


def _pairs(text: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for line in text.splitlines():
        name, mark, version = line.strip().partition("==")
        if mark and not name.startswith(("-", "#")):
            pairs[name.lower().replace("_", "-")] = version
    return pairs


def restore_commands(python: Path, install: Sequence[str], remove: Sequence[str], index: str = "") -> list[tuple[str, ...]]:
    """The pip commands that put the packages back: exactly these versions and nothing else.

    Args:
        python: of the environment.
        install, remove: from `differences`.
        index: where builds of PyTorch come from, whose versions end in `+cu124` and the like.
    """
    pip = (str(python), "-m", "pip")
    commands: list[tuple[str, ...]] = []
    if remove:
        commands.append((*pip, "uninstall", "--yes", *remove))
    if install:
        more = ("--extra-index-url", index) if index and any("+" in line for line in install) else ()
        commands.append((*pip, "install", "--disable-pip-version-check", "--no-input", "--no-deps", *more, *install))
    return commands
