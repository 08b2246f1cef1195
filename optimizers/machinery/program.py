"""Programs: an algorithm's arithmetic on one parameter, written once and run by every backend.

A program is a function `f(x, h)`. `x` (a lane) has the arrays of one parameter as attributes: `x.p`, `x.grad`, and the
entries of its state by their names; they are used with torch's own methods (`x.exp_avg.mul_(h.beta1)`), in place where
the method is. `h` has the numbers of the parameter's group. Booleans of `h` choose the code and are known when the
program is compiled; floats flow into it and may change at every step.

What a program finds out about all parameters together leaves it as a total: `x.add_sum("denominator", x.s.abs())`.

A program with `axes` is a matrix program: it may also use means and norms of one parameter, and factors of it, which
broadcast against it. The words for that are methods of the lane (`lanes.MatrixLane` has them all):
- `x.mean_over_columns(v)` (of the shape of a row factor), `x.mean_over_rows(v)` (of a column factor), the same with
  `norm`; a row factor's mean over rows is one number per matrix.
- `x.mean(v)`, `x.sum(v)`, `x.norm(v)`, `x.rms(v)`, `x.dot(a, b)`: one number per parameter.
- `x.rows`, `x.columns`, `x.numel`: sizes. `x.transposed`: see `matrix.Matrix`. `x.has(name)`: whether the state has it.
  The last two are known when the program is compiled, like booleans of `h`.
- `x.keep(name, v)`: makes a number per parameter an entry of the state (layout "one").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from optimizers.machinery.matrix import Axes

Layout = Literal["full", "sliced", "sliced or one", "row", "column", "one"]
Numbers: TypeAlias = Mapping[str, float]
Function: TypeAlias = Callable[[Any, Any], None]


@dataclass(frozen=True, eq=False, slots=True)
class Program:
    """A function over one parameter's arrays, and what has to be known about them.

    Attributes:
        name: for messages, caches and the names of kernels.
        function: the arithmetic.
        layouts: the arrays that do not have the parameter's shape. "sliced": every `slice_p`-th element of the
            flattened parameter; "sliced or one": so, or a single number for all of them; "row" and "column": factors
            of a matrix, averaged over its columns and its rows; "one": a single number.
        axes: what rows and columns are; None for programs that look at each element alone.
    """

    name: str
    function: Function
    layouts: Mapping[str, Layout] = field(default_factory=dict[str, Layout])
    axes: Axes | None = None

    def layout(self, array: str) -> Layout:
        """How an array lies in memory, compared with its parameter."""
        return self.layouts.get(array, "full")


def program(axes: Axes | None = None, **layouts: Layout) -> Callable[[Function], Program]:
    """Makes a program of a function.

    Args:
        axes: what rows and columns are, for a matrix program.
        layouts: the arrays that are not shaped like their parameter.
    """

    def wrap(function: Function) -> Program:
        return Program(f"{function.__module__.rpartition('.')[2]}_{function.__name__.lstrip('_')}", function, layouts, axes)

    return wrap


class Hyper:
    """The numbers of one group, as attributes of `h`."""

    def __init__(self, numbers: Numbers) -> None:
        self.__dict__.update(numbers)

    def __getattr__(self, name: str) -> float:
        raise AttributeError(f"a group has no number {name!r}")


class Totals(dict[str, float]):
    """Sums over all parameters, by name. What no parameter contributed to is 0.0.

    Attributes:
        reports: what was handed out tensor by tensor, in the parameters' order: (a tensor of one number, its weight).
            Nobody has waited for these numbers or added them up. Other lanes add them to the sums instead.
    """

    def __init__(self) -> None:
        super().__init__()
        self.reports: dict[str, list[tuple[Any, Any]]] = {}

    def __missing__(self, name: str) -> float:
        return 0.0

    def add(self, name: str, value: float) -> None:
        self[name] = self[name] + value

    def report(self, name: str, value: Any, weight: Any) -> None:
        self.reports.setdefault(name, []).append((value, weight))


def flags_of(numbers: Numbers) -> tuple[tuple[str, bool], ...]:
    """The booleans among a group's numbers: they choose the code."""
    return tuple(sorted((name, value) for name, value in numbers.items() if isinstance(value, bool)))


def floats_of(numbers: Numbers) -> tuple[str, ...]:
    """The names of the numbers that flow into the code, in the order in which kernels take them."""
    return tuple(sorted(name for name, value in numbers.items() if not isinstance(value, bool)))


def plain(numbers: Numbers | None) -> Numbers | None:
    """A group's numbers as Python's own: schedulers and users write numpy's and torch's into `param_groups` too."""
    if numbers is None or all(type(value) in _PLAIN for value in numbers.values()):
        return numbers
    return {name: value if type(value) in _PLAIN else _plain(value) for name, value in numbers.items()}


_PLAIN = frozenset((bool, int, float))


def _plain(value: Any) -> float:
    item = value.item() if hasattr(value, "item") else value  # numpy's numbers and torch's 0-dim tensors
    return item if type(item) in _PLAIN else float(item)
