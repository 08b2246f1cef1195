"""The text of a job's command in a format, and everything that keeps it from running. No widgets here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from core.catalogue.catalogue import Catalogue
from core.environment.model import Environment
from core.errors import CaddieError, Problems
from core.job.check import job_faults
from core.job.engine import builtin_hindrances
from core.job.model import Job
from core.options.model import OptionSet
from core.text import Text
from gui.setup.highlighter import Syntax

STAND_IN = Environment(id="", name="", python=Path("python"), sd_scripts=Path("sd-scripts"))
"""Names for what is not chosen yet; the window says that they stand for the user's own."""

UNSAID: Final = "???"
"""Stands in the command for a value that no command line can say. sd-scripts refuses it as a number, and Windows as part
of a path, so that a command which is copied in spite of all does not train with something else in its place."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that keeps a job from running. `key` is the field to go to, None where there is none."""

    text: Text
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """What the dock shows.

    Attributes:
        text: the command; "" where this format has none for the job, and `findings` tell why.
        findings: everything that keeps the job from running.
        complete: whether the command says all of the job, so that it may be taken elsewhere.
        hint: why there is no command yet, where nothing is wrong.
    """

    text: str
    findings: tuple[Finding, ...]
    complete: bool = True
    hint: Text | None = None


UNSAVED: Final = Text(
    "Save the job, with all its changes: the built-in trainer is run on the job's file.",
    "ジョブの変更をすべて保存してください。内蔵トレーナーはジョブのファイルを読んで実行されます。",
)


def command_of(
    job: Job,
    syntax: Syntax,
    *,
    environment: Environment | None,
    options: OptionSet,
    catalogue: Catalogue,
    saved: Path | None = None,
) -> Command:
    """The job in one format.

    Args:
        job: the job.
        syntax: sh, bat, ps1 or toml.
        environment: what trains; names stand in for it where it is None.
        options: what the script accepts.
        catalogue: knows what the optimizer's arguments need.
        saved: the file that holds the job as it is, None where it is not saved.
    """
    findings = [
        Finding(fault.sentence(), fault.key if fault.where != "accelerate" else None)  # the form has no fields for those
        for fault in job_faults(job, options, catalogue)
    ]
    if job.engine == "builtin":
        findings += [Finding(one.text, one.key or "engine") for one in builtin_hindrances(job, options)]
        if saved is None and syntax != "toml":
            return Command("", tuple(findings), complete=False, hint=UNSAVED)
    text, complete = "", False
    try:
        text, complete = _write(job, syntax, environment or STAND_IN, options, saved)
    except Problems as several:
        findings += [Finding(problem) for problem in several.problems]
    except CaddieError as error:
        findings.append(Finding(error.text))
    return Command(text, tuple(findings), complete)


def _write(job: Job, syntax: Syntax, environment: Environment, options: OptionSet, saved: Path | None) -> tuple[str, bool]:
    """The text, and whether it says all of the job. Raises CaddieError where the format cannot hold the command."""
    # Late: the window opens without these.
    from core.command.build import build_argv
    from core.command.builtin import builtin_line
    from core.command.export import variable_lines
    from core.command.surroundings import surroundings_of
    from core.job.store import dumps

    if syntax == "toml":
        return dumps(job), True
    if job.engine == "builtin" and saved is not None:
        return builtin_line(saved, syntax), True
    if environment.sd_scripts is None:
        environment = replace(environment, sd_scripts=STAND_IN.sd_scripts)
    checkout, python = str(environment.sd_scripts), str(environment.python)
    around = surroundings_of(job)
    build = partial(build_argv, job, python=python, checkout=checkout, options=options, companion=around.companion)
    complete = True
    try:
        argv = build()
    except Problems:  # found as faults already
        argv, complete = build(stand_in=UNSAID), False
    return "\n".join([*variable_lines(around, syntax), _join(argv, syntax)]), complete


def _join(argv: list[str], syntax: Syntax) -> str:
    from core.command import cmd, powershell, sh
    from core.command.export import lines_of

    first, *others = lines_of(argv)
    if syntax == "sh":
        return " \\\n  ".join(sh.join(line) for line in (first, *others))
    if syntax == "bat":
        cmd.join(argv)  # refuses what is too long
        program = " ".join([cmd.quote(first[0], program=True), *map(cmd.quote, first[1:])])
        return " ^\n  ".join([program, *(" ".join(map(cmd.quote, line)) for line in others)])
    program = " ".join(["&", powershell.literal(first[0]), *map(powershell.argument, first[1:])])
    return " `\n  ".join([program, *(" ".join(map(powershell.argument, line)) for line in others)])
