#!/usr/bin/env python3
"""Caddie's front door: makes `.venv` on the first start, then opens the window or runs a command-line verb.

Standard library only, and readable by every Python 3, so that an old one gets a sentence instead of a SyntaxError.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
WINDOW_GROUPS = ("app",)
VERB_GROUPS = {"demo": ("app", "train"), "test": ("app", "train", "test")}


def main(arguments):
    # type: (list[str]) -> int
    """Returns the exit code: 0 ok, 1 failed, 2 wrong usage."""
    if not (3, 10) <= sys.version_info[:2] <= (3, 13):
        return _refuse_python()
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    from core.bootstrap import messages, setup
    from core.bootstrap.display import has_display

    window = not arguments or arguments[0] == "window" or arguments[0].lower().endswith(".toml")
    if window and not has_display():
        print(messages.say(messages.NO_DISPLAY), file=sys.stderr)
        window, arguments = False, ["demo"]
    verb = "window" if window else arguments[0]
    if not window and verb != "test":
        # Wrong usage and --help are answered before anything is installed.
        from core.cli.parser import check_usage

        code = check_usage(arguments)
        if code is not None:
            return code
    try:
        python = setup.ensure(ROOT, VERB_GROUPS.get(verb, WINDOW_GROUPS), window=verb in ("window", "test"))
    except setup.SetupError as error:
        print(messages.say(error.text), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    if not os.path.samefile(sys.prefix, str(ROOT / ".venv")):
        return setup.go_on(python, [str(Path(__file__).resolve()), *arguments], window=window)
    return _open_window(arguments) if window else _run_verb(arguments)


def _refuse_python():
    # type: () -> int
    found = ".".join(str(part) for part in sys.version_info[:3])
    sys.stderr.write(
        f"Caddie needs Python 3.10 to 3.13; this is {found}. See https://www.python.org/downloads/\n"
        f"Caddie には Python 3.10 から 3.13 が必要です (これは {found} です)。\n"
    )
    return 1


def _run_verb(arguments):
    # type: (list[str]) -> int
    from core.cli.main import run

    return run(arguments)


def _open_window(arguments):
    # type: (list[str]) -> int
    try:
        from gui.app import run
    except ImportError as error:
        # Without a console nobody would see a traceback.
        from core.bootstrap.display import show_failure

        show_failure(ROOT, error)
        return 1
    return run([argument for argument in arguments if argument != "window"])


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUTF8", "1")  # children (pip, probes, trainings) speak UTF-8
    sys.exit(main(sys.argv[1:]))
