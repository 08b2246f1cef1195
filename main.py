#!/usr/bin/env python3
"""Caddie's front door: makes `.venv` on the first start, then opens the window or runs a command-line verb.

Standard library only, and readable by Python 3.6 and later, so that an old one gets a sentence instead of a SyntaxError.
What a start needs when all is set up already is imported here; everything else only where it is needed.
"""

import os
import sys

ROOT = os.path.dirname(os.path.realpath(__file__))
VENV = os.path.join(ROOT, ".venv")
TRAINER = ("app", "train")
VERB_GROUPS = {"demo": TRAINER, "bench": TRAINER, "test": ("app", "train", "test")}


def main(arguments):
    # type: (list[str]) -> int
    """Returns the exit code: 0 ok, 1 failed, 2 wrong usage."""
    if not (3, 10) <= sys.version_info[:2] <= (3, 13):
        return _refuse_python()
    if ROOT not in sys.path:
        sys.path.insert(0, ROOT)
    from core.bootstrap import hand_over

    checked, sent = hand_over.was_checked(), hand_over.was_sent_to_console()
    verb = _verb(arguments)
    if verb == "window" and not checked and not _has_display():
        verb, arguments = "demo", ["demo"]
    if not checked:
        code = _prepare(verb, arguments)
        if code is not None:
            return code
    if sent or not hand_over.is_inside(VENV):
        return hand_over.go_on(VENV, [os.path.join(ROOT, "main.py"), *arguments], window=verb == "window")
    if verb == "window":
        return _open_window([argument for argument in arguments if argument != "window"])
    from core.cli.main import run

    return run(arguments)


def _verb(arguments):
    # type: (list[str]) -> str
    if not arguments or arguments[0].lower().endswith(".toml"):
        return "window"
    return arguments[0]


def _has_display():
    # type: () -> bool
    from core.bootstrap.display import has_display

    if has_display():
        return True
    from core.bootstrap.messages import NO_DISPLAY, say

    print(say(NO_DISPLAY), file=sys.stderr)
    return False


def _prepare(verb, arguments):
    # type: (str, list[str]) -> int | None
    """Answers wrong usage and --help before anything is installed; then makes sure that everything is there."""
    if verb not in ("window", "test"):
        from core.cli.parser import check_usage

        code = check_usage(arguments)
        if code is not None:
            return code
    from core.bootstrap import stamp

    groups, window = _groups(verb, arguments), verb in ("window", "test")
    if stamp.is_ready(ROOT, groups, window=window):
        return None
    if sys.stderr is None and sys.platform == "win32":  # pythonw, and an update of Caddie wants other packages
        from core.bootstrap import hand_over

        return hand_over.set_up_in_console(ROOT, arguments)
    from pathlib import Path

    from core.bootstrap import messages, setup

    try:
        setup.ensure(Path(ROOT), groups, window=window)
    except setup.SetupError as error:
        print(messages.say(error.text), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return None


def _groups(verb, arguments):
    # type: (str, list[str]) -> tuple[str, ...]
    """What pyproject.toml calls the packages that a verb needs; a job of the built-in trainer needs those that train."""
    if verb == "run":
        from core.cli.parser import trains_here

        return TRAINER if trains_here(arguments) else ("app",)
    return VERB_GROUPS.get(verb, ("app",))


def _refuse_python():
    # type: () -> int
    found = ".".join(str(part) for part in sys.version_info[:3])
    sys.stderr.write(
        f"Caddie needs Python 3.10 to 3.13; this is {found}. See https://www.python.org/downloads/\n"
        f"Caddie には Python 3.10 から 3.13 が必要です (これは {found} です)。\n"
    )
    return 1


def _open_window(arguments):
    # type: (list[str]) -> int
    try:
        from gui.app import run
    except ImportError as error:
        # Without a console nobody would see a traceback.
        from core.bootstrap.display import show_failure

        show_failure(VENV, error)
        return 1
    return run(arguments)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUTF8", "1")  # children (pip, probes, trainings) speak UTF-8
    sys.exit(main(sys.argv[1:]))
