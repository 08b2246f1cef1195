"""The kernels for CUDA, run on a CPU: the very text that NVRTC is given, held against the references.

What this cannot show is how a GPU rounds where the standards leave room (atan2), and races. Kernels are compiled here, a
quarter of a second each: the default run has every program of every optimizer once, and what is special about a dtype or
an argument where it is so. `--exhaustive` has every combination.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from optimizers.machinery import cuda, kernels
from optimizers.machinery.lanes import TensorLane
from optimizers.machinery.program import Hyper, Totals
from tests.helpers.cuda_fake import FakeDevice, as_on_a_cpu
from tests.helpers.optimizer_check import bound_for, check, setting_of
from tests.helpers.optimizer_compare import differences
from tests.helpers.optimizer_matrix import (
    DROPPED,
    EVERY_SHAPE,
    LAYOUTS,
    ODD,
    TWO_DECAYS,
    TWO_GROUPS,
    WIDE,
    Leaf,
    Problem,
    trained,
)
from tests.helpers.optimizer_pairs import COMPARABLE, Pair, ours_of, pair_named
from tests.helpers.optimizer_variants import BASE, LONG_SUMS, Variant, plan_of
from tests.helpers.selection import chosen

MakeDevice = Callable[..., FakeDevice]
ON_CUDA = tuple(pair for pair in COMPARABLE if pair.name not in {"AdamW8bit", "Lion8bit"})
"""All but those that are bitsandbytes' own kernels."""

MATRICES = {"CAME", "Adafactor", "EmoFact", "emo_author.EmoFact", "ProdigyPlusScheduleFree"}
ELEMENTWISE = tuple(pair for pair in ON_CUDA if pair.name not in MATRICES)
SPECIAL = {
    "Prodigy": ("all together",),
    "DAdaptAdam": ("decoupled decay",),
    "DAdaptAdan": ("no prox",),
    "DAdaptSGD": ("decay",),
    "DAdaptAdaGrad": ("momentum",),
    "CAME": ("decay",),
    "Adafactor": ("defaults", "decay"),
    "ProdigyPlusScheduleFree": ("prodigy, grams, adopt", "prodigy, atan2, bias correction", "focus"),
    "EmoNavi": ("shadow",),
    "EmoFact": ("coupled decay",),
    "EmoLynx": ("maximize",),
}
"""The arguments that change an optimizer's program most."""

VARIANTS = [(pair, variant) for pair in ON_CUDA for variant in plan_of(pair.name).variants]


def _dtypes(pair: Pair) -> tuple[torch.dtype, ...]:
    """What there are kernels for: matrix programs have float32 inside, Prodigy+ alone; the rest is left to stacks."""
    if pair.name == "ProdigyPlusScheduleFree":
        return (torch.float32,)
    return (torch.float32, torch.float64) if pair.name in MATRICES else (torch.float32, torch.float64, torch.bfloat16)


def _named(*names: str) -> list[Pair]:
    return [pair for pair in ON_CUDA if pair.name in names]


def _cases(cases: Any) -> list[Any]:
    return [pytest.param(*case, id="-".join(str(getattr(value, "name", value)) for value in case)) for case in cases]


every_dtype = chosen(
    "pair, dtype",
    _cases(
        (pair, dtype) for pair in ON_CUDA for dtype in _dtypes(pair) if dtype == torch.float32 or pair.name in {"Prodigy", "CAME"}
    ),
    _cases((pair, dtype) for pair in ON_CUDA for dtype in _dtypes(pair)),
)


@pytest.fixture(autouse=True)
def _numbers_as_on_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    original = cuda.numbers_of

    def numbers_of(kernel: Any, members: Any) -> Any:
        numbers, weights = original(kernel, members)
        dtype = members[0][0].params[0].dtype
        return (as_on_a_cpu(kernel, numbers, dtype) if dtype.itemsize == 2 else numbers), weights

    monkeypatch.setattr(cuda, "numbers_of", numbers_of)


def _checked(device: FakeDevice, pair: Pair, problem: Problem, variant: Variant = BASE) -> None:
    check(pair, problem, "native", variant)
    assert device.launches


@every_dtype
def test_every_shape_in_every_dtype(pair: Pair, dtype: torch.dtype, fake_device: MakeDevice) -> None:
    # In bfloat16 the reference's own noise hides all else in short runs; tiny matrices take long where no thread is real.
    steps = 30 if dtype == torch.bfloat16 else 6 if pair.name in MATRICES else 12
    problem = Problem(leaves=EVERY_SHAPE, grouping=TWO_DECAYS, schedule=plan_of(pair.name).schedule, dtype=dtype, steps=steps)
    _checked(fake_device(), pair, problem)


SMALL_TYPES = [(pair, dtype) for pair in ELEMENTWISE for dtype in (torch.bfloat16, torch.float16)]


