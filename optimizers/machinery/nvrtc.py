"""Compiling CUDA text with NVRTC, the compiler that every CUDA build of torch brings along.

No toolkit, no C compiler and no Triton is needed, on Linux as on Windows. The library is used directly: torch's own door
to it (`torch.cuda._compile_kernel`) is young and private, and people train with older versions.
"""

from __future__ import annotations

import ctypes
import functools
import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from optimizers.machinery.compiler import CompileError, NoFolder, cached

FLAGS = ("--std=c++17", "-fmad=false")
"""torch contracts products and sums within its operations only; the kernels say where (`FMA`). Division and square root
are correctly rounded and small numbers stay, as NVRTC has it by default and torch does."""

_PLACES = (
    "torch/lib",
    "nvidia/cuda_nvrtc/lib",
    "nvidia/cuda_nvrtc/bin",
    "nvidia/cu13/lib",
    "nvidia/cu13/bin/x86_64",
    "nvidia/cu13/bin",
)
_NAME = re.compile(r"libnvrtc(?:-[0-9a-f]{8})?\.so(?:\.(?P<unix>\d+)[\d.]*)?|nvrtc64_(?P<windows>\d\d)\d_0\.dll")


@dataclass(frozen=True, slots=True)
class Library:
    """NVRTC as it was found.

    Attributes:
        handle: the loaded library.
        version: major and minor.
        architectures: compute capabilities it compiles for, as 86 for 8.6, in rising order.
    """

    handle: Any
    version: tuple[int, int]
    architectures: tuple[int, ...]


def candidates(roots: Sequence[str], major: int | None) -> Iterator[Path]:
    """Files that should be NVRTC, the ones of the wanted CUDA version first.

    Args:
        roots: folders where packages are installed.
        major: of the CUDA version that torch was built with; the driver is known to run what that one makes.
    """
    toolkits = [os.environ.get(name) for name in ("CUDA_HOME", "CUDA_PATH")]
    folders = [Path(root) / place for root in roots for place in _PLACES]
    folders += [Path(kit) / part for kit in toolkits if kit for part in ("lib64", "bin", "bin/x64")]
    found: list[tuple[bool, Path]] = []
    for folder in dict.fromkeys(folders):
        try:
            files = sorted(folder.iterdir())
        except OSError:
            continue
        for file in files:
            match = _NAME.fullmatch(file.name)
            if match is not None:
                version = match["unix"] or match["windows"]
                found.append((major is not None and version is not None and int(version) != major, file))
    yield from (file for _, file in sorted(found, key=lambda entry: entry[0]))


@functools.cache
def find() -> Library:
    """NVRTC, loaded.

    Raises:
        CompileError: it is nowhere, or too old (before CUDA 11.2).
    """
    major = int(torch.version.cuda.split(".")[0]) if torch.version.cuda else None
    names = [f"nvrtc64_{major}0_0.dll"] if sys.platform == "win32" else [f"libnvrtc.so.{major}"]
    # One that torch has loaded, or that the system's loader knows, comes first where its version is certain.
    for wanted in [*(names if major is not None else []), *candidates(sys.path, major), "libnvrtc.so"]:
        try:
            library = _opened(wanted)
        except (OSError, AttributeError):
            continue
        return library
    raise CompileError("NVRTC was not found: it comes with builds of torch for CUDA")


def _opened(wanted: str | Path) -> Library:
    if sys.platform == "win32" and isinstance(wanted, Path):
        os.add_dll_directory(str(wanted.parent))  # nvrtc-builtins lies beside it and is loaded by name
    handle = ctypes.CDLL(str(wanted))
    major, minor, count = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
    handle.nvrtcVersion(ctypes.byref(major), ctypes.byref(minor))
    handle.nvrtcGetNumSupportedArchs(ctypes.byref(count))
    architectures = (ctypes.c_int * count.value)()
    handle.nvrtcGetSupportedArchs(architectures)
    handle.nvrtcGetErrorString.restype = ctypes.c_char_p
    return Library(handle, (major.value, minor.value), tuple(sorted(architectures)))


def image(source: str, capability: tuple[int, int]) -> bytes:
    """What the driver loads for a text: machine code for a device, or PTX where NVRTC is older than the device.

    Comes from the cache of kernels where it was compiled before.

    Args:
        source: CUDA C++ without includes.
        capability: of the device, as (8, 6).

    Raises:
        CompileError: there is no NVRTC, or it refused the text.
    """
    library = find()
    options = (architecture(library, capability), *FLAGS)
    content = "\0".join([source, *options, f"nvrtc {library.version[0]}.{library.version[1]}"])
    try:
        return cached(content, ".cubin", partial(_write, library, source, options)).read_bytes()
    except NoFolder:
        return compiled(library, source, options)


def architecture(library: Library, capability: tuple[int, int]) -> str:
    """The option that names a device, or the newest one before it that this NVRTC knows.

    Raises:
        CompileError: the device is older than all it knows.
    """
    wanted = 10 * capability[0] + capability[1]
    if wanted in library.architectures:
        return f"--gpu-architecture=sm_{wanted}"
    below = [known for known in library.architectures if known < wanted]
    if not below:
        raise CompileError(
            f"NVRTC {library.version[0]}.{library.version[1]} does not know devices of compute capability {wanted / 10}"
        )
    return f"--gpu-architecture=compute_{below[-1]}"


def _write(library: Library, source: str, options: Sequence[str], file: Path) -> None:
    file.write_bytes(compiled(library, source, options))


def compiled(library: Library, source: str, options: Sequence[str]) -> bytes:
    """Compiles a text now.

    Args:
        library: from `find`.
        source: the text.
        options: NVRTC's; with `sm_…` as the architecture the result is machine code, with `compute_…` PTX.

    Raises:
        CompileError: NVRTC refused; with its log.
    """
    nvrtc = library.handle
    program = ctypes.c_void_p()
    _check(library, nvrtc.nvrtcCreateProgram(ctypes.byref(program), source.encode(), b"kernel.cu", 0, None, None), "")
    try:
        given = (ctypes.c_char_p * len(options))(*(option.encode() for option in options))
        status = nvrtc.nvrtcCompileProgram(program, len(options), given)
        if status:
            log = _text(nvrtc.nvrtcGetProgramLogSize, nvrtc.nvrtcGetProgramLog, program)
            _check(library, status, log.rstrip(b"\0").decode(errors="replace"))
        if any("=sm_" in option for option in options):
            return _text(nvrtc.nvrtcGetCUBINSize, nvrtc.nvrtcGetCUBIN, program)
        return _text(nvrtc.nvrtcGetPTXSize, nvrtc.nvrtcGetPTX, program)
    finally:
        nvrtc.nvrtcDestroyProgram(ctypes.byref(program))


def _text(size_of: Any, get: Any, program: ctypes.c_void_p) -> bytes:
    size = ctypes.c_size_t()
    size_of(program, ctypes.byref(size))
    room = ctypes.create_string_buffer(size.value)
    get(program, room)
    return room.raw


def _check(library: Library, status: int, log: str) -> None:
    if status:
        words = library.handle.nvrtcGetErrorString(status).decode(errors="replace")
        raise CompileError(f"NVRTC {library.version[0]}.{library.version[1]}: {words}\n{log[-2000:]}")
