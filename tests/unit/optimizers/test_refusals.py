"""What a reference refuses is refused, what it takes is taken; sparse and complex are refused in words."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from tests.helpers.optimizer_driving import Little, maker
from tests.helpers.optimizer_pairs import BACKENDS, COMPARABLE, PAIRS, Pair, arguments_of, ours_of, reference_of
from tests.helpers.optimizer_variants import plan_of

every_backend = pytest.mark.parametrize("backend", BACKENDS)
every_pair = pytest.mark.parametrize("pair", COMPARABLE, ids=lambda pair: pair.name)
each_of_ours = pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)

NUMBERS = (-1.0, -1e-9, 0.0, 0.5, 1.0, 2.0, math.inf, math.nan)
BAD_BETAS = tuple(
    betas
    for bad in (-0.1, 1.0, 1.5, math.nan)
    for betas in ((bad, 0.9), (0.9, bad), (bad, 0.9, 0.9), (0.9, bad, 0.9), (0.9, 0.9, bad))
)
VALUES: dict[str, tuple[Any, ...]] = {
    "lr": (*NUMBERS, None),
    "betas": ((0.9,), (0.0, 0.0), (0.0, 0.0, 0.0), *BAD_BETAS),
    "eps": (*NUMBERS, None, (0.0, 0.0), (-1.0, 1e-3), (1e-30, -1.0), (1e-30,)),
    "beta1": (*NUMBERS, None),
    "beta3": (*NUMBERS, None),
    "relative_step": (True, False),
    "warmup_init": (True, False),
    "scale_parameter": (True, False),
}
"""Values to try for an argument; any other argument that takes a number gets NUMBERS."""

MEANT = (ValueError, AssertionError)
"""How references refuse; anything else (an index out of range, a comparison with None) is an accident."""


def _tries(name: str, default: Any) -> tuple[Any, ...]:
    numeric = isinstance(default, int | float) and not isinstance(default, bool)
    return VALUES.get(name, NUMBERS if numeric else ())


def _outcome(optimizer_class: type[Any], arguments: dict[str, Any]) -> Exception | None:
    try:
        optimizer_class([torch.nn.Parameter(torch.ones(3))], **arguments)
    except Exception as error:  # noqa: BLE001 - its type is what is asked for
        return error
    return None


@every_pair
def test_the_same_values_are_refused_with_the_same_kind_of_exception(pair: Pair) -> None:
    """Nonsense that the reference takes may be refused, in words that name it; where it stumbles, any refusal will do."""
    found = []
    for name, default in arguments_of(reference_of(pair)).items():
        for value in _tries(name, default):
            arguments = {**plan_of(pair.name).base, name: value}
            theirs, mine = _outcome(reference_of(pair), arguments), _outcome(ours_of(pair), arguments)
            if theirs is None:
                wrong = mine is not None and not (isinstance(mine, ValueError) and _names(name, str(mine)))
            elif isinstance(theirs, MEANT):
                wrong = not isinstance(mine, type(theirs))
            else:
                wrong = mine is None
            if wrong:
                found.append(f"{arguments}: the reference {theirs!r}, ours {mine!r}")
    assert found == []


def _names(argument: str, message: str) -> bool:
    return argument.rstrip("s") in message.lower() or (argument == "lr" and "learning rate" in message.lower())


@each_of_ours
def test_what_is_no_argument_is_refused(pair: Pair) -> None:
    with pytest.raises(TypeError, match="growth_rat"):
        ours_of(pair)([torch.nn.Parameter(torch.ones(3))], **{**plan_of(pair.name).base, "growth_rat": 2.0})


@every_pair
@pytest.mark.parametrize("parameters", [[], None, torch.ones(3), [1.0], [torch.ones(3, requires_grad=True) * 2]], ids=str)
def test_what_are_no_parameters_is_refused_alike(pair: Pair, parameters: Any) -> None:
    outcomes = []
    for optimizer_class in (reference_of(pair), ours_of(pair)):
        try:
            outcomes.append(optimizer_class(parameters, **plan_of(pair.name).base))
        except Exception as error:  # noqa: BLE001 - its type is what is asked for
            outcomes.append(type(error))
    assert outcomes[0] == outcomes[1]


@every_backend
@every_pair
def test_a_sparse_gradient_is_refused_in_words_or_taken_as_the_reference_takes_it(pair: Pair, backend: str) -> None:
    """The parameter is not touched."""
    weight = torch.nn.Parameter(torch.ones(5, 3))
    optimizer = maker(pair, backend)([weight])
    torch.nn.functional.embedding(torch.tensor([1, 3]), weight, sparse=True).sum().backward()
    before = weight.detach().clone()
    with pytest.raises(RuntimeError, match=r"(?i)sparse"):
        optimizer.step()
    assert torch.equal(before, weight)


@every_backend
@each_of_ours
def test_a_complex_parameter_is_refused_in_words(pair: Pair, backend: str) -> None:
    weight = torch.nn.Parameter(torch.ones(3, dtype=torch.complex64))
    with pytest.raises((RuntimeError, ValueError, TypeError), match=r"(?i)complex"):
        _one_step(maker(pair, backend), weight)


def _one_step(make: Any, weight: torch.nn.Parameter) -> None:
    optimizer = make([weight])
    weight.grad = torch.ones_like(weight)
    optimizer.step()


@every_backend
@every_pair
def test_unequal_learning_rates_of_groups_are_treated_as_the_reference_treats_them(pair: Pair, backend: str) -> None:
    outcomes = []
    for make in (maker(pair, None), maker(pair, backend)):
        model = Little()
        optimizer = make([{"params": [model.down, model.up], "lr": 0.3}, {"params": [model.conv, model.bias], "lr": 0.2}])
        model().backward()
        try:
            optimizer.step()
            outcomes.append(None)
        except Exception as error:  # noqa: BLE001 - its type is what is asked for
            outcomes.append(type(error))
    assert outcomes[0] == outcomes[1]
