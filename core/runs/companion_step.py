"""The effective step: how far one step of an optimizer really moved the weights, whatever it calls its learning rate.

Standard library only, like `companion.py` beside it: torch is there when an optimizer steps. Measured every few steps on a
sample of each parameter group, so that it costs under a hundredth of the time and a few MB.
"""

# pyright: basic
# Everything in here handles objects of packages that are not there when Caddie's own types are checked.

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from typing import Any

EVERY = 10
"""Steps from one measurement to the next, at least."""
SHARE = 0.01
"""Of the time, at most."""
_TENSORS = 32
_NUMBERS = 1 << 20


class EffectiveStep:
    """Measures the root mean square of the change of a group's weights in one step.

    Args:
        clock: seconds.
        every: steps between two measurements, at least.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter, every: int = EVERY) -> None:
        self._clock, self._least = clock, every
        self._chosen: dict[int, list[Any]] = {}
        self._before: dict[int, list[Any]] = {}
        self._wait: dict[int, int] = {}
        self._began: dict[int, float] = {}
        self._cost = 0.0

    def before(self, optimizer: Any) -> None:
        """The weights are about to change."""
        key, now = id(optimizer), self._clock()
        last, self._began[key] = self._began.get(key), now
        self._before.pop(key, None)
        left = self._wait.get(key, 0)
        if left > 0:
            self._wait[key] = left - 1
            return
        seconds = math.inf if last is None else max(now - last, 1e-9)  # the first steps of a training are slow, too
        self._wait[key] = max(self._least, math.ceil(self._cost / (SHARE * seconds))) - 1
        self._before[key] = [[part.detach().clone() for part in parts] for parts in self._parts(optimizer)]
        self._cost = self._clock() - now

    def after(self, optimizer: Any) -> list[Any]:
        """The change of each group, as numbers on their device; None where this step was not measured."""
        then = self._before.pop(id(optimizer), None)
        if then is None:
            return [None] * len(optimizer.param_groups)
        begun = self._clock()
        moved = [
            _moved(now, old) if len(now) == len(old) else None for now, old in zip(self._parts(optimizer), then, strict=False)
        ]
        self._cost += self._clock() - begun
        return moved + [None] * (len(optimizer.param_groups) - len(moved))

    def _parts(self, optimizer: Any) -> list[list[Any]]:
        return [[_flat(p) for p in self._choice(group)] for group in optimizer.param_groups]

    def _choice(self, group: Any) -> list[Any]:
        """Tensors from all over the group; the same ones each time."""
        known = self._chosen.get(id(group))
        if known is not None and known[0] == len(group["params"]):
            return known[1:]
        trained = [p for p in group["params"] if p.requires_grad and p.is_floating_point() and p.numel()]
        stride = max(1, math.ceil(len(trained) / _TENSORS))
        chosen: list[Any] = []
        total = 0
        for p in trained[::stride]:
            if not chosen or total + min(p.numel(), _NUMBERS) <= _NUMBERS:
                chosen.append(p)
                total += min(p.numel(), _NUMBERS)
        self._chosen[id(group)] = [len(group["params"]), *chosen]
        return chosen


def _flat(parameter: Any) -> Any:
    return parameter.detach().reshape(-1)[:_NUMBERS]


def _moved(now: list[Any], then: list[Any]) -> Any:
    if not now:
        return None
    torch = sys.modules["torch"]
    with torch.no_grad():
        first = now[0].device
        norms = [torch.linalg.vector_norm(a.float() - b.float()).to(first) for a, b in zip(now, then, strict=False)]
        return torch.linalg.vector_norm(torch.stack(norms)) / math.sqrt(sum(part.numel() for part in now))
