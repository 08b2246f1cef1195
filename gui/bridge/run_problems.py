"""What prevents a job from being started, and on which page it is mended."""

from __future__ import annotations

from dataclasses import dataclass

from core.catalogue.catalogue import Catalogue
from core.environment.model import Environment, OptimizerState, ProbeReport, Readiness
from core.job.model import Job
from core.job.optimizer import needs_package
from core.options.model import OptionSet
from core.text import Text

_DOOMED = (Readiness.MISSING, Readiness.TOO_OLD, Readiness.BROKEN, Readiness.NEEDS_CUDA)


@dataclass(frozen=True, slots=True)
class StartProblem:
    """One reason.

    Attributes:
        text: what.
        page, topic: where the navigator leads to mend it.
        of_builtin: only the built-in trainer cannot do it.
        packages: the trainer's packages are missing, which the Run page can install.
        may_start: found by the preflight; the user may start all the same.
    """

    text: Text
    page: str
    topic: str = ""
    of_builtin: bool = False
    packages: bool = False
    may_start: bool = False


def find_problems(
    job: Job,
    *,
    environment: Environment | None,
    report: ProbeReport | None,
    state: OptimizerState | None,
    options: OptionSet,
    catalogue: Catalogue,
) -> tuple[StartProblem, ...]:
    """Everything that is known to prevent the start, the environment first; the built-in trainer needs none.

    Args:
        job: the job.
        environment: what would train it, None where there is none.
        report: what its probe saw, None where it was not probed.
        state: install state of the job's optimizer there, None where nobody knows.
        options: what the job's script accepts.
        catalogue: knows the optimizers.
    """
    from core.job.check import job_faults  # late: the window opens without them
    from core.job.missing import missing_faults

    builtin = job.engine == "builtin"
    found = _of_builtin(job, options) if builtin else _of_environment(job, environment, report)
    if not builtin and state is not None and state.readiness in _DOOMED:
        reason = state.reason or Text("The optimizer cannot be used there.", "このオプティマイザーは使用できません。")
        spec = catalogue.find_for_options(job.options)
        found.append(StartProblem(reason, "environment", spec.id if spec else ""))
    faults = [*missing_faults(job, options), *(fault for fault in job_faults(job, options, catalogue) if fault.certain)]
    found += [StartProblem(fault.sentence(), "setup", fault.key) for fault in faults]
    return tuple(found)


def _of_builtin(job: Job, options: OptionSet) -> list[StartProblem]:
    from core.job.engine import builtin_hindrances, packages_problem

    missing = packages_problem()
    found = [] if missing is None else [StartProblem(missing, "setup", "engine", packages=True)]
    return found + [StartProblem(one.text, "setup", one.key or "engine", True) for one in builtin_hindrances(job, options)]


def _of_environment(job: Job, environment: Environment | None, report: ProbeReport | None) -> list[StartProblem]:
    if environment is None:
        text = (
            Text(
                "The environment that this job names is gone. Choose another.",
                "このジョブの環境が見つかりません。別の環境を選んでください。",
            )
            if job.environment
            else Text(
                "No environment has been chosen yet: Caddie does not know which Python trains.",
                "環境がまだ選ばれていないため、どの Python で学習するか分かりません。",
            )
        )
        return [StartProblem(text, "environment")]
    found: list[StartProblem] = []
    if environment.sd_scripts is None:
        found.append(
            StartProblem(
                Text(
                    f"The environment {environment.name} has no sd-scripts folder.",
                    f"環境 {environment.name} に sd-scripts のフォルダーが設定されていません。",
                ),
                "environment",
            )
        )
    if report is None:
        return found
    if report.problem is not None:
        found.append(StartProblem(report.problem, "environment"))
    checkout = report.checkout
    if checkout is not None and checkout.path == environment.sd_scripts:
        if checkout.problem is not None:
            found.append(StartProblem(checkout.problem, "environment"))
        elif checkout.scripts and job.script not in checkout.scripts:
            text = Text(f"{job.script} is not in {checkout.path}.", f"{checkout.path} に {job.script} がありません。")
            found.append(StartProblem(text, "setup", "script"))
        if checkout.own_optimizers is not None and needs_package(job):
            from core.environment.module_path import own_module_problem

            found.append(StartProblem(own_module_problem(checkout.own_optimizers), "setup", "option:optimizer_type"))
    return found
