"""`run JOB`: the same run machinery as the window's."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from pathlib import Path

from core.cli.output import note, print_json
from core.cli.place import find_place, options_in
from core.cli.watch import show_outcome, watch
from core.errors import Problems
from core.job.missing import missing_faults
from core.job.store import load_job
from core.runs.launch import start_run
from core.runs.outcome import Ending
from core.text import Text


def run_run(options: Namespace) -> int:
    """Starts a job and follows it."""
    job = load_job(Path(options.job))
    if options.plain:
        job = replace(job, companion=False)
    environment = find_place(job, options)
    known = options_in(environment, job.script)
    missing = missing_faults(job, known)
    if missing:
        raise Problems(
            Text("This job is not complete:", "このジョブには不足があります:"), [fault.sentence() for fault in missing]
        )
    run = start_run(job, environment, known, runs_dir=Path(options.out).absolute() if options.out else None)
    note(Text(f"Run folder: {run.path}", f"実行フォルダー: {run.path}"))
    if options.detach:
        if options.json:
            print_json({"run": run.path})
        return 0
    outcome = watch(run)
    if options.json:
        print_json({"run": run.path, "outcome": outcome})
        return 0 if outcome.ending is Ending.FINISHED else 1
    return show_outcome(outcome)
