"""Matrix programs on a CUDA device: one launch for all tensors of a form, a block of threads for each."""

from __future__ import annotations

import functools
from array import array
from dataclasses import dataclass

import torch
from torch import Tensor

from optimizers.machinery.cuda import Device, Rooms, moving_columns
from optimizers.machinery.cuda_scratch import THREADS, Scratch, scratch_of
from optimizers.machinery.emit_cuda import Element
from optimizers.machinery.emit_cuda_matrix import emit_cuda_matrix
from optimizers.machinery.matrices import ITEM, Flags, MatrixLot, Members, kernel_for, writer_for
from optimizers.machinery.program import Program
from optimizers.machinery.trace import Trace
from optimizers.machinery.trace_matrix import Form

LARGEST = 512 * 1024
"""Elements of the largest tensor that one block steps. A multiprocessor moves about 20 MB in a millisecond, and CAME some 40
bytes for each element: larger ones would keep the step waiting for one block, while torch, on stacks of them, uses the whole
device. (Modelled, not measured.)"""


@dataclass(frozen=True, eq=False, slots=True)
class MatrixKernel:
    """A matrix program, compiled and loaded.

    Attributes:
        trace: what it computes.
        scratch: the numbers that it keeps meanwhile.
        dtype: of these numbers.
        function: the driver's handle.
    """

    trace: Trace
    scratch: Scratch
    dtype: torch.dtype
    function: int


@functools.cache
def _kernel(
    device: Device, program: Program, flags: Flags, form: Form, sliced: bool, elements: tuple[tuple[str, Element], ...]
) -> MatrixKernel | None:
    writer = writer_for(program, flags, form, sliced, elements)
    if writer is None:
        return None
    dtype = torch.float64 if writer.real == "double" else torch.float32
    return MatrixKernel(writer.trace, scratch_of(writer.schedule), dtype, device.function(emit_cuda_matrix(writer)))


def matrix_kernel(device: Device, program: Program, members: Members) -> MatrixKernel | None:
    """The compiled form of a program for parameters of one form; None where kernels do not know what it does.

    Raises:
        CompileError: it cannot be compiled or loaded.
        UnfitError: an array of the state has a dtype that kernels do not know.
    """
    return kernel_for(program, members, functools.partial(_kernel, device))


class CudaMatrixLot(MatrixLot):
    """Parameters of one form and dtype on one device.

    Args:
        program: a matrix program; the lot serves others with the same axes too.
        members: the groups' shares; all parameters and gradients are contiguous.
    """

    def __init__(self, program: Program, members: Members) -> None:
        super().__init__(program, members)
        self._rooms = Rooms()
        self._placed: dict[tuple[object, ...], tuple[array[int], array[int], int]] = {}

    def launch(self, device: Device, kernel: MatrixKernel, program: Program, members: Members) -> list[tuple[str, Tensor]]:
        """Starts a kernel on all parameters; does not wait.

        Args:
            device: where.
            kernel: the compiled program.
            program: what it was compiled from.
            members: the groups' shares, as they were given at the start, and their numbers.

        Returns:
            The sums, still on the device.

        Raises:
            UnfitError: nothing was done.
        """
        columns = self.columns(kernel.trace, program, members)
        slices = tuple(int(numbers.get("slice_p", 1)) for _, numbers in members)
        items, scratch = self._items_with_scratch(kernel, slices, members)
        blocks = len(items) // (ITEM + 1)
        hypers = array("d", [float(numbers[name]) for _, numbers in members for name in kernel.trace.hypers])
        stream, width = device.stream(), len(kernel.trace.totals)
        room = self._rooms.of(
            device, (kernel, slices), stream, items, len(hypers) + len(self._sizes) * len(columns), blocks * width
        )
        table = room.write(device, [hypers], columns, moving_columns(kernel.trace))
        # Lent for this launch only: the allocator hands it on in the order of the stream.
        work = torch.empty(scratch, dtype=kernel.dtype, device=device.device)
        arguments = (
            room.items.data_ptr(),
            table,
            len(self._sizes),
            room.words.data_ptr(),
            work.data_ptr(),
            room.partial.data_ptr(),
        )
        device.launch(kernel.function, blocks, THREADS, arguments, stream)
        return room.sums(kernel.trace, blocks)

    def _items_with_scratch(self, kernel: MatrixKernel, slices: tuple[int, ...], members: Members) -> tuple[array[int], int]:
        """The items, each with the place of its scratch numbers behind it, and how many of these there are."""
        bare, _ = self.items(members)
        kept = self._placed.get((kernel, slices))
        if kept is not None and kept[0] is bare:
            return kept[1], kept[2]
        items, at = array("q"), 0
        for begin in range(0, len(bare), ITEM):
            _, batch, rows, columns, *_ = item = bare[begin : begin + ITEM]
            items.extend((*item, at))
            at += kernel.scratch.numbers(batch, rows, columns)
        self._placed[kernel, slices] = (bare, items, at)
        return items, at
