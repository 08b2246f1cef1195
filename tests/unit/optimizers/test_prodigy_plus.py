"""What only Prodigy+ScheduleFree has: two modes, steps by parameter, sums by group, memory that it gives back."""

from __future__ import annotations

import logging
import sys
import types
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from optimizers import ProdigyPlusScheduleFree
from tests.helpers.optimizer_check import check, setting_of
from tests.helpers.optimizer_compare import FLOAT32, NOISE_FACTOR, differences, distance
from tests.helpers.optimizer_matrix import SMALL, TINY, TWO_GROUPS, Leaf, Problem, Trace, Training, trained
from tests.helpers.optimizer_pairs import BACKENDS, pair_named, reference_of
from tests.helpers.optimizer_variants import BASE, Variant, plan_of

pytest.importorskip("prodigyplus", reason="prodigy-plus-schedule-free is not installed")
PAIR = pair_named("ProdigyPlusScheduleFree")
every_backend = pytest.mark.parametrize("backend", BACKENDS)
FAR_APART = (Leaf("largest axes 0 and 2", (34, 3, 33)), Leaf("2 and 0", (33, 3, 34)), Leaf("0 and 3", (33, 2, 2, 33)))


def _parameters(count: int = 3) -> list[torch.nn.Parameter]:
    generator = torch.Generator().manual_seed(0)
    return [torch.nn.Parameter(torch.randn(40, 8, generator=generator)) for _ in range(count)]


def _give_gradients(parameters: list[torch.nn.Parameter]) -> None:
    for parameter in parameters:
        parameter.grad = parameter.detach().clone()


@every_backend
@pytest.mark.parametrize("variant", ["stochastic rounding", "factors as gradients", "no schedulefree", "speed", "adopt"])
def test_bfloat16_parameters(variant: str, backend: str) -> None:
    """Stochastic rounding draws the same numbers as the reference where every bit counts."""
    chosen = next(one for one in plan_of(PAIR.name).variants if one.name == variant)
    check(PAIR, Problem(grouping=TWO_GROUPS, dtype=torch.bfloat16, steps=30), backend, chosen)


@pytest.mark.parametrize("backend", ["eager", "native"])
@pytest.mark.parametrize("variant", [BASE, *plan_of(PAIR.name).variants], ids=lambda variant: variant.name)
def test_without_bfloat16_inside(variant: Variant, backend: str) -> None:
    """Loading a state makes the estimate's memory float32: then nothing is left to chance, and float32's criteria hold."""
    problem = Problem(leaves=TINY, grouping=TWO_GROUPS, steps=30)
    reference = _with_float32_memory(reference_of(PAIR), variant, problem)
    bound = FLOAT32
    for nudge in (2**-23, -(2**-23)):
        nudged = _with_float32_memory(reference_of(PAIR), variant, problem, nudge=nudge)
        bound = bound.at_least(distance(reference, nudged).times(NOISE_FACTOR))
    assert bound.within(FLOAT32.times(20)), "the reference's own noise is too large for this to prove anything"
    ours = _with_float32_memory(ProdigyPlusScheduleFree, variant, problem, backend)
    assert differences(reference, ours, bound) == []


def _with_float32_memory(
    optimizer_class: type[Any], variant: Variant, problem: Problem, backend: str | None = None, nudge: float = 0.0
) -> Trace:
    training = Training(optimizer_class, setting_of(PAIR, variant, problem), problem, backend=backend, nudge=nudge)
    training.run(1)
    training.hand_over(optimizer_class, backend, lambda state: state)
    assert all(state["s"].dtype == torch.float32 for state in training.optimizer.state_dict()["state"].values() if "s" in state)
    return training.run()


@every_backend
def test_largest_axes_that_are_not_neighbours(backend: str) -> None:
    """The reference takes the mean of its rows over the axis between them."""
    check(PAIR, Problem(leaves=FAR_APART), backend)


@every_backend
@pytest.mark.parametrize(
    "arguments",
    [
        {"eps": None, "use_stableadamw": True},
        {"use_cautious": True, "use_grams": True},
        {"use_focus": True, "factored": True, "eps": None},
        {"split_groups_mean": True, "split_groups": False},
        {"prodigy_steps": 1},
        {"prodigy_steps": 2, "use_adopt": True},
        {"use_adopt": True, "use_bias_correction": True, "use_cautious": True},
    ],
    ids=str,
)
def test_arguments_that_meet(arguments: dict[str, Any], backend: str) -> None:
    check(PAIR, Problem(grouping=TWO_GROUPS, steps=30), backend, Variant("together", arguments))


