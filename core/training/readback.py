"""Numbers on their way from the device: read when they have arrived, so that nobody waits for the device."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch
from torch import Tensor

_About = TypeVar("_About")


@dataclass(slots=True)
class _Parcel(Generic[_About]):
    about: _About
    values: Tensor
    arrived: torch.cuda.Event | None


class Readback(Generic[_About]):
    """A queue of numbers from a device.

    Args:
        device: where they come from.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._parcels: deque[_Parcel[_About]] = deque()

    def send(self, about: _About, values: Sequence[Tensor]) -> None:
        """Sends off scalars.

        Args:
            about: what they are; comes back with them.
            values: tensors of shape (), on the device.
        """
        stacked = torch.stack([value.detach().float() for value in values])
        if self._device.type != "cuda":
            self._parcels.append(_Parcel(about, stacked.cpu(), None))
            return
        room = torch.empty(stacked.shape, pin_memory=True)
        room.copy_(stacked, non_blocking=True)
        arrived = torch.cuda.Event()
        arrived.record()
        self._parcels.append(_Parcel(about, room, arrived))

    def receive(self, *, wait: bool = False) -> list[tuple[_About, list[float]]]:
        """What has arrived, in the order in which it was sent.

        Args:
            wait: for all that is under way.
        """
        found: list[tuple[_About, list[float]]] = []
        while self._parcels:
            parcel = self._parcels[0]
            if parcel.arrived is not None and not parcel.arrived.query():
                if not wait:
                    break
                parcel.arrived.synchronize()
            self._parcels.popleft()
            found.append((parcel.about, parcel.values.tolist()))
        return found
