"""Running compiled programs on the CPU: one call for all tensors, on as many threads as torch uses."""

from __future__ import annotations

import ctypes
import functools
import os
from array import array
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch

from optimizers.machinery.compiler import load
from optimizers.machinery.emit import emit_c
from optimizers.machinery.program import Program
from optimizers.machinery.trace import Trace, trace

CHUNK = 16 * 1024
"""Elements of one piece of work: their arrays fit into a core's cache, and two threads share even one large tensor."""

ITEM = 6
"""Numbers that describe a piece: tensor, first, last element, group, slice_p, and 1 where no array is a single number."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """A compiled program."""

    trace: Trace
    function: Any

    def run(self, items: array[int], table: array[int], tensors: int, hypers: array[float], sums: array[float]) -> None:
        """Runs all pieces.

        Args:
            items: `ITEM` numbers for each piece.
            table: addresses of the arrays, all tensors of the first array, then of the next (`trace.arrays`' order).
            tensors: how many tensors there are.
            hypers: the numbers of `trace.hypers`, a row per group.
            sums: room for the totals, a row per piece; written.
        """
        count = len(items) // ITEM
        shared = (
            items.buffer_info()[0],
            table.buffer_info()[0],
            tensors,
            hypers.buffer_info()[0],
            len(self.trace.hypers),
            sums.buffer_info()[0],
            len(self.trace.totals),
        )
        threads = min(torch.get_num_threads(), count)
        if threads <= 1:
            self.function(0, count, *shared)
            return
        # More parts than threads: the parts of a busy machine's threads do not end together.
        parts = min(count, 4 * threads)
        edges = [count * part // parts for part in range(parts + 1)]
        run_parts(self.function, edges, shared)


def run_parts(function: Any, edges: Sequence[int], shared: Sequence[object]) -> list[Any]:
    """Runs a kernel's parts on the threads; returns what each of them returned.

    Also where it is interrupted (Ctrl-C), no thread is left at work: the memory it writes to is the caller's.
    """
    threads = pool(torch.get_num_threads())
    waiting = [threads.submit(function, first, last, *shared) for first, last in pairwise(edges)]
    try:
        return [part.result() for part in waiting]
    finally:
        for part in waiting:
            part.cancel()
        wait(waiting)


@functools.cache
def pool(threads: int) -> ThreadPoolExecutor:
    """The threads that kernels run on."""
    return ThreadPoolExecutor(threads, thread_name_prefix="optimizer")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=pool.cache_clear)  # a forked process has the pool, but none of its threads


@functools.cache
def _compiled(program: Program, flags: tuple[tuple[str, bool], ...], real: str, sliced: bool) -> Kernel:
    traced = trace(program, dict(flags), sliced=sliced)
    single = frozenset(name for name in traced.arrays if program.layout(name) == "sliced or one")
    function = load(emit_c(traced, real, single=single)).kernel
    integer, pointer = ctypes.c_int64, ctypes.c_void_p
    function.argtypes = [integer, integer, pointer, pointer, integer, pointer, integer, pointer, integer]
    function.restype = None
    return Kernel(traced, function)


def kernel(program: Program, flags: tuple[tuple[str, bool], ...], dtype: torch.dtype, *, sliced: bool) -> Kernel:
    """The compiled form of a program.

    Raises:
        CompileError: it cannot be compiled here.
    """
    return _compiled(program, flags, REALS[dtype], sliced)


REALS: Mapping[torch.dtype, str] = {torch.float32: "float", torch.float64: "double"}
"""The dtypes that kernels of the CPU know, and their names in C."""
