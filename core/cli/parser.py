"""The verbs and their options. Standard library only, so that `--help` works before anything is installed."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import Protocol

from core import __version__

FORMATS = ("argv", "sh", "bat", "ps1", "toml")
ENGINES = ("sd-scripts", "builtin")
BENCH_SETS = ("sd15", "sdxl", "full", "sd15-tiny", "sdxl-tiny", "full-tiny")

_EPILOG = """\
without a verb: open the window (a job file as the only word opens that job); without a display: run the demo.

exit codes: 0 ok, 1 failed, 2 wrong usage. CADDIE_HOME moves Caddie's data, CADDIE_LANGUAGE=en|ja sets the language.
"""


_NAMES_BUILTIN = re.compile(r"""\s*(\w+\s*\.\s*)?caddie_engine\s*=\s*["']builtin["']""")


class Verbs(Protocol):
    """What `add_subparsers` returns; argparse keeps its class private."""

    def add_parser(self, name: str, *, help: str) -> argparse.ArgumentParser:
        """Adds a verb."""
        ...


def build_parser() -> argparse.ArgumentParser:
    """The parser of all verbs."""
    from core.cli.parser_plot import add_plot
    from core.cli.parser_queue import add_queue  # which needs what is below
    from core.cli.parser_race import add_race
    from core.cli.parser_runs import add_runs

    parser = argparse.ArgumentParser(
        prog="main.py",
        description="Caddie: choose an optimizer for sd-scripts, set it up, train, and see what it does.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"Caddie {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)

    verbs.add_parser("window", help="open the window (what happens without a verb)")
    _add_optimizers(verbs)
    _add_environment(verbs)
    _add_command(verbs)
    _add_run(verbs)
    add_queue(verbs)
    add_race(verbs)
    add_runs(verbs)
    _add_history(verbs)
    _add_handover(verbs)
    add_plot(verbs)
    _add_new(verbs)
    _add_advise(verbs)
    effective = verbs.add_parser("effective", help="what a job's settings come to: rates, scheduler, steps, arguments")
    effective.add_argument("job", metavar="JOB", help="job file (.toml)")
    add_json(effective)
    dataset = verbs.add_parser("dataset", help="count a job's images: buckets, captions, steps; 1 where they cannot be trained")
    dataset.add_argument("job", metavar="FILE", help="job file (.toml), or a dataset config alone (.toml, .json)")
    add_place(dataset)
    add_json(dataset)
    _add_preflight(verbs)
    _add_convert(verbs)

    _add_preset(verbs)
    explain = verbs.add_parser("explain", help="what the error in a log means and what to do; 1 where it is not known")
    explain.add_argument("log", metavar="LOG", help="text file, or - for standard input")
    add_json(explain)

    demo = verbs.add_parser("demo", help="train a small LoRA with what Caddie ships; no window, GPU, sd-scripts or download")
    demo.add_argument("--out", metavar="DIR", help="folder for the run, the LoRA and the pictures (default: Caddie's data)")
    demo.add_argument("--optimizer", default="Prodigy", metavar="NAME", help="catalogue name (default: Prodigy)")
    demo.add_argument("--steps", type=positive, default=240, metavar="N", help="optimizer steps (default: 240)")
    add_json(demo)

    _add_bench(verbs)

    test = verbs.add_parser("test", help="run the test suite; what follows goes to pytest")
    test.add_argument("arguments", nargs=argparse.REMAINDER, help="for pytest")

    verbs.add_parser("shortcut", help="add Caddie, with its icon, to the applications menu of this desktop (Linux)")
    return parser


def _add_optimizers(verbs: Verbs) -> None:
    verb = verbs.add_parser("optimizers", help="the quick-reference table, or everything about one optimizer")
    verb.add_argument("name", nargs="?", metavar="NAME", help="catalogue name or --optimizer_type, in any case")
    verb.add_argument("--environment", metavar="ID", help="show what is ready or missing there (a probe is made)")
    add_json(verb)


def _add_environment(verbs: Verbs) -> None:
    verb = verbs.add_parser("environment", help="the Pythons and sd-scripts checkouts that train")
    actions = verb.add_subparsers(dest="action", metavar="ACTION", required=True)

    add = actions.add_parser("add", help="add a folder (sd-scripts, kohya_ss, LoRA_Easy, Stability Matrix) or an interpreter")
    add.add_argument("path", metavar="PATH", help="folder of the installation, venv folder, or python executable")
    add.add_argument("--sd-scripts", metavar="DIR", help="the checkout, where it cannot be found from PATH")
    add.add_argument("--name", metavar="NAME", help="what to call it")
    add_json(add)

    listing = actions.add_parser("list", help="what was added")
    listing.add_argument("--found", action="store_true", help="also look for installations in the usual places")
    add_json(listing)

    for name, words in (
        ("show", "what a probe sees: Python, torch, GPU, checkout, packages"),
        ("check", "which optimizers are ready there"),
        ("remove", "forget it (nothing is deleted)"),
    ):
        action = actions.add_parser(name, help=words)
        action.add_argument(
            "id", nargs="?" if name != "remove" else None, metavar="ID", help="id or name; the only one if left out"
        )
        if name == "check":
            action.add_argument("--optimizer", metavar="NAME", help="only this one")
        add_json(action)

    install = actions.add_parser("install", help="pip-install what an optimizer needs, after showing the command")
    install.add_argument("id", nargs="?", metavar="ID", help="id or name; the only one if left out")
    install.add_argument("--optimizer", required=True, metavar="NAME", help="whose packages; 'all' for every optimizer")
    install.add_argument("--yes", action="store_true", help="do not ask")
    install.add_argument("--dry-run", action="store_true", help="only show the command")
    install.add_argument("--allow-torch", action="store_true", help="go on although torch would be replaced")
    _add_create(actions)


def _add_create(actions: Verbs) -> None:
    create = actions.add_parser("create", help="make a working sd-scripts in a new folder; the same again goes on where it ended")
    create.add_argument("folder", metavar="FOLDER", help="the checkout that is made; never one that holds something")
    create.add_argument("--recipe", default="sd-scripts", metavar="ID", help="sd-scripts (default) or sd3")
    create.add_argument("--ref", metavar="NAME", help="another branch or tag")
    create.add_argument("--repository", metavar="URL", help="another repository (a fork, a mirror)")
    create.add_argument("--zip", action="store_true", help="without git: download the zip of the branch")
    create.add_argument("--python", metavar="PATH", help="make the virtual environment with it (default: the best one found)")
    create.add_argument("--torch", metavar="BUILD", help="cu128, cu124, cu118, rocm6.2.4, cpu … (default: what fits the GPU)")
    create.add_argument("--xformers", action="store_true", help="install xformers too")
    create.add_argument("--optimizers", metavar="NAMES", help="install the packages of these optimizers too; 'all' for every one")
    create.add_argument("--pip-option", action="append", metavar="OPTION", help='for every pip install: "--index-url ADDRESS"')
    create.add_argument("--export", metavar="FILE", help="write all of it as one .sh, .bat or .ps1 and run nothing")
    create.add_argument("--dry-run", action="store_true", help="only show what would be run")
    create.add_argument("--undo", action="store_true", help="remove what an earlier create made there; what is yours stays")
    create.add_argument("--yes", action="store_true", help="do not ask")
    add_json(create)

    repair = actions.add_parser("repair", help="what is broken in an environment and the commands that mend it, shown first")
    repair.add_argument("id", nargs="?", metavar="ID", help="id or name; the only one if left out")
    repair.add_argument("--restore", metavar="FILE", help="bring the packages of a kept list back; 'latest' for the newest")
    repair.add_argument("--dry-run", action="store_true", help="only show what would be run")
    repair.add_argument("--yes", action="store_true", help="do not ask")
    add_json(repair)


def _add_command(verbs: Verbs) -> None:
    verb = verbs.add_parser("command", help="the exact command of a job, for any shell")
    verb.add_argument("job", metavar="JOB", help="job file (.toml)")
    verb.add_argument("--format", choices=FORMATS, default="sh", help="default: sh")
    verb.add_argument("-o", "--output", metavar="FILE", help="write it there instead of printing it")
    add_place(verb)


def _add_run(verbs: Verbs) -> None:
    verb = verbs.add_parser("run", help="train a job; Ctrl-C stops it cleanly, a second one at once")
    verb.add_argument("job", metavar="JOB", help="job file (.toml)")
    verb.add_argument("--detach", action="store_true", help="start it, say where it is, and return")
    verb.add_argument("--plain", action="store_true", help="without the companion; metrics from TensorBoard and the console")
    verb.add_argument("--no-preflight", action="store_true", help="start without trying the optimizer first (sd-scripts)")
    verb.add_argument("--out", metavar="DIR", help="folder in which the run's folder is made")
    verb.add_argument(
        "--base", metavar="DIR", help="where relative paths start for the built-in trainer (default: the job's folder)"
    )
    verb.add_argument(
        "--engine", choices=ENGINES, help="what trains, instead of what the job names; builtin needs no environment"
    )
    verb.add_argument(
        "--isolated", action="store_true", help="in a process of its own, which is what the command line always does"
    )
    add_place(verb)
    add_json(verb)


def _add_history(verbs: Verbs) -> None:
    verb = verbs.add_parser("history", help="every run that was ever made, with what came out")
    verb.add_argument(
        "--filter",
        action="append",
        metavar="WORDS",
        help="only these, e.g. 'optimizer:prodigy loss<0.1 -tag:bad' (docs/history.md)",
    )
    verb.add_argument("--runs", metavar="DIR", help="folder of the runs (default: Caddie's data)")
    add_json(verb)
    actions = verb.add_subparsers(dest="action", metavar="ACTION")
    diff = actions.add_parser("diff", help="what differs between two runs: settings, checkout, packages")
    diff.add_argument("one", metavar="A", help="folder of a run, its name, or how the name begins")
    diff.add_argument("other", metavar="B", help="the run to compare it with")
    diff.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON")
    spread = actions.add_parser("spread", help="end values with mean and spread over the seeds of otherwise equal jobs")
    spread.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON")
    bring = actions.add_parser("import", help="runs made elsewhere: TensorBoard's files, or the metadata of LoRAs")
    bring.add_argument("path", metavar="PATH", help="a .safetensors file, an event file, or a folder that holds such")
    bring.add_argument(
        "--settings", metavar="FILE", help="job, script or LoRA that says what TensorBoard's runs were trained with"
    )
    bring.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON")
    tag = actions.add_parser("tag", help="tag a run")
    tag.add_argument("run", metavar="RUN", help="folder of a run, its name, or how the name begins")
    tag.add_argument("tags", nargs="+", metavar="TAG", help="without commas")
    tag.add_argument("--remove", action="store_true", help="take these tags away")
    text = actions.add_parser("note", help="say something about a run; it replaces what was said before")
    text.add_argument("run", metavar="RUN", help="folder of a run, its name, or how the name begins")
    text.add_argument("text", metavar="TEXT", help='"" takes the notes away')


def _add_handover(verbs: Verbs) -> None:
    verb = verbs.add_parser("handover", help="where a run's d*lr came to rest, and a job for another optimizer with that rate")
    verb.add_argument("run", metavar="RUN", help="folder of a run, its name, or how the name begins; it may still be running")
    verb.add_argument("--to", metavar="NAME", help="the optimizer to go on with; without it, what each one's rate would be")
    verb.add_argument("-o", "--output", metavar="JOB", help="job file to write (.toml); needs --to")
    verb.add_argument("--warmup", action="store_true", help="let the new rate rise as long as d did (lr_warmup_steps)")
    verb.add_argument("--force", action="store_true", help="replace an existing file")
    verb.add_argument("--runs", metavar="DIR", help="folder of the runs (default: Caddie's data)")
    add_json(verb)


def _add_new(verbs: Verbs) -> None:
    verb = verbs.add_parser("new", help="a job file to begin with")
    verb.add_argument("--optimizer", required=True, metavar="NAME", help="catalogue name")
    verb.add_argument("-o", "--output", required=True, metavar="JOB", help="file to write (.toml)")
    verb.add_argument("--engine", choices=ENGINES, default="sd-scripts", help="what trains it (default: sd-scripts)")
    verb.add_argument("--fast", action="store_true", help="with Caddie's own fast implementation of the optimizer")
    verb.add_argument("--hand-loss", action="store_true", help="the companion tells the emo series its loss")
    verb.add_argument("--force", action="store_true", help="replace an existing file")


def _add_advise(verbs: Verbs) -> None:
    verb = verbs.add_parser("advise", help="what will fail, train wrongly or waste in a job, and the fix; 1 where it will fail")
    verb.add_argument("job", metavar="JOB", help="job file (.toml)")
    add_place(verb)
    add_json(verb)


def _add_preflight(verbs: Verbs) -> None:
    verb = verbs.add_parser(
        "preflight", help="build the job's optimizer where it will train and take two steps; 1 where it does not pass"
    )
    verb.add_argument("job", metavar="JOB", help="job file (.toml)")
    verb.add_argument("--curves", metavar="FILE", help="also draw what it would do on a small problem (.png or .csv)")
    verb.add_argument("--device", choices=("auto", "cpu"), default="auto", help="default: auto, what accelerate would take")
    add_place(verb)
    add_json(verb)


def _add_convert(verbs: Verbs) -> None:
    verb = verbs.add_parser("convert", help="another program's settings, a script or a LoRA's metadata as a job, with a report")
    verb.add_argument("file", metavar="FILE", help=".toml, .json (kohya_ss, OneTrainer), .bat, .sh, .ps1 or .safetensors")
    verb.add_argument("-o", "--output", metavar="JOB", help="job file to write (.toml); without it only the report is printed")
    verb.add_argument("--all", action="store_true", help="list also the keys that say nothing (not set, off)")
    verb.add_argument("--force", action="store_true", help="replace an existing file")
    add_json(verb)


def _add_preset(verbs: Verbs) -> None:
    verb = verbs.add_parser("preset", help="optimizers with their arguments, scheduler and rates, for any job")
    actions = verb.add_subparsers(dest="action", metavar="ACTION", required=True)
    add_json(actions.add_parser("list", help="what was saved"))
    save = actions.add_parser("save", help="keep the optimizer's part of a job")
    save.add_argument("job", metavar="JOB", help="job file (.toml)")
    save.add_argument("name", metavar="NAME", help="what to call it")
    save.add_argument("--force", action="store_true", help="replace one of that name")
    apply = actions.add_parser("apply", help="replace the optimizer's part of a job; nothing else of it is touched")
    apply.add_argument("job", metavar="JOB", help="job file (.toml)")
    apply.add_argument("preset", metavar="PRESET", help="name of a preset, or its file")
    apply.add_argument("--out", metavar="JOB", help="write the job there instead of over the old one")


def _add_bench(verbs: Verbs) -> None:
    verb = verbs.add_parser("bench", help="measure Caddie's optimizers beside the originals, on this machine")
    verb.add_argument("what", choices=("optimizers",), help="what to measure")
    verb.add_argument(
        "--set", choices=BENCH_SETS, default="sd15", help="parameters of a LoRA (rank 16) or of a full fine-tune (default: sd15)"
    )
    verb.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="default: cpu")
    verb.add_argument("--optimizers", metavar="A,B", help="only these (default: all)")
    verb.add_argument("--threads", type=positive, default=1, metavar="N", help="CPU threads (default: 1, the least noisy)")
    verb.add_argument("--rounds", type=positive, metavar="N", help="at most so many steps are measured (default: 9)")
    verb.add_argument("--environment", metavar="ID", help="measure in that environment's Python (default: Caddie's own)")
    verb.add_argument("--json", metavar="FILE", help="also write the figures there; '-' prints them instead of the table")


def add_json(parser: argparse.ArgumentParser) -> None:
    """The option that every verb with data has."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def add_place(parser: argparse.ArgumentParser) -> None:
    """Where to train."""
    parser.add_argument("--environment", metavar="ID", help="id or name of an environment (default: the job's, or the only one)")
    parser.add_argument("--python", metavar="PATH", help="interpreter, instead of an environment")
    parser.add_argument("--checkout", metavar="DIR", help="sd-scripts folder, instead of the environment's")


def positive(word: str) -> int:
    """A whole number of at least one, for argparse."""
    number = int(word)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def trains_here(arguments: Sequence[str]) -> bool:
    """Whether these words, whose usage is right, train a job with the built-in trainer, in Caddie's own Python.

    The job is only looked into, not read: that takes packages which may not be installed yet. What is wrong with it is
    said later, by whoever reads it.
    """
    options = build_parser().parse_args(arguments)
    if options.verb != "run":
        return False
    if options.engine:
        return options.engine == "builtin"
    try:
        with open(options.job, encoding="utf-8-sig", errors="replace") as file:
            return any(_NAMES_BUILTIN.match(line) for line in file)
    except OSError:
        return False


def check_usage(arguments: Sequence[str]) -> int | None:
    """Answers `--help`, `--version` and wrong usage.

    Returns:
        The exit code where that was all there was to do, else None.
    """
    try:
        build_parser().parse_args(arguments)
    except SystemExit as end:
        return int(end.code or 0)
    return None
