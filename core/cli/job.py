"""`command` and `new`: what a job comes down to, and a job to begin with."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from core.catalogue.loader import load_catalogue
from core.cli.optimizers import find_optimizer
from core.cli.output import note
from core.cli.place import find_place, options_in
from core.command.export import export_file, export_job
from core.errors import CaddieError
from core.job.check import job_faults
from core.job.new import new_job
from core.job.store import load_job, save_job
from core.text import Text


def run_command(options: Namespace) -> int:
    """Prints or writes the command of a job."""
    job = load_job(Path(options.job))
    environment = find_place(job, options)
    known = options_in(environment, job.script)
    for fault in job_faults(job, known, load_catalogue()):
        note(fault.sentence())  # beside the command: an export may be meant for another checkout, which knows more
    if options.output:
        path = Path(options.output)
        export_file(job, path, environment=environment, options=known, format=options.format)
        note(Text(f"Written: {path}", f"書き出しました: {path}"))
    else:
        print(export_job(job, options.format, environment=environment, options=known), end="")
    return 0


def run_new(options: Namespace) -> int:
    """Writes a new job file."""
    path = Path(options.output)
    if path.exists() and not options.force:
        raise CaddieError(
            Text(
                f"{path} exists; add --force to replace it.", f"{path} は既にあります。置き換えるには --force を付けてください。"
            )
        )
    catalogue = load_catalogue()
    save_job(new_job(find_optimizer(catalogue, options.optimizer), catalogue), path)
    note(
        Text(
            f"Written: {path}. Fill in the model, the dataset and the output, then: python main.py run {path}",
            f"書き出しました: {path}。モデル・データセット・出力先を記入して実行してください: python main.py run {path}",
        )
    )
    return 0
