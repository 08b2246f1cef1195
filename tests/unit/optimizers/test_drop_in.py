"""An optimizer of ours among torch's own parts and accelerate's: nothing about it is unusual.

Each `drive` trains a small network in one way; the test at the end runs it with the reference and with ours.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from tests.helpers.optimizer_driving import STEPS, Little, Make, maker, side_by_side, values
from tests.helpers.optimizer_pairs import BACKENDS, COMPARABLE, PAIRS, Pair
from tests.helpers.selection import crossed


def _nothing(step: int) -> None:
    """Between backward and step."""


def _train(model: nn.Module, optimizer: Any, steps: int = STEPS, before: Callable[[int], None] = _nothing) -> None:
    for step in range(steps):
        optimizer.zero_grad(set_to_none=True)
        model().backward()
        before(step)
        optimizer.step()


def _gradient(parameter: torch.Tensor) -> torch.Tensor:
    assert parameter.grad is not None
    return parameter.grad


def plain(make: Make) -> list[torch.Tensor]:
    model = Little()
    _train(model, make(model.parameters()))
    return values(model)


def gradients_zeroed_in_place(make: Make) -> list[torch.Tensor]:
    model = Little()
    optimizer = make(model.parameters())
    for _ in range(STEPS):
        optimizer.zero_grad(set_to_none=False)
        model().backward()
        optimizer.step()
    return [*values(model), *(one.grad.clone() for one in model.parameters() if one.grad is not None)]


def accumulated(make: Make) -> list[torch.Tensor]:
    """Two halves of the batch before each step."""
    model = Little()
    optimizer = make(model.parameters())
    for _ in range(STEPS):
        for rows in (slice(0, 4), slice(4, 8)):
            (model(rows) / 2).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return values(model)


def clipped(make: Make) -> list[torch.Tensor]:
    model = Little()
    optimizer = make(model.parameters())
    _train(model, optimizer, before=lambda step: _clip(model))
    return values(model)


def _clip(model: nn.Module) -> None:
    torch.nn.utils.clip_grad_norm_(model.parameters(), 0.05)


def scheduled(make: Make) -> list[torch.Tensor]:
    """torch's scheduler, a warm-up from 0; it complains where steps are hidden from it."""
    model = Little()
    optimizer = make(model.parameters())
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, step / 4))
    rates = []
    for _ in range(STEPS):
        optimizer.zero_grad(set_to_none=True)
        model().backward()
        optimizer.step()
        scheduler.step()
        rates.append(scheduler.get_last_lr()[0])
    return [*values(model), torch.tensor(rates)]


def hooked(make: Make) -> list[torch.Tensor]:
    """Hooks before a step may change gradients, hooks after it parameters; each is called once per step."""
    model = Little()
    optimizer = make(model.parameters())
    calls: list[str] = []

    def halve(one: Any, args: Any, kwargs: Any) -> None:
        calls.append("before")
        for parameter in model.parameters():
            _gradient(parameter).mul_(0.5)

    def nudge(one: Any, args: Any, kwargs: Any) -> None:
        calls.append("after")
        with torch.no_grad():
            model.bias.add_(1e-3)

    optimizer.register_step_pre_hook(halve)
    optimizer.register_step_post_hook(nudge)
    _train(model, optimizer)
    assert calls == ["before", "after"] * STEPS
    return values(model)


def scaled(make: Make) -> list[torch.Tensor]:
    """Mixed precision's scaler: a step whose gradients overflow is left out."""
    model = Little()
    optimizer = make(model.parameters())
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10, growth_interval=5)
    for step in range(STEPS):
        optimizer.zero_grad(set_to_none=True)
        scaler.scale(model()).backward()
        if step in (3, 8):
            _gradient(model.down)[0, 0] = float("inf")
        scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
    return [*values(model), torch.tensor(scaler.get_scale())]


