"""From a step to launches: how many there are, what is copied, how often the host waits, and what happens without a GPU."""

from __future__ import annotations

import ctypes
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from optimizers import CAME, Prodigy
from optimizers.bench.shapes import TensorSpec, tensors_of
from optimizers.machinery import cuda, cuda_driver, nvrtc
from optimizers.machinery.batch import Batch
from optimizers.machinery.compiler import CompileError
from optimizers.machinery.cuda_matrices import CudaMatrixLot
from tests.helpers.cuda_fake import FakeDevice, SourceDevice
from tests.helpers.optimizer_pairs import PAIRS, Pair, ours_of

MakeDevice = Callable[..., FakeDevice]
MOST_KERNELS, MOST_WAITS = 40, 1
ON_CUDA = [pair for pair in PAIRS if pair.name not in {"AdamW8bit", "Lion8bit"}]
"""All but those that are bitsandbytes' own kernels."""
NUMBERS_ON_THE_HOST = {"DAdaptAdanIP"}
"""Their numbers are tensors of the host's memory, which nobody waits for."""
VIEWS = ("view", "select", "slice", "detach", "_unsafe_view", "alias", "as_strided", "t", "transpose", "empty", "unsqueeze")


class _Counter(TorchDispatchMode):
    """Counts what torch would launch beside our kernels, and reads of values, which make the host wait."""

    def __init__(self) -> None:
        super().__init__()
        self.kernels: list[str] = []
        self.waits = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        if name == "_local_scalar_dense":
            self.waits += 1
        elif name not in VIEWS:
            self.kernels.append(name)
        return func(*args, **(kwargs or {}))


@contextmanager
def _counted(device: SourceDevice | FakeDevice, *, reads_wait: bool) -> Iterator[dict[str, int]]:
    """Kernels (copies among them) and waits of what is done inside."""
    counter, found, lists = _Counter(), dict[str, int](), list[None]()
    original = torch.Tensor.tolist

    def tolist(tensor: torch.Tensor) -> Any:
        lists.append(None)
        return original(tensor)

    device.launches.clear()
    device.copies.clear()
    with patch.object(torch.Tensor, "tolist", tolist), counter:
        yield found
    found["kernels"] = len(counter.kernels) + len(device.launches) + len(device.copies) + len(lists)
    found["waits"] = len(lists) + (counter.waits if reads_wait else 0)


def _parameters(tensors: tuple[TensorSpec, ...]) -> list[torch.nn.Parameter]:
    made = [torch.nn.Parameter(torch.zeros(one.shape) if one.zero else torch.full(one.shape, 0.5)) for one in tensors]
    for p in made:
        p.grad = torch.full_like(p, 0.01)
    return made


