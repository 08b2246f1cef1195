"""Interpreters that a virtual environment can be made with."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.environment.find import installed_pythons, pythons_on_path
from core.environment.interpreters import child_environment, environment_root, is_conda, is_venv, with_console
from core.errors import CaddieError
from core.text import Text
from core.wizard.recipes import Recipe

_QUESTION = "import sys, venv, ensurepip; print('.'.join(map(str, sys.version_info[:3])), sys.maxsize > 2**32)"
_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class FoundPython:
    """An interpreter with its version, `3.10.11`."""

    path: Path
    version: str


def find_pythons(recipe: Recipe, candidates: Iterable[Path] | None = None) -> list[FoundPython]:
    """Those that the recipe runs with, the best first. Starts each of them: up to a second in all.

    Args:
        recipe: the recipe.
        candidates: where to look; PATH and the places of the installers when None.
    """
    if candidates is None:
        candidates = (*pythons_on_path(os.environ), *installed_pythons(os.environ, Path.home()))
    found: list[FoundPython] = []
    seen: set[str] = set()
    for path in candidates:
        real = os.path.normcase(os.path.realpath(path))
        root = Path(environment_root(path))
        if real in seen or is_venv(root) or is_conda(root):  # what is made of a venv ends with it
            continue
        seen.add(real)
        try:
            version = ask_version(path)
        except CaddieError:
            continue
        if _short(version) in recipe.python:
            found.append(FoundPython(path, version))
    return sorted(found, key=lambda item: (recipe.python.index(_short(item.version)), _newest_first(item.version)))


def ask_version(python: Path) -> str:
    """The version of an interpreter that can make virtual environments, `3.10.11`.

    Raises:
        CaddieError: it does not start, has no venv or ensurepip, or is 32 bit.
    """
    python = with_console(python)
    try:
        answer = subprocess.run(
            [str(python), "-c", _QUESTION],
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
            env=child_environment(python),
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise CaddieError(Text(f"{python} cannot be started: {error}", f"{python} を起動できません: {error}")) from error
    if answer.returncode != 0:
        raise CaddieError(_without_venv(python, answer.stderr))
    version, _, wide = answer.stdout.strip().partition(" ")
    if wide != "True":
        raise CaddieError(
            Text(
                f"{python} is a 32-bit Python, for which there is no PyTorch. Install the 64-bit one.",
                f"{python} は 32 ビット版で、PyTorch がありません。64 ビット版を入れてください。",
            )
        )
    return version


def _without_venv(python: Path, said: str) -> Text:
    if "ensurepip" in said or "venv" in said:
        return Text(
            f"{python} cannot make virtual environments. On Debian and Ubuntu install its package python3-venv.",
            f"{python} では仮想環境を作成できません。Debian / Ubuntu では python3-venv パッケージを入れてください。",
        )
    last = (said.strip().splitlines() or ["?"])[-1][:200]
    return Text(f"{python} is no working Python: {last}", f"{python} は動作する Python ではありません: {last}")


def _short(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _newest_first(version: str) -> Sequence[int]:
    return [-int(part) for part in version.split(".") if part.isdecimal()]