@chosen("pair, dtype", _cases([SMALL_TYPES[0], *SMALL_TYPES[1::3]]), _cases(SMALL_TYPES))
def test_each_sweep_of_small_types(pair: Pair, dtype: torch.dtype, fake_device: MakeDevice, monkeypatch: Any) -> None:
    """Sweep by sweep from the same arrays, an element here and there is the next number: torch's sums round to the dtype.

    Over many steps its sums carry the runs apart, in float16 farther than any bound that would hold something.
    """
    device, launch, seen, nears = fake_device(), cuda.CudaLot.launch, list[str](), dict[str, list[torch.Tensor]]()

    def compared(lot: Any, device: Any, kernel: Any, members: Any) -> Any:
        program = next(program for program, known in kernels.items() if known is kernel)
        expected, wanted = _swept(program, members)
        found = launch(lot, device, kernel, members)
        for (share, _), copies in zip(members, expected, strict=True):
            for p, grad, state, copy in zip(share.params, share.grads, share.states, copies, strict=True):
                for name, value in copy.items():
                    ours = {"p": p, "grad": grad, **state}[name]
                    near = torch.isclose(ours, value, rtol=2 * torch.finfo(dtype).eps, equal_nan=True)
                    nears.setdefault(f"{program.name}: {name}", []).append(near.flatten())
        sums = {name: sum(value.item() for known, value in found if known == name) for name, _ in found}
        for name, value in sums.items():
            assert value == pytest.approx(float(wanted[name]), rel=0.05, abs=1e-3)
        seen.append(program.name)
        return found

    kernels: dict[Any, Any] = {}
    made = cuda.kernel

    def remembered(program: Any, *given: Any) -> Any:
        kernels[program] = made(program, *given)
        return kernels[program]

    monkeypatch.setattr(cuda, "kernel", remembered)
    monkeypatch.setattr(cuda.CudaLot, "launch", compared)
    problem = Problem(leaves=EVERY_SHAPE, grouping=TWO_DECAYS, dtype=dtype, steps=8)
    trace = trained(ours_of(pair), setting_of(pair, BASE, problem), problem, backend="native")
    assert device.launches
    assert trace.error is None, trace.error
    assert len(seen) >= 8
    shares = {name: torch.cat(near).double().mean().item() for name, near in nears.items()}
    assert min(shares.values()) > 0.96, shares


def _swept(program: Any, members: Any) -> tuple[list[list[dict[str, torch.Tensor]]], Totals]:
    """What the exact lane makes of copies of all arrays, and its sums."""
    totals, groups = Totals(), list[list[dict[str, torch.Tensor]]]()
    for share, numbers in members:
        group: list[dict[str, torch.Tensor]] = []
        for p, grad, state in zip(share.params, share.grads, share.states, strict=True):
            copy = {name: value.clone() for name, value in state.items() if isinstance(value, torch.Tensor)}
            lane = TensorLane(p.detach().clone(), grad.clone(), copy, totals, int(numbers.get("slice_p", 1)))
            program.function(lane, Hyper(numbers))
            group.append({"p": lane.p, "grad": lane.grad, **copy})
        groups.append(group)
    return groups, totals


@chosen("pair, variant", _cases((p, v) for p, v in VARIANTS if v.name in SPECIAL.get(p.name, ())), _cases(VARIANTS))
def test_every_argument(pair: Pair, variant: Variant, fake_device: MakeDevice) -> None:
    dtype = torch.float64 if torch.float64 in _dtypes(pair) else torch.float32
    schedule = variant.schedule or plan_of(pair.name).schedule
    _checked(fake_device(), pair, Problem(grouping=TWO_GROUPS, schedule=schedule, dtype=dtype, steps=30), variant)


@chosen("pair", _named("Prodigy", "CAME", "ProdigyPlusScheduleFree"), ON_CUDA)
def test_large_tensors(pair: Pair, fake_device: MakeDevice) -> None:
    """More than one block each, and the last one not full."""
    _checked(fake_device(), pair, Problem(leaves=WIDE, steps=6), LONG_SUMS)


@chosen("pair", _named("Prodigy", "CAME"), ON_CUDA)
def test_what_does_not_lie_in_one_piece_is_left_to_torch(pair: Pair, fake_device: MakeDevice) -> None:
    fake_device()
    check(pair, Problem(leaves=LAYOUTS), "native")


@chosen("pair", _named("Prodigy", "CAME", "ProdigyPlusScheduleFree"), ON_CUDA)
def test_other_parameters_at_each_step(pair: Pair, fake_device: MakeDevice) -> None:
    _checked(fake_device(), pair, Problem(leaves=DROPPED, steps=20))


SLICED = Variant("sliced", {"slice_p": 11, "weight_decay": 0.1, "decouple": True})


