"""EmoLynx: Lion whose steps the loss makes longer or shorter.

Reference: pytorch_optimizer 4.1.0 (`pytorch_optimizer.EmoLynx`). Same arguments, defaults, `param_groups` and state.
The author's own (muooon/EmoNavi 3.6.1, commit 741166a) is `optimizers.emo_author.EmoLynx`; it runs the program below too.
See `optimizers.emo_drive` for what the loss does and for what the two differ in.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from optimizers.emo_drive import PackageEmo, average_, prepare
from optimizers.machinery.batch import Group, State
from optimizers.machinery.program import program


@program()
def lynx(x: Any, h: Any) -> None:
    """Lion's step: the sign of a blend of gradient and momentum; then the momentum follows."""
    prepare(x, h)
    x.p.add_(x.grad.mul(1.0 - h.beta1).add_(x.exp_avg, alpha=h.beta1).sign_(), alpha=h.step)
    average_(x.exp_avg, x.grad, h.beta2, h)


class EmoLynx(PackageEmo):
    __doc__ = PackageEmo.__doc__
    program = lynx

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.99),
        use_shadow: bool = False,
        shadow_weight: float = 0.05,
        weight_decay: float = 1e-2,
        weight_decouple: bool = True,
        fixed_decay: bool = False,
        eps: float = 1e-8,
        maximize: bool = False,
        foreach: bool | None = None,
    ) -> None:
        super().__init__(
            params, lr, betas, use_shadow, shadow_weight, weight_decay, weight_decouple, fixed_decay, eps, maximize, foreach
        )

    def initial_state(self, p: Tensor, group: Group) -> State:
        return {"exp_avg": torch.zeros_like(p).detach()}
