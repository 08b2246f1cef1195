"""`run JOB`: the same run machinery as the window's, with whichever engine the job or the command line names."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from pathlib import Path

from core.cli.output import note, print_json
from core.cli.place import find_place, options_in
from core.cli.watch import show_outcome, watch
from core.environment.model import Environment
from core.errors import CaddieError, Problems
from core.job.missing import missing_faults
from core.job.model import Job
from core.job.store import load_job
from core.options.model import OptionSet
from core.options.snapshot import snapshot_for
from core.runs.builtin import start_builtin_run
from core.runs.folder import RunFolder
from core.runs.launch import start_run
from core.runs.outcome import Ending
from core.text import Text

PLACES = ("environment", "python", "checkout", "plain")
"""Options of the verb that are about sd-scripts alone."""


def run_run(options: Namespace) -> int:
    """Starts a job and follows it."""
    job = load_job(Path(options.job))
    if options.engine:
        job = replace(job, engine=options.engine)
    run = _start_builtin(job, options) if job.engine == "builtin" else _start_sd_scripts(job, options)
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


def _start_sd_scripts(job: Job, options: Namespace) -> RunFolder:
    if options.plain:
        job = replace(job, companion=False)
    environment = find_place(job, options)
    known = options_in(environment, job.script)
    missing = missing_faults(job, known)
    if missing:
        raise Problems(
            Text("This job is not complete:", "このジョブには不足があります:"), [fault.sentence() for fault in missing]
        )
    if not options.no_preflight:
        _try_optimizer(job, environment, known)
    return start_run(job, environment, known, runs_dir=_runs_dir(options))


def _try_optimizer(job: Job, environment: Environment, known: OptionSet) -> None:
    """The built-in trainer takes the same two steps itself before it loads anything; sd-scripts loads the model first."""
    from core.catalogue.loader import load_catalogue
    from core.preflight.request import question
    from core.preflight.trial import preflight

    report = preflight(question(job, known, load_catalogue()), environment)
    if report.ending == "passed":
        note(Text("Preflight: passed.", "事前テスト: 合格。"))
        return
    told = [text for text in (report.problem, report.advice) if text is not None]
    if report.ending == "unknown":
        note(Text("Starting without a preflight:", "事前テストなしで開始します:"))
        for text in told:
            note(text)
        return
    told.append(Text("--no-preflight starts all the same.", "それでも開始する場合は --no-preflight を付けてください。"))
    raise Problems(Text("The preflight failed, so nothing was started:", "事前テストに失敗したため、開始しませんでした:"), told)


def _start_builtin(job: Job, options: Namespace) -> RunFolder:
    """No environment is asked for: the built-in trainer runs in Caddie's own Python."""
    given = [f"--{name}" for name in PLACES if getattr(options, name)]
    if given:
        listed = ", ".join(given)
        raise CaddieError(
            Text(
                f"{listed}: only for sd-scripts. The built-in trainer runs in Caddie's own Python; leave it out, or add "
                "--engine sd-scripts.",
                f"{listed} は sd-scripts 専用です。内蔵トレーナーは Caddie 自身の Python で動きます。指定を外すか、"
                "--engine sd-scripts を付けてください。",
            )
        )
    known = snapshot_for(job.script) or OptionSet(script=job.script, options={}, source="snapshot")
    # Like the window: a job's relative paths mean the same wherever the command is given.
    base = Path(options.base).absolute() if options.base else Path(options.job).absolute().parent
    return start_builtin_run(job, known, runs_dir=_runs_dir(options), base=base)


def _runs_dir(options: Namespace) -> Path | None:
    return Path(options.out).absolute() if options.out else None
