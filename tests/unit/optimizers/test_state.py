"""State moves freely: to the reference and back, between backends, through files, copies and pickles; and it is no larger."""

from __future__ import annotations

import copy
import functools
import io
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from tests.helpers.optimizer_check import bound_for, setting_of
from tests.helpers.optimizer_compare import differences
from tests.helpers.optimizer_matrix import DROPPED, EVERY_SHAPE, LORA, TWO_GROUPS, Problem, Trace, Training
from tests.helpers.optimizer_pairs import BACKENDS, COMPARABLE, Pair, ours_of, pair_named, reference_of
from tests.helpers.optimizer_variants import BASE, plan_of
from tests.helpers.selection import crossed

every_pair = pytest.mark.parametrize("pair", COMPARABLE, ids=lambda pair: pair.name)
DIRECTIONS = ("to the reference", "from the reference", "to another backend")
HALF = 25


def _problem(pair: Pair) -> Problem:
    return Problem(leaves=EVERY_SHAPE, grouping=TWO_GROUPS, schedule=plan_of(pair.name).schedule)


def through_a_file(state: Any) -> Any:
    """Saved and loaded; without pickled objects where the state has none, as with most references."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    try:
        return torch.load(file, weights_only=True)
    except pickle.UnpicklingError:
        file.seek(0)
        return torch.load(file, weights_only=False)


def _handed_over(
    pair: Pair, first: type[Any], second: type[Any], backends: tuple[str | None, str | None], carried: Callable[[Any], Any]
) -> Trace:
    problem = _problem(pair)
    training = Training(first, setting_of(pair, BASE, problem), problem, backend=backends[0])
    training.run(HALF)
    assert training.trace.error is None, training.trace.error
    training.hand_over(second, backends[1], carried)
    return training.run()


@functools.lru_cache(maxsize=8)
def _reference_handed_over(name: str) -> Trace:
    pair = pair_named(name)
    return _handed_over(pair, reference_of(pair), reference_of(pair), (None, None), through_a_file)


@crossed(pair=COMPARABLE, direction=DIRECTIONS, backend=BACKENDS)
def test_a_run_goes_on_with_the_other(pair: Pair, direction: str, backend: str) -> None:
    """As it goes on where the reference itself was saved and loaded, which is not always as if it had not been."""
    reference, ours = reference_of(pair), ours_of(pair)
    expected = _reference_handed_over(pair.name)
    if direction == "to the reference":
        trace = _handed_over(pair, ours, reference, (backend, None), through_a_file)
    elif direction == "from the reference":
        trace = _handed_over(pair, reference, ours, (None, backend), through_a_file)
    else:
        other = {"exact": "exact", "eager": "native", "native": "eager"}[backend]
        trace = _handed_over(pair, ours, ours, (backend, other), through_a_file)
    assert differences(expected, trace, bound_for(pair, BASE, _problem(pair), backend)) == []


@every_pair
def test_the_file_needs_no_pickled_objects_where_the_references_needs_none(pair: Pair) -> None:
    problem = _problem(pair)
    files = []
    for optimizer_class in (reference_of(pair), ours_of(pair)):
        training = Training(optimizer_class, setting_of(pair, BASE, problem), problem)
        training.run(3)
        file = io.BytesIO()
        torch.save(training.optimizer.state_dict(), file)
        file.seek(0)
        files.append(file)
    try:
        torch.load(files[0], weights_only=True)
    except pickle.UnpicklingError as error:
        pytest.skip(f"the reference's own state needs them: {str(error).splitlines()[0]}")
    torch.load(files[1], weights_only=True)


def _copied(training: Training) -> tuple[list[torch.nn.Parameter], Any]:
    return copy.deepcopy((training.parameters, training.optimizer))


def _pickled(training: Training) -> tuple[list[torch.nn.Parameter], Any]:
    return pickle.loads(pickle.dumps((training.parameters, training.optimizer)))


@crossed(pair=COMPARABLE, copied={"deepcopy": _copied, "pickle": _pickled}, backend=BACKENDS)
def test_a_copy_goes_on_as_the_original_and_beside_it(
    pair: Pair, copied: Callable[[Training], tuple[list[torch.nn.Parameter], Any]], backend: str
) -> None:
    problem = _problem(pair)
    setting = setting_of(pair, BASE, problem)
    original, twin = (Training(ours_of(pair), setting, problem, backend=backend) for _ in range(2))
    original.run(HALF)
    twin.run(HALF)
    twin.parameters, twin.optimizer = copied(original)
    twin.optimizer.backend = backend  # a choice at run time, which need not travel
    expected = original.run()
    assert twin.optimizer.param_groups[0]["params"][0] is twin.parameters[0]
    assert differences(expected, twin.run(), None) == []


def _storages(value: Any, seen: set[int]) -> Iterator[torch.UntypedStorage]:
    """Every storage that can be reached, each once."""
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, torch.Tensor):
        yield value.untyped_storage()
    elif isinstance(value, dict):
        for entry in value.values():
            yield from _storages(entry, seen)
    elif isinstance(value, list | tuple | set | frozenset):
        for entry in value:
            yield from _storages(entry, seen)
    elif type(value).__module__.startswith("optimizers"):
        names = [name for one in type(value).__mro__ for name in getattr(one, "__slots__", ())]
        for name in [*names, *getattr(value, "__dict__", {})]:
            yield from _storages(getattr(value, name, None), seen)


def _bytes(values: Any, without: list[torch.nn.Parameter]) -> int:
    theirs = {one.untyped_storage().data_ptr() for one in without}
    theirs |= {one.grad.untyped_storage().data_ptr() for one in without if one.grad is not None}
    found = {one.data_ptr(): one.nbytes() for one in _storages(values, set()) if one.data_ptr() not in theirs}
    return sum(found.values())


SCRATCH = 2
"""How often a stretch of the parameters may be held beside the state (gathered parameters and gradients)."""
MOST_SCRATCH = 4 * 2**20


SETS = {
    f"{dtype}-{name}": Problem(leaves=leaves, dtype=dtype)
    for dtype in (torch.float32, torch.bfloat16)
    for name, leaves in (("lora", LORA), ("dropped modules", DROPPED))
}


@functools.lru_cache(maxsize=8)
def _bytes_of_the_reference(name: str, problem: Problem) -> int:
    pair = pair_named(name)
    reference = Training(reference_of(pair), setting_of(pair, BASE, problem), problem)
    reference.run(30)
    assert reference.trace.error is None
    return _bytes(dict(reference.optimizer.state), reference.parameters)


@crossed(pair=COMPARABLE, problem=SETS, backend=BACKENDS)
def test_memory_is_no_more_than_the_references(pair: Pair, problem: Problem, backend: str) -> None:
    """In the state itself; beside it there may be addresses and a bounded scratch, whichever parameters took part so far."""
    ours = Training(ours_of(pair), setting_of(pair, BASE, problem), problem, backend=backend)
    ours.run(30)
    assert ours.trace.error is None
    padding = plan_of(pair.name).padding * len(ours.parameters)
    allowed = _bytes_of_the_reference(pair.name, problem) + padding
    state = _bytes(dict(ours.optimizer.state), ours.parameters)
    assert state <= allowed
    ours.optimizer.zero_grad(set_to_none=True)
    kept = _bytes([dict(ours.optimizer.state), vars(ours.optimizer)], ours.parameters)
    scratch = min(MOST_SCRATCH, SCRATCH * (sum(one.nbytes for one in ours.parameters) + 4 * padding))
    assert kept <= allowed + scratch + 100 * len(ours.parameters)