@pytest.mark.parametrize("arguments", [{"eps": None}, {"use_cautious": True, "use_grams": True}, {"use_focus": True}], ids=str)
def test_what_is_switched_off_is_seen_in_the_groups(arguments: dict[str, Any]) -> None:
    theirs = reference_of(PAIR)(_parameters(), **arguments).param_groups[0]
    ours = ProdigyPlusScheduleFree(_parameters(), **arguments).param_groups[0]
    assert {key: ours[key] for key in theirs if key != "params"} == {key: theirs[key] for key in theirs if key != "params"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("d0", 0.0),
        ("lr", 0.0),
        ("weight_decay", -0.1),
        ("schedulefree_c", -1),
        ("prodigy_steps", -1),
        ("eps", 0.0),
        ("betas", (1.0, 0.99)),
        ("betas", (0.9, 1.0)),
        ("beta3", 1.0),
    ],
)
def test_values_out_of_range_are_refused_as_in_the_reference(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match="Invalid"):
        reference_of(PAIR)(_parameters(), **{name: value})
    with pytest.raises(ValueError, match="Invalid"):
        ProdigyPlusScheduleFree(_parameters(), **{name: value})


@every_backend
def test_a_step_after_eval_is_refused(backend: str) -> None:
    parameters = _parameters()
    optimizer = ProdigyPlusScheduleFree(parameters)
    optimizer.backend = backend
    _give_gradients(parameters)
    optimizer.step()
    optimizer.eval()
    before = [parameter.detach().clone() for parameter in parameters]
    with pytest.raises(RuntimeError, match="train"):
        optimizer.step()
    assert all(map(torch.equal, before, parameters))
    optimizer.train()
    optimizer.step()
    assert optimizer.param_groups[0]["k"] == 3


def test_eval_without_momentum_is_refused() -> None:
    parameters = _parameters()
    optimizer = ProdigyPlusScheduleFree(parameters, betas=(0.0, 0.99))
    _give_gradients(parameters)
    optimizer.step()
    with pytest.raises(ZeroDivisionError, match="beta"):
        optimizer.eval()


@every_backend
def test_the_estimates_memory_is_given_back(backend: str) -> None:
    parameters = _parameters()
    optimizer = ProdigyPlusScheduleFree(parameters, prodigy_steps=3)
    optimizer.backend = backend
    for step in range(4):
        _give_gradients(parameters)
        optimizer.step()
        held = [{"s", "p0"} & state.keys() for state in optimizer.state.values()]
        assert all(held) == (step < 2), step
    d = optimizer.param_groups[0]["d"]
    optimizer.step()
    assert optimizer.param_groups[0]["d"] == d


@every_backend
def test_steps_by_parameter_and_at_once_can_be_mixed(backend: str) -> None:
    """A step that step_param began ends where its count does, in the middle of step()."""
    ends = []
    for optimizer_class in (reference_of(PAIR), ProdigyPlusScheduleFree):
        parameters = _parameters()
        optimizer: Any = optimizer_class(parameters, d0=1e-3, stochastic_rounding=False)
        if optimizer_class is ProdigyPlusScheduleFree:
            optimizer.backend = backend
        for _ in range(4):
            _give_gradients(parameters)
            optimizer.step_param(parameters[0], optimizer.param_groups[0])
            optimizer.step()
            optimizer.step_parameter(parameters[1], optimizer.param_groups[0], 1)
        ends.append(
            (optimizer.param_groups[0]["k"], optimizer.param_groups[0]["d"], torch.stack([one.detach() for one in parameters]))
        )
    (k, d, there), (our_k, our_d, here) = ends
    assert our_k == k
    assert our_d == (d if backend == "exact" else pytest.approx(d, rel=1e-4))
    torch.testing.assert_close(here, there, rtol=0 if backend == "exact" else 1e-5, atol=0 if backend == "exact" else 1e-6)


@every_backend
def test_a_fused_backward_pass(backend: str) -> None:
    """As trainers do it: a hook for each parameter, which steps it and drops its gradient."""
    ends = []
    for optimizer_class in (reference_of(PAIR), ProdigyPlusScheduleFree):
        layers = torch.nn.Sequential(torch.nn.Linear(40, 33), torch.nn.Linear(33, 5))
        with torch.no_grad():
            for place, parameter in enumerate(layers.parameters()):
                parameter.copy_(torch.linspace(-0.5, 0.5, parameter.numel()).view(parameter.shape).roll(place))
        optimizer: Any = optimizer_class(layers.parameters(), fused_back_pass=True, d0=1e-3)
        if optimizer_class is ProdigyPlusScheduleFree:
            optimizer.backend = backend

        def hook(parameter: torch.Tensor, optimizer: Any = optimizer) -> None:
            optimizer.step_param(parameter, optimizer.param_groups[0])
            parameter.grad = None

        for parameter in layers.parameters():
            parameter.register_post_accumulate_grad_hook(hook)
        for _ in range(5):
            layers(torch.linspace(-1, 1, 80).view(2, 40)).square().mean().backward()
            optimizer.step()
        ends.append((optimizer.param_groups[0]["k"], torch.cat([one.detach().ravel() for one in layers.parameters()])))
    assert ends[0][0] == ends[1][0] == 6
    torch.testing.assert_close(
        ends[1][1], ends[0][1], rtol=0 if backend == "exact" else 1e-5, atol=0 if backend == "exact" else 1e-6
    )


