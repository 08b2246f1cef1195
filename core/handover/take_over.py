"""A job for another optimizer with the rate that a run found; everything else of the job stays."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

from core.advice.model import Subject, subject_of
from core.catalogue.catalogue import Catalogue
from core.catalogue.kinds import Value, literal
from core.catalogue.spec import LrMethod, OptimizerSpec
from core.errors import CaddieError
from core.handover.measure import Found, GroupRate
from core.handover.rules import Rule, rule_between
from core.job.model import Job
from core.job.optimizer import with_entry
from core.text import Text

BELOW: Final = 10.0
"""d0 begins so many times below the rate that is known to be good: d never falls again, and from there it is soon reached."""

GROWTH: Final = 1.02
"""prodigyopt's README names this growth_rate for a slow rise: tenfold in 117 steps."""

_SCHEDULE: Final = (
    "lr_scheduler",
    "lr_scheduler_type",
    "lr_scheduler_args",
    "lr_scheduler_num_cycles",
    "lr_scheduler_power",
    "lr_scheduler_timescale",
    "lr_scheduler_min_lr_ratio",
    "lr_warmup_steps",
    "lr_decay_steps",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenRate:
    """One rate of the new job.

    Attributes:
        option: `learning_rate`, `unet_lr`, `text_encoder_lr`; `d0` where the new optimizer estimates d.
        names: the groups whose plateau it comes from.
        value: what the job says.
        low, high: between which it lies, by the plateau and by the rule.
    """

    option: str
    names: tuple[str, ...]
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeOver:
    """A new job and how it came about.

    Attributes:
        job: for the other optimizer.
        spec: the other optimizer.
        rule: from the old rate to the new one.
        rates: what was set.
        notes: what else was changed, or has to be known.
    """

    job: Job
    spec: OptimizerSpec
    rule: Rule
    rates: tuple[TakenRate, ...]
    notes: tuple[Text, ...] = ()


def take_over(found: Found, job: Job, spec: OptimizerSpec, catalogue: Catalogue, *, warmup: bool = False) -> TakeOver:
    """Makes the job.

    Args:
        found: what the run says.
        job: the run's.
        spec: the optimizer to go on with.
        catalogue: knows both.
        warmup: whether the new rate is to rise as long as d did.

    Raises:
        CaddieError: the run tells no rate, or no rule leads to this optimizer.
    """
    if found.spec is None:
        raise CaddieError(
            Text(
                "The catalogue does not know this run's optimizer, so nobody knows what its rate means beside others'.",
                "この実行のオプティマイザーはカタログにないため、学習率をほかと比べられません。",
            )
        )
    groups = [group for group in found.groups if group.usable and group.rate]
    if not groups:
        raise CaddieError(
            Text(
                "This run tells no learning rate that could be taken over (yet).",
                "この実行からは、引き継げる学習率が (まだ) 分かりません。",
            )
        )
    old = subject_of(job, found.spec, catalogue)
    new = with_entry(job, spec, catalogue)
    for name, value in _arguments(old, spec):
        new = new.with_argument(name, literal(value))
    target = subject_of(new, spec, catalogue)
    rule = rule_between((found.spec, old.arguments), (spec, target.arguments), found.first_gradient)
    notes: list[Text] = []
    new = _decay(new, old, target, rule, notes)
    if is_estimating(spec):
        new, rates = _d0(new, spec, groups, rule, notes)
    else:
        new, rates = _rates(new, found, groups, rule, notes)
    new = _schedule(new, old, target, notes)
    if warmup:
        new = _warmed(new, target, groups, notes)
    return TakeOver(job=_own_files(new, spec, notes), spec=spec, rule=rule, rates=rates, notes=tuple(notes))


def is_estimating(spec: OptimizerSpec) -> bool:
    """Whether the rate is a factor on an estimate of the optimizer's own."""
    return spec.lr_method is LrMethod.SEMI_AUTOMATIC and spec.argument("d0") is not None


def targets(found: Found, job: Job, catalogue: Catalogue) -> tuple[OptimizerSpec, ...]:
    """The optimizers that a rule leads to, in the order of the table; the run's own is left out."""
    possible: list[OptimizerSpec] = []
    for spec in catalogue:
        try:
            if spec is not found.spec:
                take_over(found, job, spec, catalogue)
                possible.append(spec)
        except CaddieError:
            continue
    return tuple(possible)


def rounded(value: float) -> float:
    """Three digits: a plateau knows no more, and a person has to read it."""
    return float(f"{value:.3g}")


def _arguments(old: Subject, spec: OptimizerSpec) -> list[tuple[str, Value]]:
    """What has to be given so that the rate counts, and what sd-scripts would otherwise put there with a warning."""
    needed = list(spec.scale.arguments.items()) if spec.scale is not None else []
    if spec.category.id == "sgd" and "momentum" not in old.job.arguments:
        needed.append(("momentum", 0.9))
    return needed


# --- the rates ---------------------------------------------------------------------------------------------------


def _taken(option: str, group: GroupRate, rule: Rule, factor: float = 1.0) -> TakenRate:
    rate = group.rate or 0.0
    return TakenRate(
        option=option,
        names=group.names,
        value=rounded(rate * rule.factor * factor),
        low=rounded((group.low or rate) * rule.least * factor),
        high=rounded((group.high or rate) * rule.most * factor),
    )


def _part(name: str) -> str:
    """Which option's group it is: `unet_lr`, `text_encoder_lr`, or none (the B matrices of LoRA+ follow their ratio)."""
    if name.endswith(" plus"):
        return ""
    return "unet_lr" if name.startswith("unet") else "text_encoder_lr" if name.startswith("textencoder") else ""


def _rates(job: Job, found: Found, groups: list[GroupRate], rule: Rule, notes: list[Text]) -> tuple[Job, tuple[TakenRate, ...]]:
    parts: dict[str, list[GroupRate]] = {}
    for group in groups:
        for name in group.names:
            parts.setdefault(_part(name), []).append(replace(group, names=(name,)))
    network = job.script.endswith("train_network.py")
    lead = next(iter(parts.get("unet_lr") or parts.get("text_encoder_lr") or groups))
    named = [group for part in ("unet_lr", "text_encoder_lr") for group in parts.get(part, ())] or groups
    frozen = {part for group in found.groups if group.given == 0 for name in group.names if (part := _part(name))}
    whole = _taken("learning_rate", lead, rule)
    if len({_taken("", group, rule).value for group in named}) == 1 and not frozen:
        together = tuple(name for group in groups for name in group.names)
        job = job.with_option("unet_lr", None).with_option("text_encoder_lr", None)
        return job.with_option("learning_rate", whole.value), (replace(whole, names=together),)
    if not network or not parts.keys() & {"unet_lr", "text_encoder_lr"}:
        notes.append(
            Text(
                f"The groups have different plateaus, and {job.script} is given the one of {lead.names[0] or 'the first'}.",
                f"グループごとに値が異なります。{job.script} には {lead.names[0] or '最初のグループ'} の値を設定しました。",
            )
        )
        return job.with_option("learning_rate", whole.value), (whole,)
    taken: list[TakenRate] = []
    job = job.with_option("learning_rate", whole.value)
    for option in ("unet_lr", "text_encoder_lr"):
        rates = [_taken(option, group, rule) for group in parts.get(option, ())]
        if option in frozen and not rates:
            continue  # its 0 stays
        if rates:
            values = list(dict.fromkeys(rate.value for rate in rates))
            job = job.with_option(option, rates[0].value if option == "unet_lr" else values)
            taken += rates[:1] if option == "unet_lr" else rates
        else:
            job = job.with_option(option, None)
    return job, tuple(taken)


def _d0(
    job: Job, spec: OptimizerSpec, groups: list[GroupRate], rule: Rule, notes: list[Text]
) -> tuple[Job, tuple[TakenRate, ...]]:
    least = min(groups, key=lambda group: group.rate or 0.0)
    d0 = _taken("d0", least, rule, 1.0 / BELOW)
    for name in ("unet_lr", "text_encoder_lr"):
        if job.options.get(name) not in (None, 0, 0.0, [0], [0.0]):
            job = job.with_option(name, None)
    job = job.with_option("learning_rate", 1.0).with_argument("d0", literal(d0.value))
    growth = spec.argument("growth_rate")
    hint = Text("", "")
    if growth is not None:
        hint = Text(
            f" growth_rate={GROWTH} would take about {_steps_to(BELOW)} steps to get there, like a warm-up.",
            f"growth_rate={GROWTH} を付けると、ウォームアップのように約 {_steps_to(BELOW)} ステップかけて到達します。",
        )
    notes.append(
        Text(
            f"d0 is a tenth of the rate that is known to be good: d never falls again, so it has to begin below.{hint.en}",
            f"d0 は良いと分かっている学習率の 1/10 です。d は下がらないため、小さめから始めます。{hint.ja}",
        )
    )
    return job, (d0,)


def _steps_to(times: float) -> int:
    return math.ceil(math.log(times) / math.log(GROWTH))


# --- what goes with it -------------------------------------------------------------------------------------------


def _decoupled(subject: Subject) -> bool:
    """Whether the weights shrink by rate × weight_decay in each step, apart from the gradient."""
    spec = subject.spec
    if spec is None or spec.scale is None or spec.scale.like.of != "adam":
        return False
    said = spec.effective(subject.arguments).get("decouple")
    return said is not False


def _decay(job: Job, old: Subject, new: Subject, rule: Rule, notes: list[Text]) -> Job:
    """Keeps rate × weight_decay where the job said one, so that the weights are held as firmly as before."""
    said = old.arguments.get("weight_decay")
    spec = new.spec
    if not isinstance(said, (int, float)) or not said or spec is None or spec.argument("weight_decay") is None:
        return job
    if "weight_decay" in new.arguments or not (_decoupled(old) and _decoupled(new)):
        return job
    value = rounded(said / rule.factor)
    if value != said:
        notes.append(
            Text(
                f"weight_decay {value:g} in place of {said:g}: what acts is rate × weight_decay, and it stays the same.",
                f"weight_decay は {said:g} の代わりに {value:g} です。効くのは学習率と weight_decay の積で、これを同じに保ちます。",
            )
        )
    return job.with_argument("weight_decay", literal(value))


def _schedule(job: Job, old: Subject, new: Subject, notes: list[Text]) -> Job:
    """The job's scheduler where both optimizers follow one and it suits the new one; else what the catalogue begins with."""
    spec = new.spec
    if spec is None:
        return job
    said = [name for name in _SCHEDULE if job.options.get(name) is not None]
    if new.ignores_scheduler:
        for name in said:
            job = job.with_option(name, None)
        if said:
            notes.append(
                Text(
                    f"{spec.name} follows no scheduler, so it was left out.",
                    f"{spec.name} はスケジューラを使わないため、指定を外しました。",
                )
            )
        return _clipped(job, old, new, notes)
    name = new.word("lr_scheduler_type") or new.word("lr_scheduler")
    fits = spec.schedulers.fits
    if not name or old.ignores_scheduler or (fits and name not in fits and not new.word("lr_scheduler_type")):
        chosen = fits[0] if fits else "cosine"
        if chosen != name:
            job = job.with_option("lr_scheduler", chosen)
            notes.append(
                Text(
                    f"The scheduler is {chosen}, which the catalogue begins with for {spec.name}.",
                    f"スケジューラは、カタログで {spec.name} の出発点としている {chosen} にしました。",
                )
            )
    return _clipped(job, old, new, notes)


def _clipped(job: Job, old: Subject, new: Subject, notes: list[Text]) -> Job:
    """ProdigyPlus limits its updates itself and is told to run without clipping; others are not."""
    before = old.spec is not None and old.spec.category.id == "prodigy-schedulefree"
    after = new.spec is not None and new.spec.category.id == "prodigy-schedulefree"
    if before and not after and job.options.get("max_grad_norm") == 0:
        notes.append(
            Text(
                "max_grad_norm is back at sd-scripts' 1: the former optimizer limited its updates itself.",
                "max_grad_norm は sd-scripts の既定値 1 に戻しました。前のオプティマイザーは更新量を自分で抑えていました。",
            )
        )
        return job.with_option("max_grad_norm", None)
    if after and not before:
        return job.with_option("max_grad_norm", 0.0)
    return job


def _warmed(job: Job, new: Subject, groups: list[GroupRate], notes: list[Text]) -> Job:
    begin = max((group.plateau.begin or 0 for group in groups if group.plateau is not None), default=0)
    if begin < 2 or new.ignores_scheduler or job.options.get("lr_warmup_steps"):
        return job
    if job.options.get("lr_scheduler", "constant") == "constant":
        job = job.with_option("lr_scheduler", "constant_with_warmup")
    notes.append(
        Text(
            f"A warm-up of {begin} steps: as long as d rose.",
            f"ウォームアップは {begin} ステップです (d が上昇していた長さ)。",
        )
    )
    return job.with_option("lr_warmup_steps", begin)


def _own_files(job: Job, spec: OptimizerSpec, notes: list[Text]) -> Job:
    """Another name for what is written, and nothing that only the former optimizer's state fits."""
    output = job.options.get("output_name")
    if isinstance(output, str) and output:
        job = job.with_option("output_name", f"{output}-{spec.id.lower()}")
    if job.options.get("resume"):
        job = job.with_option("resume", None)
        notes.append(
            Text(
                "resume was left out: a saved state belongs to the optimizer that made it.",
                "resume は外しました。保存された state は、それを作ったオプティマイザー専用です。",
            )
        )
    return replace(job, name=f"{job.name} {spec.name}".strip() if job.name else "")
