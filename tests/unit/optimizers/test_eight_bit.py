"""What is special about the 8-bit optimizers on a flat state: blocks, launches, memory, and who else may touch the state."""

from __future__ import annotations

import copy
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from optimizers.machinery import stretches

bitsandbytes = pytest.importorskip("bitsandbytes", reason="bitsandbytes is not installed")
eight_bit = pytest.importorskip("optimizers.eight_bit")

# Quantised from 64 elements on; sizes that end in the middle of a block, on its edge, and one beyond; 32-bit ones between.
SHAPES = ((4, 40), (40, 4), (17, 31), (5, 7), (), (256,), (257,), (16, 20, 1, 1), (6, 5, 3, 3), (1,), (511,))
NAMES = ("AdamW8bit", "Lion8bit")
every_class = pytest.mark.parametrize("name", NAMES)


def reference(name: str) -> type[Any]:
    return getattr(bitsandbytes.optim, name)


def ours(name: str) -> type[Any]:
    return getattr(eight_bit, name)


class Run:
    """An optimizer on parameters whose gradients shrink quickly, so that a block's scale depends on every element of it."""

    def __init__(self, optimizer_class: type[Any], dtype: torch.dtype = torch.float32, **arguments: Any) -> None:
        generator = torch.Generator().manual_seed(3)
        self.params = [
            torch.nn.Parameter((0.1 * torch.randn(shape, generator=generator, dtype=torch.float64)).to(dtype)) for shape in SHAPES
        ]
        self.generator = generator
        self.now = 0
        self.arguments = {"lr": 1e-2, "min_8bit_size": 64, **arguments}
        self.optimizer = self.build(optimizer_class)

    def build(self, optimizer_class: type[Any]) -> Any:
        half = len(self.params) // 2
        groups = [{"params": self.params[:half]}, {"params": self.params[half:], "weight_decay": 0.1, "lr": 3e-3}]
        return optimizer_class(groups, **self.arguments)

    def steps(self, count: int, before: Callable[[int], None] = lambda _: None) -> Run:
        for _ in range(count):
            for place, p in enumerate(self.params):
                noise = torch.randn(p.shape, generator=self.generator, dtype=torch.float64)
                grad = noise * 10.0 ** -(self.now % 6) + 0.1 * p.detach().double()
                absent = (place == 2 and self.now % 5 in (1, 2)) or (place == 6 and self.now < 4)
                p.grad = None if absent else grad.to(p.dtype)
            before(self.now)
            self.optimizer.step()
            self.now += 1
        return self

    def move_to(self, optimizer_class: type[Any]) -> Run:
        """Goes on with an optimizer of another class that has loaded the state."""
        saved = copy.deepcopy(self.optimizer.state_dict())
        self.optimizer = self.build(optimizer_class)
        self.optimizer.load_state_dict(saved)
        return self

    def state_bytes(self) -> int:
        """What the state's tensors hold in memory, each buffer once."""
        tensors = [v for state in self.optimizer.state.values() for v in state.values() if isinstance(v, torch.Tensor)]
        return sum({t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors}.values())


def assert_same(one: Run, other: Run) -> None:
    for index, (p, q) in enumerate(zip(one.params, other.params, strict=True)):
        assert torch.equal(p, q), f"parameter {index}, {tuple(p.shape)}"
        state, theirs = one.optimizer.state[p], other.optimizer.state[q]
        assert state.keys() == theirs.keys()
        for name, value in state.items():
            same = torch.equal(value, theirs[name]) if isinstance(value, torch.Tensor) else value == theirs[name]
            assert same, f"{name} of parameter {index}, {tuple(p.shape)}"


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
@every_class
def test_every_bit_is_that_of_bitsandbytes(name: str, dtype: torch.dtype) -> None:
    assert_same(Run(ours(name), dtype).steps(14), Run(reference(name), dtype).steps(14))


@pytest.mark.parametrize("there_and_back", [False, True])
@every_class
def test_a_state_moves_between_both(name: str, there_and_back: bool) -> None:
    expected = Run(reference(name)).steps(18)
    run = Run(reference(name)).steps(6).move_to(ours(name)).steps(6)
    assert_same((run.move_to(reference(name)) if there_and_back else run).steps(6), expected)


