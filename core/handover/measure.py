"""What a run found: the plateau of d in each parameter group, and the rate that comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from core.advice.model import Subject, subject_of
from core.catalogue.catalogue import Catalogue
from core.catalogue.spec import OptimizerSpec
from core.handover.plateau import Plateau, find_plateau
from core.job.model import Job
from core.metrics.run_metrics import Quantity, RunMetrics, SeriesKey
from core.metrics.series import Floats

_WITH_A_RATE: Final = ("settled", "rising", "falling", "uneven")


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRate:
    """The rate of one parameter group, or of several that have the very same d and were given the same rate.

    Attributes:
        names: of the groups, as the run calls them.
        given: the learning rate before the scheduler; a factor on d where there is a d.
        plateau: of d; None for an optimizer without d, whose rate is `given`.
    """

    names: tuple[str, ...]
    given: float
    plateau: Plateau | None = None

    @property
    def usable(self) -> bool:
        """Whether it has a rate that another optimizer can begin with; it may not be at rest yet."""
        return self.given > 0 and (self.plateau is None or self.plateau.state in _WITH_A_RATE)

    @property
    def rate(self) -> float | None:
        """d times the given rate, before the scheduler; None where nothing can be said."""
        if self.plateau is None:
            return self.given
        return None if self.plateau.value is None else self.plateau.value * self.given

    @property
    def low(self) -> float | None:
        """The least that the rate may be."""
        low = self.given if self.plateau is None else self.plateau.low
        return low if low is None or self.plateau is None else low * self.given

    @property
    def high(self) -> float | None:
        """The most that the rate may be."""
        high = self.given if self.plateau is None else self.plateau.high
        return high if high is None or self.plateau is None else high * self.given


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a run says about the learning rate.

    Attributes:
        spec: the run's optimizer; None for one that the catalogue does not know.
        groups: one for each rate, in the run's order; empty where the run tells no rates.
        has_d: whether the optimizer estimated d.
        first_gradient: norm of the first gradient after clipping, as the optimizer got it; None where unknown.
        last_step, total: how far the run is, and how long it was to be, where known.
        over: whether the run has ended.
    """

    spec: OptimizerSpec | None
    groups: tuple[GroupRate, ...]
    has_d: bool
    first_gradient: float | None
    last_step: int
    total: int | None
    over: bool


def measure(metrics: RunMetrics, job: Job, catalogue: Catalogue) -> Found:
    """Reads the plateaus off a run's curves.

    d is taken by itself, times the rate that the job gives: what the scheduler made of it at a step is left out. A run of
    TensorBoard tells only d*lr and lr; d is their quotient then.
    """
    spec = catalogue.find_for_options(job.options)
    subject = subject_of(job, spec, catalogue)
    d0 = _d0(subject)
    found: list[GroupRate] = []
    has_d = bool(metrics.of(Quantity.D) or metrics.of(Quantity.D_LR))
    for name in metrics.groups or ("",):
        steps, d = estimate(metrics, name)
        given = _given(subject, metrics, name)
        if given is None or (has_d and not len(steps)):
            continue
        plateau = find_plateau(steps, d, d0=d0, total=metrics.total_steps) if has_d else None
        twin = next((place for place, other in enumerate(found) if (other.given, other.plateau) == (given, plateau)), None)
        if twin is None:
            found.append(GroupRate(names=(name,), given=given, plateau=plateau))
        else:
            found[twin] = GroupRate(names=(*found[twin].names, name), given=given, plateau=plateau)
    return Found(
        spec=spec,
        groups=tuple(found),
        has_d=has_d,
        first_gradient=_first_gradient(subject, metrics),
        last_step=metrics.last_step,
        total=metrics.total_steps,
        over=metrics.finished is not None,
    )


def estimate(metrics: RunMetrics, name: str) -> tuple[Floats, Floats]:
    """Steps and d of a parameter group; empty where the run does not tell them."""
    told = metrics.get(SeriesKey(Quantity.D, name))
    if len(told):
        return told.x, told.y
    product, rate = metrics.get(SeriesKey(Quantity.D_LR, name)), metrics.get(SeriesKey(Quantity.LR, name))
    shared, here, there = np.intersect1d(product.x, rate.x, assume_unique=True, return_indices=True)
    divided = np.full(len(shared), np.nan)
    # Where the scheduler has come near 0, the quotient of two rounded numbers is noise.
    usable = rate.y[there] > (float(rate.y.max()) * 1e-4 if len(rate) else 0.0)
    np.divide(product.y[here], rate.y[there], out=divided, where=usable)
    return shared, divided


def _d0(subject: Subject) -> float | None:
    spec = subject.spec
    if spec is None or spec.argument("d0") is None:
        return None
    said = spec.effective(subject.arguments).get("d0")
    return float(said) if isinstance(said, (int, float)) else None


def _given(subject: Subject, metrics: RunMetrics, name: str) -> float | None:
    """What the job gives; where the group is none that a job can name (LoRA+, blocks), the highest that was seen."""
    rates = subject.rates() if subject.job.options and subject.job.script.endswith("train_network.py") else {}
    told = _by_name(rates, name)
    seen = metrics.get(SeriesKey(Quantity.LR, name))
    usable = seen.y[np.isfinite(seen.y)]
    return told if told is not None else float(usable.max()) if len(usable) else None


def _by_name(rates: Mapping[str, float], name: str) -> float | None:
    if name in ("", "unet") or (name.startswith("unet_block") and not name.endswith(" plus")):
        return rates.get("unet") if name or len(set(rates.values())) == 1 else None
    if name.startswith("textencoder") and name.removeprefix("textencoder").strip(" 0123456789()") == "":
        number = name.removeprefix("textencoder").strip(" ()")
        return rates.get(f"text_encoder{number}", rates.get("text_encoder"))
    return None


def _first_gradient(subject: Subject, metrics: RunMetrics) -> float | None:
    norms = metrics.get(SeriesKey(Quantity.GRAD_NORM))
    if not len(norms) or norms.x[0] > 1 or not np.isfinite(norms.y[0]):
        return None
    first = float(norms.y[0])
    clipped = subject.number("max_grad_norm")
    limit = 1.0 if clipped is None else clipped
    return min(first, limit) if limit > 0 else first
