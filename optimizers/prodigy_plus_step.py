"""The arithmetic of Prodigy+ScheduleFree on one parameter, and the numbers that it needs (`prodigy_plus_schedulefree`)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from optimizers.machinery.batch import Group
from optimizers.machinery.program import program

SLICE = 11
"""The estimate of d looks at each eleventh element only."""

ATAN2_SCALE = 1.2732395
"""Of Adam-atan2: 1 / atan(1), so that a ratio of 1 gives a step of 1 (arXiv:2407.05872)."""

TINY = 1e-30
"""Keeps quotients finite."""

FOCUS = 0.1
"""FOCUS's share of the pull towards the average (arXiv:2501.12243)."""


@program(axes="two largest", exp_avg_sq_row="row", exp_avg_sq_col="column", s="sliced", p0="sliced or one")
def step(x: Any, h: Any) -> None:
    """The whole step of one parameter. All arithmetic is float32, whatever the parameter is."""
    y = x.widened(x.p)
    if h.schedulefree:
        z = x.widened(x.z)
        update = _ratio(x, h, z)
        if update is None:
            return
        _scale(x, h, update, z)
        _estimate(x, h, x.z)
        _average(x, h, y, z, update)
        x.put("p", y, stochastic=h.stochastic)
        x.put("z", z, stochastic=h.stochastic)
    else:
        update = _momentum(x, h, y)
        if update is None:
            return
        _scale(x, h, update, y)
        _estimate(x, h, x.p)
        if h.decays:
            y.mul_(1 - (h.weight_decay * h.dlr if h.decay_by_lr else h.weight_decay))
        y.sub_(update, alpha=h.dlr)
        x.put("p", y, stochastic=h.stochastic)


def _ratio(x: Any, h: Any, z: Any) -> Any:
    """Schedule-free: the gradient over the root of its second moment; None where ADOPT only begins."""
    grad = x.working_copy(x.grad)
    if h.adopt_begins:
        _second_moment(x, h, grad, z, 0)
        return None
    if h.adopt:  # arXiv:2411.02853: this gradient is not part of its own denominator
        denominator = _denominator(x, h)
        _second_moment(x, h, grad, z, h.beta2)
    else:
        _second_moment(x, h, grad, z, h.beta2)
        denominator = _denominator(x, h)
    return grad if h.unrectified else _quotient(h, grad.mul_(h.d), denominator, z)


def _momentum(x: Any, h: Any, y: Any) -> Any:
    """Prodigy: Adam's ratio of the first moment; None where ADOPT only begins."""
    grad = x.working_copy(x.grad)
    if h.adopt_begins:
        _second_moment(x, h, grad, y, 0)
        return None
    denominator = _denominator(x, h) if h.adopt else None
    _second_moment(x, h, grad, y, h.beta2)
    if h.adopt:
        grad = _quotient(h, grad, denominator, y).clamp_(min=-h.adopt_limit, max=h.adopt_limit)
    else:
        denominator = _denominator(x, h)
    x.exp_avg.mul_(h.beta1).add_(grad, alpha=(1 - h.beta1) * h.d)
    if h.cautious:
        grad.mul_(x.exp_avg)  # the reference leaves its mask unused
    elif h.grams:
        grad.sign_().mul_(x.exp_avg.abs())
    else:
        grad.copy_(x.exp_avg)
    return grad if h.adopt else _quotient(h, grad, denominator, y)


def _second_moment(x: Any, h: Any, grad: Any, weights: Any, beta2: Any) -> None:
    alpha = (1 - beta2) * h.d_squared
    if h.focus:
        x.exp_avg_sq.mul_(beta2).add_(weights, alpha=alpha)
    elif x.has("exp_avg_sq_row"):
        x.exp_avg_sq_row.mul_(beta2).add_(x.norm_over_columns(grad).square_().mul_(1 / x.columns), alpha=alpha)
        x.exp_avg_sq_col.mul_(beta2).add_(x.norm_over_rows(grad).square_().mul_(1 / x.rows), alpha=alpha)
    else:
        x.exp_avg_sq.mul_(beta2).addcmul_(grad, grad, value=alpha)


