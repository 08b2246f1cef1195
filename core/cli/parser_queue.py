"""The options of the verb `queue`. Standard library only."""

from __future__ import annotations

from core.cli.parser import Verbs, add_json, add_place, positive


def add_queue(verbs: Verbs) -> None:
    """Adds the verb."""
    verb = verbs.add_parser("queue", help="jobs that train one after the other, also without a window")
    actions = verb.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = actions.add_parser("add", help="put copies of jobs at the end")
    add.add_argument("jobs", nargs="+", metavar="JOB", help="job file (.toml)")
    add.add_argument("--hold", action="store_true", help="pass them over until they are released")
    add.add_argument("--start", action="store_true", help="start the queue, too")
    add.add_argument("--no-preflight", action="store_true", help="start without trying the optimizer first (sd-scripts)")
    add_place(add)
    add_json(add)
    which = "number in the list, id, or name"
    for name, words in (
        ("list", "what is in it, and how it goes on"),
        ("start", "start what waits, one after the other; goes on without the terminal"),
        ("go-on", "the same, after a pause"),
        ("pause", "start nothing more; what trains goes on"),
    ):
        add_json(actions.add_parser(name, help=words))
    for name, words in (
        ("remove", "take entries out; their runs stay"),
        ("hold", "pass entries over until they are released"),
        ("release", "let held entries wait again"),
        ("retry", "let entries that are over wait again"),
    ):
        action = actions.add_parser(name, help=words)
        action.add_argument("entries", nargs="*" if name == "remove" else "+", metavar="ENTRY", help=which)
        if name == "remove":
            action.add_argument("--done", action="store_true", help="all that have finished")
        add_json(action)
    move = actions.add_parser("move", help="move an entry to another place")
    move.add_argument("entry", metavar="ENTRY", help=which)
    move.add_argument("place", type=positive, metavar="PLACE", help="its new number in the list")
    add_json(move)
    after = actions.add_parser("stop-after", help="pause the queue when an entry is over")
    after.add_argument("entry", nargs="?", metavar="ENTRY", help=which + " (default: what trains)")
    after.add_argument("--never", action="store_true", help="take that back")
    add_json(after)
    lanes = actions.add_parser("lanes", help="which GPUs train, one job each")
    lanes.add_argument("gpus", metavar="GPUS", help="numbers as 0,1, or auto for all of NVIDIA's")
    add_json(lanes)
    export = actions.add_parser("export", help="all that waits as one script")
    export.add_argument("file", metavar="FILE", help="ends in .bat, .sh or .ps1")
