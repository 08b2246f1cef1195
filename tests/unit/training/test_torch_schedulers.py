"""What the advice says of torch's own schedulers and optimizers, held against the torch that is installed."""

from __future__ import annotations

import ast
import inspect

import pytest
import torch

from core.advice.model import subject_of
from core.advice.names import TORCH_OPTIMIZERS
from core.advice.schedulers import NEEDS_ARGUMENTS, NEEDS_OBJECTS, TORCH_SCHEDULERS, class_lacks_argument
from core.job.model import Job


def _classes() -> dict[str, type]:
    module = torch.optim.lr_scheduler
    found = {name: getattr(module, name) for name in dir(module) if not name.startswith("_")}
    return {name: one for name, one in found.items() if inspect.isclass(one) and issubclass(one, module.LRScheduler)}


def test_every_scheduler_of_torch_is_known():
    assert set(_classes()) <= set(TORCH_SCHEDULERS)
    assert all(hasattr(torch.optim.lr_scheduler, name) for name in TORCH_SCHEDULERS)


def test_the_arguments_that_a_class_needs_are_those_without_a_default():
    for name, one in _classes().items():
        if name in NEEDS_OBJECTS:
            continue
        parameters = list(inspect.signature(one.__init__).parameters.values())[2:]
        needed = {parameter.name for parameter in parameters if parameter.default is inspect.Parameter.empty}
        needed |= {"total_steps"} if name == "OneCycleLR" else set()
        assert set(NEEDS_ARGUMENTS.get(name, ())) == needed, name


@pytest.mark.parametrize("name", [*NEEDS_ARGUMENTS, *NEEDS_OBJECTS])
def test_a_class_cannot_be_built_without_and_can_with_what_the_fix_writes(name):
    build = getattr(torch.optim.lr_scheduler, name)
    with pytest.raises((TypeError, ValueError, NotImplementedError, IndexError)):
        build(_optimizer())
    job = Job(options={"lr_scheduler_type": name, "learning_rate": 1e-3, "max_train_steps": 50})
    (trouble,) = class_lacks_argument(subject_of(job, None))
    assert trouble.fix is not None
    items = trouble.fix.apply(job).options.get("lr_scheduler_args", [])
    assert isinstance(items, list)
    given = {key: ast.literal_eval(value) for key, _, value in (str(item).partition("=") for item in items)}
    if name not in NEEDS_OBJECTS:
        optimizer = _optimizer()
        scheduler = build(optimizer, **given)
        for _ in range(49):
            optimizer.step()
            scheduler.step()
        assert 0 <= optimizer.param_groups[0]["lr"] <= 1e-3 * 1.001


def _optimizer() -> torch.optim.Optimizer:
    return torch.optim.AdamW([torch.nn.Parameter(torch.zeros(2))], lr=1e-3)


def test_every_optimizer_of_torch_is_known():
    found = {name for name in dir(torch.optim) if inspect.isclass(getattr(torch.optim, name))}
    assert found <= set(TORCH_OPTIMIZERS)
    assert set(TORCH_OPTIMIZERS) - found <= {"Muon"}, "newer than the oldest torch that is supported"