@pytest.mark.parametrize("size", ["sd15", "sdxl-tiny"])
@pytest.mark.parametrize("pair", ON_CUDA, ids=lambda pair: pair.name)
def test_a_step_is_few_kernels_and_one_wait(pair: Pair, size: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The goal on CUDA, on the plan: 528 and 1,444 tensors, as many launches for the one as for the other."""
    device = SourceDevice()
    monkeypatch.setattr(cuda, "kernel_device", lambda where: device)
    monkeypatch.setattr(Batch, "is_on_cpu", lambda batch: False)
    optimizer = ours_of(pair)(_parameters(tensors_of(size)), **pair.arguments)
    optimizer.backend = "native"
    if hasattr(optimizer, "train"):
        optimizer.train()
    optimizer.step()  # makes the state
    with _counted(device, reads_wait=pair.name not in NUMBERS_ON_THE_HOST) as found:
        optimizer.step()
    assert device.launches
    assert found["kernels"] <= MOST_KERNELS
    assert found["waits"] <= MOST_WAITS


@pytest.mark.parametrize("name", ["CAME", "Adafactor", "EmoFact"])
def test_a_step_borrows_little_beside_the_state(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables, sums and scratch memory of the LoRA of SDXL in its real size, with nothing behind its tensors."""
    device = SourceDevice()
    monkeypatch.setattr(cuda, "kernel_device", lambda where: device)
    monkeypatch.setattr(Batch, "is_on_cpu", lambda batch: False)
    borrowed: list[int] = []
    launch = CudaMatrixLot.launch

    def measured(lot: Any, on: Any, kernel: Any, program: Any, members: Any) -> Any:
        sums = launch(lot, on, kernel, program, members)
        slices = tuple(int(numbers.get("slice_p", 1)) for _, numbers in members)
        items, scratch = lot._items_with_scratch(kernel, slices, members)
        room = lot._rooms._rooms[kernel, slices]
        assert room.pieces is items
        tables = sum(part.nbytes for part in (room.items, room.words, room.partial))
        borrowed.append(tables + scratch * kernel.dtype.itemsize)
        return sums

    monkeypatch.setattr(CudaMatrixLot, "launch", measured)
    pair = next(pair for pair in PAIRS if pair.name == name)
    with torch.device("meta"):
        parameters = _parameters(tensors_of("sdxl"))
    optimizer = ours_of(pair)(parameters, **pair.arguments)
    optimizer.backend = "native"
    if hasattr(optimizer, "train"):
        optimizer.train()
    optimizer.step()
    state = sum(value.nbytes for entry in optimizer.state.values() for value in entry.values() if isinstance(value, Tensor))
    held = state + sum(p.nbytes for p in parameters)
    assert borrowed
    assert sum(borrowed) <= 0.1 * held


def _training() -> tuple[Prodigy, list[torch.nn.Parameter]]:
    torch.manual_seed(0)
    parameters = [torch.nn.Parameter(torch.randn(6, 50)), torch.nn.Parameter(torch.zeros(50, 6))]
    optimizer = Prodigy(parameters, d0=1e-3)
    optimizer.backend = "native"
    return optimizer, parameters


def _step(optimizer: Prodigy, parameters: list[torch.nn.Parameter]) -> None:
    for p in parameters:
        p.grad = p.detach() - 1.0
    optimizer.step()


def test_only_what_may_have_changed_is_copied(fake_device: MakeDevice) -> None:
    device = fake_device()
    optimizer, parameters = _training()
    _step(optimizer, parameters)
    pieces, first, items, second = device.copies
    assert pieces == items
    device.copies.clear()
    _step(optimizer, parameters)
    state_columns = 4  # p0, exp_avg, exp_avg_sq, s
    assert device.copies[0] == first - 8 * len(parameters) * state_columns
    assert device.copies[1] < second
    device.copies.clear()
    optimizer.load_state_dict(optimizer.state_dict())
    _step(optimizer, parameters)
    assert device.copies == [pieces, first, items, second]


def test_parameters_that_move_are_found(fake_device: MakeDevice) -> None:
    """sd-scripts builds the optimizer before it moves the network."""
    fake_device()
    results = []
    for moves in (False, True):
        optimizer, parameters = _training()
        for _ in range(3):
            if moves:
                for p in parameters:
                    p.data = p.data.clone()
            _step(optimizer, parameters)
        results.append([p.detach().clone() for p in parameters])
    assert all(torch.equal(one, other) for one, other in zip(*results, strict=True))


def test_another_stream_gets_its_own_table(fake_device: MakeDevice) -> None:
    """Writing into the first one's could reach a kernel that still reads it."""
    device = fake_device()
    optimizer, parameters = _training()
    _step(optimizer, parameters)
    before = list(device.copies)
    device.copies.clear()
    device.current_stream = 7
    _step(optimizer, parameters)
    assert device.copies == before


def test_without_kernels_a_gpu_is_served_by_torch_after_one_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda.tell.cache_clear()

    def missing(where: torch.device) -> None:
        raise CompileError("NVRTC was not found")

    optimizer, parameters = _training()
    optimizer.backend = "eager"
    _step(optimizer, parameters)
    monkeypatch.setattr(cuda, "kernel_device", missing)
    other, others = _training()
    other.backend = "auto"
    with pytest.warns(RuntimeWarning, match="NVRTC was not found") as caught:
        _step(other, others)
        _step(other, others)
    assert len(caught) == 1
    _step(optimizer, parameters)
    assert all(torch.equal(one, two) for one, two in zip(parameters, others, strict=True))
    other.backend = "native"
    with pytest.raises(CompileError, match="NVRTC was not found"):
        _step(other, others)


def test_a_program_that_nvrtc_refuses_is_left_to_torch(fake_device: MakeDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    cuda.tell.cache_clear()
    device = fake_device()

    def refuse(source: str) -> int:
        raise CompileError("refused")

    monkeypatch.setattr(device, "function", refuse)
    optimizer, parameters = _training()
    with pytest.raises(CompileError, match="refused"):
        _step(optimizer, parameters)
    optimizer.backend = "auto"
    with pytest.warns(RuntimeWarning, match="refused"):
        _step(optimizer, parameters)
    assert not device.launches
    assert parameters[1].any()


@pytest.mark.parametrize("missing", ["NVRTC was not found", "the CUDA driver was not found", "refused"])
def test_matrix_programs_are_left_to_torch_after_one_warning(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cuda.tell.cache_clear()
    device = SourceDevice()

    def fail(asked: object) -> Any:
        raise CompileError(missing)

    if missing == "refused":
        monkeypatch.setattr(device, "function", fail)
        monkeypatch.setattr(cuda, "kernel_device", lambda where: device)
    else:
        monkeypatch.setattr(cuda, "kernel_device", fail)
    p = torch.nn.Parameter(torch.ones(4, 8))
    optimizer = CAME([p], lr=1e-2)
    optimizer.backend = "native"
    p.grad = torch.full_like(p, 0.1)
    with pytest.raises(CompileError, match=missing):
        optimizer.step()
    optimizer.backend = "auto"
    with pytest.warns(RuntimeWarning, match=missing) as caught:
        optimizer.step()
        optimizer.step()
    assert len(caught) == 1
    assert not torch.equal(p, torch.ones(4, 8))
    assert not device.launches


def test_a_build_of_torch_without_cuda_says_so() -> None:
    if torch.version.cuda is not None:
        pytest.skip("this torch is a build for CUDA")
    with pytest.raises(CompileError, match="not one for CUDA"):
        cuda_driver.cuda_device(torch.device("cuda", 0))


class _Library:
    """Stands for the CUDA driver: writes down what it is asked for."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.fails: set[str] = set()
        self.arguments: list[int] = []

    def __getattr__(self, name: str) -> Callable[..., int]:
        def call(*given: Any) -> int:
            self.calls.append(name)
            if name == "cuGetErrorString":
                given[1]._obj.value = b"no kernel image"
            elif name in {"cuModuleLoadData", "cuModuleGetFunction", "cuDevicePrimaryCtxRetain"}:
                given[0]._obj.value = 1234
            elif name == "cuLaunchKernel":
                self.arguments = [ctypes.c_int64.from_address(address).value for address in given[9]]
            return 209 if name in self.fails else 0

        return call


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> _Library:
    library = _Library()
    monkeypatch.setattr(cuda_driver, "_driver", lambda: library)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (8, 6))
    monkeypatch.setattr(cuda_driver, "image", lambda source, capability: source.encode())
    return library


def test_a_kernel_is_loaded_once_and_launched_in_torchs_context(driver: _Library) -> None:
    device = cuda_driver.CudaDevice(torch.device("cuda", 0))
    assert driver.calls == ["cuInit", "cuDeviceGet", "cuDevicePrimaryCtxRetain"]
    driver.calls.clear()
    assert device.function("text") == device.function("text") == 1234
    loading = ["cuCtxPushCurrent_v2", "cuModuleLoadData", "cuModuleGetFunction", "cuCtxPopCurrent_v2"]
    assert driver.calls == loading
    driver.calls.clear()
    device.launch(1234, 10, 256, (1, 2**40, 3), 0)
    assert driver.calls == ["cuCtxPushCurrent_v2", "cuLaunchKernel", "cuCtxPopCurrent_v2"]
    assert driver.arguments == [1, 2**40, 3]


def test_what_the_driver_refuses_is_told_in_its_words(driver: _Library) -> None:
    device = cuda_driver.CudaDevice(torch.device("cuda", 0))
    driver.fails = {"cuModuleLoadData"}
    with pytest.raises(CompileError, match=r"no kernel image \(209\)"):
        device.function("text")
    assert driver.calls[-2:] == ["cuGetErrorString", "cuCtxPopCurrent_v2"]
    driver.fails = {"cuLaunchKernel"}
    with pytest.raises(RuntimeError, match="no kernel image") as caught:
        device.launch(1234, 10, 256, (), 0)
    assert not isinstance(caught.value, CompileError), "a step that has begun is not begun again in another way"
    assert driver.calls[-1] == "cuCtxPopCurrent_v2"


def test_a_step_is_not_captured_into_a_graph(driver: _Library, monkeypatch: pytest.MonkeyPatch) -> None:
    device = cuda_driver.CudaDevice(torch.device("cuda", 0))
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
    with pytest.raises(RuntimeError, match="CUDA graph"):
        device.stream()


def test_nvrtc_is_looked_for_where_torch_and_its_wheels_keep_it(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_PATH", str(tmp_path / "toolkit"))
    names = (
        "torch/lib/libnvrtc-672ee683.so.11.2",
        "torch/lib/nvrtc64_120_0.dll",
        "torch/lib/nvrtc-builtins64_128.dll",
        "nvidia/cuda_nvrtc/lib/libnvrtc.so.12",
        "nvidia/cuda_nvrtc/lib/libnvrtc.alt.so.12",
        "nvidia/cuda_nvrtc/lib/libnvrtc-builtins.so.12.9",
        "nvidia/cu13/lib/libnvrtc.so.13",
        "toolkit/bin/nvrtc64_112_0.dll",
    )
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = [file.relative_to(tmp_path).as_posix() for file in nvrtc.candidates([str(tmp_path)], 12)]
    assert sorted(found[:2]) == ["nvidia/cuda_nvrtc/lib/libnvrtc.so.12", "torch/lib/nvrtc64_120_0.dll"]
    assert sorted(found[2:]) == sorted(
        ["torch/lib/libnvrtc-672ee683.so.11.2", "nvidia/cu13/lib/libnvrtc.so.13", "toolkit/bin/nvrtc64_112_0.dll"]
    )
    assert not list(nvrtc.candidates([str(tmp_path / "nowhere")], None))[1:]


def test_nothing_is_warned_of_on_a_cpu() -> None:
    cuda.tell.cache_clear()
    optimizer, parameters = _training()
    optimizer.backend = "auto"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _step(optimizer, parameters)
