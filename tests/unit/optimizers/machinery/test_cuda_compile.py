"""Every program of every optimizer goes through NVRTC, for every generation of GPUs that people train on. Needs no GPU.

Runs where a CUDA build of torch has brought NVRTC (it is not in the `test` group: docs/decisions/0007-cuda-kernels.md).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from optimizers.machinery import cuda, nvrtc
from optimizers.machinery.compiler import CompileError
from tests.helpers.cuda_fake import SourceDevice
from tests.helpers.optimizer_matrix import TWO_GROUPS, Leaf, Problem, trained
from tests.helpers.optimizer_pairs import PAIRS, Pair, ours_of
from tests.helpers.optimizer_variants import BASE, plan_of

CAPABILITIES = ((7, 5), (8, 0), (8, 6), (8, 9), (9, 0), (12, 0))
"""RTX 20, A100, RTX 30, RTX 40, H100, RTX 50."""

ON_CUDA = [pair for pair in PAIRS if pair.name not in {"AdamW8bit", "Lion8bit"}]
"""All but those that are bitsandbytes' own kernels."""
DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)
LEAVES = (Leaf("down", (4, 40)), Leaf("up", (40, 4), start="zero"), Leaf("bias", (37,)), Leaf("conv", (34, 3, 3, 3)))


@pytest.fixture(scope="module")
def library() -> nvrtc.Library:
    try:
        return nvrtc.find()
    except CompileError as error:
        pytest.skip(str(error))


@pytest.fixture
def sources(monkeypatch: pytest.MonkeyPatch) -> SourceDevice:
    """Takes the texts of all kernels and runs none; every sum is 1."""
    device = SourceDevice()
    monkeypatch.setattr(cuda, "kernel_device", lambda where: device)
    return device


def _sources(device: SourceDevice, pair: Pair, dtypes: tuple[torch.dtype, ...], *, all_variants: bool) -> list[str]:
    """The texts of an optimizer's kernels."""
    plan = plan_of(pair.name)
    for variant in (BASE, *(plan.variants if all_variants else ())):
        for dtype in dtypes:
            problem = Problem(leaves=LEAVES, grouping=TWO_GROUPS, dtype=dtype, steps=3)
            trained(ours_of(pair), plan.setting(variant), problem, backend="native")
    assert device.sources
    return list(device.sources)


@pytest.mark.parametrize("pair", ON_CUDA, ids=lambda pair: pair.name)
def test_nvrtc_accepts_every_optimizer(pair: Pair, library: nvrtc.Library, sources: SourceDevice) -> None:
    for source in _sources(sources, pair, (torch.float32, torch.bfloat16), all_variants=False):
        for capability in ((7, 5), (8, 6)):
            _compiles(library, source, capability)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("pair", ON_CUDA, ids=lambda pair: pair.name)
def test_nvrtc_accepts_every_dtype_for_every_generation(pair: Pair, library: nvrtc.Library, sources: SourceDevice) -> None:
    for source in _sources(sources, pair, DTYPES, all_variants=False):
        for capability in CAPABILITIES:
            _compiles(library, source, capability)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("pair", ON_CUDA, ids=lambda pair: pair.name)
def test_nvrtc_accepts_every_argument(pair: Pair, library: nvrtc.Library, sources: SourceDevice) -> None:
    for source in _sources(sources, pair, (torch.float32,), all_variants=True):
        _compiles(library, source, (8, 6))


def _compiles(library: nvrtc.Library, source: str, capability: tuple[int, int]) -> None:
    """Machine code of one kernel, without more memory per thread than a few spilled registers."""
    option = nvrtc.architecture(library, capability)
    binary = nvrtc.compiled(library, source, (option, *nvrtc.FLAGS))
    if "=compute_" in option:  # this NVRTC is older than the device: the driver will translate
        assert b".entry kernel" in binary
        return
    registers, frame = registers_and_frame(binary)
    assert 0 < registers <= (128 if "const double *constants" in source else 64)
    assert frame <= 64, "so many values that have no register cost as much bandwidth as the arrays"


def registers_and_frame(binary: bytes) -> tuple[int, int]:
    """What a cubin (an ELF file) says of its kernel: registers per thread, and bytes of memory per thread."""
    found = {0x2F: 0, 0x11: 0}  # EIATTR_REGCOUNT, EIATTR_FRAME_SIZE
    for kind, value in _attributes(binary):
        if kind in found:
            found[kind] = max(found[kind], value)
    sections = {name: info for name, _, _, info in _sections(binary)}
    return found[0x2F] or sections[".text.kernel"] >> 24, found[0x11]


def _sections(binary: bytes) -> Iterator[tuple[str, int, int, int]]:
    """Name, place, size and info of each section."""
    table, size, count, names = struct.unpack_from("<Q", binary, 0x28)[0], *struct.unpack_from("<HHH", binary, 0x3A)
    headers = [struct.unpack_from("<IIQQQQIIQQ", binary, table + size * index) for index in range(count)]
    for header in headers:
        place = headers[names][4] + header[0]
        yield binary[place : binary.index(b"\0", place)].decode(), header[4], header[5], header[7]


def _attributes(binary: bytes) -> Iterator[tuple[int, int]]:
    for name, begin, size, _ in _sections(binary):
        place, end = begin, begin + size
        while name == ".nv.info" and place < end:
            form, kind, length = struct.unpack_from("<BBH", binary, place)
            place += 4
            if form == 4:  # (symbol, value)
                if length == 8:
                    yield kind, struct.unpack_from("<II", binary, place)[1]
                place += length


def test_what_nvrtc_refuses_is_told_in_its_words(library: nvrtc.Library) -> None:
    with pytest.raises(CompileError, match="undefined"):
        nvrtc.compiled(library, 'extern "C" __global__ void kernel(float *a) { a[0] = nothing; }', ("--std=c++17",))


def test_an_older_nvrtc_leaves_the_rest_to_the_driver(library: nvrtc.Library) -> None:
    text = 'extern "C" __global__ void kernel(float *a) { a[0] = 1; }'
    older = nvrtc.Library(library.handle, library.version, tuple(a for a in library.architectures if a <= 89))
    option = nvrtc.architecture(older, (12, 0))
    assert option == "--gpu-architecture=compute_89"
    assert b".entry kernel" in nvrtc.compiled(older, text, (option,))


def test_the_result_is_kept(library: nvrtc.Library, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CADDIE_KERNEL_CACHE", str(tmp_path))
    text = 'extern "C" __global__ void kernel(float *a) { a[0] = 1; }'
    first = nvrtc.image(text, (8, 6))
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [first]
    monkeypatch.setattr(nvrtc, "compiled", lambda *_: pytest.fail("compiled again"))
    assert nvrtc.image(text, (8, 6)) == first
