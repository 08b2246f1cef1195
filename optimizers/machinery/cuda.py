"""Programs on a CUDA device: one launch for all tensors, found through a table of addresses; nothing is copied or moved.

What goes over the bus per sweep is the table's changed part (two addresses per tensor) and the group's numbers, a few
dozen kilobytes in one copy. What a sweep allocates is a float64 per block and total.
"""

from __future__ import annotations

import functools
import warnings
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

import torch
from torch import Tensor

from optimizers.machinery.cuda_driver import cuda_device
from optimizers.machinery.emit_cuda import THREADS, Element, Writer, emit_cuda
from optimizers.machinery.pointers import PointerLot
from optimizers.machinery.program import Numbers, Program
from optimizers.machinery.scalars import constants_of, evaluate
from optimizers.machinery.trace import Node, Trace, trace

if TYPE_CHECKING:
    from optimizers.machinery.batch import Share

CHUNK = 4 * 1024
"""Elements of one block's piece: 16 per thread, and still thousands of blocks for a LoRA of ten million parameters."""

ELEMENTS: Mapping[torch.dtype, Element] = {
    torch.float16: "half",
    torch.bfloat16: "bfloat16",
    torch.float32: "float",
    torch.float64: "double",
}
"""The dtypes that kernels of a device know."""


class Device(Protocol):
    """Where kernels run: `cuda_driver.CudaDevice`."""

    @property
    def device(self) -> torch.device: ...
    def function(self, source: str) -> int: ...
    def stream(self) -> int: ...
    def upload(self, parts: Sequence[array[Any]], room: Tensor) -> None: ...
    def launch(self, function: int, blocks: int, threads: int, arguments: Sequence[int], stream: int) -> None: ...


def kernel_device(where: torch.device) -> Device | None:
    """The entry of a device that runs these kernels; None for every other kind of device.

    Raises:
        CompileError: it is one, but they cannot be made or loaded there.
    """
    return cuda_device(where) if where.type == "cuda" else None


@functools.cache
def tell(reason: str) -> None:
    """Warns, once for each reason, that a device does without its kernels."""
    warnings.warn(
        f"optimizers on this GPU run without their own kernels, several times slower: {reason}", RuntimeWarning, stacklevel=2
    )


@dataclass(frozen=True, eq=False, slots=True)
class Kernel:
    """A program, compiled and loaded.

    Attributes:
        trace: what it computes.
        constants: the numbers it is given per group, in its order.
        real: the type that it wants them in, as `array` calls it.
        function: the driver's handle.
    """

    trace: Trace
    constants: tuple[Node, ...]
    real: Literal["f", "d"]
    function: int


@functools.cache
def kernel(program: Program, flags: tuple[tuple[str, bool], ...], dtype: torch.dtype, sliced: bool, device: Device) -> Kernel:
    """The compiled form of a program on a device.

    Raises:
        CompileError: it cannot be compiled or loaded.
        ValueError: it does something that cannot be compiled.
    """
    traced = trace(program, dict(flags), sliced=sliced)
    single = frozenset(name for name in traced.arrays if program.layout(name) == "sliced or one")
    elements: dict[str, Element] = dict.fromkeys(traced.arrays, ELEMENTS[dtype])
    source = emit_cuda(traced, elements, single=single)
    real = "d" if Writer(traced, elements).real == "double" else "f"
    return Kernel(traced, constants_of(traced), real, device.function(source))


@dataclass(slots=True)
class Room:
    """What one kernel needs on the device from step to step.

    Attributes:
        stream: on which it is used. Another one gets its own room: it would have to wait before writing into this.
        items: the pieces of work.
        words: numbers of the groups, and the table of addresses, in 8-byte words.
        partial: the blocks' sums.
        pieces: what the items were made from.
        columns: the table's columns of the state, as they were last written.
    """

    stream: int
    items: Tensor
    words: Tensor
    partial: Tensor
    pieces: array[int]
    columns: list[array[int]] = field(default_factory=list)

    def write(self, device: Device, head: Sequence[array[Any]], columns: Sequence[array[int]], moving: int) -> int:
        """Brings numbers and addresses to the device, in one copy.

        Args:
            device: where.
            head: what lies before the table, in whole words.
            columns: the table.
            moving: so many of the columns, the first ones, may be others at each step.

        Returns:
            The address of the first column.
        """
        fixed = list(columns[moving:])
        changed = len(fixed) != len(self.columns) or any(new is not old for new, old in zip(fixed, self.columns, strict=True))
        device.upload([*head, *(columns if changed else columns[:moving])], self.words)
        self.columns = fixed
        return self.words.data_ptr() + sum(len(part) * part.itemsize for part in head)

    def sums(self, trace: Trace, blocks: int) -> list[tuple[str, Tensor]]:
        """The totals of a program, added up over all blocks, still on the device."""
        if not trace.totals:
            return []
        added = self.partial.view(blocks, -1).sum(0)
        return [(total.name, added[index]) for index, total in enumerate(trace.totals)]


