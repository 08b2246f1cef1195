"""Counting is held against optimizers whose operations are known."""

from __future__ import annotations

import pytest
import torch

from optimizers.bench.counting import count, multi_tensor_launches

CPU = torch.device("cpu")


def counts_of(step, parameters, **state):
    optimizer = torch.optim.SGD(parameters, lr=0.1)
    for p, held in state.get("state", {}).items():
        optimizer.state[p] = held
    return count(step, optimizer, CPU, lambda: None)


def adamw(number: int, **arguments):
    parameters = [torch.zeros(3, 4, requires_grad=True) for _ in range(number)]
    optimizer = torch.optim.AdamW(parameters, **arguments)

    def prepare() -> None:
        for p in parameters:
            p.grad = torch.ones_like(p)

    prepare()
    optimizer.step()
    return count(optimizer.step, optimizer, CPU, prepare)


def test_torchs_adamw_is_nine_operations_a_parameter_and_its_step_counters_are_no_waits() -> None:
    # step+1, decay, lerp, mul, addcmul, sqrt, divide, add, addcdiv
    assert adamw(4, foreach=False).ops == 9 * 4
    assert adamw(4, foreach=False).waits == 0
    assert adamw(4, foreach=False).launches == 9 * 4


def test_a_foreach_call_is_one_operation_and_a_fused_step_two() -> None:
    assert adamw(4, foreach=True).ops == adamw(40, foreach=True).ops < 12
    fused = adamw(4, fused=True)
    assert (fused.ops, fused.launches, fused.launches_how) == (2, 2, "estimated")


def test_views_and_allocations_are_not_counted() -> None:
    x = torch.arange(6.0)
    assert counts_of(lambda: x.view(2, 3).t()[0].detach().unsqueeze(0), [x]).ops == 0
    assert counts_of(lambda: torch.empty_like(x).add_(torch.empty(6)), [x]).ops == 1


def test_every_read_of_a_value_is_a_wait() -> None:
    x = torch.arange(6.0)

    def step() -> None:
        float(x[0])
        assert x.sum() > 0
        x.tolist()
        x.max().item()

    assert counts_of(step, [x]).waits == 4
    assert torch.Tensor.tolist(x) == [0, 1, 2, 3, 4, 5]  # counting leaves nothing behind


def test_only_the_step_counter_is_excused() -> None:
    p, step, d = torch.zeros(2), torch.tensor(3.0), torch.tensor(1e-6)
    assert counts_of(lambda: (step.item(), d.item()), [p], state={p: {"step": step, "d": d}}).waits == 1


@pytest.mark.parametrize(
    ("sizes", "depth", "launches"),
    [
        ([], 1, 0),
        ([0, 0], 1, 0),
        ([5] * 110, 1, 1),
        ([5] * 111, 1, 2),
        ([5] * 64, 2, 1),
        ([5] * 65, 2, 2),
        ([5] * 37, 4, 2),
        ([320 * 65536], 1, 1),
        ([320 * 65536 + 1], 1, 2),
        ([319 * 65536, 65536], 1, 1),
        ([65537] * 160, 1, 2),  # two blocks each: 110 tensors fill the first launch, 50 the second
    ],
)
def test_launches_are_cut_at_torchs_limits(sizes: list[int], depth: int, launches: int) -> None:
    assert multi_tensor_launches(sizes, depth) == launches


def test_the_step_is_prepared_before_it_is_counted() -> None:
    calls: list[str] = []
    count(lambda: calls.append("step"), torch.optim.SGD([torch.zeros(1)]), CPU, lambda: calls.append("prepare"))
    assert calls == ["prepare", "step"]