def _denominator(x: Any, h: Any) -> Any:
    if h.focus:
        return x.exp_avg_sq.clone()
    if not x.has("exp_avg_sq_row"):
        return x.exp_avg_sq.sqrt()
    row = x.exp_avg_sq_row
    # The reference averages over the axis before the right one where the larger axis comes first: mostly over nothing.
    mean = x.mean_before_rows(row) if x.transposed else x.mean_over_rows(row)
    return (row.div(mean.add(TINY)) * x.exp_avg_sq_col).sqrt_()


def _quotient(h: Any, numerator: Any, denominator: Any, weights: Any) -> Any:
    if h.focus:
        return numerator.sign_().add_(denominator.sub_(weights).sign_().mul_(-FOCUS))
    if h.atan2:
        return numerator.atan2_(denominator).mul_(ATAN2_SCALE)
    return numerator.div_(denominator.add_(h.d * h.eps))


def _scale(x: Any, h: Any, update: Any, weights: Any) -> None:
    """What is done to the length and the direction of the whole update."""
    if h.orthograd:  # arXiv:2501.04697: without the part that only scales the weights
        _make_orthogonal_(update, weights)
    if h.stableadamw:
        update.mul_(x.rms(update).clamp_min(1.0).rsqrt())


def _make_orthogonal_(update: Tensor, weights: Tensor) -> None:
    if weights.norm(2) <= TINY:
        return
    flat, length = weights.flatten(), update.flatten().norm(2)
    share = torch.dot(flat, update.flatten()) / torch.dot(flat, flat).add(TINY)
    update.sub_(weights, alpha=share)  # pyright: ignore[reportArgumentType] (a tensor of one number is one)
    update.mul_(length / update.flatten().norm(2).add(TINY))


def _estimate(x: Any, h: Any, point: Any) -> None:
    """What the estimate of d needs: <g, p0 - point> and the L1 norm of s, one number of each per parameter."""
    if not h.adapts:
        return
    grad = x.sliced(x.grad)
    way = x.p0 - x.sliced(point)
    if h.speed:
        _speed(x, h, x.dot(grad, way), way)
        return
    x.s.mul_(h.beta3).add_(grad, alpha=h.d_update)
    x.report("d_denom", x.sum(x.as_kept("s").abs()))
    x.report("d_numerator", x.dot(grad, way), weight=h.d_update)


def _speed(x: Any, h: Any, dot: Any, way: Any) -> None:
    """SPEED: an average of the inner product, over the largest way so far in place of the L1 norm of s."""
    dot = x.get("exp_avg_x0_dot", dot) * h.speed_beta + dot * (1 - h.speed_beta)
    x.keep("exp_avg_x0_dot", dot.item())
    l1 = way.abs().sum().clamp_min(x.get("max_x0_minus_l1_norm", 1e-8))
    x.keep("max_x0_minus_l1_norm", l1.item())
    l2 = way.norm().clamp_min(x.get("max_x0_minus_l2_norm", 1e-8))
    x.keep("max_x0_minus_l2_norm", l2.item())
    x.report("d_denom", l2)
    x.report("d_numerator", dot / l1, weight=h.d_update / l2.add(1).square())


def _average(x: Any, h: Any, y: Any, z: Any, update: Any) -> None:
    """Schedule-free: z takes the step, the average follows it, y lies between the two."""
    step_of_y = h.dlr * h.y_step
    decay_apart = h.decays and not h.decay_by_lr
    before = y.clone() if decay_apart else None
    if h.decays and h.decay_by_lr:
        update.add_(y, alpha=h.weight_decay)
    if h.cautious or h.grams:
        way = (y - z).mul_(h.average_weight).add_(update, alpha=step_of_y)
        z.sub_(update, alpha=h.dlr)
        if h.cautious:  # arXiv:2411.16085
            mask = update.mul_(way).sign_().clamp_min_(0)
            way.mul_(mask.div_(x.mean(mask).clamp_min(1e-3)))
        else:  # arXiv:2412.17107
            way.abs_().mul_(update.sign_())
        y.sub_(way)
    else:
        y.lerp_(z, h.average_weight)
        z.sub_(update, alpha=h.dlr)
        y.sub_(update, alpha=step_of_y)
    if decay_apart:
        z.sub_(before, alpha=h.weight_decay)
        y.sub_(before, alpha=h.weight_decay * h.y_step)


