"""Has `parser_child` read the scripts of a checkout, again without a script that ended it or took too long."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from core.errors import CaddieError
from core.text import Text

CHILD: Final = Path(__file__).with_name("parser_child.py")
SLOWEST: Final = 15.0
"""Seconds that one script may take; a few hundredths are usual, once the files are in memory."""

_LATE: Final = "it took more than"
_CREATE_NO_WINDOW: Final = 0x08000000


@dataclass(frozen=True, slots=True)
class _Round:
    """What one child said before its end.

    Attributes:
        scripts, problems: as in the answer.
        left: scripts that it named and did not come to, the one under way first; None where it named none.
        under_way: the script that it was reading when it ended, "" for none.
        ended: how it ended; None where it came to the end of its work.
    """

    scripts: Mapping[str, Any]
    problems: Mapping[str, str]
    left: tuple[str, ...] | None
    under_way: str
    ended: str | None


def ask_child(folder: Path, timeout: float) -> dict[str, Any]:
    """The records of all training scripts, and why a script has none: `{"scripts": …, "problems": …, "in_time": …}`.

    `in_time` is False where a script took too long, which on another day it may not.

    Args:
        folder: the checkout.
        timeout: seconds for all of it.

    Raises:
        CaddieError: the folder could not be read at all, or not in time.
    """
    ends_at = time.monotonic() + timeout
    slowest = min(SLOWEST, timeout / 4)
    scripts: dict[str, Any] = {}
    problems: dict[str, str] = {}
    wanted: tuple[str, ...] = ()
    in_time = True
    while True:
        found = _one_round(folder, wanted, ends_at - time.monotonic(), slowest)
        scripts.update(found.scripts)
        problems.update(found.problems)
        if found.ended is None:
            break
        if not found.under_way or found.left is None:
            raise CaddieError(
                Text(
                    f"The options of {folder} could not be read: {found.ended}",
                    f"{folder} のオプションを読み取れませんでした: {found.ended}",
                )
            )
        problems[found.under_way] = found.ended
        wanted = tuple(name for name in found.left if name != found.under_way)
        in_time = in_time and _LATE not in found.ended
        if not wanted:
            break
        if time.monotonic() >= ends_at:
            problems.update(dict.fromkeys(wanted, f"not tried: {found.under_way} took all the time"))
            break
    return {"scripts": scripts, "problems": problems, "in_time": in_time}


def _one_round(folder: Path, wanted: tuple[str, ...], timeout: float, slowest: float) -> _Round:
    # Isolated and without site-packages: nothing of the user's Python set-up and nothing in the folder is imported.
    command = [sys.executable, "-I", "-S", "-B", "-X", "utf8", str(CHILD), str(folder), str(slowest), *wanted]
    needed = ("SYSTEMROOT", "TEMP", "TMP", "TMPDIR")  # Windows starts no program without SYSTEMROOT
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            timeout=timeout,
            check=False,
            stdin=subprocess.DEVNULL,
            env={name: os.environ[name] for name in needed if name in os.environ},
            creationflags=_CREATE_NO_WINDOW if sys.platform == "win32" else 0,
        )
    except subprocess.TimeoutExpired as error:
        return _said(error.stdout or b"", f"{_LATE} {timeout:g} seconds")
    except OSError as error:
        reason = error.strerror or str(error)
        raise CaddieError(Text(f"Python could not be started: {reason}", f"Python を起動できませんでした: {reason}")) from error
    return _said(done.stdout, _end_of(done.returncode, done.stderr.decode("utf-8", "replace"), slowest))


def _end_of(code: int, errors: str, slowest: float) -> str:
    if "Timeout (" in errors:  # what `faulthandler` writes before it ends the process
        return f"{_LATE} {slowest:g} seconds"
    last = next((line.strip() for line in reversed(errors.splitlines()) if line.strip()), "")
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    return f"it ended Python with {how}" + (f": {last}" if last else "")


def _said(output: bytes, ended: str) -> _Round:
    scripts: dict[str, Any] = {}
    problems: dict[str, str] = {}
    left: list[str] | None = None
    under_way, done = "", False
    for line in output.decode("utf-8", "replace").splitlines():
        try:
            fact = cast("dict[str, Any]", json.loads(line))
            kind, name = fact["kind"], fact.get("name", "")
        except (ValueError, TypeError, KeyError):
            continue  # the last line of a child that was ended in the middle of it
        if kind == "names":
            left = list(fact["names"])
        elif kind == "begin":
            under_way = name
        elif kind == "done":
            done = True
        else:
            under_way = ""
            if left is not None and name in left:
                left.remove(name)
            if kind == "options":
                scripts[name] = fact["records"]
            elif kind == "problem":
                problems[name] = fact["words"]
    return _Round(scripts, problems, None if left is None else tuple(left), under_way, None if done else ended)
