"""The processes that train together, each on its own GPU: what they have to agree on.

Every process holds the whole LoRA and the whole optimizer, takes its share of the batches, and averages the gradients with the
others before each step, so that all of them do the same step. Only the main process writes files and tells what happens.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor

from core.training.control import Control, Wish

PATIENCE = timedelta(days=7)
"""The others wait while the main process draws pictures, saves or rests in a pause; the launcher ends them if it dies."""


class World:
    """All processes of a training.

    Args:
        rank: number of this one.
        size: how many there are.
    """

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank = rank
        self.size = size

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes and tells."""
        return self.rank == 0

    @property
    def is_alone(self) -> bool:
        """Whether there are no others."""
        return self.size == 1

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replaces each tensor by its mean over all processes, in one exchange for each type of number.

        Args:
            tensors: in every process as many, of the same shapes, types and order, on its device.
        """
        if self.is_alone:
            return
        for dtype in dict.fromkeys(tensor.dtype for tensor in tensors):
            same = [tensor for tensor in tensors if tensor.dtype == dtype]
            flat = torch.cat([tensor.reshape(-1) for tensor in same])
            dist.all_reduce(flat)
            flat /= self.size
            parts = flat.split([tensor.numel() for tensor in same])
            torch._foreach_copy_(same, [part.view_as(tensor) for part, tensor in zip(parts, same, strict=True)])  # pyright: ignore[reportPrivateImportUsage]

    def take_from_main(self, tensors: Sequence[Tensor]) -> None:
        """Replaces each tensor by the main process' own."""
        if self.is_alone:
            return
        for tensor in tensors:
            dist.broadcast(tensor, src=0)

    def number_from_main(self, number: int) -> int:
        """The main process' number. Goes from one computer's memory to the other's: no GPU is waited for."""
        if self.is_alone:
            return number
        told = torch.tensor([number], dtype=torch.int64)
        dist.broadcast(told, src=0)
        return int(told.item())

    @contextmanager
    def main_first(self) -> Iterator[None]:
        """The main process does the block while the others wait; then they do it, and find what it has left on the disk.

        Raises:
            KeyboardInterrupt: the main process did not come to the block's end; it says itself why.
        """
        if not self.is_main:
            if self.number_from_main(0):
                raise KeyboardInterrupt
            yield
            return
        failed = 1
        try:
            yield
            failed = 0
        finally:
            self.number_from_main(failed)


def join_world() -> World:
    """Meets the other processes, where accelerate's launcher has started several, and takes this one's GPU."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return World()
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        # Two ways at once: tensors of the GPU go by NCCL (which Windows does not have), plain numbers past the GPU.
        backend = "cpu:gloo,cuda:nccl" if dist.is_nccl_available() else "gloo"
    else:
        backend = "gloo"
    dist.init_process_group(backend, timeout=PATIENCE)
    return World(dist.get_rank(), dist.get_world_size())


def leave_world(world: World) -> None:
    """Lets go of the others at the end."""
    if not world.is_alone:
        dist.destroy_process_group()


class SharedControl(Control):
    """Wishes for a training of several processes: the main one hears them, and all obey at the same step.

    Args:
        own: what this process hears; only the main process' counts.
        world: the processes.
    """

    _WISHES: tuple[Wish, ...] = ("save", "sample")

    def __init__(self, own: Control, world: World) -> None:
        super().__init__()
        self._own = own
        self._world = world

    def while_waiting(self, serve: Callable[[], object] | None, told: Callable[[bool], object] | None = None) -> None:
        """As there; all processes serve, since a save or a picture may need each of them."""
        super().while_waiting(serve)
        self._own.while_waiting(None, told)

    def wait_here(self) -> bool:
        """Waits while the training is paused, and for the main process; returns whether all are to end."""
        while True:
            word = 0
            if self._world.is_main:
                held = self._own.hold(until_wished=self._serve is not None)
                flags = [self._own.is_stopping(), self._own.saves_first, held, *map(self._own.take, self._WISHES)]
                word = sum(flag << place for place, flag in enumerate(flags))
            word = self._world.number_from_main(word)
            for place, wish in enumerate(self._WISHES, start=3):
                if word >> place & 1:
                    self.ask(wish)
            if word & 1:
                self.stop(save=bool(word & 2))
            if not word & 4 or self._serve is None:
                return bool(word & 1)
            self._serve()