@pytest.fixture
def sd_scripts(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """sd-scripts' package, as far as its fused backward pass asks for an optimizer."""
    package = types.ModuleType("library")
    package.__path__ = []
    module: Any = types.ModuleType("library.adafactor_fused")

    def patch_adafactor_fused(optimizer: Any) -> None:
        raise AssertionError("made for Adafactor alone")

    module.patch_adafactor_fused = patch_adafactor_fused
    monkeypatch.setitem(sys.modules, "library", package)
    monkeypatch.setitem(sys.modules, "library.adafactor_fused", module)
    yield module


class Wrapper:
    """accelerate's AcceleratedOptimizer, as far as this asks for it."""

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self.optimizer = optimizer


@pytest.mark.parametrize("wrapped", [False, True])
def test_sd_scripts_fused_backward_pass_finds_step_param(sd_scripts: Any, wrapped: bool) -> None:
    original = sd_scripts.patch_adafactor_fused
    parameters = _parameters()
    optimizer = ProdigyPlusScheduleFree(parameters)
    given: Any = Wrapper(optimizer) if wrapped else optimizer
    sd_scripts.patch_adafactor_fused(given)
    assert sd_scripts.patch_adafactor_fused is original
    _give_gradients(parameters)
    before = parameters[0].detach().clone()
    for parameter in parameters:
        given.step_param(parameter, optimizer.param_groups[0])
    assert not torch.equal(before, parameters[0])
    assert optimizer.param_groups[0]["k"] == 2


def test_sd_scripts_gets_its_function_back_where_nobody_asked_for_it(sd_scripts: Any) -> None:
    original = sd_scripts.patch_adafactor_fused
    parameters = _parameters()
    optimizer = ProdigyPlusScheduleFree(parameters)
    assert sd_scripts.patch_adafactor_fused is not original
    _give_gradients(parameters)
    optimizer.step()
    assert sd_scripts.patch_adafactor_fused is original


def test_some_other_package_named_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    other = types.ModuleType("library")
    monkeypatch.setitem(sys.modules, "library", other)
    monkeypatch.delitem(sys.modules, "library.adafactor_fused", raising=False)
    ProdigyPlusScheduleFree(_parameters())
    assert "library.adafactor_fused" not in sys.modules


@every_backend
@pytest.mark.parametrize("count", [1, 2])
def test_a_group_that_comes_later(backend: str, count: int) -> None:
    """It shares the estimate of a single group, and begins its own beside several; the reference raises KeyError."""
    parameters = _parameters(count + 1)
    optimizer = ProdigyPlusScheduleFree([{"params": [one]} for one in parameters[:count]], d0=1e-3)
    optimizer.backend = backend
    for step in range(12):
        if step == 4:
            optimizer.add_param_group({"params": [parameters[-1]]})
        _give_gradients(parameters)
        optimizer.step()
    d = [group["d"] for group in optimizer.param_groups]
    assert min(d) > 1e-3
    assert (d[0] == d[-1]) == (count == 1)


def test_a_state_of_an_older_version_is_named(caplog: pytest.LogCaptureFixture) -> None:
    parameters = _parameters()
    optimizer = ProdigyPlusScheduleFree(parameters)
    saved = optimizer.state_dict()
    del saved["param_groups"][0]["optimiser_version"]
    optimizer.load_state_dict(saved)
    _give_gradients(parameters)
    with caplog.at_level(logging.WARNING):
        optimizer.step()
        optimizer.step()
    assert [record.message for record in caplog.records if "1.9.2" in record.message] != []
    assert len(caplog.records) == 1


@every_backend
def test_nothing_is_printed(backend: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The reference prints; programs that read standard output see nothing of ours."""
    setting = plan_of(PAIR.name).setting(Variant("all", {"use_focus": True, "eps": None, "prodigy_steps": 3}))
    trained(ProdigyPlusScheduleFree, setting, Problem(leaves=SMALL, steps=5), backend=backend)
    assert capsys.readouterr().out == ""


def test_the_sums_run_in_the_groups_until_the_step_ends() -> None:
    """A state that is saved in the middle of a fused backward pass goes on with the reference, and comes back."""
    problem = Problem(steps=8)
    setting = plan_of(PAIR.name).setting(BASE)
    traces = []
    for second in (reference_of(PAIR), ProdigyPlusScheduleFree):
        training = Training(ProdigyPlusScheduleFree, setting, problem, backend="exact")
        training.run(4)
        training.set_gradients()
        first = training.parameters[0]
        training.optimizer.step_param(first, training.optimizer.param_groups[0])
        assert float(training.optimizer.param_groups[0]["running_d_denom"]) > 0.0
        training.hand_over(second, None if second is not ProdigyPlusScheduleFree else "exact", lambda state: state)
        traces.append(training.run())
    assert differences(traces[0], traces[1], None) == []
