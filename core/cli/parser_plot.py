"""The options of the verb `plot`. Standard library only."""

from __future__ import annotations

from core.cli.parser import Verbs


def add_plot(verbs: Verbs) -> None:
    """Adds the verb."""
    verb = verbs.add_parser("plot", help="curves of runs as a picture, a table or a page, without a window")
    verb.add_argument(
        "run", metavar="RUN", nargs="+", help="folder of a run, its name, or how the name begins; several: over each other"
    )
    verb.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        required=True,
        help=".png, .svg, .csv, or .html: one page with curves, settings and samples",
    )
    verb.add_argument("--smoothing", type=float, metavar="N", help="window in steps (default: a twentieth of the run; 1: none)")
    verb.add_argument("--zero-phase", action="store_true", help="smooth in both directions, so that a bend stands where it was")
    verb.add_argument("--title", default="", metavar="TEXT", help="heading of a picture (default: the runs' names)")
    verb.add_argument("--runs", metavar="DIR", help="folder of the runs (default: Caddie's data)")
