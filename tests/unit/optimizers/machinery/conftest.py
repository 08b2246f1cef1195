"""A device that is no GPU, in place of the CPU's own kernels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from optimizers.machinery import cuda
from tests.helpers.cuda_fake import COMPILER, FakeDevice


@pytest.fixture(scope="session")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the kernels of all tests are built, each once."""
    if COMPILER is None:
        pytest.skip("no C++ compiler was found")
    return tmp_path_factory.mktemp("kernels")


@pytest.fixture
def fake_device(kernels: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., FakeDevice]:
    """Makes a device that takes the CPU's tensors for its own; its arguments are `FakeDevice`'s."""

    def make(*, backward: bool = False) -> FakeDevice:
        device = FakeDevice(kernels, backward=backward)

        def found(where: torch.device) -> FakeDevice:
            assert where.type == "cpu"
            return device

        monkeypatch.setattr(cuda, "kernel_device", found)
        return device

    return make
