"""Which arguments each optimizer is tested with: data, one list per name of `optimizers.registry.PAIRS`.

A pair without an entry is tested with the reference's defaults alone, and the test that every argument of the reference
is covered fails until it has one. `base` are the arguments of every other test: chosen so that the parameters go a
visible way within 60 steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.helpers.optimizer_matrix import Setting


@dataclass(frozen=True)
class Variant:
    """One way to build an optimizer.

    Attributes:
        name: for the test's id.
        arguments: over those of `Plan.base`.
        schedule: a name of SCHEDULES, instead of the plan's.
        loss: numbers that a closure hands over by step; None where step() is called without one.
        events: called on the optimizer before the step of that number.
        by_parameter: stepped by step_param().
        noisy: held to the reference's own noise: where it lies above the criteria, since the case is badly conditioned.
        long_sums: noisy, and held to what float32 costs the reference in sums over long tensors: its distance from its own
            run in float64.
    """

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    schedule: str | None = None
    loss: Callable[[int], float] | None = None
    events: tuple[tuple[int, Callable[[Any], None]], ...] = ()
    by_parameter: bool = False
    noisy: bool = False
    long_sums: bool = False


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How an optimizer is tested.

    Attributes:
        base: the arguments of every test.
        variants: beside the base itself.
        not_run: arguments that no variant has, each with its reason.
        schedule: of the variants; with zeros in it where the reference survives them.
        watched: attributes of the optimizer that have to agree.
        noisy: the reference rounds to bfloat16 inside: held to its own noise in every dtype, or to one such rounding.
        float32_inside: computes in float32 whatever the parameters are: float64 is held to float32's criteria.
        half: over `base` in float16, where the references' defaults of eps are zero and every step is NaN.
        padding: bytes by which the state of each parameter may be larger than the reference's.
    """

    base: Mapping[str, Any] = field(default_factory=dict)
    variants: tuple[Variant, ...] = ()
    not_run: Mapping[str, str] = field(default_factory=dict)
    schedule: str = "warm-up and cosine"
    watched: tuple[str, ...] = ()
    noisy: bool = False
    float32_inside: bool = False
    half: Mapping[str, Any] = field(default_factory=dict)
    padding: int = 0

    def setting(self, variant: Variant, *, half: bool = False) -> Setting:
        """How the variant is built and called; `half` for float16."""
        arguments = {**self.base, **(self.half if half else {}), **variant.arguments}
        return Setting(
            arguments=tuple(arguments.items()),
            loss=variant.loss,
            events=variant.events,
            by_parameter=variant.by_parameter,
            watched=self.watched,
        )


BASE = Variant("base")
NOISY = Variant("base, held to the reference's own noise", noisy=True)
LONG_SUMS = Variant("base, held to the reference's own noise and rounding", noisy=True, long_sums=True)
NEEDS_CUDA = "the reference calls .cuda() and a process group with it"

