"""What only the D-Adaptation family has: two halves in one pass, steps that are left out, d as a number."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from typing import Any

import dadaptation
import dadaptation.experimental
import pytest
import torch

import optimizers
from optimizers.machinery import adaptation
from optimizers.machinery.batch import Batch
from tests.helpers.optimizer_pairs import BACKENDS

IN_HALVES = ("DAdaptAdam", "DAdaptAdamPreprint", "DAdaptAdan", "DAdaptAdanIP", "DAdaptSGD", "DAdaptAdaGrad")
ALL = (*IN_HALVES, "DAdaptLion")
SHAPES = ((4, 9), (9, 4), (5,), (), (40, 700), (3, 3, 2, 2))

every_backend = pytest.mark.parametrize("backend", BACKENDS)
every_class = pytest.mark.parametrize("name", ALL)
in_halves = pytest.mark.parametrize("name", IN_HALVES)


def reference_class(name: str) -> type[Any]:
    return getattr(dadaptation, name, None) or getattr(dadaptation.experimental, name)


class Run:
    """An optimizer and its parameters, every second of which begins at zero."""

    def __init__(
        self, made: Callable[..., Any], backend: str | None = None, dtype: torch.dtype = torch.float32, **arguments: Any
    ) -> None:
        generator = torch.Generator().manual_seed(1)
        starts = [torch.randn(shape, generator=generator, dtype=dtype) * (place % 2) for place, shape in enumerate(SHAPES)]
        self.params = [torch.nn.Parameter(start) for start in starts]
        self.optimizer = made(self.params, **{"d0": 1e-3, **arguments})
        if backend is not None:
            self.optimizer.backend = backend

    def step(self, seed: int, *, silent: tuple[int, ...] = (), zero: tuple[int, ...] = ()) -> None:
        """One step with gradients of this seed.

        Args:
            silent: places of parameters without a gradient.
            zero: places of those with a gradient of zeros.
        """
        generator = torch.Generator().manual_seed(seed)
        for place, p in enumerate(self.params):
            grad = torch.randn(p.shape, generator=generator, dtype=p.dtype) * (place not in zero)
            p.grad = None if place in silent else grad
        self.optimizer.step()

    def everything(self) -> list[Any]:
        """Parameters, gradients, state and groups, flat."""
        found: list[Any] = [t.detach().clone() for p in self.params for t in (p, p.grad) if t is not None]
        for p in self.params:
            found += [value.clone() if isinstance(value, torch.Tensor) else value for value in self.optimizer.state[p].values()]
        found += [value for group in self.optimizer.param_groups for key, value in group.items() if key != "params"]
        return found


def assert_same(one: Run, other: Run, *, bits: bool) -> None:
    """Tensors and numbers; a number is the same in a tensor."""
    double = one.params[0].dtype == torch.float64
    for a, b in zip(one.everything(), other.everything(), strict=True):
        if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
            close = {"rtol": 1e-11, "atol": 1e-14} if double else {"rtol": 2e-5, "atol": 1e-7}
            torch.testing.assert_close(a, b, **({"rtol": 0, "atol": 0} if bits else close))
        elif isinstance(a, float | torch.Tensor):
            assert float(a) == pytest.approx(float(b), rel=0 if bits else 1e-11 if double else 1e-6, abs=0)
        else:
            assert a == b


def in_two_passes(self: adaptation.Halves, batch: Batch, hyper: Any, totals: Any, moves: Any) -> Batch:
    batch.sweep(self.estimate, hyper, totals=totals)
    return batch


@every_backend
@in_halves
def test_one_pass_gives_what_two_give(name: str, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In float64 where two passes put the sums together in another order."""
    dtype = torch.float32 if backend == "exact" else torch.float64
    once, twice = (Run(getattr(optimizers, name), backend, dtype, weight_decay=0.1) for _ in range(2))
    for seed in range(6):
        once.step(seed, zero=(0, 2))
        with monkeypatch.context() as patch:
            patch.setattr(adaptation.Halves, "run", in_two_passes)
            twice.step(seed, zero=(0, 2))
    assert_same(once, twice, bits=backend == "exact")