class Rooms:
    """The rooms of one lot."""

    def __init__(self) -> None:
        self._rooms: dict[object, Room] = {}

    def of(self, device: Device, key: object, stream: int, items: array[int], words: int, sums: int) -> Room:
        """The room of a kernel, made anew where it does not fit.

        Args:
            device: where.
            key: of the kernel and all that its items depend on.
            stream: the current one.
            items: the pieces of work.
            words: how many the numbers and the table take.
            sums: how many all blocks leave.
        """
        room = self._rooms.get(key)
        if room is None or room.stream != stream or room.pieces is not items or room.words.numel() < words:
            room = self._rooms[key] = Room(
                stream,
                torch.empty(len(items), dtype=torch.int64, device=device.device),
                torch.empty(words, dtype=torch.int64, device=device.device),
                torch.empty(sums, dtype=torch.float64, device=device.device),
                items,
            )
            device.upload([items], room.items)
        return room


class CudaLot(PointerLot):
    """Parameters of one device and dtype.

    Args:
        groups: the parameters of each group, all contiguous.
    """

    chunk = CHUNK

    def __init__(self, groups: Sequence[Sequence[Tensor]]) -> None:
        super().__init__(groups)
        self._rooms = Rooms()

    def launch(self, device: Device, kernel: Kernel, members: Sequence[tuple[Share, Numbers]]) -> list[tuple[str, Tensor]]:
        """Starts a kernel on all parameters; does not wait.

        Args:
            device: where.
            kernel: the compiled program.
            members: the groups' shares, in the order of the groups given at the start, and their numbers.

        Returns:
            The sums, still on the device.

        Raises:
            UnfitError: nothing was done.
        """
        slices = tuple(int(numbers.get("slice_p", 1)) for _, numbers in members)
        columns = self.columns(kernel.trace, slices, members)
        items, edges = self.pieces(slices, members)
        blocks = edges[-1]
        if not blocks:
            return []
        numbers, weights = numbers_of(kernel, members)
        tensors = sum(map(len, self._sizes))
        begin, stream = numbers.itemsize * len(numbers), device.stream()
        words = begin // 8 + len(weights) + tensors * len(columns)
        room = self._rooms.of(device, (kernel, slices), stream, items, words, blocks * len(kernel.trace.totals))
        table = room.write(device, [numbers, weights], columns, moving_columns(kernel.trace))
        base = room.words.data_ptr()
        arguments = (room.items.data_ptr(), table, tensors, base, base + begin, room.partial.data_ptr())
        device.launch(kernel.function, blocks, THREADS, arguments, stream)
        return room.sums(kernel.trace, blocks)


def moving_columns(trace: Trace) -> int:
    """How many of a program's arrays, the first ones, are no state."""
    return sum(name in {"p", "grad"} for name in trace.arrays)


def numbers_of(kernel: Kernel, members: Sequence[tuple[Share, Numbers]]) -> tuple[array[float], array[float]]:
    """The kernel's numbers and its totals' weights, a row per group; the first filled up to whole 8 bytes."""
    numbers, weights = array(kernel.real), array("d")
    for _, given in members:
        known: dict[Node, float] = {}
        numbers.extend(evaluate(node, given, known) for node in kernel.constants)
        weights.extend(evaluate(total.weight, given, known) for total in kernel.trace.totals)
    if len(numbers) * numbers.itemsize % 8:
        numbers.append(0.0)
    return numbers, weights
