"""`preflight JOB`: builds the optimizer where it will train and takes two steps; draws what it would do."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from core.catalogue.loader import load_catalogue
from core.cli.counted import with_images
from core.cli.output import note, print_facts, print_json, say
from core.cli.place import find_place, options_in
from core.environment.model import Environment
from core.errors import CaddieError
from core.job.model import Job
from core.job.store import load_job
from core.options.model import OptionSet
from core.options.snapshot import snapshot_for
from core.preflight.model import Curve, Report
from core.preflight.request import question
from core.preflight.trial import preflight
from core.preflight.words import facts_of, stride_note
from core.text import Text


def run_preflight(options: Namespace) -> int:
    """Tries the job's optimizer; 1 where it does not pass."""
    job = load_job(Path(options.job))
    output = Path(options.curves) if options.curves else None
    if output is not None and output.suffix.lower() not in (".png", ".csv"):
        raise CaddieError(
            Text(
                f"{output}: the curves go into a .png or a .csv file.", f"{output}: 曲線の出力先は .png か .csv にしてください。"
            )
        )
    environment, known = place_of(job, options)
    catalogue = load_catalogue()
    steps = with_images(job, catalogue).steps if output is not None else None
    asked = question(job, known, catalogue, curves=output is not None, device=options.device, total_steps=steps)
    report = preflight(asked, environment)
    if options.json:
        print_json(report)
    else:
        print_facts([(say(name), say(value)) for name, value in facts_of(report)])
        for text in (report.problem, report.advice):
            if text is not None:
                note(text)
    if output is not None:
        _write(report, output, job)
    return 0 if report.ending == "passed" else 1


def place_of(job: Job, options: Namespace) -> tuple[Environment | None, OptionSet]:
    """Where it trains and what the script accepts; no environment for the built-in trainer.

    Raises:
        CaddieError: none is known, or it has no such script.
    """
    if job.engine == "builtin":
        return None, snapshot_for(job.script) or OptionSet(job.script, {}, "snapshot")
    environment = find_place(job, options)
    return environment, options_in(environment, job.script)


def _write(report: Report, output: Path, job: Job) -> None:
    from core.preflight.figure import write_csv, write_png
    from core.text import preferred_language

    for variant, error in report.no_curves.items():
        note(Text(f"No curve for {variant}: {error}", f"{variant} の曲線は計算できませんでした: {error}"))
    if not report.curves:
        return
    if output.suffix.lower() == ".csv":
        written = write_csv(report, output)
    else:
        written = write_png(report, output, title=job.name or job.optimizer_type, language=preferred_language())
    first: Curve = report.curves[0]
    note(stride_note(first, report.total_steps))
    for path in written:
        note(Text(f"Written: {path}", f"書き込みました: {path}"))
