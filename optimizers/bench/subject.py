"""Parameters, gradients and one optimizer over them."""

from __future__ import annotations

import importlib
import importlib.metadata
import math
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from optimizers.bench.rows import Contender
from optimizers.bench.shapes import TensorSpec

AUTHORS_FILES = "CADDIE_EMO_FILES"
"""Environment variable: a folder with references that are files and no package (muooon's emonavi.py and its siblings)."""

_SIGMA = 1e-2
_SHIFTS = 4096


class NotInstalled(Exception):
    """The package of a class is not there."""


class NotThere(Exception):
    """The package is there and has no such class."""


def load_class(path: str) -> Callable[..., torch.optim.Optimizer]:
    """The class at a dotted path.

    Raises:
        NotInstalled, NotThere: see there.
    """
    folder = os.environ.get(AUTHORS_FILES)
    if folder and folder not in sys.path:
        sys.path.append(folder)
    module, _, name = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        if error.name is not None and (module + ".").startswith(error.name + "."):
            raise NotInstalled(error.name) from error
        raise
    except AttributeError as error:
        raise NotThere(path) from error


def installed_version(package: str) -> str | None:
    """The version of a distribution, None where it is not one (a file, or this package)."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


class Gradients:
    """Random gradients, others in each round, from one array a little larger than all parameters together."""

    def __init__(self, tensors: Sequence[TensorSpec], device: torch.device) -> None:
        total = sum(tensor.numel for tensor in tensors)
        generator = torch.Generator().manual_seed(1)
        self._pool = torch.randn(total + _SHIFTS, generator=generator).mul_(_SIGMA).to(device)

    def give(self, parameters: Sequence[torch.Tensor], number: int) -> None:
        """Puts new tensors into `.grad`, as a backward pass after `zero_grad(set_to_none=True)` does.

        Args:
            parameters: in the order of the set.
            number: of the round.
        """
        place = number * 997 % _SHIFTS
        for p in parameters:
            p.grad = self._pool[place : place + p.numel()].view(p.shape).clone()
            place += p.numel()


@dataclass(frozen=True, slots=True)
class Timing:
    """One step, in seconds.

    Attributes:
        wall: until the device is done.
        host: until `step()` returns; the rest of `wall` the host could have used.
        process: processor time of this process, all threads.
    """

    wall: float
    host: float
    process: float


class Subject:
    """One optimizer over its own parameters."""

    def __init__(self, contender: Contender, tensors: Sequence[TensorSpec], gradients: Gradients, device: torch.device) -> None:
        """Builds it.

        Raises:
            NotInstalled, NotThere: there is no such class here.
        """
        made = load_class(contender.path)
        self.device = device
        self.parameters = _parameters(tensors, device)
        self._gradients = gradients
        self.optimizer: Any = made(self.parameters, **contender.arguments)
        if hasattr(self.optimizer, "train"):  # the schedule-free ones refuse to step before it
            self.optimizer.train()

    def prepare(self, number: int) -> None:
        """Fresh gradients."""
        self._gradients.give(self.parameters, number)

    def step(self) -> None:
        """One step, without a closure, as sd-scripts calls it."""
        self.optimizer.step()

    def timed_step(self, number: int) -> Timing:
        """Fresh gradients, then one step on the clock."""
        self.prepare(number)
        self._wait()
        process, start = time.process_time(), time.perf_counter()
        self.step()
        host = time.perf_counter()
        self._wait()
        end = time.perf_counter()
        return Timing(end - start, host - start, time.process_time() - process)

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()


def _parameters(tensors: Sequence[TensorSpec], device: torch.device) -> list[torch.nn.Parameter]:
    generator = torch.Generator().manual_seed(0)
    made: list[torch.nn.Parameter] = []
    for tensor in tensors:
        data = torch.zeros(tensor.shape)
        if not tensor.zero:
            bound = 1 / math.sqrt(tensor.numel / tensor.shape[0])  # as torch initialises a layer
            data.uniform_(-bound, bound, generator=generator)
        made.append(torch.nn.Parameter(data.to(device)))
    return made