def accelerated(make: Make) -> list[torch.Tensor]:
    """As sd-scripts has it: prepared by accelerate, which saves and loads the state at once; accumulation by its context."""
    accelerate = pytest.importorskip("accelerate", reason="accelerate is not installed")
    from accelerate.state import AcceleratorState, GradientState

    try:
        accelerator = accelerate.Accelerator(cpu=True, gradient_accumulation_steps=2)
        model = Little()
        optimizer = make(model.parameters())
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0 - 0.01 * step)
        model, optimizer, scheduler = accelerator.prepare(model, optimizer, scheduler)
        for _ in range(2 * STEPS):
            with accelerator.accumulate(model):
                accelerator.backward(model())
                if accelerator.sync_gradients:
                    accelerator.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                scheduler.step()
                optimizer.zero_grad(set_to_none=True)
        return values(accelerator.unwrap_model(model))
    finally:
        AcceleratorState._reset_state(reset_partial_state=True)
        GradientState._reset_state()


def moved_before_the_first_step(make: Make) -> list[torch.Tensor]:
    """sd-scripts builds the optimizer, then accelerate moves the network: the same parameters, other memory."""
    model = Little()
    optimizer = make(model.parameters())
    for parameter in model.parameters():
        parameter.data = parameter.data.clone()
    model.to("cpu")
    _train(model, optimizer)
    return values(model)


def cast_before_the_first_step(make: Make) -> list[torch.Tensor]:
    model = Little()
    optimizer = make(model.parameters())
    model.double()
    _train(model, optimizer)
    return values(model)


def moved_in_between(make: Make) -> list[torch.Tensor]:
    """Memory of parameters, then their values, are exchanged under the optimizer (offloading, weight averaging)."""
    model = Little()
    optimizer = make(model.parameters())

    def exchange(step: int) -> None:
        if step % 3 == 1:
            for parameter in model.parameters():
                parameter.data = parameter.data.clone()
                parameter.grad = _gradient(parameter).clone()
        if step == 9:
            model.down.data = model.down.data * 0.9

    _train(model, optimizer, before=exchange)
    return values(model)


def state_exchanged_in_between(make: Make) -> list[torch.Tensor]:
    """Somebody moves the state's tensors away and back, as offloading does."""
    model = Little()
    optimizer = make(model.parameters())

    def exchange(step: int) -> None:
        if step % 4 == 2:
            for state in optimizer.state.values():
                for name, value in state.items() if isinstance(state, dict) else ():
                    if isinstance(value, torch.Tensor):
                        state[name] = value.clone()

    _train(model, optimizer, before=exchange)
    return values(model)


def parameters_in_one_buffer(make: Make) -> list[torch.Tensor]:
    """Parameters and gradients are views of one buffer each, as fully sharded and distributed training have them."""
    model = Little()
    parameters = list(model.parameters())
    buffer = torch.cat([one.detach().reshape(-1) for one in parameters])
    for parameter, piece in zip(parameters, buffer.split([one.numel() for one in parameters]), strict=True):
        parameter.data = piece.view(parameter.shape)
    optimizer = make(parameters)

    def gather(step: int) -> None:
        bucket = torch.cat([_gradient(one).reshape(-1) for one in parameters])
        for parameter, piece in zip(parameters, bucket.split([one.numel() for one in parameters]), strict=True):
            parameter.grad = piece.view(parameter.shape)

    _train(model, optimizer, before=gather)
    return [*values(model), buffer]


def frozen_from_a_step_on(make: Make) -> list[torch.Tensor]:
    """A text encoder that stops learning, and begins again."""
    model = Little()
    optimizer = make(model.parameters())
    for step in range(STEPS):
        model.conv.requires_grad_(not 5 <= step < 9)
        optimizer.zero_grad(set_to_none=True)
        model().backward()
        optimizer.step()
    return values(model)


def a_group_added_later(make: Make) -> list[torch.Tensor]:
    model = Little()
    optimizer = make([model.down, model.bias])

    def add(step: int) -> None:
        if step == 6:
            optimizer.add_param_group({"params": [model.up, model.conv, model.scale], "weight_decay": 0.1})

    _train(model, optimizer, before=add)
    return values(model)


def two_at_once(make: Make) -> list[torch.Tensor]:
    """Two optimizers of one class, in turn."""
    models = [Little(0), Little(1)]
    optimizers = [make(model.parameters()) for model in models]
    for _ in range(STEPS):
        for model, optimizer in zip(models, optimizers, strict=True):
            _train(model, optimizer, steps=1)
    return [*values(models[0]), *values(models[1])]


