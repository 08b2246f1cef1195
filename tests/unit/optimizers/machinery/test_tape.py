"""Without a compiler: programs as recorded calls on blocks of parameters, and torch's fused Adam among them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

import optimizers
from optimizers import dadapt_adagrad, dadapt_adam, dadapt_adam_preprint, dadapt_adan, dadapt_lion, prodigy
from optimizers.machinery.batch import Kind
from optimizers.machinery.flat import CPU, MOST_TOGETHER, FlatLot, Sizes, blocks_of, most_that_pays
from optimizers.machinery.fused_adam import FusedAdam, fused, is_available
from optimizers.machinery.lanes import TensorLane
from optimizers.machinery.program import Hyper, Program, Totals, program
from optimizers.machinery.tape import Tape, record

NUMBERS: Mapping[str, float] = {
    "dlr": 3e-4,
    "d": 1e-3,
    "d0": 1e-4,
    "beta1": 0.9,
    "beta2": 0.99,
    "beta3": 0.95,
    "sqrt_beta2": 0.99**0.5,
    "eps": 1e-6,
    "weight_decay": 0.1,
    "weight_of_new": 0.3,
    "layer_scale": 1.5,
    "slice_p": 1,
}
FLAGS: Mapping[str, bool] = {
    "learns": True,
    "coupled_decay": False,
    "decoupled_decay": True,
    "no_prox": False,
    "decays": True,
    "momentum": True,
    "safeguard_warmup": False,
}
ARRAYS = ("s", "exp_avg", "exp_avg_sq", "exp_avg_diff", "pre_grad", "sk", "alphak", "x0", "p0")
SHAPES = ((200, 300), (7,), (), (40, 20), (1,), (130, 260), (64, 1024), (90_001,))

prodigyopt = pytest.importorskip("prodigyopt", reason="prodigyopt is not installed")

needs_instruction = pytest.mark.skipif(not is_available(), reason="this torch has no fused Adam for the CPU")


def state_for(shape: tuple[int, ...], generator: torch.Generator, dtype: torch.dtype) -> dict[str, Tensor]:
    state = {name: torch.rand(shape, generator=generator, dtype=dtype) for name in ARRAYS}
    for name in ("s", "p0"):
        state[name] = state[name].flatten()
    return state


def assert_close(together: list[Tensor], alone: list[Tensor], dtype: torch.dtype) -> None:
    """Arrays, and totals against the largest of them: some are small differences of large sums."""
    rtol = 3e-6 if dtype == torch.float32 else 1e-13
    for one, other in zip(alone[:-1], together[:-1], strict=True):
        torch.testing.assert_close(other, one, rtol=rtol, atol=rtol / 10)
    largest = alone[-1].abs().max().item() if len(alone[-1]) else 0.0
    torch.testing.assert_close(together[-1], alone[-1], rtol=rtol, atol=rtol * largest)


def run_both(program: Program, numbers: Mapping[str, float], dtype: torch.dtype) -> tuple[list[Tensor], list[Tensor]]:
    """All arrays and totals, after the program was run tensor by tensor and as blocks."""
    results: list[list[Tensor]] = []
    for blocks in (False, True):
        generator = torch.Generator().manual_seed(0)
        params = [torch.rand(shape, generator=generator, dtype=dtype) for shape in SHAPES]
        grads = [torch.rand(p.shape, generator=generator, dtype=dtype) - 0.5 for p in params]
        states = [state_for(tuple(p.shape), generator, dtype) for p in params]
        if program is dadapt_lion._step or program.name.startswith("dadapt"):
            for state in states:
                state["s"] = state["s"].view(state["exp_avg"].shape)
        totals = Totals()
        if blocks:
            lot = FlatLot(params)
            for name, value in lot.run(program, params, grads, states, numbers).items():
                totals.add(name, value.item())
        else:
            for p, grad, state in zip(params, grads, states, strict=True):
                program.function(TensorLane(p, grad, state, totals), Hyper(numbers))
        arrays = [*params, *grads, *(state[name] for state in states for name in ARRAYS)]
        results.append([*arrays, torch.tensor([totals[name] for name in sorted(totals)], dtype=torch.float64)])
    return results[0], results[1]


PROGRAMS = (
    dadapt_adam._halves.both,
    dadapt_adam_preprint._halves.both,
    dadapt_adan._halves.both,
    dadapt_adagrad._halves.both,
    dadapt_lion._step,
    prodigy._estimate,
)


@pytest.mark.parametrize("flag", [None, "coupled_decay", "no_prox", "safeguard_warmup"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_blocks_give_what_single_tensors_give(program: Program, dtype: torch.dtype, flag: str | None) -> None:
    numbers = {**NUMBERS, **FLAGS, **({flag: True} if flag else {})}
    alone, together = run_both(program, numbers, dtype)
    assert_close(together, alone, dtype)


def adams(calls: list[Any]) -> list[FusedAdam]:
    return [call for call in calls if isinstance(call, FusedAdam)]


@needs_instruction
@pytest.mark.parametrize("decay", [False, True])
@pytest.mark.parametrize("module", [dadapt_adam, dadapt_adam_preprint])
def test_the_instruction_replaces_seven_calls(module: Any, decay: bool) -> None:
    tape = record(module._halves.both, {**NUMBERS, **FLAGS, "decoupled_decay": decay})
    calls = fused(tape)
    (adam,) = adams(calls)
    assert (adam.beta1, adam.beta2, adam.eps) == (0.9, 0.99, 1e-6)
    assert adam.weight_decay * adam.lr == pytest.approx(0.1 * 3e-4 if decay else 0.0)
    # Seven calls become one, and two that scale the moment there and back; the decay is part of it.
    assert len(tape.calls) - len(calls) == 7 + decay - 3


@pytest.mark.parametrize("module", [dadapt_adan, dadapt_adagrad])
def test_what_is_not_adam_stays_as_it_is(module: Any) -> None:
    tape = record(module._halves.both, {**NUMBERS, **FLAGS})
    assert fused(tape) == tape.calls


def adam_like(change: str = "") -> Callable[[Any, Any], None]:
    """Adam in a program's words; `change` names what is done differently."""

    def function(x: Any, h: Any) -> None:
        if change == "p is read before":
            x.add_sum("a", x.p.abs())
        if change == "the old moment is used before":
            x.add_dot("a", x.grad, x.exp_avg_sq)
        x.exp_avg.mul_(h.beta1).add_(x.grad, alpha=1 - h.beta1)
        if change == "p is read between":
            x.add_sum("a", x.p.abs())
        x.exp_avg_sq.mul_(h.beta2)
        if change == "a moment is read while it decays":
            x.add_sum("a", x.exp_avg_sq)
        x.exp_avg_sq.addcmul_(x.grad, x.grad, value=1 - h.beta2)
        if change == "the new moment is used afterwards":
            x.add_sum("a", x.exp_avg_sq.abs())
        if change == "the first moment is used":
            x.add_sum("a", x.exp_avg.abs())
        denominator = x.exp_avg_sq.sqrt().add_(h.eps)
        if change == "the denominator is used twice":
            x.add_sum("a", denominator)
        x.p.addcdiv_(x.exp_avg, denominator, value=-h.dlr if change != "uphill" else h.dlr)
        if change == "p is changed afterwards":
            x.p.mul_(0.5)
        if change == "p is read afterwards":
            x.add_sum("a", x.p.abs())
        if change == "the gradient changes afterwards":
            x.grad.mul_(0.5)

    return function


