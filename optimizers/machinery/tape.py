"""Tapes: the torch calls that a program makes, recorded once to be played on one block of elements after the other."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from torch import Tensor

from optimizers.machinery.program import Hyper, Numbers, Program


class Value:
    """An array, or an intermediate result, while a program is recorded. Has whatever methods tensors have.

    Args:
        tape: where calls are written down.
        array: the array's name; None for an intermediate result.
    """

    __slots__ = ("array", "tape")

    def __init__(self, tape: Tape, array: str | None = None) -> None:
        self.tape = tape
        self.array = array

    def __getattr__(self, method: str) -> Callable[..., Value]:
        return partial(self.tape.call, method, self)

    def __add__(self, other: Any) -> Value:
        return self.tape.call("add", self, other)

    def __radd__(self, other: Any) -> Value:
        return self.tape.call("__radd__", self, other)

    def __sub__(self, other: Any) -> Value:
        return self.tape.call("sub", self, other)

    def __rsub__(self, other: Any) -> Value:
        return self.tape.call("__rsub__", self, other)

    def __mul__(self, other: Any) -> Value:
        return self.tape.call("mul", self, other)

    def __rmul__(self, other: Any) -> Value:
        return self.tape.call("__rmul__", self, other)

    def __truediv__(self, other: Any) -> Value:
        return self.tape.call("div", self, other)

    def __rtruediv__(self, other: Any) -> Value:
        return self.tape.call("__rtruediv__", self, other)

    def __pow__(self, other: Any) -> Value:
        return self.tape.call("pow", self, other)

    def __neg__(self) -> Value:
        return self.tape.call("neg", self)


@dataclass(frozen=True, eq=False, slots=True)
class Call:
    """One call.

    Attributes:
        method: a tensor's method; "sliced", "sum" and "dot" are the lanes' words.
        target: whose method.
        arguments, keywords: numbers and values.
        result: the target itself where it is changed in place.
    """

    method: str
    target: Value
    arguments: tuple[Any, ...]
    keywords: Mapping[str, Any]
    result: Value

    @property
    def in_place(self) -> bool:
        return self.result is self.target

    def reads(self) -> list[Value]:
        """All values that it looks at."""
        return [self.target, *(one for one in self.arguments if isinstance(one, Value))]


@dataclass(frozen=True, slots=True)
class Sum:
    """`weight` times what a call has summed up, to be added to a total."""

    name: str
    weight: Any
    result: Value


class Tape:
    """The calls of one program with one group's numbers. Serves as the program's lane while it is recorded."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.sums: list[Sum] = []
        self.arrays: dict[str, Value] = {}

    def __getattr__(self, name: str) -> Value:
        arrays = self.__dict__["arrays"]
        if name not in arrays:
            arrays[name] = Value(self, name)
        return arrays[name]

    def call(self, method: str, target: Value, *arguments: Any, **keywords: Any) -> Value:
        """Writes a call down; returns what stands for its result."""
        in_place = method.endswith("_") and not method.endswith("__")
        result = target if in_place else Value(self)
        self.calls.append(Call(method, target, arguments, keywords, result))
        return result

    # The lanes' words.
    def sliced(self, value: Value) -> Value:
        return self.call("sliced", value)

    def add_dot(self, name: str, a: Value, b: Value, weight: Any = 1.0) -> None:
        self.sums.append(Sum(name, weight, self.call("dot", a, b)))

    def add_sum(self, name: str, value: Value, weight: Any = 1.0) -> None:
        self.sums.append(Sum(name, weight, self.call("sum", value)))

    def add_change(self, name: str, before: Value, after: Value) -> None:
        self.add_sum(name, after)
        self.add_sum(name, before, -1.0)


def record(program: Program, numbers: Numbers) -> Tape:
    """The calls that a program makes for a group."""
    tape = Tape()
    program.function(tape, Hyper(numbers))
    return tape


class Instruction(Protocol):
    """Something that torch can do at once in place of several calls, on lists of tensors.

    Attributes:
        arrays: what it is given: the tensors of these, one list for each.
    """

    @property
    def arrays(self) -> tuple[str, ...]: ...
    def run(self, *lists: list[Tensor]) -> None: ...


class Player:
    """Plays calls on tensors.

    Args:
        calls: what to do, in this order.
        kept: results that are wanted afterwards.
    """

    def __init__(self, calls: Sequence[Call | Instruction], kept: Collection[Value]) -> None:
        mine = [call for call in calls if isinstance(call, Call)]
        self.used = [value for call in mine for value in call.reads() if value.array is not None]
        self.used = list(dict.fromkeys(self.used))
        self.changed = list(dict.fromkeys(call.target for call in mine if call.in_place and call.target.array is not None))
        self._steps = list(zip(calls, _spent(calls, frozenset(kept)), strict=True))

    def play(
        self, values: dict[Value, Tensor], words: Mapping[str, Callable[..., Tensor]], lists: Callable[[str], list[Tensor]]
    ) -> None:
        """Makes the calls.

        Args:
            values: the tensor of each array that is used; results are added, and what nobody uses any more is taken out,
                so that its memory serves the next call while it is still in the cache.
            words: how methods are done that tensors do not have.
            lists: an array as one tensor for each parameter, for instructions.
        """
        for call, spent in self._steps:
            if isinstance(call, Call):
                target = values[call.target]
                tensors = [values[one] if type(one) is Value else one for one in call.arguments]
                word = words.get(call.method)
                result = word(target, *tensors) if word else getattr(target, call.method)(*tensors, **call.keywords)
                if call.result is not call.target:
                    values[call.result] = result
                for one in spent:
                    del values[one]
            else:
                call.run(*map(lists, call.arrays))


def _spent(calls: Sequence[Call | Instruction], kept: frozenset[Value]) -> list[list[Value]]:
    """For each call, the intermediate results that no later call looks at."""
    last: dict[Value, int] = {}
    for place, call in enumerate(calls):
        if isinstance(call, Call):
            last |= {value: place for value in (*call.reads(), call.result) if value.array is None and value not in kept}
    spent: list[list[Value]] = [[] for _ in calls]
    for value, place in last.items():
        spent[place].append(value)
    return spent
