"""What a step asks of the device: dispatched operations, kernel launches, and how often the host waits."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Literal
from unittest.mock import patch

import torch
from torch.utils._python_dispatch import TorchDispatchMode

_ALLOCATIONS = ("empty", "new_empty", "empty_like", "empty_strided", "new_empty_strided", "_unsafe_view", "lift_fresh")
_MARKS = "_record_function_"
_WAIT = "_local_scalar_dense"
_TENSORS_PER_LAUNCH = {1: 110, 2: 64, 3: 48, 4: 36, 5: 30}
_BLOCKS_PER_LAUNCH = 320
_BLOCK = 65536
"""The limits of `multi_tensor_apply`, by which torch cuts a foreach call into launches (ATen's MultiTensorApply.cuh)."""


@dataclass(frozen=True, slots=True)
class Counts:
    """One step.

    Attributes:
        ops: dispatched aten operations without views and allocations; a foreach call counts once. What an optimizer
            does in kernels of its own is not dispatched and not seen here.
        launches: kernels that ran (`profiled`, CUDA), or that the operations would be there (`estimated`).
        waits: times the host waits for the device: reads of a value and explicit synchronisations.
        kernel_ms: time of all kernels together; None where it was not profiled.
    """

    ops: int
    launches: int
    launches_how: Literal["profiled", "estimated"]
    waits: int
    kernel_ms: float | None = None


def count(
    step: Callable[[], object], optimizer: torch.optim.Optimizer, device: torch.device, prepare: Callable[[], None]
) -> Counts:
    """Counts what `step` does.

    Args:
        step: one step of the optimizer; called once on the CPU, three times on CUDA.
        optimizer: whose step it is.
        device: of the parameters.
        prepare: called before each call, gives fresh gradients.
    """
    prepare()
    mode = _Counter(_host_counters(optimizer))
    with ExitStack() as stack:
        lists = stack.enter_context(_calls_of(torch.Tensor, "tolist"))
        stack.enter_context(mode)
        step()
    if device.type != "cuda":
        return Counts(mode.ops, mode.launches, "estimated", mode.waits + len(lists))
    prepare()
    waits = _cuda_waits(step)
    prepare()
    launches, kernel_ms = _cuda_kernels(step)
    return Counts(mode.ops, launches, "profiled", waits, kernel_ms)


class _Counter(TorchDispatchMode):
    """Counts operations as they are dispatched."""

    def __init__(self, not_waits: frozenset[int]) -> None:
        super().__init__()
        self.ops = self.launches = self.waits = 0
        self._not_waits = not_waits

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        if name == _WAIT:
            self.waits += args[0].data_ptr() not in self._not_waits
        elif name not in _ALLOCATIONS and not name.startswith(_MARKS) and not _is_view(func):
            self.ops += 1
            self.launches += _launches(name, func, args, kwargs or {})
        return func(*args, **(kwargs or {}))


def _is_view(func: Any) -> bool:
    return any(given.alias_info is not None and not given.alias_info.is_write for given in func._schema.returns)


def _launches(name: str, func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> int:
    if not name.startswith(("_foreach_", "_fused_")):
        return 1
    lists = [given for given in (*args, *kwargs.values()) if _is_tensors(given)]
    # The step counters of a fused call are single numbers and travel beside the arrays.
    lists = [given for given in lists if name.startswith("_foreach_") or any(tensor.dim() for tensor in given)]
    if not lists:
        return 1
    return multi_tensor_launches([tensor.numel() for tensor in lists[0]], len(lists) + bool(func._schema.returns))


def _is_tensors(given: Any) -> bool:
    return isinstance(given, (list, tuple)) and bool(given) and all(isinstance(item, torch.Tensor) for item in given)


def multi_tensor_launches(sizes: Sequence[int], depth: int) -> int:
    """How many kernels torch launches on CUDA for one foreach call.

    Args:
        sizes: elements of each tensor.
        depth: number of lists, a new one for the result included.
    """
    room = _TENSORS_PER_LAUNCH[min(max(depth, 1), 5)]
    launches = tensors = blocks = 0
    for size in sizes:
        if size == 0:
            continue
        tensors += 1
        left = -(-size // _BLOCK)
        while left:
            taken = min(left, _BLOCKS_PER_LAUNCH - blocks)
            left, blocks = left - taken, blocks + taken
            if blocks == _BLOCKS_PER_LAUNCH or (left == 0 and tensors == room):
                launches += 1
                tensors, blocks = int(left > 0), 0
    return launches + (blocks > 0)


def _host_counters(optimizer: torch.optim.Optimizer) -> frozenset[int]:
    """Addresses of torch's step counters: they stay in the host's memory, so reading one waits for nothing."""
    steps = (state.get("step") for state in optimizer.state.values() if isinstance(state, dict))
    return frozenset(step.data_ptr() for step in steps if isinstance(step, torch.Tensor) and step.device.type == "cpu")


@contextmanager
def _calls_of(owner: Any, name: str) -> Iterator[list[None]]:
    """A list that grows with every call of a method."""
    calls: list[None] = []
    original = getattr(owner, name)

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        calls.append(None)
        return original(*args, **kwargs)

    with patch.object(owner, name, wrapper):
        yield calls


def _cuda_waits(step: Callable[[], object]) -> int:
    """Torch itself reports what makes the host wait; a call of `synchronize` it does not."""
    before = torch.cuda.get_sync_debug_mode()
    with ExitStack() as stack:
        owners = (torch.cuda, torch.cuda.Stream, torch.cuda.Event)
        calls = [stack.enter_context(_calls_of(owner, "synchronize")) for owner in owners]
        caught = stack.enter_context(warnings.catch_warnings(record=True))
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            step()
        finally:
            torch.cuda.set_sync_debug_mode(before)
    reported = sum("synchronizing CUDA operation" in str(warning.message) for warning in caught)
    return reported + sum(len(each) for each in calls)


def _cuda_kernels(step: Callable[[], object]) -> tuple[int, float]:
    """Number and time in ms of the kernels, copies and fills among them."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        step()
        torch.cuda.synchronize()
    # The profiler also gives the span of `Optimizer.step` on the device as an event.
    events = [
        event
        for event in profile.events() or ()
        if str(event.device_type).endswith("CUDA") and not event.name.startswith("Optimizer.")
    ]
    return len(events), sum(event.time_range.elapsed_us() for event in events) / 1e3
