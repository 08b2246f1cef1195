"""`advise`: what will fail, train wrongly or waste in a job, with the source of each word and what a fix would change."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import cast

from core.advice.facts import gather_facts
from core.advice.model import Finding
from core.advice.review import changes_of, review
from core.catalogue.loader import load_catalogue
from core.cli.output import note, print_json, print_table, say
from core.cli.place import find_place, options_in
from core.environment.model import ProbeReport
from core.environment.reports import users_reports
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
    checkout: Path | None = None
    python: Path | None = None
    report: ProbeReport | None = None
    if options.environment or options.python or options.checkout:
        environment = find_place(job, options)
        checkout, known = environment.sd_scripts, options_in(environment, job.script)
        python = environment.python
        report = users_reports().load(environment.id)
        if report is None:
            text = Text(
                "This environment was not probed yet (environment check): nothing is said of its packages.",
                "この環境はまだ確認されていないため (environment check)、パッケージについては調べません。",
            )
            note(text)
    else:
        known = snapshot_for(job.script) or OptionSet(job.script, {}, "snapshot")
    facts = gather_facts(job, checkout, python=python)
    records = [_record(finding, job) for finding in review(job, known, catalogue, facts=facts, report=report)]
    if options.json:
        print_json(records)
    elif records:
        print_table([say(heading) for heading in _HEADINGS], [_row(record) for record in records])
    else:
        note(Text("Nothing to advise.", "指摘する点はありません。"))
    return 1 if any(record["severity"] == "error" for record in records) else 0


def _record(finding: Finding, job: Job) -> Record:
    fix: Record | None = None
    if finding.fix is not None:
        changes = {change.field: [change.before, change.after] for change in changes_of(finding.fix, job)}
        fix = {"label": finding.fix.label, "changes": changes}
    return {
        "rule": finding.rule or None,
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