def rebuilt(make: Make) -> list[torch.Tensor]:
    """One optimizer ends, another begins on the same parameters: nothing of the first is left."""
    model = Little()
    for _ in range(2):
        _train(model, make(model.parameters()), steps=STEPS // 2)
    return values(model)


def inside_autocast_and_no_grad(make: Make) -> list[torch.Tensor]:
    model = Little()
    optimizer = make(model.parameters())
    for _ in range(STEPS):
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            model().backward()
            with torch.no_grad():
                optimizer.step()
    return values(model)


def without_gradients_at_times(make: Make) -> list[torch.Tensor]:
    """A step for which nobody has a gradient, the first one included."""
    model = Little()
    optimizer = make(model.parameters())
    for step in range(STEPS):
        optimizer.zero_grad(set_to_none=True)
        if step not in (0, 6):
            model().backward()
        optimizer.step()
    return values(model)


def read_in_between(make: Make) -> list[torch.Tensor]:
    """What loggers read: d * lr is a number at any time."""
    model = Little()
    optimizer = make(model.parameters())
    seen = []
    for _ in range(STEPS):
        group = optimizer.param_groups[0]
        if "d" in group:
            assert isinstance(float(group["d"]) * group["lr"], float)
            seen.append(float(group["d"]))
        repr(optimizer)
        optimizer.state_dict()
        _train(model, optimizer, steps=1)
    return [*values(model), torch.tensor(seen, dtype=torch.float64)]


DRIVES = (
    plain,
    gradients_zeroed_in_place,
    accumulated,
    clipped,
    scheduled,
    hooked,
    scaled,
    accelerated,
    moved_before_the_first_step,
    cast_before_the_first_step,
    moved_in_between,
    state_exchanged_in_between,
    parameters_in_one_buffer,
    frozen_from_a_step_on,
    a_group_added_later,
    two_at_once,
    rebuilt,
    inside_autocast_and_no_grad,
    without_gradients_at_times,
    read_in_between,
)


@crossed(pair=COMPARABLE, drive=DRIVES, backend=BACKENDS)
def test_it_trains_as_the_reference_does(pair: Pair, drive: Callable[[Make], list[torch.Tensor]], backend: str) -> None:
    side_by_side(pair, backend, drive)


@crossed(pair=COMPARABLE, backend=BACKENDS)
def test_a_closure_is_called_once_and_its_loss_comes_back(pair: Pair, backend: str) -> None:
    """With gradients, though a reference may forget to allow them (EmoNavi's cannot be called like this at all)."""
    model = Little()
    optimizer = maker(pair, backend)(model.parameters())
    losses: list[torch.Tensor] = []

    def closure() -> torch.Tensor:
        optimizer.zero_grad(set_to_none=True)
        loss = model()
        loss.backward()
        losses.append(loss)
        return loss

    before = values(model)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        results = [optimizer.step(closure) for _ in range(4)]
    assert len(losses) == 4
    reference = Little()
    theirs = maker(pair, None)(reference.parameters())
    try:
        back = theirs.step(functools.partial(_closure, theirs, reference))
    except RuntimeError:
        back = losses[0]
    returned = all(one is loss for one, loss in zip(results, losses, strict=True))
    assert returned or (back is None and results == [None] * 4)
    assert any(not torch.equal(one, other) for one, other in zip(before, values(model), strict=True))


def _closure(optimizer: Any, model: nn.Module) -> torch.Tensor:
    optimizer.zero_grad(set_to_none=True)
    loss = model()
    loss.backward()
    return loss


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_the_backend_can_be_chosen_by_the_environment_and_is_no_state(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CADDIE_OPTIMIZER_BACKEND", "exact")
    model = Little()
    optimizer = maker(pair, None)(model.parameters()) if pair.ours == pair.reference else _built_without_backend(pair, model)
    assert optimizer.backend == "exact"
    optimizer.backend = "eager"
    _train(model, optimizer, steps=2)
    assert "eager" not in str(optimizer.state_dict()["param_groups"])
    with pytest.raises(ValueError, match="turbo"):
        optimizer.backend = "turbo"


def _built_without_backend(pair: Pair, model: nn.Module) -> Any:
    from tests.helpers.optimizer_pairs import ours_of
    from tests.helpers.optimizer_variants import plan_of

    return ours_of(pair)(model.parameters(), **plan_of(pair.name).base)