@in_halves
def test_the_first_parameter_is_enough_to_know_that_all_move(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting: list[int] = []
    run = adaptation.Halves.run

    def watched(*arguments: Any) -> Batch:
        rest = run(*arguments)
        waiting.append(len(rest))
        return rest

    monkeypatch.setattr(adaptation.Halves, "run", watched)
    ours = Run(getattr(optimizers, name), "exact")
    ours.step(0, zero=(0, 1, 2))  # 1, 1, 2 parameters: the fourth is the first with a gradient
    ours.step(1)
    ours.step(2, zero=tuple(range(len(SHAPES))), silent=(0,))
    assert waiting == [4, 1, 1]


@every_backend
@every_class
def test_nothing_moves_while_all_gradients_are_zero(name: str, backend: str) -> None:
    """SGD's reference breaks off with ZeroDivisionError here."""
    ours = Run(getattr(optimizers, name), backend, weight_decay=0.0)
    fresh = Run(getattr(optimizers, name), backend, weight_decay=0.0)
    everywhere = tuple(range(len(SHAPES)))
    for seed in range(3):
        ours.step(seed, zero=everywhere)
        for p, start in zip(ours.params, fresh.params, strict=True):
            torch.testing.assert_close(p, start, rtol=0, atol=0)
    assert ours.optimizer.param_groups[0]["k"] == 0
    for seed in range(3, 6):
        ours.step(seed)
        fresh.step(seed)
    if name != "DAdaptAdaGrad":  # its sums of squares have begun
        assert_same(ours, fresh, bits=backend != "eager")  # which puts others together, and sums them up otherwise


@every_backend
@pytest.mark.parametrize("name", [name for name in ALL if name != "DAdaptSGD"])
def test_a_step_is_left_out_where_the_reference_leaves_it_out(name: str, backend: str) -> None:
    """Also late, and though other parameters have a history: only those with a gradient count."""
    reference = Run(reference_class(name), weight_decay=0.1)
    ours = Run(getattr(optimizers, name), backend, weight_decay=0.1)
    for run in (reference, ours):
        run.step(0, silent=(2, 3, 5))
        run.step(1, silent=(2, 3, 5))
        for p in run.params[2:4]:
            p.detach().zero_()  # coupled weight decay gives them a gradient otherwise
        run.step(2, silent=(0, 1, 4, 5), zero=(2, 3))
        run.step(3)
    assert_same(reference, ours, bits=backend == "exact")


@every_backend
@pytest.mark.parametrize("name", ["DAdaptAdam", "DAdaptAdamPreprint", "DAdaptAdan", "DAdaptAdanIP", "DAdaptLion"])
def test_an_estimate_without_memory_can_be_zero_at_any_step(name: str, backend: str) -> None:
    """With a last beta of 0, s is the last gradient: a step whose gradients are zero is left out, moments or not."""
    betas = (0.9, 0.8, 0.0) if "Adan" in name else (0.9, 0.0)
    reference = Run(reference_class(name), betas=betas)
    ours = Run(getattr(optimizers, name), backend, betas=betas)
    for run in (reference, ours):
        run.step(0)
        run.step(1, zero=tuple(range(len(SHAPES))))
        run.step(2)
    assert_same(reference, ours, bits=backend == "exact")


@every_backend
@pytest.mark.parametrize("scales", [(2.0, 0.5), (0.0, 1.0), (-1.0, 1.0)])
def test_layer_scale_of_adam(scales: tuple[float, float], backend: str) -> None:
    """A negative one makes the sum's terms negative: then no single parameter is proof that all move."""

    def run(made: Callable[..., Any], backend: str | None = None) -> Run:
        one = Run(lambda params, **rest: made([{"params": params[:3]}, {"params": params[3:]}], **rest), backend)
        for group, scale in zip(one.optimizer.param_groups, scales, strict=True):
            group["layer_scale"] = scale
        for seed in range(4):
            one.step(seed)
        return one

    assert_same(run(dadaptation.DAdaptAdam), run(optimizers.DAdaptAdam, backend), bits=backend == "exact")


def test_terms_that_cancel_leave_the_step_out() -> None:
    for made in (dadaptation.DAdaptAdam, optimizers.DAdaptAdam):
        params = [torch.nn.Parameter(torch.ones(3)) for _ in range(2)]
        optimizer = made([{"params": [params[0]]}, {"params": [params[1]], "layer_scale": -1.0}])
        for p in params:
            p.grad = torch.ones(3)
        optimizer.step()
        assert optimizer.param_groups[0]["k"] == 0
        assert all(p.detach().eq(1).all() for p in params)


@every_backend
def test_sgd_begins_at_the_first_step_with_a_learning_rate(backend: str) -> None:
    ours = Run(optimizers.DAdaptSGD, backend)
    late = Run(dadaptation.DAdaptSGD)
    ours.optimizer.param_groups[0]["lr"] = 0.0
    ours.step(0)
    assert ours.optimizer.param_groups[0]["k"] == 0
    ours.optimizer.param_groups[0]["lr"] = 1.0
    for seed in (1, 2, 3):
        ours.step(seed)
        late.step(seed)
    assert_same(late, ours, bits=backend == "exact")


@every_backend
def test_d_of_adan_ip_is_a_number_and_goes_on_from_a_tensor(backend: str) -> None:
    reference = Run(dadaptation.experimental.DAdaptAdanIP)
    ours = Run(optimizers.DAdaptAdanIP, backend)
    for _ in range(4):
        reference.step(4)  # one direction throughout lets d grow
    saved = copy.deepcopy(reference.optimizer.state_dict())  # a loaded state shares its tensors
    assert isinstance(saved["param_groups"][0]["d"], torch.Tensor), "or this test is about nothing"
    for p, theirs in zip(ours.params, reference.params, strict=True):
        p.detach().copy_(theirs)
    ours.optimizer.load_state_dict(saved)
    for _ in range(4):
        reference.step(4)
        ours.step(4)
    group = ours.optimizer.param_groups[0]
    assert type(group["d"]) is float
    assert type(group["numerator_weighted"]) is float
    assert_same(reference, ours, bits=backend == "exact")


@every_class
def test_log_every_writes_to_the_log_and_prints_nothing(
    name: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    ours = Run(getattr(optimizers, name), log_every=2)
    with caplog.at_level(logging.INFO, logger="optimizers"):
        for seed in range(5):
            ours.step(seed)
    assert [record.message.split()[1] for record in caplog.records] == ["0", "2", "4"]
    assert all("d_hat: " in record.message for record in caplog.records)
    assert capsys.readouterr() == ("", "")


@every_class
def test_sparse_and_complex_are_refused(name: str) -> None:
    sparse = torch.nn.Parameter(torch.zeros(3, 2))
    sparse.grad = torch.eye(3, 2).to_sparse()
    with pytest.raises(RuntimeError, match="sparse"):
        getattr(optimizers, name)([sparse]).step()
    whole = torch.nn.Parameter(torch.zeros(2, dtype=torch.complex64))
    whole.grad = torch.ones(2, dtype=torch.complex64)
    with pytest.raises(RuntimeError, match="complex"):
        getattr(optimizers, name)([whole]).step()


def test_adagrad_refuses_sharded_parameters() -> None:
    p = torch.nn.Parameter(torch.zeros(2))
    p._fsdp_flattened = True  # type: ignore[attr-defined]
    p.grad = torch.ones(2)
    with pytest.raises(RuntimeError, match="FSDP"):
        optimizers.DAdaptAdaGrad([p]).step()
