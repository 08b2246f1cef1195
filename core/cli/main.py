"""Runs a verb and turns every known trouble into a sentence and an exit code."""

from __future__ import annotations

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


def _verb(name: str) -> Callable[[Namespace], int]:
    # Late, so that `new` does not wait for what `demo` imports.
    if name == "optimizers":
        from core.cli.optimizers import run_optimizers

        return run_optimizers
    if name == "environment":
        from core.cli.environment import run_environment

        return run_environment
    if name in ("command", "new"):
        from core.cli.job import run_command, run_new

        return run_command if name == "command" else run_new
    if name == "advise":
        from core.cli.advise import run_advise

        return run_advise
    if name == "preflight":
        from core.cli.preflight import run_preflight

        return run_preflight
    if name == "convert":
        from core.cli.convert import run_convert

        return run_convert
    if name == "preset":
        from core.cli.preset import run_preset

        return run_preset
    if name == "explain":
        from core.cli.explain import run_explain

        return run_explain
    if name == "run":
        from core.cli.run import run_run

        return run_run
    if name == "demo":
        from core.cli.demo import run_demo

        return run_demo
    if name == "bench":
        from core.cli.bench import run_bench

        return run_bench
    if name == "test":
        from core.cli.suite import run_test

        return run_test
    assert name == "shortcut", name
    from core.cli.shortcut import run_shortcut

    return run_shortcut


def _speak_utf8() -> None:
    # A Windows console's code page cannot say Japanese and optimizer names in one table.
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="replace")
