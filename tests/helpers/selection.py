"""Which cases a test with several axes is run with: few that let every value meet every other, or all there are.

`@crossed(pair=PAIRS, leaves=LEAVES, backend=BACKENDS)` stands for the product of its axes. The default run takes a
covering selection of it: every value of each axis together with every value of each other axis, once. Most faults need
two values to come together, hardly any three. `--exhaustive` runs the whole product. `@chosen("pair, variant", FEW, ALL)`
is for what wants another rule. Both decide by place in the list alone: the same cases on every machine, in every run.

Cases come in the order of the product, the last axis fastest, so that what is computed once for neighbours is found.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest

CROSSED, CHOSEN = "crossed", "chosen"


def crossed(**axes: Sequence[Any] | Mapping[str, Any]) -> pytest.MarkDecorator:
    """Runs the test over two or three axes, by argument name; a mapping's keys are its values' names in the test's id."""
    return pytest.mark.crossed(axes)


def chosen(names: str, few: Iterable[Any], every: Iterable[Any]) -> pytest.MarkDecorator:
    """As pytest.mark.parametrize, with `few` in the default run and `every` one in the exhaustive run."""
    return pytest.mark.chosen(names, list(few), list(every))


def covering(sizes: Sequence[int]) -> list[tuple[int, ...]]:
    """Places on each axis, so that any two axes meet in every combination of their values.

    The two longest axes are run through completely and the third goes round with them: no smaller selection does it.

    Args:
        sizes: how many values each axis has; three axes at most.

    Raises:
        ValueError: there are more; two of them can be made one.
    """
    if len(sizes) > 3:
        raise ValueError("a selection covers two or three axes")
    if len(sizes) <= 2:
        return list(itertools.product(*map(range, sizes)))
    first, second, third = sorted(range(3), key=lambda axis: -sizes[axis])
    found: list[tuple[int, ...]] = []
    for here, there in itertools.product(range(sizes[first]), range(sizes[second])):
        places = {first: here, second: there, third: (here + there) % sizes[third]}
        found.append((places[0], places[1], places[2]))
    return sorted(found)


def generate(metafunc: pytest.Metafunc, *, exhaustive: bool) -> None:
    """Gives a test its cases; for `pytest_generate_tests`."""
    for mark in metafunc.definition.iter_markers(CROSSED):
        _cross(metafunc, mark.args[0], exhaustive)
    for mark in metafunc.definition.iter_markers(CHOSEN):
        names, few, every = mark.args
        metafunc.parametrize(names, every if exhaustive else few)


def _cross(metafunc: pytest.Metafunc, axes: Mapping[str, Any], exhaustive: bool) -> None:
    named = [list(axis.items()) if isinstance(axis, Mapping) else [(_name(one), one) for one in axis] for axis in axes.values()]
    sizes = [len(axis) for axis in named]
    cases = itertools.product(*map(range, sizes)) if exhaustive else covering(sizes)
    picked = [[axis[place] for axis, place in zip(named, places, strict=True)] for places in cases]
    metafunc.parametrize(
        list(axes),
        [[value for _, value in case] for case in picked],
        ids=["-".join(name for name, _ in case) for case in picked],
    )


def _name(value: Any) -> str:
    return str(getattr(value, "name", None) or getattr(value, "__name__", None) or value)
