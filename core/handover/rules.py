"""From the rate of one optimizer to that of another: what the catalogue says of both (`_scales.toml`), in one factor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from core.catalogue.kinds import Value
from core.catalogue.scales import Scale
from core.catalogue.spec import OptimizerSpec
from core.errors import CaddieError
from core.text import Text

_USUAL_MOMENTUM: Final = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How a rate becomes another's.

    Attributes:
        factor: the new rate over the old one.
        least, most: between which the sources leave it.
        scales: what was said, in the order in which it was used; each with its source.
    """

    factor: float
    least: float
    most: float
    scales: tuple[Scale, ...]


def scale_of(spec: OptimizerSpec, arguments: Mapping[str, Value]) -> Scale | None:
    """What the optimizer's rate means with these arguments; None where nobody knows, or where the rate does not count."""
    if spec.scale is None:
        return None
    effective = spec.effective(arguments)
    if any(effective.get(name) != value for name, value in spec.scale.arguments.items()):
        return None
    if spec.scale.otherwise is not None:
        when, other = spec.scale.otherwise
        if all(effective.get(name) == value for name, value in when.items()):
            return other
    return spec.scale.like


def rule_between(
    old: tuple[OptimizerSpec, Mapping[str, Value]],
    new: tuple[OptimizerSpec, Mapping[str, Value]],
    first_gradient: float | None = None,
) -> Rule:
    """How to turn the rate of one optimizer into that of another.

    Args:
        old: the optimizer whose rate is known, with its arguments.
        new: the one whose rate is wanted, with its arguments.
        first_gradient: norm of the run's first gradient as its optimizer got it; only some rules ask for it.

    Raises:
        CaddieError: no rule leads there, with the reason.
    """
    begin, end = scale_of(*old), scale_of(*new)
    if begin is None or end is None:
        spec = old[0] if begin is None else new[0]
        raise CaddieError(
            Text(
                f"What the learning rate of {spec.name} means beside others' is not known.",
                f"{spec.name} の学習率をほかのオプティマイザーと比べる目安がありません。",
            )
        )
    if begin.key == end.key:
        return Rule(factor=1.0, least=1.0, most=1.0, scales=(begin,))
    if begin.of != end.of:
        own = begin if begin.of != "adam" else end  # the scale that stands apart tells why
        raise CaddieError(
            Text(
                f"No rule leads from {old[0].name} to {new[0].name}. {own.text.en}",
                f"{old[0].name} の学習率を {new[0].name} に引き継ぐ方法はありません。{own.text.ja}",
            )
        )
    turn = _by_gradient(begin, end, new, old, first_gradient)
    return Rule(
        factor=turn * end.start / begin.start,
        least=turn * end.least / begin.most,
        most=turn * end.most / begin.least,
        scales=tuple(scale for scale in (begin, end) if scale.of != scale.key or begin.key == end.key),
    )


def _by_gradient(
    begin: Scale,
    end: Scale,
    new: tuple[OptimizerSpec, Mapping[str, Value]],
    old: tuple[OptimizerSpec, Mapping[str, Value]],
    first_gradient: float | None,
) -> float:
    """DAdaptSGD: x moves by (1 − momentum) × d*lr / norm in each step, and keeps `momentum` of the move before."""
    if "first-gradient" not in (begin.form, end.form):
        return 1.0
    if not first_gradient:
        raise CaddieError(
            Text(
                "The norm of the first gradient is needed for this, and the run does not tell it (it was resumed, or ran without the companion).",
                "最初の勾配のノルムが必要ですが、この実行には記録がありません (再開した実行か、コンパニオンなしの実行です)。",
            )
        )
    momentum = (new if begin.form == "first-gradient" else old)[0].effective((new if begin.form == "first-gradient" else old)[1])
    kept = momentum.get("momentum", _USUAL_MOMENTUM)
    rest = 1.0 - (float(kept) if isinstance(kept, (int, float)) else _USUAL_MOMENTUM)
    ratio = rest / first_gradient
    return ratio if begin.form == "first-gradient" else 1.0 / ratio
