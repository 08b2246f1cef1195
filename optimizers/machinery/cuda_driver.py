"""Loading compiled kernels onto a CUDA device and launching them, through the driver that torch itself runs on."""

from __future__ import annotations

import ctypes
import functools
import sys
from array import array
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from optimizers.machinery.compiler import CompileError
from optimizers.machinery.nvrtc import find, image


class CudaDevice:
    """One CUDA device, as far as launching kernels needs it.

    Kernels are launched on torch's current stream. Like every operation of torch they expect their tensors to be ready
    there, and the allocator to hand memory on in the order of that stream: nothing has to be recorded.

    Args:
        device: with its index.

    Raises:
        CompileError: there is no driver, or no NVRTC for it.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._driver = _driver()
        self._capability = torch.cuda.get_device_capability(device)
        ordinal, context = ctypes.c_int(), ctypes.c_void_p()
        self._check(self._driver.cuInit(0))
        self._check(self._driver.cuDeviceGet(ctypes.byref(ordinal), device.index))
        # torch works in the device's primary context; a thread that has not used it yet has none of its own.
        self._check(self._driver.cuDevicePrimaryCtxRetain(ctypes.byref(context), ordinal))
        self._context = context
        self._functions: dict[str, int] = {}

    def function(self, source: str) -> int:
        """The driver's handle of the function `kernel` in a CUDA text, compiled and loaded once.

        Raises:
            CompileError: NVRTC or the driver refused it.
        """
        known = self._functions.get(source)
        if known is None:
            known = self._functions[source] = self._load(image(source, self._capability))
        return known

    def _load(self, binary: bytes) -> int:
        module, function = ctypes.c_void_p(), ctypes.c_void_p()
        self._check(self._driver.cuCtxPushCurrent_v2(self._context))
        try:
            self._check(self._driver.cuModuleLoadData(ctypes.byref(module), binary))
            self._check(self._driver.cuModuleGetFunction(ctypes.byref(function), module, b"kernel"))
        finally:
            self._driver.cuCtxPopCurrent_v2(ctypes.byref(ctypes.c_void_p()))
        assert function.value is not None
        return function.value

    def stream(self) -> int:
        """The handle of torch's current stream.

        Raises:
            RuntimeError: the stream is being captured into a CUDA graph.
        """
        if torch.cuda.is_current_stream_capturing():
            raise RuntimeError(
                "an optimizer's step cannot be captured into a CUDA graph: it calculates with numbers of Python's (learning "
                "rate, step, d), which the graph would keep for ever. Capture the forward and backward pass, and call step() "
                "outside of it"
            )
        return torch.cuda.current_stream(self.device).cuda_stream

    def upload(self, parts: Sequence[array[Any]], room: Tensor) -> None:
        """Copies host arrays to the beginning of a device tensor, one after the other, without waiting.

        Args:
            parts: arrays of 8-byte items (or others that fill whole ones).
            room: int64, on this device.
        """
        sizes = [len(part) * part.itemsize for part in parts]
        # Pinned memory comes from torch's own cache, which lends it again only after this copy is done.
        staging = torch.empty(sum(sizes) // 8, dtype=torch.int64, pin_memory=True)
        place = staging.data_ptr()
        for part, size in zip(parts, sizes, strict=True):
            ctypes.memmove(place, part.buffer_info()[0], size)
            place += size
        room[: staging.numel()].copy_(staging, non_blocking=True)

    def launch(self, function: int, blocks: int, threads: int, arguments: Sequence[int], stream: int) -> None:
        """Starts a kernel.

        Args:
            function: from `function`.
            blocks, threads: in each of its blocks.
            arguments: its arguments, all of them 8 bytes wide integers or addresses.
            stream: from `stream`.
        """
        values = (ctypes.c_int64 * len(arguments))(*arguments)
        begin = ctypes.addressof(values)
        pointers = (ctypes.c_void_p * len(arguments))(*(begin + 8 * index for index in range(len(arguments))))
        self._check(self._driver.cuCtxPushCurrent_v2(self._context))
        try:
            self._check(
                self._driver.cuLaunchKernel(
                    ctypes.c_void_p(function), blocks, 1, 1, threads, 1, 1, 0, ctypes.c_void_p(stream), pointers, None
                ),
                RuntimeError,
            )
        finally:
            self._driver.cuCtxPopCurrent_v2(ctypes.byref(ctypes.c_void_p()))

    def _check(self, status: int, error: type[RuntimeError] = CompileError) -> None:
        if status:
            words = ctypes.c_char_p()
            self._driver.cuGetErrorString(status, ctypes.byref(words))
            raise error(f"the CUDA driver says: {(words.value or b'unknown error').decode()} ({status})")


@functools.cache
def _driver() -> Any:
    name = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        return ctypes.CDLL(name)
    except OSError as error:
        raise CompileError(f"the CUDA driver was not found: {error}") from error


@functools.cache
def _found(device: torch.device) -> CudaDevice | str:
    """Finding nothing takes time too: so it is kept."""
    if torch.version.cuda is None:  # builds of torch for AMD call their devices "cuda" too
        return "this build of torch is not one for CUDA"
    try:
        find()
        return CudaDevice(device)
    except CompileError as error:
        return str(error)


def cuda_device(device: torch.device) -> CudaDevice:
    """The entry of a CUDA device.

    Raises:
        CompileError: kernels cannot be made or loaded there.
    """
    found = _found(device)
    if isinstance(found, str):
        raise CompileError(found)
    return found
