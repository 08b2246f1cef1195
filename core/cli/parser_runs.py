"""The options of the verb `runs`. Standard library only."""

from __future__ import annotations

import argparse

from core.cli.parser import Verbs

_RUN = "folder of a run, its name, or how the name begins; left out where only one is under way"


def add_runs(verbs: Verbs) -> None:
    """Adds the verb."""
    verb = verbs.add_parser("runs", help="what trains now, whoever started it: watch it, save, sample, pause, stop")
    verb.add_argument("--runs", metavar="DIR", help="folder of the runs (default: Caddie's data)")
    verb.add_argument("--json", action="store_true", help="print JSON")
    actions = verb.add_subparsers(dest="action", metavar="ACTION")
    attach = actions.add_parser("attach", help="follow a run from its beginning; Ctrl-C leaves it alone")
    _add_run(attach)
    for name, words in (
        ("save", "save weights and state after the present step"),
        ("sample", "draw the sample pictures after the present step"),
        ("pause", "hold between two steps, the memory kept"),
        ("go-on", "end a pause"),
    ):
        action = actions.add_parser(name, help=words)
        _add_run(action)
        _add_no_wait(action)
    stop = actions.add_parser("stop", help="end a run cleanly")
    _add_run(stop)
    how = stop.add_mutually_exclusive_group()
    how.add_argument("--save", action="store_true", help="save weights and state first")
    how.add_argument("--now", action="store_true", help="do not ask, end its processes")
    _add_no_wait(stop)


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", nargs="?", help=_RUN)


def _add_no_wait(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--no-wait", action="store_true", help="return at once, not when it is done")
