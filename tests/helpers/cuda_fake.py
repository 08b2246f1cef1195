"""A device for `optimizers.machinery.cuda` that is no GPU: the CUDA text, built for the CPU, on tensors in its memory.

It counts what a GPU would be asked to do. What it cannot show is speed, and what goes wrong only where threads really
run at the same time; `backward` runs them in the opposite order, which a kernel without races does not notice.
"""

from __future__ import annotations

import ctypes
import hashlib
import shutil
import subprocess
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from optimizers.machinery.cuda import Kernel
from optimizers.machinery.emit import in_order

SHIM = Path(__file__).with_name("cuda_shim.h")
COMPILER = shutil.which("g++") or shutil.which("c++")
FLAGS = ("-O1", "-march=native", "-ffp-contract=off", "-std=c++17", "-shared", "-fPIC", "-w", "-fno-stack-protector")
LIBRARIES = ("-nostdinc++", "-nostdlib", "-lm", "-lc")
"""Nothing of C++'s own library: reading and linking it takes longer than the kernel."""

_ENTRY = """
static long long shim_arguments[16];
extern "C" void shim_kernel(long long blocks, int threads, int backward, const long long *arguments) {{
    memcpy(shim_arguments, arguments, {count} * sizeof *arguments);
    shim_grid((unsigned)blocks, (unsigned)threads, backward, [] {{
        ((void (*)({types}))kernel)({values});
    }});
}}
"""
"""Addresses and 8-byte integers go the same way on the machines this runs on."""


class FakeDevice:
    """Stands for a CUDA device.

    Args:
        folder: where kernels are built.
        backward: in which order the threads of a block run.

    Attributes:
        launches, copies: what was asked for since they were last emptied: numbers of functions, bytes of copies.
    """

    def __init__(self, folder: Path, *, backward: bool = False) -> None:
        self.device = torch.device("cpu")
        self.current_stream = 0
        self.launches: list[int] = []
        self.copies: list[int] = []
        self._folder = folder
        self._backward = backward
        self._functions: list[Any] = []
        self._known: dict[str, int] = {}

    def function(self, source: str) -> int:
        if source not in self._known:
            self._functions.append(ctypes.CDLL(str(build(source, self._folder))).shim_kernel)
            self._known[source] = len(self._functions) - 1
        return self._known[source]

    def stream(self) -> int:
        return self.current_stream

    def upload(self, parts: Sequence[array[Any]], room: Tensor) -> None:
        assert room.dtype == torch.int64 and room.is_contiguous()
        place, size = room.data_ptr(), sum(len(part) * part.itemsize for part in parts)
        assert size % 8 == 0 and size <= 8 * room.numel()
        for part in parts:
            ctypes.memmove(place, part.buffer_info()[0], len(part) * part.itemsize)
            place += len(part) * part.itemsize
        self.copies.append(size)

    def launch(self, function: int, blocks: int, threads: int, arguments: Sequence[int], stream: int) -> None:
        assert stream == self.current_stream
        values = (ctypes.c_longlong * len(arguments))(*arguments)
        self._functions[function](ctypes.c_longlong(blocks), threads, int(self._backward), values)
        self.launches.append(function)


def as_on_a_cpu(kernel: Kernel, numbers: array[float], dtype: torch.dtype) -> array[float]:
    """The numbers of a kernel as torch rounds them on a CPU: those of `add`, and its `alpha`, to the tensors' own dtype.

    On CUDA they stay float32, which tells a step of 1e-8 from none in float16. The references of the tests run on a CPU.
    """
    rounded = {
        node.inputs[0] if node.op == "fma" else number
        for node in in_order(kernel.trace.roots())
        if node.op in {"add", "sub", "fma"}
        for number in node.inputs
        if number.domain == "scalar"
    }
    places = [place for place, node in enumerate(kernel.constants) if node in rounded]
    for begin in range(0, len(numbers), max(len(kernel.constants), 1)):
        for place in places:
            if begin + place < len(numbers):
                numbers[begin + place] = torch.tensor(numbers[begin + place], dtype=torch.float64).to(dtype).item()
    return numbers


class SourceDevice:
    """Keeps the texts of kernels and runs none of them; every block's sums are 1.

    Attributes:
        sources: the texts, each once, in the order in which they were asked for.
        launches, copies: as in `FakeDevice`.
    """

    def __init__(self) -> None:
        self.device = torch.device("cpu")
        self.sources: list[str] = []
        self.launches: list[int] = []
        self.copies: list[int] = []

    def function(self, source: str) -> int:
        if source not in self.sources:
            self.sources.append(source)
        return self.sources.index(source)

    def stream(self) -> int:
        return 0

    def upload(self, parts: Sequence[array[Any]], room: Tensor) -> None:
        self.copies.append(sum(len(part) * part.itemsize for part in parts))

    def launch(self, function: int, blocks: int, threads: int, arguments: Sequence[int], stream: int) -> None:
        if "partial[" in self.sources[function]:
            count = int(self.sources[function].rpartition("blockIdx.x * ")[2].partition(" ")[0])
            ones = array("d", [1.0]) * (blocks * count)
            ctypes.memmove(arguments[-1], ones.buffer_info()[0], 8 * len(ones))
        self.launches.append(function)


def build(source: str, folder: Path) -> Path:
    """The library with a kernel's text and the shim; made once."""
    assert COMPILER is not None
    count = source.partition("kernel(")[2].partition(")")[0].count(",") + 1
    entry = _ENTRY.format(
        count=count,
        types=", ".join(["long long"] * count),
        values=", ".join(f"shim_arguments[{index}]" for index in range(count)),
    )
    text = f"{SHIM.read_text(encoding='utf-8')}\n{source}\n{entry}"
    library = folder / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.so"
    if not library.exists():
        command = [COMPILER, *FLAGS, "-x", "c++", "-", "-o", str(library), *LIBRARIES]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-4000:]
    return library
