"""EmoNavi, EmoFact and EmoLynx as their author wrote them.

Reference: muooon/EmoNavi 3.6.1, commit 741166a (`optimizer/emonavi.py`, `emofact.py`, `emolynx.py`), which people copy
into sd-scripts by hand. Same arguments, defaults, `param_groups` and state, `should_stop` and `writer`. The programs
are those of `optimizers.EmoNavi` and its siblings, whose reference is pytorch_optimizer; `optimizers.emo_drive` says in
what the two differ.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import torch
from torch import Tensor

from optimizers.emo_drive import Drive, LossDriven, check_rates, drive_of, follow_loss, long_trend, trend_of
from optimizers.emo_fact import fact, factors
from optimizers.emo_lynx import lynx
from optimizers.emo_navi import navi
from optimizers.machinery.batch import Batch, Group, State
from optimizers.machinery.program import Numbers

_HISTORY = 32


class AuthorEmo(LossDriven):
    """The arguments of the author's optimizers.

    Args:
        params: parameters, or groups of them.
        lr: learning rate.
        eps: added to denominators; not used by EmoLynx.
        betas: decay of the moving averages.
        weight_decay: per step and learning rate.
        use_shadow: keeps a slow copy of the parameters and goes back towards it where the loss jumps.
        writer: anything with TensorBoard's `add_scalar(tag, value, step)`: told the learning rates and the trend.

    Attributes:
        should_stop: becomes True, for good, when the trend has stayed near 0 for 32 steps: also without any loss.

    Raises:
        ValueError: a value is out of its range.
    """

    carried = ("should_stop", "use_shadow", "_written")
    writer: Any = None  # not carried: it has files and threads
    long_history = False
    """Whether the history of trends takes the one that is always relative to the long average."""
    decays_by_sum = False
    """Weight decay as `p + p * -rate`, not as `p * (1 - rate)`."""

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        eps: float = 1e-8,
        betas: tuple[float, float] = (0.9, 0.995),
        weight_decay: float = 0.01,
        use_shadow: bool = False,
        writer: Any = None,
    ) -> None:
        check_rates(lr, betas, weight_decay=weight_decay, eps=eps)
        self.should_stop = False
        self.use_shadow = use_shadow
        self.writer = writer
        self._written = 0
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    def loss_number(self, loss: Any) -> float:
        return 0.0 if loss is None else super().loss_number(loss)

    def update(self, batch: Batch) -> None:
        averages = self.averages()
        follow_loss(averages, self._loss)
        trend = trend_of(averages)
        drive = drive_of(trend, use_shadow=self.use_shadow)
        self.sweep(batch, lambda group: self._numbers(group, drive))
        self._remember(long_trend(averages) if self.long_history else trend)
        stepped = [share.group["lr"] for share in batch if share.params]
        if self.writer is not None and stepped:
            self._write(stepped[-1], drive)

    def _numbers(self, group: Group, drive: Drive) -> Numbers:
        lr, decay = group["lr"], group["weight_decay"]
        beta1, beta2 = group["betas"]
        shadow = bool(self.use_shadow)
        return {
            "step": -lr * drive.factor,
            "beta1": beta1,
            "beta2": beta2,
            "vector_beta": beta1,
            "eps": group["eps"],
            "weight_decay": decay,
            "keep": 1 - lr * decay,
            "lose": -decay * lr,
            "ratio": drive.ratio,
            "trust": abs(drive.trust),
            "maximize": False,
            "shadow_first": True,
            "decays_by_factor": decay != 0 and not self.decays_by_sum,
            "decays_by_sum": decay != 0 and self.decays_by_sum,
            "coupled_decay": False,
            "mixes": shadow and drive.ratio > 0,
            "follows": shadow and not drive.ratio > 0,
            "shadow_follows_mix": False,
            "interpolates": False,
            "rounds_factors": False,
        }

    def _remember(self, trend: float) -> None:
        """Keeps the last trends, and says once for all when they have become calm."""
        history: Any = self.state.setdefault("scalar_hist", deque(maxlen=_HISTORY))  # type: ignore[call-overload]
        if not isinstance(history, deque):  # a state that went through a format without deques
            history = self.state["scalar_hist"] = deque(history, maxlen=_HISTORY)  # type: ignore[index]
        history.append(trend)
        if len(history) < _HISTORY:
            return
        size = sum(abs(value) for value in history) / len(history)
        mean = sum(history) / len(history)
        if size < 0.05 and sum((value - mean) ** 2 for value in history) / len(history) < 0.005:
            self.should_stop = True

    def _write(self, lr: float, drive: Drive) -> None:
        self._written += 1
        for tag, value in {
            "emoLR/base": lr,
            "emoLR/Turbo": lr * drive.factor,
            "emostate/emoDrive": drive.factor,
            "emostate/scalar": drive.trend,
        }.items():
            self.writer.add_scalar(tag, value, self._written)


class EmoNavi(AuthorEmo):
    __doc__ = AuthorEmo.__doc__
    program = navi
    long_history = True
    decays_by_sum = True

    def initial_state(self, p: Tensor, group: Group) -> State:
        return {"exp_avg": torch.zeros_like(p).detach(), "exp_avg_sq": torch.zeros_like(p).detach()}


class EmoFact(AuthorEmo):
    __doc__ = AuthorEmo.__doc__
    program = fact
    decays_by_sum = True

    def initial_state(self, p: Tensor, group: Group) -> State:
        return factors(p) if p.dim() >= 2 else {"exp_avg_sq": torch.zeros_like(p).detach()}


class EmoLynx(AuthorEmo):
    __doc__ = AuthorEmo.__doc__
    program = lynx

    def initial_state(self, p: Tensor, group: Group) -> State:
        return {"exp_avg": torch.zeros_like(p).detach()}