PRODIGY = Plan(
    base={"d0": 1e-4, "lr": 0.5},
    half={"eps": 1e-3},
    variants=(
        Variant("defaults", {"d0": 1e-6, "lr": 1.0}, noisy=True),
        Variant("betas", {"betas": (0.7, 0.95)}),
        Variant("beta1 0", {"betas": (0.0, 0.99)}, noisy=True),
        Variant("beta3", {"beta3": 0.8}),
        Variant("eps", {"eps": 1e-3}),
        Variant("decoupled decay", {"weight_decay": 0.1}),
        Variant("coupled decay", {"weight_decay": 0.1, "decouple": False}),
        Variant("bias correction", {"use_bias_correction": True, "lr": 1.0}),
        Variant("safeguard", {"safeguard_warmup": True}),
        Variant("d_coef", {"d_coef": 0.5}),
        Variant("growth", {"growth_rate": 1.1}),
        Variant("slices", {"slice_p": 11}),
        Variant(
            "all together",
            {
                "slice_p": 3,
                "use_bias_correction": True,
                "safeguard_warmup": True,
                "weight_decay": 0.05,
                "decouple": False,
                "beta3": 0.9,
            }
            | {"betas": (0.0, 0.9), "growth_rate": 1.3, "d_coef": 2.0, "lr": 1.0},
            noisy=True,
        ),
    ),
    not_run={"fsdp_in_use": NEEDS_CUDA},
)
_DADAPT = (
    Variant("defaults", {"d0": 1e-6, "lr": 1.0}, noisy=True),
    Variant("decay", {"weight_decay": 0.1}),
    Variant("log_every", {"log_every": 7}),
)
_DADAPT_ADAM = (
    *_DADAPT,
    Variant("betas", {"d0": 1e-2, "betas": (0.7, 0.95)}),
    Variant("beta1 0", {"d0": 1e-2, "betas": (0.0, 0.99)}),
    Variant("eps", {"eps": 1e-2}),
    Variant("decoupled decay", {"weight_decay": 0.1, "decouple": True}),
    Variant("growth", {"d0": 1e-2, "growth_rate": 1.05}),
)
DADAPT_ADAM = Plan(
    base={"d0": 1e-3, "lr": 0.3},
    half={"eps": 1e-3},
    variants=(
        *_DADAPT_ADAM,
        Variant("bias correction", {"use_bias_correction": True, "weight_decay": 0.05}),
    ),
    not_run={"fsdp_in_use": NEEDS_CUDA},
)
DADAPT_ADAM_PREPRINT = Plan(
    base={"d0": 1e-3, "lr": 0.05}, half={"eps": 1e-3}, variants=_DADAPT_ADAM, not_run={"fsdp_in_use": NEEDS_CUDA}
)
DADAPT_ADAN = Plan(
    base={"d0": 1e-3, "lr": 0.2},
    half={"eps": 1e-3},
    variants=(
        *_DADAPT,
        Variant("betas", {"d0": 1e-2, "betas": (0.9, 0.7, 0.95)}),
        Variant("betas 0", {"d0": 1e-2, "betas": (0.0, 0.0, 0.9)}),
        Variant("eps", {"eps": 1e-2}),
        Variant("no decay", {"weight_decay": 0.0}),
        Variant("no prox", {"no_prox": True, "weight_decay": 0.1}),
        Variant("growth", {"d0": 1e-2, "growth_rate": 1.05}),
        Variant("restarted", events=((25, lambda optimizer: optimizer.restart_opt()),)),
    ),
)
DADAPT_SGD = Plan(
    base={"d0": 1e-2},
    variants=(
        *_DADAPT,
        Variant("momentum", {"momentum": 0.9, "weight_decay": 0.05}),
        Variant("growth", {"growth_rate": 1.02}),
    ),
    not_run={"fsdp_in_use": NEEDS_CUDA},
    schedule="above 0",  # at lr 0 the reference reads a variable that it never set
)
DADAPT_ADAGRAD = Plan(
    base={"d0": 1e-2, "lr": 0.7},  # at 1 parameters come to oscillate, and a last bit decides where
    variants=(
        *_DADAPT,
        Variant("momentum", {"momentum": 0.9}),
        Variant("eps", {"eps": 1e-2}),
        Variant("growth", {"growth_rate": 1.02}),
    ),
)
DADAPT_LION = Plan(
    base={"d0": 1e-3},
    variants=(*_DADAPT, Variant("betas", {"betas": (0.7, 0.9)}), Variant("beta1 0", {"betas": (0.0, 0.99)})),
    not_run={"fsdp_in_use": NEEDS_CUDA},
)


def _rest(optimizer: Any) -> None:
    """What trainers do around sampling and saving."""
    optimizer.eval()
    optimizer.train()


