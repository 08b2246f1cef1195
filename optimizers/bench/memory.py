"""What an optimizer keeps, and what a step needs for a moment."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any

import torch


def state_bytes(optimizer: torch.optim.Optimizer) -> int:
    """Bytes of `optimizer.state` and of tensors in its groups; what several tensors share counts once."""
    parameters = {_key(p) for group in optimizer.param_groups for p in group["params"]}
    found: dict[tuple[str, int], int] = {}
    groups = [{name: value for name, value in group.items() if name != "params"} for group in optimizer.param_groups]
    for tensor in _tensors([*optimizer.state.values(), groups]):
        if _key(tensor) not in parameters:
            found[_key(tensor)] = tensor.untyped_storage().nbytes()
    return sum(found.values())


def _key(tensor: torch.Tensor) -> tuple[str, int]:
    return str(tensor.device), tensor.untyped_storage().data_ptr()


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _tensors(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _tensors(item)


def kept_and_peak(step: Callable[[], object], device: torch.device) -> tuple[int, int]:
    """Bytes that a step leaves behind, and the most that it held at one moment, both above what was there before.

    CUDA: torch's allocator. CPU: every allocation that torch's profiler reports, temporary ones inside an operation
    included; memory that an optimizer gets past torch (a C library's own) is not seen.
    """
    gc.collect()
    if device.type == "cuda":
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        step()
        torch.cuda.synchronize()
        return torch.cuda.memory_allocated() - before, torch.cuda.max_memory_allocated() - before
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        step()
    inner: Any = profile.profiler
    events = [event for event in inner.kineto_results.events() if event.name() == "[memory]"]
    held = peak = 0
    for event in sorted(events, key=_start):
        held += event.nbytes()
        peak = max(peak, held)
    return held, peak


def _start(event: Any) -> int:
    """Nanoseconds; torch 2.1 and 2.2 say microseconds only."""
    in_nanoseconds = getattr(event, "start_ns", None)
    return in_nanoseconds() if in_nanoseconds is not None else 1000 * event.start_us()


def copy_bandwidth(device: torch.device, megabytes: int, clock: Callable[[], float], rounds: int = 7) -> float:
    """Bytes a second that a copy of a large array reads and writes, at its best: the rate that limits are taken at.

    Args:
        device: where.
        megabytes: of the array; far more than fits into a cache.
        clock: seconds, of the kind that steps are measured in.
        rounds: copies, of which the fastest counts.
    """
    source = torch.ones(megabytes * 2**20 // 4, device=device)
    target = torch.empty_like(source)
    best = float("inf")
    for _ in range(rounds):
        _wait(device)
        start = clock()
        target.copy_(source)
        _wait(device)
        best = min(best, clock() - start)
    return 2 * source.nbytes / best


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()
