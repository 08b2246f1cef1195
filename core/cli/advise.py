"""`advise`: what will fail, train wrongly or waste in a job, with the source of each word and what a fix would change."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import cast

from core.advice.advise import advise
from core.advice.model import Finding
from core.catalogue.loader import load_catalogue
from core.cli.output import note, print_json, print_table, say
from core.job.check import ValueFault, job_faults
from core.job.missing import missing_faults
from core.job.model import Job
from core.job.store import load_job
from core.options.model import OptionSet
from core.options.snapshot import snapshot_for
from core.text import Text

_HEADINGS = (Text("Severity", "重要度"), Text("Fields", "項目"), Text("Finding", "内容"), Text("Fix", "修正"))
_SEVERITIES = {"error": Text("error", "エラー"), "warning": Text("warning", "警告"), "hint": Text("hint", "ヒント")}
Record = dict[str, object]


def run_advise(options: Namespace) -> int:
    """Lists the findings, errors first; 1 where one of them is an error."""
    job, catalogue = load_job(Path(options.job)), load_catalogue()
    known = snapshot_for(job.script) or OptionSet(job.script, {}, "snapshot")
    faults = job_faults(job, known, catalogue)
    if job.engine == "sd-scripts":
        faults += missing_faults(job, known)
    records = [_of_fault(fault) for fault in faults] + [_of_finding(finding, job) for finding in advise(job, catalogue)]
    records.sort(key=lambda record: list(_SEVERITIES).index(str(record["severity"])))
    if options.json:
        print_json(records)
    elif records:
        print_table([say(heading) for heading in _HEADINGS], [_row(record) for record in records])
    else:
        note(Text("Nothing to advise.", "指摘する点はありません。"))
    return 1 if any(record["severity"] == "error" for record in records) else 0


def _of_fault(fault: ValueFault) -> Record:
    severity = "error" if fault.certain else "warning"
    return {"rule": None, "severity": severity, "fields": [fault.key], "text": fault.sentence(), "source": None, "fix": None}


def _of_finding(finding: Finding, job: Job) -> Record:
    fix: Record | None = None
    if finding.fix is not None:
        after = finding.fix.apply(job)
        names = dict.fromkeys([*job.options, *after.options])
        changed = {name: [job.options.get(name), after.options.get(name)] for name in names}
        fix = {"label": finding.fix.label, "options": {name: pair for name, pair in changed.items() if pair[0] != pair[1]}}
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "fields": list(finding.fields),
        "text": finding.text,
        "source": finding.source,
        "fix": fix,
    }


def _row(record: Record) -> list[str]:
    fields, text = cast("list[str]", record["fields"]), cast(Text, record["text"])
    fix = cast("Record | None", record["fix"])
    names = "\n".join(field.partition(":")[2] for field in fields)
    return [say(_SEVERITIES[str(record["severity"])]), names, say(text), say(cast(Text, fix["label"])) if fix else ""]
