"""The jobs of a race: each optimizer with a rate and scheduler of its own, everything else the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.catalogue.catalogue import Catalogue
from core.catalogue.spec import OptimizerSpec
from core.job.model import Job
from core.job.new import options_for
from core.job.optimizer import with_entry
from core.options.model import OptionValue

_RATES = ("learning_rate", "unet_lr", "text_encoder_lr")
_OF_SCHEDULER = (
    "lr_scheduler",
    "lr_scheduler_type",
    "lr_scheduler_args",
    "lr_scheduler_num_cycles",
    "lr_scheduler_power",
    "lr_scheduler_timescale",
    "lr_scheduler_min_lr_ratio",
    "lr_decay_steps",
)
"""What goes with one optimizer and not with another; a warm-up stays where the other's scheduler can have one."""
_HELD_OUT = 0.1
"""Share of the images that is held out where the job holds out none, so that there is a validation loss."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrant:
    """One training of a race.

    Attributes:
        id: of the optimizer and the seed, for example `Prodigy` or `Prodigy-43`.
        optimizer: id of the catalogue's entry.
        seed: of the training.
        job: what is trained.
        own: the job's own settings were kept: it is the optimizer that the job names.
    """

    id: str
    optimizer: str
    seed: int
    job: Job
    own: bool


def entrants(
    job: Job,
    optimizers: Sequence[OptimizerSpec],
    catalogue: Catalogue,
    *,
    seeds: int = 1,
    steps: int | None = None,
    hold_out: bool = True,
) -> tuple[Entrant, ...]:
    """What would be trained, in the order in which it would be: every optimizer with the first seed, then with the next.

    Args:
        job: the job; its own optimizer keeps its settings.
        optimizers: of the catalogue.
        catalogue: knows the others' rates and schedulers.
        seeds: how many, from the job's own seed up.
        steps: of each training; the job's own length where None.
        hold_out: hold a tenth of the images out where the job holds out none, and measure the loss on them.
    """
    first = job.options.get("seed")
    start = first if isinstance(first, int) and not isinstance(first, bool) else 42
    mine = catalogue.find_for_options(job.options)
    common = _common(job, steps, start, hold_out=hold_out)
    found: list[Entrant] = []
    for seed in range(start, start + seeds):
        for spec in {spec.id: spec for spec in optimizers}.values():
            own = spec is mine
            name = spec.id if seeds == 1 else f"{spec.id}-{seed}"
            made = common if own else _with_optimizer(common, spec, catalogue)
            made = made.with_option("seed", seed).with_option("output_name", _file_name(job, name))
            found.append(Entrant(id=name, optimizer=spec.id, seed=seed, job=replace(made, name=_name(job, name)), own=own))
    return tuple(found)


def _common(job: Job, steps: int | None, seed: int, *, hold_out: bool) -> Job:
    found = job
    if steps is not None:
        found = found.with_option("max_train_epochs", None).with_option("max_train_steps", steps)
    if hold_out and not found.options.get("validation_split"):
        found = found.with_option("validation_split", _HELD_OUT)
        if steps is not None and not found.options.get("validate_every_n_steps"):
            found = found.with_option("validate_every_n_steps", max(1, steps // 10))
    if found.options.get("validation_split") and found.options.get("validation_seed") is None:
        # sd-scripts' split_train_val otherwise shuffles the two parts each by itself, so that held out images are trained on,
        # and holds out others for each seed.
        found = found.with_option("validation_seed", seed)
    # Nothing of an earlier training may come in: all begin at the same place.
    return found.with_option("resume", None)


def _with_optimizer(job: Job, spec: OptimizerSpec, catalogue: Catalogue) -> Job:
    found = with_entry(job, spec, catalogue)
    frozen = {name for name in ("unet_lr", "text_encoder_lr") if _is_zero(found.options.get(name))}
    for name in (*_RATES, *_OF_SCHEDULER):
        if name not in frozen:  # a part that the job does not train stays untrained
            found = found.with_option(name, None)
    for name, value in options_for(spec, found.options).items():
        if name != "network_alpha":  # the emo series wants it equal to the rank; another scale would be another race
            found = found.with_option(name, value)
    scheduler = found.options.get("lr_scheduler", "constant")
    if scheduler in ("constant", "adafactor") or spec.schedulers.ignored:
        found = found.with_option("lr_warmup_steps", None)
    return found


def _is_zero(value: OptionValue | None) -> bool:
    return value in (0, 0.0) or (isinstance(value, list) and bool(value) and all(item == 0 for item in value))


def _file_name(job: Job, name: str) -> str:
    own = job.options.get("output_name")
    return f"{own if isinstance(own, str) and own else 'last'}-{name}"


def _name(job: Job, name: str) -> str:
    own = job.name or job.options.get("output_name")
    return f"{own}: {name}" if own else name
