"""The options of the verb `race`. Standard library only."""

from __future__ import annotations

from core.cli.parser import Verbs, add_json, add_place, positive


def add_race(verbs: Verbs) -> None:
    """Adds the verb."""
    verb = verbs.add_parser("race", help="one job with several optimizers, the rest equal; a table and a page at the end")
    verb.add_argument("job", nargs="?", metavar="JOB", help="job file (.toml); left out with --list and --report")
    verb.add_argument("--optimizers", metavar="NAMES", help="with commas between: AdamW,Prodigy,CAME")
    verb.add_argument(
        "--seeds", type=positive, default=1, metavar="N", help="so many trainings of each, for the spread (default 1)"
    )
    verb.add_argument("--steps", type=positive, metavar="N", help="of each training (default: the job's length)")
    verb.add_argument("--no-hold-out", action="store_true", help="hold no images out, so that there is no validation loss")
    verb.add_argument("--engine", choices=("sd-scripts", "builtin"), help="what trains, instead of what the job names")
    verb.add_argument("--lanes", metavar="GPUS", help="0,1: one training on each of these GPUs at a time (default: all GPUs)")
    verb.add_argument("--no-preflight", action="store_true", help="start without trying each optimizer first (sd-scripts)")
    verb.add_argument("--dry-run", action="store_true", help="only show what each would train with")
    verb.add_argument("--detach", action="store_true", help="do not wait; it goes on without the terminal")
    verb.add_argument("--list", action="store_true", help="the races so far")
    verb.add_argument("--report", metavar="ID", help="the table of a race as it stands now; 'latest' for the newest")
    verb.add_argument("-o", "--output", metavar="FILE", help="write the report as one .html page, too")
    add_place(verb)
    add_json(verb)
