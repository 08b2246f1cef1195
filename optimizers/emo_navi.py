"""EmoNavi: Adam without bias correction, with decoupled weight decay, whose steps the loss makes longer or shorter.

Reference: pytorch_optimizer 4.1.0 (`pytorch_optimizer.EmoNavi`). Same arguments, defaults, `param_groups` and state.
The author's own (muooon/EmoNavi 3.6.1, commit 741166a) is `optimizers.emo_author.EmoNavi`; it runs the program below too.
See `optimizers.emo_drive` for what the loss does and for what the two differ in.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from optimizers.emo_drive import PackageEmo, average_, prepare, scale_
from optimizers.machinery.batch import Group, State
from optimizers.machinery.program import program


@program()
def navi(x: Any, h: Any) -> None:
    """Adam's moments and step; the loss is in the step's length."""
    prepare(x, h)
    average_(x.exp_avg, x.grad, h.beta1, h)
    scale_(x.exp_avg_sq, h.beta2, h)
    x.exp_avg_sq.addcmul_(x.grad, x.grad, value=1.0 - h.beta2)
    x.p.addcdiv_(x.exp_avg, x.exp_avg_sq.sqrt().add_(h.eps), value=h.step)


class EmoNavi(PackageEmo):
    __doc__ = PackageEmo.__doc__
    program = navi
    shadow_follows_mix = True

    def initial_state(self, p: Tensor, group: Group) -> State:
        return {"exp_avg": torch.zeros_like(p).detach(), "exp_avg_sq": torch.zeros_like(p).detach()}