PRODIGY_PLUS = Plan(
    base={"d0": 1e-3, "stochastic_rounding": False},
    half={"eps": 1e-3},
    variants=(
        Variant("defaults", {"d0": 1e-6, "stochastic_rounding": True}),
        Variant("lr", {"lr": 0.3}),
        Variant("betas", {"betas": (0.7, 0.95), "beta3": 0.9}),
        Variant("decay", {"weight_decay": 0.1}),
        Variant("decay without lr", {"weight_decay": 0.01, "weight_decay_by_lr": False}),
        Variant("d_coef", {"d_coef": 2.0}),
        Variant("no limiter", {"d_limiter": False}),
        Variant("prodigy_steps", {"prodigy_steps": 20}),
        Variant("schedulefree_c", {"schedulefree_c": 8.0}),
        Variant("eps", {"eps": 1e-3}),
        Variant("atan2", {"eps": None}),
        Variant("one d", {"split_groups": False}),
        Variant("mean d", {"split_groups_mean": True}),
        Variant("not factored", {"factored": False}),
        Variant("factors as gradients", {"factored_fp32": False}),
        Variant("bias correction", {"use_bias_correction": True}),
        Variant("no stableadamw", {"use_stableadamw": False}),
        Variant("no schedulefree", {"use_schedulefree": False, "weight_decay": 0.05}),
        Variant("speed", {"use_speed": True}),
        Variant("stochastic rounding", {"stochastic_rounding": True}),
        Variant("cautious", {"use_cautious": True}),
        Variant("grams", {"use_grams": True}),
        Variant("adopt", {"use_adopt": True}),
        Variant("orthograd", {"use_orthograd": True, "lr": 0.1}),
        Variant("focus", {"use_focus": True}),
        Variant("fused backward", {"fused_back_pass": True}, by_parameter=True),
        Variant("prodigy, cautious", {"use_schedulefree": False, "use_cautious": True}),
        Variant("prodigy, grams, adopt", {"use_schedulefree": False, "use_grams": True, "use_adopt": True}),
        Variant("prodigy, atan2, bias correction", {"use_schedulefree": False, "eps": None, "use_bias_correction": True}),
        Variant("prodigy, focus, orthograd", {"use_schedulefree": False, "use_focus": True, "use_orthograd": True, "lr": 0.1}),
        Variant("sampling in between", events=((20, _rest), (21, _rest), (35, lambda optimizer: optimizer.eval()))),
    ),
    noisy=True,
    float32_inside=True,
)
CAME = Plan(
    base={"lr": 1e-2},
    variants=(
        Variant("small lr", {"lr": 2e-3}),
        Variant("eps", {"eps": (1e-3, 1e-2)}),
        Variant("clip", {"clip_threshold": 0.3}),
        Variant("betas", {"betas": (0.7, 0.95, 0.99)}),
        Variant("betas 0", {"betas": (0.0, 0.99, 0.9)}),
        Variant("decay", {"weight_decay": 0.5}),
    ),
)
ADAFACTOR = Plan(
    base={"lr": 1e-2, "relative_step": False, "scale_parameter": False},
    variants=(
        Variant("defaults", {"lr": None, "relative_step": True, "scale_parameter": True}),
        Variant("warm-up", {"lr": None, "relative_step": True, "scale_parameter": True, "warmup_init": True}),
        Variant("relative, not scaled", {"lr": None, "relative_step": True}),
        Variant("scaled", {"scale_parameter": True, "lr": 0.1}),
        Variant("eps", {"eps": (1e-3, 0.1), "scale_parameter": True}),
        Variant("clip", {"clip_threshold": 0.3}),
        Variant("decay rate", {"decay_rate": -0.5}),
        Variant("momentum", {"beta1": 0.9}),
        Variant("momentum 0", {"beta1": 0.0}),
        Variant("decay", {"weight_decay": 0.5, "beta1": 0.5}),
    ),
)


