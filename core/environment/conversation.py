"""Talks with `probe_script.py` in a child: starts it, reads its facts, ends it in time. Never raises for a bad child."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from core.environment.child import Child
from core.environment.interpreters import child_environment, with_console

SCRIPT = Path(__file__).with_name("probe_script.py")
_MAX_OUTPUT = 8 * 1024 * 1024
_MAX_LINE = 1024 * 1024

_BOOT = """
import sys
sys.stdout.write("\\n" + sys.argv[2] + '{"kind": "python", "version": [%d, %d, %d]}\\n' % tuple(sys.version_info[:3]))
sys.stdout.flush()
if sys.version_info >= (3, 8):
    import runpy
    runpy.run_path(sys.argv[1], run_name="__main__")
"""
"""What is run first, so that even a Python that cannot read the script says which Python it is."""

End = Literal["done", "ended", "silent", "flooded", "stopped", "unstartable"]
Fact = Mapping[str, Any]


@dataclass(slots=True, kw_only=True)
class Conversation:
    """What a child said and how it ended.

    Attributes:
        facts: in order, each with its `kind`.
        end: `done`; `ended` without a done; `silent` for longer than allowed; `flooded` (too much output); `stopped`
            on request; `unstartable`.
        exit_code: None where it was killed or never started.
        step: the step that was under way at the end.
        errors: last part of stderr, and of stdout where no fact came at all.
        start_error: why it could not be started.
    """

    facts: list[Fact] = field(default_factory=list[Fact])
    end: End = "ended"
    exit_code: int | None = None
    step: str = ""
    errors: str = ""
    start_error: OSError | None = None

    def first(self, kind: str) -> Fact | None:
        """The first fact of that kind, or None."""
        return next((fact for fact in self.facts if fact["kind"] == kind), None)


def converse(
    python: Path,
    request: Mapping[str, object],
    *,
    timeout: float,
    folder: Path | None = None,
    stop: threading.Event | None = None,
    on_fact: Callable[[Fact], None] | None = None,
    script: Path = SCRIPT,
    variables: Mapping[str, str] | None = None,
) -> Conversation:
    """Puts one request to the probe script, or another that speaks like it, in `python`.

    Args:
        python: the interpreter.
        request: the script's request.
        timeout: longest silence in seconds: one import, one question to the driver.
        folder: put first on the module path there (the checkout).
        stop: ends the child when set.
        on_fact: called with each fact as it comes.
        script: what is run there.
        variables: environment variables to set beside the usual ones.
    """
    talk = Conversation()
    marker = f"caddie-probe-{secrets.token_hex(8)}:"
    question = json.dumps({**request, "folder": str(folder) if folder else ""})
    # -I: no user site, no PYTHON* variables, no current folder. stdin is closed. -X utf8 since -I ignores PYTHONUTF8.
    program = str(with_console(python))
    argv = [program, "-I", "-X", "utf8", "-c", _BOOT, str(script), marker, question]
    try:
        child = Child(argv, variables={**child_environment(python), **(variables or {})})
    except OSError as error:
        talk.end, talk.start_error = "unstartable", error
        return talk
    except ValueError as error:  # a NUL in the path
        talk.end, talk.start_error = "unstartable", OSError(str(error))
        return talk
    with child:
        noise = _listen(child, talk, marker.encode("ascii"), timeout=timeout, stop=stop, on_fact=on_fact)
        if talk.end in ("done", "ended"):
            talk.exit_code = child.wait(2.0)
        else:
            child.kill()
        talk.errors = (child.error_tail() or noise).strip()
    return talk


def _listen(
    child: Child,
    talk: Conversation,
    marker: bytes,
    *,
    timeout: float,
    stop: threading.Event | None,
    on_fact: Callable[[Fact], None] | None,
) -> str:
    """Reads facts until the end; returns the last part of what was no fact."""
    rest, noise, received = b"", b"", 0
    quiet_since = time.monotonic()
    while talk.end != "done":
        chunk = child.read(0.2)
        if stop is not None and stop.is_set():
            talk.end = "stopped"
            break
        if chunk is None:
            if time.monotonic() - quiet_since > timeout:
                talk.end = "silent"
                break
            continue
        if not chunk:
            break
        received += len(chunk)
        if received > _MAX_OUTPUT:
            talk.end = "flooded"
            break
        complete, _, rest = (rest + chunk).rpartition(b"\n")
        rest = rest[-_MAX_LINE:]
        if marker not in complete:  # in bulk: a flood of short lines must not keep this thread busy
            noise = (noise + complete + b"\n")[-4096:]
            continue
        for line in complete.split(b"\n"):
            fact = _as_fact(line, marker)
            if fact is None:
                noise = (noise + line + b"\n")[-4096:]
                continue
            quiet_since = time.monotonic()  # only facts count: a child that chatters without end is silent too
            _take(talk, fact, on_fact)
    return (noise + rest[-4096:]).decode("utf-8", errors="replace")


def _take(talk: Conversation, fact: Fact, on_fact: Callable[[Fact], None] | None) -> None:
    kind = fact["kind"]
    if kind == "done":
        talk.end = "done"
    elif kind == "begin":
        talk.step = str(fact["step"])
    talk.facts.append(fact)
    if on_fact is not None:
        on_fact(fact)


def _as_fact(line: bytes, marker: bytes) -> Fact | None:
    position = line.find(marker)
    if position < 0:
        return None
    try:
        fact: object = json.loads(line[position + len(marker) :])
    except ValueError:
        return None
    if not isinstance(fact, dict):
        return None
    table = cast("dict[str, Any]", fact)
    return table if isinstance(table.get("kind"), str) else None
