"""EmoFact: steps of one length for all elements, in the direction of the gradient; the loss makes them longer or shorter.

It keeps Adafactor's factors of the gradient's size, one for the rows and one for the columns. What it takes of the
quotient of gradient and size is the sign, though, so that the factors decide nothing: they are kept for the state's
sake, and because a quotient too small for its dtype has no sign.

Reference: pytorch_optimizer 4.1.0 (`pytorch_optimizer.EmoFact`). Same arguments, defaults, `param_groups` and state.
The author's own (muooon/EmoNavi 3.6.1, commit 741166a) is `optimizers.emo_author.EmoFact`; it runs the program below too.
See `optimizers.emo_drive` for what the loss does and for what the two differ in.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from optimizers.emo_drive import PackageEmo, average_, prepare, scale_
from optimizers.machinery.batch import Group, State
from optimizers.machinery.program import program


@program(axes="first and rest", exp_avg_r="row", exp_avg_c="column")
def fact(x: Any, h: Any) -> None:
    """The sign of gradient over size. Rows are the first axis, columns all others together."""
    prepare(x, h)
    direction = x.grad
    if x.has("exp_avg_r"):
        square = x.grad * x.grad
        average_(x.exp_avg_r, x.mean_over_columns(square).add_(h.eps).sqrt_(), h.beta1, h)
        average_(x.exp_avg_c, x.mean_over_rows(square).add_(h.eps).sqrt_(), h.beta1, h)
        size = (x.exp_avg_r * x.exp_avg_c).sqrt_()
    else:
        if x.has("exp_avg"):
            average_(x.exp_avg, x.grad, h.beta1, h)
            direction = x.exp_avg
        # The author's decays by the first beta and adds by the second: it does not settle at the mean square.
        scale_(x.exp_avg_sq, h.vector_beta, h)
        x.exp_avg_sq.addcmul_(x.grad, x.grad, value=1.0 - h.beta2)
        size = x.exp_avg_sq.sqrt()
    x.p.add_((direction / size.add_(h.eps)).sign_(), alpha=h.step)


def factors(p: Tensor) -> State:
    """The factors' beginning, with all axes of the parameter: one of length 1 where they were averaged."""
    return {
        "exp_avg_r": p.new_zeros((p.shape[0], *(1 for _ in p.shape[1:]))).detach(),
        "exp_avg_c": p.new_zeros((1, *p.shape[1:])).detach(),
    }


class EmoFact(PackageEmo):
    __doc__ = PackageEmo.__doc__
    program = fact

    def initial_state(self, p: Tensor, group: Group) -> State:
        if p.dim() >= 2:
            return factors(p)
        return {"exp_avg": torch.zeros_like(p).detach(), "exp_avg_sq": torch.zeros_like(p).detach()}
