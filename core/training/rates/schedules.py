"""The learning rate of every step, by the functions of transformers, diffusers and torch."""

from __future__ import annotations

import importlib
import inspect
import logging
from collections.abc import Callable
from typing import Any, Literal

import torch
from diffusers.optimization import get_piecewise_constant_schedule
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from transformers.optimization import TYPE_TO_SCHEDULER_FUNCTION, Adafactor, AdafactorSchedule
from transformers.trainer_utils import SchedulerType

from core.errors import CaddieError, nearest
from core.text import Text
from core.training.rates.settings import RateSettings

_logger = logging.getLogger(__name__)

_Name = Literal["warmup", "steps", "decay", "stable", "cycles", "half_cycles", "power", "timescale", "min_ratio", "least_ratio"]
_Numbers = dict[str, int | float | None]

_WITH_WARMUP: dict[str, _Name] = {"num_warmup_steps": "warmup"}
_WITH_LENGTH: dict[str, _Name] = {**_WITH_WARMUP, "num_training_steps": "steps"}
_GIVEN: dict[str, dict[str, _Name]] = {
    "constant": {},
    "constant_with_warmup": _WITH_WARMUP,
    "inverse_sqrt": {**_WITH_WARMUP, "timescale": "timescale"},
    "linear": _WITH_LENGTH,
    "cosine": _WITH_LENGTH,
    "cosine_with_restarts": {**_WITH_LENGTH, "num_cycles": "cycles"},
    "polynomial": {**_WITH_LENGTH, "power": "power"},
    "cosine_with_min_lr": {**_WITH_LENGTH, "num_cycles": "half_cycles", "min_lr_rate": "min_ratio"},
    "warmup_stable_decay": {
        **_WITH_WARMUP,
        "num_stable_steps": "stable",
        "num_decay_steps": "decay",
        "num_cycles": "half_cycles",
        "min_lr_ratio": "least_ratio",
    },
}
"""Which arguments sd-scripts gives to which function (`get_scheduler_fix` in library/train_util.py). The others of
transformers' schedulers get arguments there that they do not take, and such a training ends before its first step."""

PIECEWISE, ADAFACTOR = "piecewise_constant", "adafactor"
SCHEDULERS = (*_GIVEN, PIECEWISE, ADAFACTOR)
"""Every `lr_scheduler` that works."""


def build_schedule(settings: RateSettings, optimizer: Optimizer, steps: int) -> LRScheduler | None:
    """Builds what sets the optimizer's learning rates; its `step()` is to be called after each step of the optimizer.

    Steps are those of the optimizer, whatever the number of GPUs.

    Args:
        settings: of the job.
        optimizer: whose groups have the learning rates to start with.
        steps: of the whole training.

    Returns:
        None where the optimizer wants no scheduler (the schedule-free family); then `lr_scheduler` and what belongs to it
        have no effect, as in sd-scripts.

    Raises:
        CaddieError: an unknown scheduler, or one that cannot go with these arguments or this optimizer.
    """
    if settings.optimizer.is_schedule_free:
        return None
    warmup, decay = _in_steps(settings.warmup, steps), _in_steps(settings.decay, steps)
    if settings.scheduler_type:
        _refuse_warmup(settings.scheduler_type, warmup)
        return _built(settings.scheduler_type, _class_of(settings.scheduler_type), optimizer, {}, settings)
    if _has_relative_step(optimizer) or settings.scheduler == ADAFACTOR:
        return _adafactor(settings, optimizer, warmup)
    if settings.scheduler == PIECEWISE:
        return _built(PIECEWISE, get_piecewise_constant_schedule, optimizer, {}, settings)
    given = _GIVEN.get(settings.scheduler)
    if given is None:
        raise _unknown(settings.scheduler)
    if settings.scheduler == "constant":
        _refuse_warmup("constant", warmup)
    numbers: _Numbers = {
        "warmup": warmup,
        "steps": steps,
        "decay": decay,
        "stable": steps - warmup - decay,
        "cycles": settings.cycles,
        "half_cycles": settings.cycles / 2,
        "power": settings.power,
        "timescale": settings.timescale,
        "min_ratio": settings.min_ratio,
        "least_ratio": settings.min_ratio or 0.0,
    }
    function = TYPE_TO_SCHEDULER_FUNCTION[SchedulerType(settings.scheduler)]
    return _built(settings.scheduler, function, optimizer, {name: numbers[key] for name, key in given.items()}, settings)


def learning_rates(settings: RateSettings, steps: int) -> list[float]:
    """The learning rate that each step of a training has, of a group that starts with `learning_rate`.

    Not for adafactor's, which follows the weights.

    Args:
        settings: of the job.
        steps: of the training.

    Raises:
        CaddieError: as of `build_schedule`.
    """
    toy = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=settings.learning_rate)
    schedule = build_schedule(settings, toy, steps)
    rates: list[float] = []
    for _ in range(steps):
        rates.append(float(toy.param_groups[0]["lr"]))
        toy.step()
        if schedule is not None:
            schedule.step()
    return rates


