"""Kernels trust addresses: whatever happens to tensors between two steps, none may write where it does not belong."""

from __future__ import annotations

import gc
import shutil
import warnings

import numpy as np
import pytest
import torch
from torch import Tensor

import optimizers

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None and shutil.which("clang") is None, reason="no C compiler")

MANY = ("Prodigy", "DAdaptAdam", "CAME", "Adafactor", "EmoNavi", "ProdigyPlusScheduleFree")
GUARD = 64


def guarded(values: Tensor) -> tuple[Tensor, Tensor]:
    """A view of the middle of a larger tensor, whose rest must never change."""
    room = torch.full((values.numel() + 2 * GUARD,), 7.0, dtype=values.dtype)
    middle = room[GUARD:-GUARD].view(values.shape)
    middle.copy_(values)
    return middle, room


def assert_untouched(room: Tensor) -> None:
    assert torch.equal(room[:GUARD], torch.full((GUARD,), 7.0)), "written before a tensor"
    assert torch.equal(room[-GUARD:], torch.full((GUARD,), 7.0)), "written behind a tensor"


def build(name: str, *params: torch.nn.Parameter, **arguments: object) -> torch.optim.Optimizer:
    optimizer = getattr(optimizers, name)(list(params), lr=1e-2 if name in {"CAME", "EmoNavi"} else 1.0, **arguments)
    optimizer.backend = "native"
    return optimizer


def adafactor(name: str) -> dict[str, object]:
    return {"relative_step": False, "scale_parameter": False} if name == "Adafactor" else {}


def step(optimizer: torch.optim.Optimizer, *params: torch.nn.Parameter) -> None:
    for p in params:
        p.grad = torch.full_like(p, 0.1) + torch.linspace(0, 0.1, p.numel()).view(p.shape)
    optimizer.step()


@pytest.mark.parametrize("name", MANY)
def test_a_state_of_another_size_is_refused_as_torch_does(name: str) -> None:
    small = torch.nn.Parameter(torch.ones(4, 8))
    saved = build(name, small, **adafactor(name))
    step(saved, small)
    middle, room = guarded(torch.ones(8, 16))
    large = torch.nn.Parameter(middle)
    optimizer = build(name, large, **adafactor(name))
    optimizer.load_state_dict(saved.state_dict())
    with pytest.raises(RuntimeError):
        step(optimizer, large)
    assert_untouched(room)


@pytest.mark.parametrize("name", MANY)
def test_a_state_whose_data_was_replaced_is_found_at_its_new_place(name: str) -> None:
    p, twin = torch.nn.Parameter(torch.ones(4, 8)), torch.nn.Parameter(torch.ones(4, 8))
    optimizer, other = build(name, p, **adafactor(name)), build(name, twin, **adafactor(name))
    for k in range(4):
        step(optimizer, p)
        step(other, twin)
        if k == 1:
            for state in optimizer.state.values():
                for value in state.values():
                    if isinstance(value, Tensor):
                        value.data = value.data.clone()
            gc.collect()
    assert torch.equal(p, twin)


@pytest.mark.parametrize("name", MANY)
def test_a_parameter_that_shrank_does_not_write_behind_its_end(name: str) -> None:
    p = torch.nn.Parameter(torch.ones(16, 16))
    optimizer = build(name, p, **adafactor(name))
    step(optimizer, p)
    middle, room = guarded(torch.ones(4, 4))
    p.grad = None
    p.data = middle
    optimizer.state.clear()
    step(optimizer, p)
    assert_untouched(room)


def test_parameters_that_become_wider_have_room_for_their_numbers() -> None:
    """CAME writes a number per parameter; a float32's place does not hold a float64."""
    results: list[list[float]] = []
    for backend in ("exact", "native"):
        params = [torch.nn.Parameter(torch.linspace(-1, 1, 12).view(3, 4) * scale) for scale in (1.0, 3.0, 5.0)]
        optimizer = build("CAME", *params)
        optimizer.backend = backend
        step(optimizer, *params)
        for p in params:
            p.data = p.data.double()
            state = optimizer.state[p]
            state.update({key: value.double() for key, value in state.items() if isinstance(value, Tensor)})
        step(optimizer, *params)
        results.append([float(optimizer.state[p]["RMS"]) for p in params])
    assert results[1] == pytest.approx(results[0], rel=1e-6)


