"""`command` and `new`: what a job comes down to, and a job to begin with."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from pathlib import Path

from core.catalogue.loader import load_catalogue
from core.catalogue.spec import OptimizerSpec
from core.cli.optimizers import find_optimizer
from core.cli.output import note
from core.cli.place import find_place, options_in
from core.command.builtin import builtin_text, export_builtin
from core.command.export import export_file, export_job
from core.command.surroundings import own_variables, surroundings_of
from core.environment.module_path import hidden_package_problem
from core.errors import CaddieError
from core.job.check import job_faults
from core.job.engine import engine_hindrances
from core.job.model import Job
from core.job.new import new_job
from core.job.optimizer import fast_hindrance, needs_package, wants_loss, with_fast, with_hand_loss
from core.job.store import load_job, save_job
from core.text import Text


def run_command(options: Namespace) -> int:
    """Prints or writes the command of a job."""
    job = load_job(Path(options.job))
    if job.engine == "builtin":
        return _builtin_command(job, options)
    environment = find_place(job, options)
    known = options_in(environment, job.script)
    for fault in job_faults(job, known, load_catalogue()):
        note(fault.sentence())  # beside the command: an export may be meant for another checkout, which knows more
    hidden = hidden_package_problem(environment.sd_scripts, environment.python) if needs_package(job) else None
    if hidden is not None:
        note(hidden)
    if options.format in ("argv", "toml"):
        _tell_surroundings(job)
    if options.output:
        path = Path(options.output)
        export_file(job, path, environment=environment, options=known, format=options.format)
        note(Text(f"Written: {path}", f"書き出しました: {path}"))
    else:
        print(export_job(job, options.format, environment=environment, options=known), end="")
    return 0


def _builtin_command(job: Job, options: Namespace) -> int:
    """What runs the job's file with the built-in trainer; what it cannot do is said beside it."""
    file = Path(options.job)
    for hindrance in engine_hindrances(job):
        note(hindrance.text)
    if options.output:
        path = Path(options.output)
        export_builtin(job, file, path, options.format)
        note(Text(f"Written: {path}", f"書き出しました: {path}"))
    else:
        print(builtin_text(job, file, options.format), end="")
    return 0


def _tell_surroundings(job: Job) -> None:
    """Names what the job needs around it, which these formats cannot hold."""
    around = surroundings_of(job)
    needs = [f"{name}={value}" for name, value in own_variables(around).items()]
    if around.companion is not None:
        needs.append(f"{around.companion} in front of the script")
    if needs:
        listed = "; ".join(needs)
        note(Text(f"This job needs: {listed}", f"このジョブの実行に必要です: {listed}"))


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
    spec = find_optimizer(catalogue, options.optimizer)
    job = replace(new_job(spec, catalogue), engine=options.engine)
    if options.fast or (spec.fast is not None and options.optimizer == spec.fast.optimizer_type):
        job = _fast(job, spec)
    if options.hand_loss:
        job = _told(job, spec)
    save_job(job, path)
    note(
        Text(
            f"Written: {path}. Fill in the model, the dataset and the output, then: python main.py run {path}",
            f"書き出しました: {path}。モデル・データセット・出力先を記入して実行してください: python main.py run {path}",
        )
    )
    return 0


def _fast(job: Job, spec: OptimizerSpec) -> Job:
    if spec.fast is None:
        raise CaddieError(Text(f"{spec.name} has no fast implementation.", f"{spec.name} には高速実装がありません。"))
    hindrance = fast_hindrance(job, spec)
    if hindrance is not None:
        raise CaddieError(Text(f"{spec.name}: {hindrance.en}", f"{spec.name}: {hindrance.ja}"))
    return with_fast(job, spec, True)


def _told(job: Job, spec: OptimizerSpec) -> Job:
    if not wants_loss(job.optimizer_type):
        raise CaddieError(Text(f"{spec.name} does not ask for the loss.", f"{spec.name} は loss を受け取りません。"))
    return with_hand_loss(job, True)
