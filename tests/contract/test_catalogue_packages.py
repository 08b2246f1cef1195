"""The catalogue against the real packages: every entry is built, stepped and compared, none is taken on trust.

A constructor that accepts a keyword has validated nothing (pytorch_optimizer swallows misspelt ones), so names and
defaults are compared with the signature itself. A missing package is a skip with its name, never a filter.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import inspect
import math
import os
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest
from packaging.version import Version

from core.catalogue.kinds import literal
from core.catalogue.loader import load_catalogue
from core.catalogue.spec import OptimizerSpec
from core.command.surroundings import module_path
from core.job.optimizer import wants_loss
from tests.helpers.sd_scripts_rules import Resolved, imported_by_name, resolve

torch = pytest.importorskip("torch", reason="torch is not installed")

# The packages' own noise on a CPU, each named exactly: anything else fails the suite.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Paged optimizers are not supported on CPU:UserWarning"),
]

CATALOGUE = load_catalogue()
STEPS = 8  # RAdamScheduleFree moves nothing in its first steps
every_optimizer = pytest.mark.parametrize("spec", list(CATALOGUE), ids=lambda spec: spec.id)


def resolved(spec: OptimizerSpec, *optimizer_args: str) -> Resolved:
    """What sd-scripts builds for the entry; skips where a package it needs is not there at all."""
    for requirement in spec.requirements:
        if importlib.util.find_spec(requirement.module) is None:
            pytest.skip(f"{requirement.package} is not installed")
    return resolve(spec.optimizer_type, optimizer_args)


def class_at(path: str) -> type[Any]:
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def real_defaults(spec: OptimizerSpec, built: Resolved) -> dict[str, Any]:
    """Name and default of every keyword a person could give, as the class and sd-scripts have them."""
    defaults = {}
    for name, parameter in inspect.signature(built.optimizer_class).parameters.items():
        if name in ("params", "lr") or parameter.kind is inspect.Parameter.VAR_KEYWORD:
            continue
        if name not in spec.fixed_arguments and name not in spec.internal_arguments:
            defaults[name] = built.arguments.get(name, parameter.default)
    return defaults


def small_model() -> Any:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(48, 96), torch.nn.Tanh(), torch.nn.Linear(96, 4))


def groups_of(model: Any, rate: float) -> list[dict[str, Any]]:
    """Two groups, as a LoRA of text encoder and U-Net has."""
    return [
        {"params": list(model[0].parameters()), "lr": rate},
        {"params": list(model[2].parameters()), "lr": rate},
    ]


def train(spec: OptimizerSpec, built: Resolved, steps: int = STEPS) -> tuple[Any, Any]:
    """Steps the way sd-scripts does: no closure, gradients dropped in between."""
    model = small_model()
    optimizer = built.build(groups_of(model, spec.learning_rate.start), spec.learning_rate.start)
    for _ in range(steps):
        inputs = torch.randn(16, 48)
        loss = (model(inputs) - inputs[:, :4]).square().mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return model, optimizer


def as_argument(name: str, value: Any) -> str:
    return f"{name}={literal(value)}"


@every_optimizer
def test_every_name_means_the_class(spec: OptimizerSpec) -> None:
    built = resolved(spec)
    assert built.optimizer_class is class_at(spec.class_path)
    for alias in spec.aliases:
        assert resolve(alias).optimizer_class is built.optimizer_class, alias
    for form in spec.old_forms:
        assert resolve("", options=form.options).optimizer_class is built.optimizer_class
    added = {name: value for name, value in built.arguments.items() if spec.argument(name) is None}
    assert added == dict(spec.fixed_arguments)


@every_optimizer
def test_mistaken_names_do_not_work_the_same(spec: OptimizerSpec) -> None:
    built = resolved(spec)
    for name in spec.mistaken_names:
        try:
            other = resolve(name)
        except (AttributeError, ImportError, ValueError):
            continue
        assert other.optimizer_class is not built.optimizer_class or other.own_branch != built.own_branch, name


@every_optimizer
def test_arguments_are_those_of_the_signature(spec: OptimizerSpec) -> None:
    real = real_defaults(spec, resolved(spec))
    assert [argument.name for argument in spec.arguments if argument.name not in real] == []
    assert [name for name in real if spec.argument(name) is None] == []
    for name, default in real.items():
        argument = spec.argument(name)
        assert argument is not None
        assert argument.default == default, name
        # 1 == True in Python, but not for the person who fills the form
        assert isinstance(argument.default, bool) == isinstance(default, bool), name


@every_optimizer
def test_internal_arguments_exist(spec: OptimizerSpec) -> None:
    parameters = inspect.signature(resolved(spec).optimizer_class).parameters
    for name in (*spec.internal_arguments, *spec.fixed_arguments):
        assert name in parameters


@every_optimizer
def test_steps_and_learns(spec: OptimizerSpec) -> None:
    model, _ = train(spec, resolved(spec))
    weights = [parameter.detach() for parameter in model.parameters()]
    assert all(bool(torch.isfinite(weight).all()) for weight in weights)
    assert any(not torch.equal(weight, before) for weight, before in zip(weights, small_model().parameters(), strict=True))


@every_optimizer
def test_defaults_said_aloud_change_nothing(spec: OptimizerSpec) -> None:
    """Every default goes through the text of a command line and gives the same weights, bit for bit."""
    quiet, _ = train(spec, resolved(spec), steps=2)
    aloud, _ = train(spec, resolved(spec, *(as_argument(a.name, a.default) for a in spec.arguments)), steps=2)
    for one, other in zip(quiet.parameters(), aloud.parameters(), strict=True):
        assert torch.equal(one, other)


@every_optimizer
def test_examples_are_accepted(spec: OptimizerSpec) -> None:
    for argument in spec.arguments:
        for example in argument.examples:
            train(spec, resolved(spec, as_argument(argument.name, example.value)), steps=1)


@every_optimizer
def test_d_and_learning_rate_are_where_the_entry_says(spec: OptimizerSpec) -> None:
    _, optimizer = train(spec, resolved(spec))
    where = spec.logging.effective_lr
    assert (where == "d*lr") == (spec.logging.d_key is not None)
    for group in optimizer.param_groups:
        if spec.logging.d_key is not None:
            assert float(group[spec.logging.d_key]) > 0
        if where not in ("d*lr", "adafactor", "emo"):
            assert float(group[where]) > 0


@every_optimizer
def test_scheduler_is_ignored_where_the_entry_says(spec: OptimizerSpec) -> None:
    built = resolved(spec)
    assert spec.ignores_scheduler({}) == (built.dummy_scheduler or not built.keeps_lr)


@every_optimizer
def test_installed_packages_are_new_enough(spec: OptimizerSpec) -> None:
    resolved(spec)
    for requirement in spec.requirements:
        found = Version(importlib.metadata.version(requirement.package))
        assert requirement.minimum is None or found >= Version(requirement.minimum)


def sd15_lora_shapes() -> Counter[tuple[str, tuple[int, ...]]]:
    """The tensors of a rank-16 LoRA for SD1.5 (U-Net and text encoder) as networks.lora makes them: shape -> how many."""
    shapes: Counter[tuple[str, tuple[int, ...]]] = Counter()

    def linear(inputs: int, outputs: int, times: int, *tail: int) -> None:
        shapes["down", (16, inputs, *tail)] += times
        shapes["up", (outputs, 16, *tail)] += times

    for channels, blocks in ((320, 5), (640, 5), (1280, 6)):
        linear(channels, channels, 2 * blocks, 1, 1)  # proj_in and proj_out are 1x1 convolutions
        linear(channels, channels, 6 * blocks)  # self attention, and to_q and to_out of cross attention
        linear(768, channels, 2 * blocks)  # to_k and to_v of cross attention read the text
        linear(channels, 8 * channels, blocks)
        linear(4 * channels, channels, blocks)
    linear(768, 768, 12 * 4)
    linear(768, 3072, 12)
    linear(3072, 768, 12)
    return shapes


def test_lora_shapes_are_those_that_were_measured() -> None:
    shapes = sd15_lora_shapes()
    assert (len(shapes), sum(shapes.values())) == (21, 528)
    assert sum(math.prod(shape) * times for (_, shape), times in shapes.items()) == 9_437_184


def bytes_per_parameter(optimizer: Any, weights: dict[Any, int]) -> float:
    """Bytes of state per trained parameter; `weights` says how many tensors each one stands for.

    Tensors that several parameters share (bitsandbytes' quantisation maps) are not counted: their size does not grow.
    """
    tensors = {p: [value for value in optimizer.state[p].values() if isinstance(value, torch.Tensor)] for p in weights}
    owners = Counter(tensor.data_ptr() for held in tensors.values() for tensor in held)
    total = 0
    for parameter, times in weights.items():
        own = [tensor for tensor in tensors[parameter] if owners[tensor.data_ptr()] == 1]
        total += times * sum(tensor.numel() * tensor.element_size() for tensor in own)
    return total / sum(parameter.numel() * times for parameter, times in weights.items())


@every_optimizer
def test_state_bytes_are_as_measured(spec: OptimizerSpec) -> None:
    """On the very tensors of a rank-16 SD1.5 LoRA (all of 4096 elements and more): one of each shape, weighted by its number.

    Tolerance 2 %, or 0.01 bytes where two decimals say less than that.
    """
    built = resolved(spec)
    if spec.needs_cuda and not torch.cuda.is_available():
        pytest.skip(f"{spec.id} needs CUDA for tensors of this size")
    if spec.state_bytes is None:
        pytest.skip(f"{spec.id}: state bytes are unknown")
    device = "cuda" if spec.needs_cuda else "cpu"
    torch.manual_seed(0)
    weights: dict[Any, int] = {}
    for (side, shape), times in sd15_lora_shapes().items():
        start = torch.zeros(shape) if side == "up" else torch.randn(shape) * 0.01  # as a LoRA begins
        weights[torch.nn.Parameter(start.to(device))] = times
    optimizer = built.build([{"params": list(weights), "lr": spec.learning_rate.start}], spec.learning_rate.start)
    for _ in range(2):
        for parameter in weights:
            parameter.grad = torch.randn_like(parameter) * 0.01
        optimizer.step()
    assert bytes_per_parameter(optimizer, weights) == pytest.approx(spec.state_bytes, rel=0.02, abs=0.01)


@every_optimizer
def test_what_needs_cuda_fails_without_it(spec: OptimizerSpec) -> None:
    built = resolved(spec)
    if not spec.needs_cuda:
        return
    if torch.cuda.is_available():
        pytest.skip("CUDA is here")
    parameter = torch.nn.Parameter(torch.zeros(512, 512))
    optimizer = built.build([{"params": [parameter], "lr": 1e-4}], 1e-4)
    parameter.grad = torch.ones_like(parameter)
    with pytest.raises((RuntimeError, AssertionError)):
        optimizer.step()


FAST = [spec for spec in CATALOGUE if spec.fast is not None]
every_fast = pytest.mark.parametrize("spec", FAST, ids=lambda spec: spec.id)


def fast_of(spec: OptimizerSpec) -> Resolved:
    """What sd-scripts builds for the fast implementation, under the conditions that the entry names."""
    assert spec.fast is not None
    return resolve(spec.fast.optimizer_type, [as_argument(*pair) for pair in spec.fast.only_with.items()])


@every_fast
def test_a_fast_class_takes_exactly_the_arguments_of_its_entry(spec: OptimizerSpec) -> None:
    real = real_defaults(spec, fast_of(spec))
    known = {argument.name: argument.default for argument in spec.arguments}
    assert spec.fast is not None
    assert real == {**known, **spec.fast.only_with}
    assert {name: type(value) is bool for name, value in real.items()} == {
        name: type(value) is bool for name, value in known.items()
    }


@every_fast
def test_a_fast_class_is_the_registered_equal_of_the_class_of_its_entry(spec: OptimizerSpec) -> None:
    from optimizers.registry import PAIRS

    built = resolved(spec)
    assert spec.fast is not None
    (pair,) = (pair for pair in PAIRS if pair.ours == spec.fast.optimizer_type)
    assert class_at(pair.reference) is built.optimizer_class
    assert spec.fast.equals == f"{pair.package} {pair.version}"
    # The version that the numbers were held against is the one that is installed here.
    assert importlib.metadata.version(pair.package) == pair.version


@every_fast
def test_sd_scripts_prepares_a_fast_class_as_its_entry(spec: OptimizerSpec) -> None:
    """Under another name it must neither add arguments, nor take the learning rates away, nor choose another scheduler."""
    assert spec.fast is not None
    plain, fast = resolved(spec, *(as_argument(*pair) for pair in spec.fast.only_with.items())), fast_of(spec)
    assert not fast.own_branch
    assert (fast.arguments, fast.keeps_lr, fast.dummy_scheduler) == (plain.arguments, plain.keeps_lr, plain.dummy_scheduler)
    wanted = {requirement.module for requirement in spec.fast.requirements}
    assert wanted == imported_by_name(spec.fast.optimizer_type)


def test_fast_classes_need_nothing_but_torch_to_be_imported() -> None:
    """All in one process, since torch takes seconds to import; nobody has the packages of any entry there."""
    fast = [(spec, spec.fast.optimizer_type) for spec in CATALOGUE if spec.fast is not None]
    assert fast
    code = (
        "import importlib, importlib.abc, sys\n"
        "class Nobody(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.partition('.')[0] in {sorted({item.module for spec, _ in fast for item in spec.requirements})!r}:\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Nobody())\n"
        f"for path in {[path for _, path in fast]!r}:\n"
        "    module, _, name = path.rpartition('.')\n"
        "    getattr(importlib.import_module(module), name)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": str(module_path())})


@every_fast
def test_a_fast_class_says_where_d_is_as_its_entry(spec: OptimizerSpec) -> None:
    _, optimizer = train(spec, fast_of(spec))
    for group in optimizer.param_groups:
        if spec.logging.d_key is not None:
            assert float(group[spec.logging.d_key]) > 0
        if spec.logging.effective_lr not in ("d*lr", "adafactor", "emo"):
            assert float(group[spec.logging.effective_lr]) > 0


def test_the_series_that_wants_the_loss_is_the_one_whose_rate_depends_on_it() -> None:
    for spec in CATALOGUE:
        for name in spec.names:
            assert wants_loss(name) == (spec.logging.effective_lr == "emo"), name
