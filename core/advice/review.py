"""All that can be said of a job before it starts, in one list: for the window's Advice view and for `advise`."""

from __future__ import annotations

from dataclasses import dataclass

from core.advice.advise import SD_SCRIPTS, advise
from core.advice.facts import Facts
from core.advice.model import SEVERITIES, Finding, Fix, Severity
from core.advice.repairs import repair_of
from core.catalogue.catalogue import Catalogue
from core.environment.model import ProbeReport
from core.job.check import ValueFault, job_faults, option_faults
from core.job.engine import builtin_hindrances
from core.job.missing import missing_faults
from core.job.model import Job
from core.options.model import OptionSet
from core.text import Text


def review(
    job: Job,
    options: OptionSet,
    catalogue: Catalogue,
    *,
    facts: Facts | None = None,
    report: ProbeReport | None = None,
    unfinished: bool = False,
) -> list[Finding]:
    """The faults of values, what the built-in trainer cannot do, and the advice; the worst first.

    Args:
        job: the job.
        options: what its script accepts.
        catalogue: knows the optimizers.
        facts: what was seen on the disk, None where nobody looked.
        report: of the environment that trains, None where nobody looked.
        unfinished: the job is still being written: what is not given yet is no fault.
    """
    spec = catalogue.find_for_options(job.options)
    found = [_of_fault(fault, repair_of(fault, job, options, spec)) for fault in job_faults(job, options, catalogue)]
    if not unfinished and job.engine == "sd-scripts":
        found += [_of_fault(fault, None) for fault in missing_faults(job, options)]
    if job.engine == "builtin":
        found += [Finding("", "error", one.text, (one.key or "engine",), None) for one in builtin_hindrances(job, options)]
    if facts is not None and job.engine == "sd-scripts":
        found += _of_config_file(facts, options)
    found += advise(job, catalogue, facts, report)
    return sorted(found, key=lambda finding: SEVERITIES.index(finding.severity))


_MOST_KEYS = 8


def _of_config_file(facts: Facts, options: OptionSet) -> list[Finding]:
    """What is wrong with the file of `config_file`, none of whose keys and values sd-scripts looks at before it uses them."""
    faults = option_faults(facts.config_file, options)
    found = [
        Finding(
            "file.config-key",
            "warning",
            Text(f"Config file, {fault.sentence().en}", f"設定ファイル {fault.sentence().ja}"),
            ("option:config_file",),
            SD_SCRIPTS,
        )
        for fault in faults[:_MOST_KEYS]
    ]
    if len(faults) > _MOST_KEYS:
        more = len(faults) - _MOST_KEYS
        text = Text(f"Config file: {more} more of the kind.", f"設定ファイル: 同様の問題がほかに {more} 件あります。")
        found.append(Finding("file.config-key", "warning", text, ("option:config_file",), SD_SCRIPTS))
    return found


def _of_fault(fault: ValueFault, fix: Fix | None) -> Finding:
    severity: Severity = "error" if fault.certain else "warning"
    return Finding("", severity, fault.sentence(), (fault.key,), None, fix)


@dataclass(frozen=True, slots=True)
class Change:
    """What a fix changes in one field: `option:seed`, `argument:betas`, `engine`. None stands for "not given"."""

    field: str
    before: object
    after: object


def changes_of(fix: Fix, job: Job) -> list[Change]:
    """What the fix would change in the job, options first."""
    after = fix.apply(job)
    pairs: dict[str, tuple[object, object]] = {}
    for name in dict.fromkeys([*job.options, *after.options]):
        if name != "optimizer_args":  # told argument by argument
            pairs[f"option:{name}"] = job.options.get(name), after.options.get(name)
    for name in dict.fromkeys([*job.arguments, *after.arguments]):
        pairs[f"argument:{name}"] = job.arguments.get(name), after.arguments.get(name)
    for name in dict.fromkeys([*job.builtin, *after.builtin]):
        pairs[f"builtin:{name}"] = job.builtin.get(name), after.builtin.get(name)
    for name in dict.fromkeys([*job.accelerate, *after.accelerate]):
        pairs[f"accelerate:{name}"] = job.accelerate.get(name), after.accelerate.get(name)
    pairs["engine"] = job.engine, after.engine
    pairs["hand_loss"] = job.hand_loss, after.hand_loss
    # By their words: 1, 1.0 and True are equal to Python and different to sd-scripts.
    return [Change(field, before, now) for field, (before, now) in pairs.items() if repr(before) != repr(now)]


_MOST_FIXES = 40
"""So many are applied in a row at most: two rules that undo each other's fix must not go on for ever."""


def mend(
    job: Job, options: OptionSet, catalogue: Catalogue, facts: Facts | None = None, report: ProbeReport | None = None
) -> Job:
    """The job with the fixes of all errors and warnings applied, each to what the ones before it left.

    A hint is a matter of taste and stays. The same words are not mended twice.
    """
    done: set[tuple[str, Text]] = set()
    for _ in range(_MOST_FIXES):
        findings = review(job, options, catalogue, facts=facts, report=report, unfinished=True)
        open_ = (one for one in findings if one.fix and one.severity != "hint" and (one.rule, one.text) not in done)
        finding = next(open_, None)
        if finding is None or finding.fix is None:
            break
        done.add((finding.rule, finding.text))
        job = finding.fix.apply(job)
    return job
