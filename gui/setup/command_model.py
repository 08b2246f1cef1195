"""The text of a job's command in a format, and everything that keeps it from running. No widgets here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from core.catalogue.catalogue import Catalogue
from core.environment.model import Environment
from core.errors import CaddieError, Problems
from core.job.check import job_faults
from core.job.model import Job
from core.options.model import OptionSet
from core.text import Text
from gui.setup.highlighter import Syntax

STAND_IN = Environment(id="", name="", python=Path("python"), sd_scripts=Path("sd-scripts"))
"""Names for what is not chosen yet; the window says that they stand for the user's own."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that keeps a job from running. `key` is the field to go to, None where there is none."""

    text: Text
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """What the dock shows. `text` is "" where no command can say the job; `findings` tell why."""

    text: str
    findings: tuple[Finding, ...]


def command_of(job: Job, syntax: Syntax, *, environment: Environment | None, options: OptionSet, catalogue: Catalogue) -> Command:
    """The job in one format.

    Args:
        job: the job.
        syntax: sh, bat, ps1 or toml.
        environment: what trains; names stand in for it where it is None.
        options: what the script accepts.
        catalogue: knows what the optimizer's arguments need.
    """
    from core.command.problems import problems  # late: the window opens without it

    findings = [Finding(fault.sentence(), f"{fault.where}:{fault.name}") for fault in job_faults(job, options, catalogue)]
    _add(findings, problems(job, options, catalogue), job)
    text = ""
    try:
        text = _write(job, syntax, environment or STAND_IN, options)
    except Problems as several:
        _add(findings, several.problems, job)
    except CaddieError as error:
        findings.append(Finding(error.text))
    return Command(text, tuple(findings))


def _add(findings: list[Finding], problems: Sequence[Text], job: Job) -> None:
    """Adds what is not said yet: of a field that the form explains, the form's own words are enough."""
    explained = {finding.key for finding in findings if finding.key is not None}
    said = {finding.text.en for finding in findings}
    for problem in problems:
        key = field_named(problem, job)
        if key not in explained and problem.en not in said:
            findings.append(Finding(problem, key))


def _write(job: Job, syntax: Syntax, environment: Environment, options: OptionSet) -> str:
    # Late: the window opens without these.
    from core.command import cmd, powershell, sh
    from core.command.build import build_argv
    from core.command.export import lines_of
    from core.job.store import dumps

    if syntax == "toml":
        return dumps(job)
    if environment.sd_scripts is None:
        environment = replace(environment, sd_scripts=STAND_IN.sd_scripts)
    checkout, python = str(environment.sd_scripts), str(environment.python)
    argv = build_argv(job, python=python, checkout=checkout, options=options, companion=None)
    first, *others = lines_of(argv)
    if syntax == "sh":
        return " \\\n  ".join(sh.join(line) for line in (first, *others))
    if syntax == "bat":
        cmd.join(argv)  # refuses what is too long
        program = " ".join([cmd.quote(first[0], program=True), *map(cmd.quote, first[1:])])
        return " ^\n  ".join([program, *(" ".join(map(cmd.quote, line)) for line in others)])
    program = " ".join(["&", powershell.literal(first[0]), *map(powershell.argument, first[1:])])
    return " `\n  ".join([program, *(" ".join(map(powershell.argument, line)) for line in others)])


def field_named(problem: Text, job: Job) -> str | None:
    """The field that a problem of `core.command` begins with: `seed = 'x': …`, `optimizer_args: 'eps=x': …`."""
    words = problem.en
    if words.startswith("optimizer_args: "):
        rest = words.removeprefix("optimizer_args: ")
        for name in job.arguments:
            if rest.startswith((f"'{name}=", f'"{name}=', f"{name}=")) or f" no argument {name}." in rest:
                return f"argument:{name}"
        return "option:optimizer_args"
    for name in job.options:
        if words.startswith((f"{name} ", f"{name}:", f"{name!r} ")):
            return f"option:{name}"
    return None
