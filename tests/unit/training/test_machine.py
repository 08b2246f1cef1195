"""Where a training computes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from core.training.machine import SMALL, settle_threads


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("device", "parameters", "threads"), [("cpu", SMALL // 2, 1), ("cpu", SMALL + 2, 2), ("cuda", SMALL // 2, 2)]
)
def test_only_a_small_model_on_the_cpu_is_computed_in_one_thread(device: str, parameters: int, threads: int) -> None:
    settle_threads(torch.device(device), torch.nn.Linear(parameters, 1, bias=False, device="meta"))
    assert torch.get_num_threads() == threads
