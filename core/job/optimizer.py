"""What a job's optimizer is beside its catalogue entry: run fast or not, told the loss or not.

"Fast" is nothing but another name in `optimizer_type` (`optimizers.Prodigy` instead of `prodigy`), so that what the job
says is what is run. docs/decisions/0004-optimizers-by-dotted-name.md tells what sd-scripts does otherwise under such a name.
"""

from __future__ import annotations

from dataclasses import replace

from core.catalogue.catalogue import Catalogue
from core.catalogue.kinds import Value, from_literal, literal
from core.catalogue.spec import FAST_PACKAGE, OptimizerSpec
from core.errors import ValueProblem
from core.job.model import Job
from core.text import Text

_NEEDS_LOSS = "Emo"
_OLD_FORMS = ("use_8bit_adam", "use_lion_optimizer")


# --- the fast implementation -------------------------------------------------------------------------------------


def needs_package(job: Job) -> bool:
    """Whether the trained process has to find Caddie's package of optimizers."""
    return job.optimizer_type.startswith(f"{FAST_PACKAGE}.")


def is_fast(job: Job, spec: OptimizerSpec | None) -> bool:
    """Whether the job names the fast implementation of its entry."""
    return spec is not None and spec.fast is not None and job.optimizer_type == spec.fast.optimizer_type


def with_fast(job: Job, spec: OptimizerSpec, on: bool) -> Job:
    """A job whose optimizer is the same, with the same arguments, run fast or by its own package.

    Args:
        job: the job; its optimizer is `spec`.
        spec: an entry; it has a fast implementation where `on`.
        on: which one.
    """
    if is_fast(job, spec) == on:
        return job
    for name in _OLD_FORMS:  # sd-scripts refuses them beside optimizer_type
        job = job.with_option(name, None)
    if not on:
        return job.with_option("optimizer_type", spec.optimizer_type)
    assert spec.fast is not None, spec.id
    return job.with_option("optimizer_type", spec.fast.optimizer_type)


def with_entry(job: Job, spec: OptimizerSpec, catalogue: Catalogue) -> Job:
    """A job that uses another entry, with the arguments last used with that one.

    Who has switched the fast implementation on keeps it on where the other optimizer has one that can run so.
    """
    before = catalogue.find_for_options(job.options)
    chosen = job.with_optimizer(spec.optimizer_type, same=spec.names)
    if is_fast(job, before) and spec.fast is not None and fast_hindrance(chosen, spec) is None:
        return with_fast(chosen, spec, True)
    return chosen


def with_name(job: Job, optimizer_type: str, catalogue: Catalogue) -> Job:
    """A job that uses what somebody named: an entry by its own name, an alias, a fast implementation, or any class."""
    spec = catalogue.find(optimizer_type)
    if spec is None:
        return job.with_optimizer(optimizer_type)
    if spec is catalogue.find_for_options(job.options):
        named_fast = spec.fast is not None and optimizer_type == spec.fast.optimizer_type
        return with_fast(job, spec, True) if named_fast else job
    if optimizer_type == spec.optimizer_type:
        return with_entry(job, spec, catalogue)
    return job.with_optimizer(optimizer_type, same=spec.names)


def fast_hindrance(job: Job, spec: OptimizerSpec) -> Text | None:
    """Why the fast implementation cannot run this job although the optimizer has one; None where it can."""
    if spec.fast is None:
        return None
    effective = spec.effective(_values(job))
    wrong = {name: value for name, value in spec.fast.only_with.items() if effective.get(name) != value}
    if wrong:
        listed = ", ".join(f"{name}={literal(value)}" for name, value in spec.fast.only_with.items())
        return Text(
            f"Only with {listed}: under another name than its own, sd-scripts does not prepare the rest.",
            f"{listed} のときだけ使用できます。それ以外の設定に必要な準備を、sd-scripts は本来の名前のときしか行いません。",
        )
    if job.options.get("fused_backward_pass"):
        return Text(
            "Not together with fused_backward_pass: sd-scripts allows it for AdaFactor under its own name only.",
            "fused_backward_pass とは併用できません。sd-scripts では、本来の名前で指定した AdaFactor でしか使用できません。",
        )
    return None


def _values(job: Job) -> dict[str, Value]:
    """The arguments that can be read; the others are faults of their own."""
    values: dict[str, Value] = {}
    for name, stored in job.arguments.items():
        try:
            values[name] = from_literal(stored)
        except ValueProblem:
            continue
    return values


# --- the loss ----------------------------------------------------------------------------------------------------


def wants_loss(optimizer_type: str) -> bool:
    """Whether the class steers by a loss that it wants from a closure: the emo series, in whichever package it lies.

    The author's own files (`optimizer.emonavi.EmoNavi`) are no entry of the catalogue, so the class's name has to tell.
    """
    return optimizer_type.rpartition(".")[2].startswith(_NEEDS_LOSS)


def hands_loss(job: Job) -> bool:
    """Whether the companion hands the loss to the optimizer of this job. The wish of a job rests for other optimizers."""
    return job.hand_loss and wants_loss(job.optimizer_type)


def loss_hindrance(job: Job) -> Text | None:
    """Why the loss cannot be handed over although the job wants it."""
    if not hands_loss(job):
        return None
    if not job.companion:
        return Text(
            "Only Caddie's companion can hand it the loss, and the job runs without the companion.",
            "loss を渡せるのは Caddie のコンパニオンだけですが、このジョブはコンパニオンなしで実行する設定です。",
        )
    several = job.accelerate.get("num_processes", 1) not in (0, 1) or job.accelerate.get("num_machines", 1) not in (0, 1)
    if several or job.accelerate.get("multi_gpu"):
        return Text(
            "The loss can be handed over on one GPU only: each process knows another loss, and their weights would drift apart.",
            "loss を渡せるのは GPU が 1 つのときだけです。プロセスごとに loss が異なり、重みがばらばらになってしまいます。",
        )
    return None


def with_hand_loss(job: Job, on: bool) -> Job:
    """A job in which the companion hands the loss to the optimizer, or not."""
    return replace(job, hand_loss=on)