@every_class
def test_what_lies_behind_a_parameter_has_no_weight(name: str) -> None:
    """Gradients that cancel the momentum: the scale of the last block is that of what is left, of the parameter alone."""

    def run(optimizer_class: type[Any]) -> tuple[torch.Tensor, dict[str, Any]]:
        generator = torch.Generator().manual_seed(0)
        params = [torch.nn.Parameter(torch.ones(300)), torch.nn.Parameter(torch.ones(77))]
        optimizer = optimizer_class(params, min_8bit_size=64)
        for step in range(6):
            for p in params:
                noise = torch.randn(p.shape, generator=generator)
                state = optimizer.state[p]
                beta = optimizer.param_groups[0]["betas"][0 if name == "AdamW8bit" else 1]
                p.grad = noise
                if step % 2:
                    scale = state["absmax1"].repeat_interleave(256)[: p.numel()]
                    p.grad = -state["qmap1"][state["state1"].long()] * scale * beta / (1 - beta) + 1e-7 * noise
            optimizer.step()
        return torch.cat([p.detach() for p in params]), optimizer.state[params[0]]

    (values, state), (expected, theirs) = run(ours(name)), run(reference(name))
    assert torch.equal(values, expected)
    assert torch.equal(state["absmax1"], theirs["absmax1"])
    assert state["absmax1"].max() < 1e-5, "nothing was cancelled"


@every_class
def test_few_launches_and_no_waiting(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    launches: list[str] = []
    for kind in ("optimizer_update_8bit_blockwise", "optimizer_update_32bit"):
        original = getattr(bitsandbytes.functional, kind)
        monkeypatch.setattr(
            bitsandbytes.functional,
            kind,
            lambda *a, _kind=kind, _original=original, **k: (launches.append(_kind), _original(*a, **k)),
        )
    waits: list[torch.Tensor] = []
    monkeypatch.setattr(eight_bit, "sync_gpu", waits.append)
    params = [torch.nn.Parameter(torch.randn(shape) * 0.1) for _ in range(60) for shape in ((4, 320), (320, 16))]
    optimizer = ours(name)(params)
    for _ in range(2):
        launches.clear()
        for p in params:
            p.grad = torch.randn_like(p)
        optimizer.step()
    assert len(launches) == 3, "one for the 60 in 32 bit, two for the 60 in 8 bit: 307,200 elements, of which 262,144 at once"
    assert not waits


def test_neighbours_share_a_launch_until_the_scratch_memory_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stretches, "LARGE", 2048)
    params = [torch.nn.Parameter(torch.randn(1000)) for _ in range(20)]
    for p in params:
        p.grad = torch.randn_like(p)
    optimizer = eight_bit.Lion8bit(params, min_8bit_size=64)
    optimizer.step()
    (stretch,) = {place.stretch for place in optimizer._places.values()}
    assert [(begin, end) for begin, end, _ in stretch.chunks(0, 20)] == [(at, at + 2) for at in range(0, 20, 2)]
    assert len(stretch._p) == 2048


@every_class
def test_a_large_parameter_has_a_launch_of_its_own(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eight_bit, "LARGE", 300)
    run = Run(ours(name)).steps(6)
    placed = {place.p.numel() for place in run.optimizer._places.values()}
    assert max(placed) < 300 < max(p.numel() for p in run.params)
    assert_same(run, Run(reference(name)).steps(6))


@every_class
def test_state_is_no_larger_than_the_reference_but_for_the_blocks_ends(name: str) -> None:
    """Each quantised parameter may fill up its last block: one byte an element and state."""
    run = Run(ours(name)).steps(6)
    quantised = [p.numel() for p in run.params if p.numel() >= 64]
    padding = sum(-n % 256 for n in quantised) * (2 if name == "AdamW8bit" else 1)
    assert run.state_bytes() <= Run(reference(name)).steps(6).state_bytes() + padding


@every_class
def test_a_state_that_somebody_replaced_is_used(name: str) -> None:
    """Trainers move states off the device and back: the tensors are others then, and the old buffers must not be."""

    def replace(run: Run) -> Callable[[int], None]:
        def offload(now: int) -> None:
            for state in run.optimizer.state.values() if now in (4, 5) else ():
                for key, value in state.items():
                    state[key] = value.clone() if isinstance(value, torch.Tensor) else value

        return offload

    run = Run(ours(name))
    run.steps(9, replace(run))
    assert_same(run, Run(reference(name)).steps(9))
    assert run.state_bytes() < 1.6 * Run(reference(name)).steps(9).state_bytes()


