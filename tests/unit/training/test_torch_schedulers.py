"""What the advice says of torch's own schedulers and optimizers, held against the torch that is installed."""

from __future__ import annotations

import inspect

import torch

from core.advice.names import TORCH_OPTIMIZERS
from core.advice.schedulers import NEEDS_ARGUMENTS, TORCH_SCHEDULERS


def _classes() -> dict[str, type]:
    module = torch.optim.lr_scheduler
    found = {name: getattr(module, name) for name in dir(module) if not name.startswith("_")}
    return {name: one for name, one in found.items() if inspect.isclass(one) and issubclass(one, module.LRScheduler)}


def test_every_scheduler_of_torch_is_known():
    assert set(_classes()) <= set(TORCH_SCHEDULERS)
    assert all(hasattr(torch.optim.lr_scheduler, name) for name in TORCH_SCHEDULERS)


def test_the_arguments_that_a_class_needs_are_those_without_a_default():
    given_by_code = {"lr_lambda", "schedulers", "milestones"}  # functions and objects cannot be said on a command line
    for name, one in _classes().items():
        parameters = list(inspect.signature(one.__init__).parameters.values())[2:]
        needed = {parameter.name for parameter in parameters if parameter.default is inspect.Parameter.empty}
        needed -= {parameter.name for parameter in parameters if parameter.kind is inspect.Parameter.VAR_POSITIONAL}
        told = NEEDS_ARGUMENTS[name].partition("=")[0] if name in NEEDS_ARGUMENTS else None
        assert told in needed if told else needed <= given_by_code, name


def test_every_optimizer_of_torch_is_known():
    found = {name for name in dir(torch.optim) if inspect.isclass(getattr(torch.optim, name))}
    assert found <= set(TORCH_OPTIMIZERS)
    assert set(TORCH_OPTIMIZERS) - found <= {"Muon"}, "newer than the oldest torch that is supported"
