"""What an optimizer would do: curves on a small real problem. Loaded by `child.py`, in the interpreter that will train.

The problem is a LoRA's in small: for each group of parameters two low-rank halves learn a low-rank change of a frozen
layer from noisy batches, by least squares. Everything random is seeded, so that two settings see the same batches.
"""

from __future__ import annotations

import math
import time
from typing import Any

SIDE, RANK, BATCH, NOISE = 48, 4, 32, 0.3
_POINTS = 240
_TIMED = 10


def run(speaker: Any, request: dict[str, Any], builder: Any, torch: Any) -> None:
    """Says the curves of each variant, and what the sweep asks for. On the CPU: nothing here is large enough for a GPU."""
    wanted = request["curves"]
    torch.set_num_threads(1)
    stride = None
    for name, changes in wanted["variants"]:
        speaker.say("begin", step="curves")
        try:
            stride = _simulate(speaker, request, builder, torch, name, changes, stride)
        except Exception as error:  # noqa: BLE001  (one variant that cannot train is told; the other is still drawn)
            speaker.say("no-curve", variant=name, error=f"{type(error).__name__}: {error}"[:600])
    for literal, changes in wanted["sweep"]:
        speaker.say("begin", step="sweep")
        speaker.say("swept", value=literal, rates=_first_rates(request, builder, torch, changes))


class _Problem:
    """One pair of halves for each group, and the batches that they learn from."""

    def __init__(self, torch: Any, request: dict[str, Any]) -> None:
        self._torch = torch
        self._random = torch.Generator().manual_seed(7)
        self._scale = request["curves"]["scale"]
        self.groups: list[dict[str, Any]] = []
        self._targets: list[Any] = []
        for group in request["groups"]:
            down = ((self._uniform(RANK, SIDE)) * SIDE**-0.5).requires_grad_()
            up = torch.zeros(SIDE, RANK).requires_grad_()
            lr = {} if group["lr"] is None else {"lr": group["lr"]}
            self.groups.append({"params": [down, up], **lr})
            self._targets.append(self._normal(SIDE, RANK) @ self._normal(RANK, SIDE) * (0.5 / SIDE))

    def _uniform(self, *shape: int) -> Any:
        return self._torch.rand(*shape, generator=self._random) * 2 - 1

    def _normal(self, *shape: int) -> Any:
        return self._torch.randn(*shape, generator=self._random)

    def loss(self, pairs: list[tuple[Any, Any]]) -> Any:
        """Mean square error on a batch of its own."""
        total = 0.0
        for (down, up), target in zip(pairs, self._targets):  # noqa: B905  (3.8 has no strict)
            inputs = self._normal(BATCH, SIDE)
            wanted = inputs @ target.T + NOISE * self._normal(BATCH, SIDE)
            total = total + ((inputs @ down.T @ up.T * self._scale - wanted) ** 2).mean()
        return total / len(pairs)


def _simulate(  # noqa: PLR0917  (one call, above)
    speaker: Any, request: dict[str, Any], builder: Any, torch: Any, name: str, changes: dict[str, Any], stride: int | None
) -> int:
    """Trains one variant; returns how many of the job's steps one step stands for."""
    steps, seconds = request["steps"], request["curves"]["seconds"]
    problem = _Problem(torch, request)
    pairs = [(group["params"][0], group["params"][1]) for group in problem.groups]
    built = builder.build([dict(group) for group in problem.groups], steps, changes)
    points: dict[str, list[Any]] = {"steps": [], "rates": [], "d_rates": [], "effective": [], "loss": []}
    weights = [weight for pair in pairs for weight in pair]
    started, done, ended_early = time.perf_counter(), 0, False
    every = max(1, steps // _POINTS)
    next_point = 0
    while done < steps:
        if stride is None and done == _TIMED:
            passed = (time.perf_counter() - started) / _TIMED
            stride = max(1, int((steps - _TIMED) * passed / seconds + 0.999))
        if time.perf_counter() - started > 2.5 * seconds:
            ended_early = True
            break
        jump = 1 if stride is None or done < _TIMED else stride
        loss = problem.loss(pairs)
        for weight in weights:
            weight.grad = None
        loss.backward()
        if request["max_grad_norm"]:
            torch.nn.utils.clip_grad_norm_(weights, request["max_grad_norm"])
        noted = done >= next_point
        before = [weight.detach().clone() for weight in weights] if noted else []
        d_rates = _d_rates(built) if noted else []
        built.step(loss.detach() if request["hand_loss"] else None)
        built.schedule(jump)
        done += jump
        if noted:
            next_point = done - jump + every
            points["steps"].append(done - jump)
            points["rates"].append(built.rates())
            points["d_rates"].append(_d_rates(built) or d_rates)
            points["effective"].append(_effective(torch, pairs, before))
            points["loss"].append(float(loss.detach()))
    speaker.say("curve", variant=name, stride=stride or 1, last=done, ended_early=ended_early, **points)
    return stride or 1


def _d_rates(built: Any) -> list[float]:
    """d*lr of each group, as sd-scripts logs it; nothing where the optimizer estimates no d."""
    found = [(group.get("d"), group.get("lr")) for group in built.optimizer.param_groups]
    return [float(d) * float(lr) for d, lr in found if d is not None and lr is not None]


def _effective(torch: Any, pairs: list[tuple[Any, Any]], before: list[Any]) -> list[float | None]:
    """For each group the norm of the update over the norm of the weights."""
    found: list[float | None] = []
    for place, pair in enumerate(pairs):
        old = before[2 * place : 2 * place + 2]
        change = sum(float(((new.detach() - was) ** 2).sum()) for new, was in zip(pair, old))  # noqa: B905
        size = sum(float((weight.detach() ** 2).sum()) for weight in pair)
        ratio = (change / size) ** 0.5 if size else 0.0
        found.append(ratio if math.isfinite(ratio) else None)
    return found


def _first_rates(request: dict[str, Any], builder: Any, torch: Any, changes: dict[str, Any]) -> list[float | None]:
    """The learning rates after the first step, as TensorBoard shows them for step 0, on the first tensor of each group.

    The first, since that is the one whose rate sd-scripts logs; in its real shape, since the rate follows its size.
    """
    groups: list[dict[str, Any]] = []
    random = torch.Generator().manual_seed(1)
    for group in request["groups"]:
        shape = group["shapes"][0][0]
        inputs = 1
        for size in shape[1:]:
            inputs *= size
        weight = ((torch.rand(shape, generator=random) * 2 - 1) * inputs**-0.5).requires_grad_()
        groups.append({"params": [weight], **({} if group["lr"] is None else {"lr": group["lr"]})})
    built = builder.build([dict(group) for group in groups], request["steps"], changes)
    for group in groups:  # not before: AdaFactor's scheduler looks into the state of whatever has a gradient
        for weight in group["params"]:
            weight.grad = torch.randn(weight.shape, generator=random) * 1e-3
    built.step()
    built.schedule()
    return built.rates()