@needs_instruction
@pytest.mark.parametrize(
    ("change", "fits"),
    [
        ("", True),
        ("the old moment is used before", True),
        ("the new moment is used afterwards", True),
        ("p is read before", True),
        ("p is read between", True),
        ("a moment is read while it decays", False),
        ("the first moment is used", False),
        ("the denominator is used twice", False),
        ("p is changed afterwards", False),
        ("p is read afterwards", False),
        ("the gradient changes afterwards", False),
        ("uphill", False),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_only_what_sees_no_difference_is_replaced(change: str, fits: bool, dtype: torch.dtype) -> None:
    one = program()(adam_like(change))
    assert bool(adams(fused(record(one, NUMBERS)))) is fits
    alone, together = run_both(one, NUMBERS, dtype)
    assert_close(together, alone, dtype)


@needs_instruction
@pytest.mark.parametrize("numbers", [{"beta2": 1.0}, {"dlr": 0.0}, {"dlr": 1e-30}])
def test_numbers_that_the_instruction_cannot_take(numbers: dict[str, float]) -> None:
    tape = record(dadapt_adam._halves.both, {**NUMBERS, **FLAGS, **numbers})
    assert fused(tape) == tape.calls


def test_a_tape_knows_operators_from_both_sides() -> None:
    tape = Tape()
    value = 2.0 * tape.a
    for made in (1.0 + value, value - 1.0, 1.0 - value, value / 2.0, 1.0 / value, -value, value**2, value * tape.b):
        assert made.array is None
    assert [call.method for call in tape.calls[1:4]] == ["__radd__", "sub", "__rsub__"]
    assert not any(call.in_place for call in tape.calls)


@pytest.mark.parametrize("whole", [False, True])
def test_blocks_cover_every_element_once(whole: bool) -> None:
    sizes = [5, 0, 40, 7, 100, 12, 3, 64, 1, 12, 25, 16]
    limits = Sizes(alone=16, block=24)
    blocks = blocks_of(sizes, limits, whole=whole)
    seen = [0] * len(sizes)
    for block in blocks:
        if len(block.places) == 1:
            place = block.places[0]
            seen[place] += (sizes[place] if block.last is None else block.last) - block.first
            assert whole or (block.last or sizes[place]) - block.first <= max(limits.block, limits.alone)
        else:
            assert sum(sizes[place] for place in block.places) <= limits.block
            for place in block.places:
                seen[place] += sizes[place]
    assert seen == sizes
    assert CPU.alone <= CPU.block


@pytest.mark.parametrize("shapes", [((1,), (7,), (), (3, 3), (1,)), ((7,), (1,)), ((), ())])
@pytest.mark.parametrize("slice_p", [1, 3])
def test_one_number_for_all_elements_beside_arrays(shapes: tuple[tuple[int, ...], ...], slice_p: int) -> None:
    """Prodigy keeps one 0 for a parameter that begins as zeros, however many elements that has, one too."""
    results: list[list[Tensor]] = []
    for made in (prodigyopt.Prodigy, optimizers.Prodigy):
        generator = torch.Generator().manual_seed(3)
        params = [torch.nn.Parameter(torch.randn(s, generator=generator) * zero) for s in shapes for zero in (0, 1)]
        optimizer = made(params, d0=1e-3, slice_p=slice_p)
        optimizer.backend = "eager"
        for _ in range(4):
            for p in params:
                p.grad = torch.randn(p.shape, generator=generator)
            optimizer.step()
        results.append([p.detach() for p in params] + [optimizer.state[p]["p0"] for p in params])
    for ours, reference in zip(results[1], results[0], strict=True):
        torch.testing.assert_close(ours, reference, rtol=1e-6, atol=1e-9)


@needs_instruction
def test_large_parameters_are_put_together_only_where_an_instruction_is_gained() -> None:
    numbers = {**NUMBERS, **FLAGS}
    cpu, half = (Kind(torch.device("cpu"), dtype, regular=True) for dtype in (torch.float32, torch.bfloat16))
    assert most_that_pays(dadapt_adam._halves.both, numbers, cpu) is None
    assert most_that_pays(dadapt_adam._halves.both, numbers, half) == MOST_TOGETHER
    assert most_that_pays(prodigy._estimate, numbers, cpu) == MOST_TOGETHER
    assert most_that_pays(prodigy._estimate, numbers, Kind(torch.device("cuda"), torch.float32, regular=True)) is None


def test_small_and_large_parameters_are_stepped_as_the_reference_does() -> None:
    results: list[list[Tensor]] = []
    for made in (prodigyopt.Prodigy, optimizers.Prodigy):
        generator = torch.Generator().manual_seed(3)
        params = [
            torch.nn.Parameter(torch.randn(size, generator=generator)) for size in (9, MOST_TOGETHER + 1, 70, MOST_TOGETHER)
        ]
        optimizer = made(params, d0=1e-3)
        optimizer.backend = "eager"
        for _ in range(4):
            for p in params:
                p.grad = torch.randn(p.shape, generator=generator)
            optimizer.step()
        results.append([*(p.detach() for p in params), torch.tensor(optimizer.param_groups[0]["d"])])
        if made is optimizers.Prodigy:
            alone = [optimizer.state[p]["exp_avg"].untyped_storage().nbytes() == 4 * p.numel() for p in params]
            assert alone == [False, True, False, False]
    for ours, reference in zip(results[1], results[0], strict=True):
        torch.testing.assert_close(ours, reference, rtol=1e-6, atol=1e-8)


def test_a_wrong_word_in_the_environment_is_told_by_the_constructor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CADDIE_OPTIMIZER_BACKEND", "egaer")
    with pytest.raises(ValueError, match="auto, exact, eager, native"):
        optimizers.Prodigy([torch.nn.Parameter(torch.ones(2))])