def _in_steps(value: float, steps: int) -> int:
    return int(value * steps) if isinstance(value, float) else value


def _has_relative_step(optimizer: Optimizer) -> bool:
    return isinstance(optimizer, Adafactor) and bool(optimizer.defaults.get("relative_step"))


def _adafactor(settings: RateSettings, optimizer: Optimizer, warmup: int) -> LRScheduler:
    """AdaFactor with a relative step reports its own rate, whatever `lr_scheduler` says, as in sd-scripts."""
    _refuse_warmup(ADAFACTOR, warmup)
    if not isinstance(optimizer, Adafactor):
        raise CaddieError(
            Text(
                f"The scheduler adafactor goes with the optimizer AdaFactor only, and not with {type(optimizer).__name__}.",
                f"スケジューラ adafactor は AdaFactor 専用です。{type(optimizer).__name__} とは組み合わせられません。",
            )
        )
    if not _has_relative_step(optimizer):
        raise CaddieError(
            Text(
                "The scheduler adafactor needs relative_step=True. Without it choose another one, for example "
                "constant_with_warmup.",
                "スケジューラ adafactor には relative_step=True が必要です。relative_step=False のときは constant_with_warmup などを"
                "選んでください。",
            )
        )
    return AdafactorSchedule(optimizer, settings.learning_rate)


def _built(
    name: str, function: Callable[..., Any], optimizer: Optimizer, given: dict[str, Any], settings: RateSettings
) -> LRScheduler:
    own = settings.scheduler_arguments
    known = [word for word in inspect.signature(function).parameters if word != "optimizer"]
    takes_all = any(p.kind is p.VAR_KEYWORD for p in inspect.signature(function).parameters.values())
    for word in own:
        if word in given:
            raise _wrong(name, f"{word} is said by an option of its own", f"{word} は専用のオプションで指定します")
        if word not in known and not takes_all:
            near = nearest(word, known)
            hint, hint_ja = (f"; did you mean {near}?" if near else ""), (f" ({near} のことですか?)" if near else "")
            raise _wrong(name, f"it has no argument {word}{hint}", f"{word} という引数はありません{hint_ja}")
    try:
        schedule: Any = function(optimizer, **given, **own)
    except Exception as error:  # whatever a class of somebody else's finds wrong is for the person to read
        _logger.debug("%s cannot be built", name, exc_info=True)
        raise _wrong(name, str(error), str(error)) from error
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    needed = [p for p in inspect.signature(schedule.step).parameters.values() if p.default is p.empty and p.kind in kinds]
    if needed:
        wanted = needed[0].name
        raise _wrong(name, f"it wants to be told {wanted} at each step", f"ステップごとに {wanted} を渡す必要があります")
    return schedule


def _class_of(name: str) -> Callable[..., Any]:
    """The class that `lr_scheduler_type` names."""
    module_name, _, class_name = name.rpartition(".")
    try:
        module = importlib.import_module(module_name or "torch.optim.lr_scheduler")
    except ImportError as error:
        raise _wrong(
            name, f"{module_name} cannot be imported: {error}", f"{module_name} をインポートできません: {error}"
        ) from error
    found = getattr(module, class_name, None)
    if not callable(found):
        near = nearest(class_name, [word for word in vars(module) if word[:1].isupper()])
        hint, hint_ja = (f"; did you mean {near}?" if near else ""), (f" ({near} のことですか?)" if near else "")
        raise _wrong(
            name, f"{module.__name__} has no {class_name}{hint}", f"{module.__name__} に {class_name} はありません{hint_ja}"
        )
    return found


def _refuse_warmup(name: str, warmup: int) -> None:
    if warmup:
        raise _wrong(
            name,
            f"it takes no lr_warmup_steps ({warmup}); set them to 0, or choose constant_with_warmup",
            f"lr_warmup_steps ({warmup}) は使えません。0 にするか、constant_with_warmup を選んでください",
        )


def _unknown(name: str) -> CaddieError:
    if name in {kind.value for kind in SchedulerType}:
        return _wrong(
            name,
            f"sd-scripts gives it arguments that it does not take. Those that work: {', '.join(SCHEDULERS)}",
            f"sd-scripts が渡す引数に対応していないため使えません。使えるもの: {', '.join(SCHEDULERS)}",
        )
    near = nearest(name, SCHEDULERS)
    hint, hint_ja = (f" Did you mean {near}?" if near else ""), (f" {near} のことですか?" if near else "")
    listed = ", ".join(SCHEDULERS)
    return CaddieError(
        Text(
            f"lr_scheduler = {name!r} is unknown.{hint} Known: {listed}.",
            f"lr_scheduler = {name!r} というスケジューラはありません。{hint_ja} 使えるもの: {listed}。",
        )
    )


def _wrong(name: str, why: str, why_ja: str) -> CaddieError:
    return CaddieError(
        Text(f"The scheduler {name} cannot be used: {why}.", f"スケジューラ {name} は使えません。{why_ja}。"),
    )