def test_parameters_that_come_and_go_are_all_stepped() -> None:
    p = torch.nn.Parameter(torch.ones(10))
    optimizer = build("EmoLynx", p)
    for k in range(60):
        size = 10 if k % 2 else 1000
        p = torch.nn.Parameter(torch.ones(size))
        optimizer.param_groups[0]["params"] = [p]
        optimizer.state.clear()
        step(optimizer, p)
        assert bool((p != 1).all()), f"{size} elements in round {k}"


def test_prodigy_begins_anew_where_its_start_was_zero_and_is_not_any_more() -> None:
    p, twin = torch.nn.Parameter(torch.zeros(4, 8)), torch.nn.Parameter(torch.zeros(4, 8))
    ours, exact = build("Prodigy", p), build("Prodigy", twin)
    exact.backend = "exact"
    for optimizer, q in ((ours, p), (exact, twin)):
        for _ in range(3):
            step(optimizer, q)
        optimizer.state.clear()
        with torch.no_grad():
            q.copy_(torch.linspace(-1, 1, 32).view(4, 8))
        for _ in range(3):
            step(optimizer, q)
    assert ours.param_groups[0]["d_numerator"] == pytest.approx(exact.param_groups[0]["d_numerator"], rel=1e-5)
    torch.testing.assert_close(p, twin, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", MANY)
def test_negated_gradients_count_as_they_read(name: str) -> None:
    p, twin = torch.nn.Parameter(torch.ones(4, 8)), torch.nn.Parameter(torch.ones(4, 8))
    optimizer, other = build(name, p, **adafactor(name)), build(name, twin, **adafactor(name))
    for _ in range(3):
        p.grad = torch._neg_view(torch.linspace(-1, 1, 32).view(4, 8))
        twin.grad = -torch.linspace(-1, 1, 32).view(4, 8)
        optimizer.step()
        other.step()
    torch.testing.assert_close(p, twin, rtol=1e-5, atol=1e-7)


def test_a_parameter_that_is_there_twice_is_stepped_as_the_reference_does() -> None:
    p, twin = torch.nn.Parameter(torch.ones(4, 8)), torch.nn.Parameter(torch.ones(4, 8))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own, of duplicate parameters
        ours, exact = build("Prodigy", p, p), build("Prodigy", twin, twin)
    exact.backend = "exact"
    for _ in range(5):
        step(ours, p)
        step(exact, twin)
    assert torch.equal(p, twin)


def test_a_graph_from_before_the_step_is_refused() -> None:
    p = torch.nn.Parameter(torch.ones(4))
    optimizer = build("DAdaptLion", p)
    step(optimizer, p)
    loss = (p * p).sum()
    optimizer.step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@pytest.mark.parametrize("backend", ["native", "eager"])
@pytest.mark.parametrize("value", [np.float64(1.0), torch.tensor(1.0)], ids=["numpy", "tensor"])
def test_learning_rates_may_be_numpy_s_or_torch_s_numbers(backend: str, value: object) -> None:
    p, twin = torch.nn.Parameter(torch.ones(4, 8)), torch.nn.Parameter(torch.ones(4, 8))
    ours, plain = build("DAdaptAdam", p), build("DAdaptAdam", twin)
    ours.backend = plain.backend = backend
    for _ in range(3):
        ours.param_groups[0]["lr"] = value
        step(ours, p)
        step(plain, twin)
    torch.testing.assert_close(p, twin, rtol=1e-6, atol=0)


@pytest.mark.parametrize("name", ["Prodigy", "CAME", "ProdigyPlusScheduleFree"])
@pytest.mark.parametrize("backend", ["eager", "auto"])
def test_gradients_that_come_and_go_leave_nothing_behind(name: str, backend: str) -> None:
    torch.manual_seed(0)
    params = [torch.nn.Parameter(torch.randn(16, 32)) for _ in range(30)]
    optimizer = getattr(optimizers, name)(params, lr=1e-3 if name == "CAME" else 1.0)
    optimizer.backend = backend
    for _ in range(30):
        for p in params:
            p.grad = torch.randn_like(p) if torch.rand(()) > 0.1 else None
        optimizer.step()
    own = storages = 0
    seen: set[int] = set()
    for state in optimizer.state.values():
        for value in state.values():
            if isinstance(value, Tensor):
                own += value.numel() * value.element_size()
                storage = value.untyped_storage()
                if storage.data_ptr() not in seen:
                    seen.add(storage.data_ptr())
                    storages += storage.nbytes()
    assert storages <= 1.1 * own + 1024
    assert optimizer._plans is not None and len(optimizer._plans._lots) < 20
