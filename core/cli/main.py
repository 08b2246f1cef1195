"""Runs a verb and turns every known trouble into a sentence and an exit code."""

from __future__ import annotations

import importlib
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence

from core.cli.output import note
from core.cli.parser import build_parser
from core.errors import CaddieError
from core.text import Text

OK, FAILED, WRONG_USAGE = 0, 1, 2


def run(arguments: Sequence[str]) -> int:
    """Returns the exit code of a verb: 0 ok, 1 failed, 2 wrong usage."""
    _speak_utf8()
    if arguments[:1] == ["test"]:
        # Everything after `test` is pytest's, also what looks like an option of this parser.
        return _verb("test")(Namespace(arguments=list(arguments[1:])))
    try:
        options = build_parser().parse_args(arguments)
    except SystemExit as end:
        return int(end.code or 0)
    try:
        return _verb(options.verb)(options)
    except CaddieError as error:
        note(error.text)
        return FAILED
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # `main.py optimizers | head`: the reader has enough. Nothing may be flushed into the closed pipe at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except OSError as error:
        # What the verbs know how to explain is a CaddieError; the disk and its permissions can fail anywhere.
        reason = error.strerror or str(error)
        what = f"{error.filename}: {reason}" if error.filename else reason
        note(Text(f"A file or folder could not be used: {what}", f"ファイルまたはフォルダーを使用できません: {what}"))
        return FAILED


_VERBS = {
    "optimizers": "optimizers",
    "environment": "environment",
    "command": "job",
    "new": "job",
    "advise": "advise",
    "effective": "effective",
    "dataset": "dataset",
    "preflight": "preflight",
    "convert": "convert",
    "preset": "preset",
    "explain": "explain",
    "run": "run",
    "queue": "queue",
    "race": "race",
    "runs": "runs",
    "history": "history",
    "handover": "handover",
    "plot": "plot",
    "demo": "demo",
    "bench": "bench",
    "test": "suite",
    "shortcut": "shortcut",
}
"""Verb -> the module in core.cli that holds its `run_<verb>`."""


def _verb(name: str) -> Callable[[Namespace], int]:
    # Imported late, so that `new` does not wait for what `demo` imports.
    module = importlib.import_module(f"core.cli.{_VERBS[name]}")
    return getattr(module, f"run_{name}")


def _speak_utf8() -> None:
    # A Windows console's code page cannot say Japanese and optimizer names in one table.
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="replace")
