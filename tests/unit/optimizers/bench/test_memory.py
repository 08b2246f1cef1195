"""What is kept and what a step needs for a moment, on examples that can be worked out by hand."""

from __future__ import annotations

import torch

from optimizers.bench.memory import copy_bandwidth, kept_and_peak, state_bytes

CPU = torch.device("cpu")


def stepped(optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
    for group in optimizer.param_groups:
        for p in group["params"]:
            p.grad = torch.ones_like(p)
    optimizer.step()
    return optimizer


def test_adamw_keeps_two_numbers_a_parameter_and_a_counter_a_tensor() -> None:
    parameters = [torch.zeros(10, 10, requires_grad=True) for _ in range(3)]
    assert state_bytes(stepped(torch.optim.AdamW(parameters))) == 3 * (2 * 100 * 4 + 4)


def test_views_of_one_buffer_count_once_and_parameters_not_at_all() -> None:
    p = torch.zeros(8, requires_grad=True)
    optimizer = torch.optim.SGD([p], lr=0.1)
    flat = torch.zeros(100)
    optimizer.state[p] = {"a": flat[:10], "nested": {"b": [flat[10:20], (flat[20:],)]}, "itself": p.detach(), "n": 3}
    optimizer.param_groups[0]["d"] = torch.zeros(2)
    assert state_bytes(optimizer) == 400 + 8


def test_peak_sees_what_is_freed_again_and_kept_what_is_not() -> None:
    kept: list[torch.Tensor] = []

    def step() -> None:
        torch.zeros(1_000_000)  # 4 MB, gone at once
        (torch.zeros(500_000) + 1).sum()  # two arrays of 2 MB at a time
        kept.append(torch.zeros(250_000))

    left, peak = kept_and_peak(step, CPU)
    assert left == 1_000_000
    assert 4_000_000 <= peak < 4_100_000


def test_peak_includes_what_an_operation_takes_for_itself() -> None:
    x = torch.rand(1000, 1000)

    def step() -> None:
        torch.sort(x, dim=0)

    _, peak = kept_and_peak(step, CPU)
    assert peak > x.nbytes + 1000 * 1000 * 8  # more than the values and the int64 indices: room to sort in


def test_adamw_for_loop_needs_one_parameter_at_a_time_foreach_all() -> None:
    def peak(foreach: bool) -> int:
        parameters = [torch.zeros(1000, 100, requires_grad=True) for _ in range(8)]
        optimizer = stepped(torch.optim.AdamW(parameters, foreach=foreach))
        return kept_and_peak(optimizer.step, CPU)[1]

    assert peak(False) < 4 * 400_000  # its square root, the divided one, and the last parameter's until they are replaced
    assert peak(True) >= 8 * 400_000


def test_copying_has_a_rate() -> None:
    ticks = iter([0.0, 2.0, 10.0, 10.5, 20.0, 24.0])
    assert copy_bandwidth(CPU, 8, lambda: next(ticks), rounds=3) == 2 * 8 * 2**20 / 0.5  # the fastest of three, read and written