@pytest.mark.parametrize(
    ("name", "variant", "dtype"),
    [
        ("Prodigy", SLICED, torch.bfloat16),
        *((name, BASE, torch.float32) for name in ("Prodigy", "CAME", "Adafactor", "ProdigyPlusScheduleFree", "EmoFact")),
    ],
    ids=lambda value: str(getattr(value, "name", value)),
)
def test_the_order_of_the_threads_changes_no_bit(
    name: str, variant: Variant, dtype: torch.dtype, fake_device: MakeDevice
) -> None:
    """What two threads did to the same memory, or to the same sum, would show."""
    pair = pair_named(name)
    leaves = (*WIDE, Leaf("some small matrices", (8, 3, 3, 3)), Leaf("many", (8, 9, 3, 3)), *ODD)
    problem = Problem(leaves=leaves, steps=3, dtype=dtype)
    setting = setting_of(pair, variant, problem)
    traces = []
    for backward in (False, True):
        device = fake_device(backward=backward)
        traces.append(trained(ours_of(pair), setting, problem, backend="native"))
        assert device.launches
    assert not differences(*traces, None)


def test_what_is_too_large_for_one_block_is_left_to_stacks(fake_device: MakeDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "LARGEST", 200)
    blocks: list[int] = []
    device = fake_device()
    launch = device.launch

    def counted(function: int, count: int, *given: Any) -> None:
        blocks.append(count)
        launch(function, count, *given)

    monkeypatch.setattr(device, "launch", counted)
    leaves = (Leaf("small", (10, 20)), Leaf("large", (11, 20)), Leaf("another", (4, 40)), Leaf("long", (201,)))
    check(pair_named("CAME"), Problem(leaves=leaves, dtype=torch.float64, steps=5), "native")
    assert blocks == [2] * 5


def test_a_wrong_constant_is_found(fake_device: MakeDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison above is one that can fail."""
    right = cuda.evaluate
    monkeypatch.setattr(cuda, "evaluate", lambda node, numbers, known: right(node, numbers, known) * (1 + 1e-9))
    fake_device()
    pair, problem = pair_named("Prodigy"), Problem(dtype=torch.float64, steps=20)
    trace = trained(ours_of(pair), setting_of(pair, BASE, problem), problem, backend="native")
    exact = trained(ours_of(pair), setting_of(pair, BASE, problem), problem, backend="exact")
    assert differences(exact, trace, bound_for(pair, BASE, problem, "native"))


def test_rounding_of_small_types_is_that_of_torch(fake_device: MakeDevice) -> None:
    """Kernels round half and bfloat16 after each operation: bit for bit what torch's own operations give."""
    from optimizers.machinery.batch import Batch, Plans, Share
    from optimizers.machinery.program import program

    @program()
    def several(x, h):  # pyright: ignore[reportMissingParameterType]
        x.m.mul_(h.beta).addcmul_(x.grad, x.grad, value=h.rest)
        x.p.addcdiv_(x.grad, x.m.sqrt().add_(x.grad.abs()), value=-h.rate)
        x.p.lerp_(x.grad, h.rest)

    device = fake_device()
    for dtype in (torch.bfloat16, torch.float16):
        generator = torch.Generator().manual_seed(0)
        start = [torch.randn(5000, generator=generator).to(dtype) for _ in range(3)]
        results = []
        for backend in ("exact", "native"):
            p, grad, m = (tensor.clone() for tensor in start)
            share = Share({}, [p], [grad], [{"m": m.abs_()}])
            batch = Batch([share], backend, Plans())
            batch.sweep(several, lambda group: {"beta": 0.5, "rest": 0.25, "rate": 0.125})
            results.append((p, m))
        for one, other in zip(*results, strict=True):
            assert torch.equal(one, other), dtype
    assert len(device.launches) == 2


def test_every_bit_of_half_and_bfloat16_survives(fake_device: MakeDevice) -> None:
    """Reading and writing alone changes nothing: all 65,536 patterns, infinities and subnormal numbers among them."""
    from optimizers.machinery.batch import Batch, Plans, Share
    from optimizers.machinery.program import program

    @program()
    def negate_twice(x, h):  # pyright: ignore[reportMissingParameterType]
        x.p.copy_(x.p.neg().neg())

    fake_device()
    for dtype in (torch.bfloat16, torch.float16):
        before = torch.arange(-(2**15), 2**15, dtype=torch.int32).to(torch.int16).view(dtype)
        p = before.clone()
        Batch([Share({}, [p], [torch.zeros_like(p)], [{}])], "native", Plans()).sweep(negate_twice, lambda group: {})
        numbers = ~before.isnan()
        assert torch.equal(p.view(torch.int16)[numbers], before.view(torch.int16)[numbers])
        assert p.isnan().equal(before.isnan())