class Writer:
    """What the emo optimizers report to, as TensorBoard's writer takes it."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, float, int]] = []

    def add_scalar(self, name: str, value: float, step: int) -> None:
        self.seen.append((name, value, step))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Writer) or len(self.seen) != len(other.seen):
            return False
        pairs = zip(self.seen, other.seen, strict=True)
        return all(a[0] == b[0] and a[2] == b[2] and math.isclose(a[1], b[1], rel_tol=1e-9, abs_tol=1e-15) for a, b in pairs)

    __hash__ = None  # type: ignore[assignment]


def _falling(step: int) -> float:
    return 1.0 / (1.0 + 0.2 * step)


def _stormy(step: int) -> float:
    """A loss that visits every zone of the scalar: calm, better, worse, alarm, back."""
    return 0.5 + 0.4 * math.sin(step / 5) + (9.0 if step in (20, 21, 22) else 0.0) - (0.45 if 35 <= step < 40 else 0.0)


def _emo(*, package: bool, writes: bool = True) -> Plan:
    """EmoNavi and its siblings: pytorch_optimizer's, or the author's, whose EmoLynx fails where it has a writer."""
    shared = (
        Variant("a falling loss", loss=_falling),
        Variant("a stormy loss", loss=_stormy),
        Variant("eps", {"eps": 1e-3}),
        Variant("betas", {"betas": (0.7, 0.9)}),
        Variant("no decay", {"weight_decay": 0.0}),
        Variant("shadow", {"use_shadow": True}, loss=_stormy),
    )
    author = (Variant("writer", {"writer": Writer}, loss=_stormy),) if writes else ()
    ported = (
        Variant("shadow weight", {"use_shadow": True, "shadow_weight": 0.3}, loss=_stormy),
        Variant("coupled decay", {"weight_decay": 0.1, "weight_decouple": False}),
        Variant("fixed decay", {"weight_decay": 1e-3, "fixed_decay": True}),
        Variant("maximize", {"maximize": True, "lr": 1e-3}),
        Variant("foreach", {"foreach": True}),
        Variant("no foreach", {"foreach": False}),
        Variant("shadow without foreach", {"foreach": False, "use_shadow": True}, loss=_stormy),
    )
    return Plan(
        base={"lr": 1e-2, "weight_decay": 0.1},
        half={"eps": 1e-3},
        variants=shared + (ported if package else author),
        not_run={} if package or writes else {"writer": "with one the author's EmoLynx reads a name that it never set"},
        watched=() if package else ("should_stop", "writer"),
    )


def _eight_bit(states: int, *variants: Variant, **not_run: str) -> Plan:
    """bitsandbytes on a flat state: quantised from few elements on, as the problems' shapes are small; in whole blocks."""
    shared = (
        Variant("defaults, in 32 bit", {"min_8bit_size": 4096}),
        Variant("betas", {"betas": (0.7, 0.95)}),
        Variant("decay", {"weight_decay": 0.1}),
    )
    return Plan(
        base={"lr": 1e-2, "min_8bit_size": 64},
        variants=shared + variants,
        not_run={"args": "an object in place of the other arguments", "is_paged": "warns on a CPU; in test_eight_bit.py"}
        | not_run,
        padding=255 * states,
    )


PLANS: Mapping[str, Plan] = {
    "Prodigy": PRODIGY,
    "DAdaptAdam": DADAPT_ADAM,
    "DAdaptAdamPreprint": DADAPT_ADAM_PREPRINT,
    "DAdaptAdan": DADAPT_ADAN,
    "DAdaptAdanIP": DADAPT_ADAN,
    "DAdaptSGD": DADAPT_SGD,
    "DAdaptAdaGrad": DADAPT_ADAGRAD,
    "DAdaptLion": DADAPT_LION,
    "ProdigyPlusScheduleFree": PRODIGY_PLUS,
    "CAME": CAME,
    "Adafactor": ADAFACTOR,
    "AdamW8bit": _eight_bit(2, Variant("eps", {"eps": 1e-3}), amsgrad="refused", optim_bits="refused unless it is the default"),
    "Lion8bit": _eight_bit(1),
    "EmoNavi": _emo(package=True),
    "emo_author.EmoNavi": _emo(package=False),
    "EmoFact": _emo(package=True),
    "emo_author.EmoFact": _emo(package=False),
    "EmoLynx": _emo(package=True),
    "emo_author.EmoLynx": _emo(package=False, writes=False),
}


def plan_of(name: str) -> Plan:
    return PLANS.get(name, Plan())