def beta3_of(group: Group) -> float:
    """The decay of the estimate's sums."""
    return group["betas"][1] ** 0.5 if group["beta3"] is None else group["beta3"]


def adapts(group: Group) -> bool:
    """Whether the estimate of d still changes."""
    return group["prodigy_steps"] <= 0 or group["k"] < group["prodigy_steps"]


def rate_of(group: Group) -> float:
    """The estimate times the learning rate."""
    shared = group.get("shared_d") if group["split_groups"] and group["split_groups_mean"] else None
    return (group["d"] if shared is None else shared) * group["lr"]


def rectified(dlr: float, beta2: float, k: int) -> tuple[float, float, bool]:
    """RAdam's bias correction (arXiv:1908.03265).

    Args:
        dlr: the rate.
        beta2: decay of the second moment.
        k: the step, from 1.

    Returns:
        The rate and the decay of this step, and whether the second moment has seen enough to be divided by.
    """
    decayed = beta2**k
    longest = 2 / (1 - beta2) - 1
    length = longest - 2 * k * decayed / (1 - decayed)
    enough = length > 4.0
    factor = ((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)) ** 0.5 if enough else 0.0
    return dlr * factor, 1 - (1 - beta2) / (1 - decayed), enough


def numbers_of(group: Group) -> dict[str, float]:
    """The numbers of a group for `step`; also writes what schedule-free's averaging keeps in the group."""
    beta1, beta2 = group["betas"]
    k, d, dlr = group["k"], group["d"], rate_of(group)
    unrectified = False
    if group["use_bias_correction"]:
        dlr, beta2, enough = rectified(dlr, beta2, k)
        unrectified = bool(group["use_schedulefree"]) and not enough
    adopt_begins = bool(group["use_adopt"]) and k == 1
    average_weight, y_step = 0.0, 1.0
    if group["use_schedulefree"] and not adopt_begins:
        average_weight, y_step = _weights(group, beta1, dlr)
    return {
        "beta1": beta1,
        "beta2": beta2,
        "beta3": beta3_of(group),
        "d": d,
        "d_squared": d**2,
        "d_update": d**2 / group["d0"] ** 0.5,
        "dlr": dlr,
        "eps": 0.0 if group["eps"] is None else group["eps"],
        "average_weight": average_weight,
        "y_step": y_step,
        "weight_decay": group["weight_decay"],
        "adopt_limit": k**0.25,
        "speed_beta": 1 - k**-0.75,
        "slice_p": SLICE,
        "schedulefree": bool(group["use_schedulefree"]),
        "adapts": adapts(group),
        "adopt": bool(group["use_adopt"]),
        "adopt_begins": adopt_begins,
        "unrectified": unrectified,
        "atan2": group["eps"] is None,
        "focus": bool(group["use_focus"]),
        "speed": bool(group["use_speed"]),
        "orthograd": bool(group["use_orthograd"]),
        "stableadamw": bool(group["use_stableadamw"]),
        "cautious": bool(group["use_cautious"]),
        "grams": bool(group["use_grams"]),
        "decays": group["weight_decay"] != 0,
        "decay_by_lr": bool(group["weight_decay_by_lr"]),
        "stochastic": bool(group["stochastic_rounding"]),
    }


def _weights(group: Group, beta1: float, dlr: float) -> tuple[float, float]:
    """How far the average goes towards z, and which share of z's step y takes."""
    weight = dlr**2
    weights = group["running_weight_sum"] = group.get("weight_sum", 0) + weight
    average_weight = weight / weights if weights else 0
    if group.get("schedulefree_c", 0) > 0:  # arXiv:2507.09846
        average_weight = min(1.0, average_weight * (1 - beta1) * group["schedulefree_c"])
    y_step = 1 - beta1 * (1 - average_weight)
    group["effective_lr"] = group["lr"] * y_step
    return average_weight, y_step
