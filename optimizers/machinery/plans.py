"""What a step keeps for the next one, and what it forgets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias, TypeVar

from torch import Tensor

from optimizers.machinery.flat import FlatLot
from optimizers.machinery.matrices import MatrixLot
from optimizers.machinery.pointers import PointerLot
from optimizers.machinery.stacks import StackLot

Lot: TypeAlias = FlatLot | PointerLot | StackLot | MatrixLot
_Lot = TypeVar("_Lot", bound=Lot)


class Plans:
    """What a step keeps for the next one: how the parameters were put together.

    A lot that two steps did not use is dropped. One that would move the state into a buffer of its own is not made for
    parameters that are together for the first time, except in the first step: dropout of whole modules brings other
    parameters together at every step.
    """

    def __init__(self) -> None:
        self._lots: dict[tuple[object, ...], Lot] = {}
        self._used: dict[tuple[object, ...], int] = {}
        self._asked: set[tuple[object, ...]] = set()
        self._asked_before: set[tuple[object, ...]] = set()
        self._step = 0

    def begin_step(self) -> bool:
        """Forgets what was not used any more; returns whether that leaves state in buffers that nobody needs."""
        self._step += 1
        self._asked_before, self._asked = self._asked, set()
        old = [key for key, used in self._used.items() if used < self._step - 2]
        for key in old:
            del self._lots[key], self._used[key]
        if not any(key[0] in {FlatLot, StackLot} for key in old):
            return False
        for key in [key for key in self._lots if key[0] in {FlatLot, StackLot}]:
            del self._lots[key], self._used[key]
        return True

    def lot(self, kind: type[_Lot], members: Sequence[Sequence[Tensor]], make: Callable[[], _Lot], *more: object) -> _Lot:
        """The lot of these parameters, by group, and of whatever else tells it from others."""
        key = _key(kind, members, *more)
        lot = self._lots.get(key)
        if not isinstance(lot, kind):
            lot = self._lots[key] = make()
        self._used[key] = self._step
        return lot

    def buffers(self, kind: type[_Lot], params: Sequence[Tensor], make: Callable[[], _Lot]) -> _Lot | None:
        """The lot of these parameters, which holds their state; None where it is not worth making one."""
        key = _key(kind, [params])
        self._asked.add(key)
        if key in self._lots or self._step <= 1 or key in self._asked_before:
            return self.lot(kind, [params], make)
        return None


def _key(kind: type[Lot], members: Sequence[Sequence[Tensor]], *more: object) -> tuple[object, ...]:
    return (kind, *more, *((tuple(map(id, params)), tuple(p.shape for p in params)) for params in members))
