"""torch's own fused Adam as one instruction for what a tape does in seven: both moments and the step, in one pass.

It fits wherever the moments are decaying averages of the gradient and its square and the step is their quotient, whatever
they are scaled with: DAdaptAdam's first moment holds its learning rates, Prodigy's moments hold d.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from optimizers.machinery.tape import Call, Tape, Value

LAST_STEP = 1e30
"""As the number of steps: the powers of both betas are 0, and so there is no bias correction."""


@dataclass(frozen=True, slots=True)
class FusedAdam:
    """The instruction for one group.

    Attributes:
        exp_avg, exp_avg_sq: the arrays of the moments.
        beta1, beta2, eps: as torch's Adam has them.
        lr: length of the step from moments of plain gradients.
        weight_decay: decoupled.
        gradient_scale: the moments are those of the gradient times this.
    """

    exp_avg: str
    exp_avg_sq: str
    beta1: float
    beta2: float
    eps: float
    lr: float
    weight_decay: float
    gradient_scale: float

    @property
    def arrays(self) -> tuple[str, ...]:
        return ("p", "grad", self.exp_avg, self.exp_avg_sq)

    def run(self, *lists: list[Tensor]) -> None:
        """Changes parameters and moments.

        Args:
            lists: parameters, gradients and moments, a tensor of each for each parameter; the gradients stay as they are.
        """
        params, grads, exp_avgs, squares = lists
        if self.gradient_scale != 1.0:
            grads = [grad * self.gradient_scale for grad in grads]
        torch._fused_adamw_(  # pyright: ignore[reportPrivateImportUsage]
            params,
            grads,
            exp_avgs,
            squares,
            [],
            [_last_step()] * len(params),
            lr=self.lr,
            beta1=self.beta1,
            beta2=self.beta2,
            weight_decay=self.weight_decay,
            eps=self.eps,
            amsgrad=False,
            maximize=False,
        )


@functools.cache
def _last_step() -> Tensor:
    return torch.tensor(LAST_STEP)


@functools.cache
def is_available() -> bool:
    """Whether this torch has the instruction on the CPU (since 2.4)."""
    p, grad, exp_avg, square = (torch.ones(1) for _ in range(4))
    try:
        FusedAdam("", "", 0.5, 0.5, 1.0, 1.0, 0.0, 1.0).run([p], [grad], [exp_avg], [square])
    except (AttributeError, NotImplementedError, RuntimeError, TypeError):
        return False
    return math.isclose(p.item(), 0.5)


def fused(tape: Tape) -> list[Call | FusedAdam]:
    """A tape's calls, with the instruction in place of those that it does, where there are such."""
    return (is_available() and _fused(tape)) or [*tape.calls]


def _fused(tape: Tape) -> list[Call | FusedAdam] | None:
    found = _step(tape)
    if found is None:
        return None
    step, denominator, decay = found
    exp_avg, square = step.arguments[0], denominator[0].target
    first = _average(tape, exp_avg)
    second = _average(tape, square)
    if first is None or second is None:
        return None
    (mul1, add1), (mul2, add2) = first, second
    gradient = tape.arrays["grad"]
    squares = _square(tape, add2, gradient)
    if squares is None or add1.arguments != (gradient,):
        return None
    value, squared = squares
    ours = [step, *denominator, *decay, mul1, add1, mul2, add2, *squared]
    place = max(tape.calls.index(add1), tape.calls.index(add2))
    if not _is_alone(tape, ours, place, {tape.arrays["p"], exp_avg, square, gradient}, mul2):
        return None
    instructions = _instructions(step, denominator[1], decay, (mul1, add1), (mul2, value))
    if not instructions:
        return None
    before, after = tape.calls[:place], tape.calls[place:]
    return [*(call for call in before if call not in ours), *instructions, *(call for call in after if call not in ours)]