def test_parameters_converted_and_groups_added_mid_run() -> None:
    def changed(run: Run) -> Run:
        run.steps(4)
        for p in run.params:
            p.data = p.data.bfloat16()
        run.steps(3)
        extra = torch.nn.Parameter(torch.linspace(-1, 1, 700))
        run.params.append(extra)
        run.optimizer.add_param_group({"params": [extra], "lr": 1e-3})
        return run.steps(3)

    assert_same(changed(Run(ours("AdamW8bit"))), changed(Run(reference("AdamW8bit"))))


@pytest.fixture
def manager() -> Iterator[Any]:
    """bitsandbytes' one manager of overrides, as it was found."""
    one = bitsandbytes.optim.GlobalOptimManager.get_instance()
    kept = dict(one.pid2config), dict(one.index2config)
    yield one
    one.pid2config, one.index2config = kept


@every_class
def test_parameters_that_were_replaced_leave_no_buffer_behind(name: str) -> None:
    run = Run(ours(name)).steps(2)
    for group in run.optimizer.param_groups:
        for index, p in enumerate(group["params"]):
            run.optimizer.state.pop(p, None)
            group["params"][index] = torch.nn.Parameter(p.detach().clone())
    run.params = [p for group in run.optimizer.param_groups for p in group["params"]]
    run.steps(2)
    assert run.optimizer._places
    assert set(run.optimizer._places) <= {id(p) for p in run.params}


@every_class
def test_overrides_of_single_parameters_count(name: str, manager: Any) -> None:
    def run(optimizer_class: type[Any]) -> Run:
        made = Run(optimizer_class)
        manager.override_config(made.params[0], "optim_bits", 32)
        manager.override_config(made.params[3], key_value_dict={"lr": 0.5})
        return made.steps(5)

    one = run(ours(name))
    assert one.optimizer.state[one.params[0]]["state1"].dtype == torch.float32
    assert_same(one, run(reference(name)))


@every_class
def test_paged_states_take_the_references_way(name: str) -> None:
    runs = [Run(which(name), is_paged=True) for which in (ours, reference)]
    for run in runs:
        with pytest.warns(UserWarning, match="not supported on CPU"):
            run.steps(3)
    assert_same(*runs)
    assert not runs[0].optimizer._places


@every_class
def test_refusals_and_closures_are_those_of_bitsandbytes(name: str) -> None:
    with pytest.raises(ValueError, match="learning rate"):
        ours(name)([torch.nn.Parameter(torch.zeros(3))], lr=-1.0)
    run = Run(ours(name)).steps(1)
    assert run.optimizer.step() is None
    assert run.optimizer.step(lambda: 2.5) == 2.5
    assert isinstance(run.optimizer, reference(name))


class Stream:
    """Notes which stream waited for which."""

    def __init__(self, notes: list[tuple[str, str]], name: str) -> None:
        self.notes, self.name = notes, name

    def wait_stream(self, other: Stream) -> None:
        self.notes.append((self.name, other.name))


@pytest.mark.parametrize("current", ["default", "side"])
def test_kernels_and_copies_are_put_in_order_beside_another_stream(current: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """bitsandbytes knows the default stream only."""
    notes: list[tuple[str, str]] = []
    streams = {name: Stream(notes, name) for name in ("default", "side")}
    monkeypatch.setattr(torch.cuda, "default_stream", lambda device: streams["default"])
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: streams[current])
    entered: list[Any] = []

    class Entered:
        def __init__(self, stream: Stream) -> None:
            entered.append(stream.name)

        def __enter__(self) -> None:
            notes.append(("kernels", "run"))

        def __exit__(self, *_: object) -> None: ...

    monkeypatch.setattr(torch.cuda, "stream", Entered)
    with eight_bit._on_default_stream(torch.device("cuda", 0)):
        pass
    assert notes == ([] if current == "default" else [("default", "side"), ("kernels", "run"), ("side", "default")])
    assert entered == ([] if current == "default" else ["default"])


def test_without_bitsandbytes_the_package_works_and_says_what_is_missing() -> None:
    text = (
        "import sys; sys.modules['bitsandbytes'] = None\n"
        "import optimizers; optimizers.Prodigy\n"
        "try:\n    optimizers.AdamW8bit\nexcept ImportError as error:\n    print(error)\n"
        "print(hasattr(optimizers, 'NoSuchOptimizer'))\n"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    said, other = done.stdout.strip().splitlines()
    assert "bitsandbytes" in said
    assert other == "False"