def _step(tape: Tape) -> tuple[Call, list[Call], list[Call]] | None:
    """`p.addcdiv_(m, v.sqrt().add_(eps))` as the last word on p: the call, its denominator's calls, the weight decay's."""
    p = tape.arrays.get("p")
    changes = [call for call in tape.calls if call.target is p and call.in_place]
    if not changes or changes[-1].method != "addcdiv_":
        return None
    step, decay = changes[-1], changes[:-1]
    below = step.arguments[1]
    denominator = [call for call in tape.calls if call.result is below]
    fits = (
        [call.method for call in denominator] == ["sqrt", "add_"]
        and isinstance(denominator[1].arguments[0], float | int)
        and [call for call in tape.calls if below in call.reads()] == [denominator[1], step]
        and all(call.method == "add_" and call.arguments == (p,) for call in decay)
        and len(decay) <= 1
    )
    return (step, denominator, decay) if fits else None


def _average(tape: Tape, array: Value) -> tuple[Call, Call] | None:
    """The two calls by which an array decays and takes something in."""
    changes = [call for call in tape.calls if call.target is array and call.in_place]
    methods = [call.method for call in changes]
    if array.array is None or methods not in (["mul_", "add_"], ["mul_", "addcmul_"]):
        return None
    return changes[0], changes[1]


def _square(tape: Tape, add: Call, gradient: Value) -> tuple[float, list[Call]] | None:
    """The weight of the gradient's square, and the call that makes it where nobody else uses it."""
    if add.method == "addcmul_":
        return (add.keywords["value"], []) if add.arguments == (gradient, gradient) else None
    made = [call for call in tape.calls if call.result is add.arguments[0]]
    if not made or (made[0].method, made[0].reads()) != ("mul", [gradient, gradient]):
        return None
    before = tape.calls[: tape.calls.index(add)]
    if any(call in before for call in made[1:]):
        return None
    readers = [call for call in tape.calls if made[0].result in call.reads()]
    return add.keywords["alpha"], (made[:1] if readers == [add] else [])


def _is_alone(tape: Tape, ours: list[Call], place: int, arrays: set[Value], decay_of_square: Call) -> bool:
    """Whether the rest of the tape sees the same when all our calls are made at one place."""
    square, begin = decay_of_square.target, tape.calls.index(decay_of_square)
    for index, call in enumerate(tape.calls):
        if call in ours:
            continue
        touched = arrays.intersection(call.reads())
        if call.in_place and call.target in touched and index > place:
            return False  # a gradient or moment that changes afterwards
        free = {tape.arrays["grad"]} | ({square} if not begin < index <= place else set())
        if index < place:
            free |= {tape.arrays["p"]}
        if touched - free:
            return False
    return True


def _instructions(
    step: Call, eps: Call, decay: list[Call], first: tuple[Call, Call], second: tuple[Call, float]
) -> list[Call | FusedAdam]:
    """The instruction; between two calls that scale the first moment there and back, where it holds learning rates."""
    exp_avg, square = first[0].target, second[0].target
    beta1, alpha = first[0].arguments[0], first[1].keywords["alpha"]
    beta2, value = second[0].arguments[0], second[1]
    try:
        gradient_scale = _rounded(math.sqrt(value / (1 - beta2)))
        scale = _rounded(alpha / (1 - beta1) / gradient_scale)
        lr = -step.keywords.get("value", 1.0) * scale
        weight_decay = -decay[0].keywords["alpha"] / lr if decay else 0.0
    except (ZeroDivisionError, ValueError):
        return []
    # Scales that float32 could not go there and back with: the calls one by one are right for them.
    if not (1e-18 < scale < 1e18 and 1e-18 < gradient_scale < 1e18 and math.isfinite(weight_decay) and lr > 0):
        return []
    adam = FusedAdam(str(exp_avg.array), str(square.array), beta1, beta2, eps.arguments[0], lr, weight_decay, gradient_scale)
    if scale == 1.0:
        return [adam]
    return [Call("mul_", exp_avg, (1.0 / scale,), {}, exp_avg), adam, Call("mul_", exp_avg, (scale,), {}, exp_avg)]


def _rounded(factor: float) -> float:
    """1 for a factor that is 1 but for the rounding of the doubles it was worked out in."""
    return 1.0 if math.isclose(factor, 1.0, rel_tol=1e-14) else factor
