"""How far two runs of the same problem lie apart, and how far they may.

Differences are measured against the movement: the largest distance that any parameter went from its start.

The criteria, from the strictest:

- exact: every bit of parameters, gradients, state and groups.
- float64: 1e-12 of the movement. float32: d within 1e-6 relative, parameters within 1e-5 of the movement.
- own noise: `NOISE_FACTOR` times what the reference differs from itself when every gradient is off by one rounding of its
  dtype. For bfloat16 and float16, whose own rounding is far above the criteria of float32, and for references that round
  to bfloat16 inside.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from tests.helpers.optimizer_matrix import Trace

NOISE_FACTOR = 4.0
ACCIDENTS = (UnboundLocalError, ZeroDivisionError, KeyError, IndexError, AttributeError)
"""What a reference raises where it was not written for the case: nothing that has to be repeated."""


@dataclass(frozen=True)
class Distance:
    """How far apart: parameters as a share of the movement; d, state and gradients relative."""

    parameters: float = 0.0
    d: float = 0.0
    state: float = 0.0

    def within(self, bound: Distance) -> bool:
        return self.parameters <= bound.parameters and self.d <= bound.d and self.state <= bound.state

    def times(self, factor: float) -> Distance:
        return Distance(self.parameters * factor, self.d * factor, self.state * factor)

    def at_least(self, other: Distance) -> Distance:
        return Distance(max(self.parameters, other.parameters), max(self.d, other.d), max(self.state, other.state))


FLOAT64 = Distance(parameters=1e-12, d=1e-12, state=1e-11)
FLOAT32 = Distance(parameters=1e-5, d=1e-6, state=1e-4)
"""State: a moment of a gradient that moved as far as the parameters may."""
ROUNDING = {torch.bfloat16: Distance(2**-7, 2**-7, 2**-6), torch.float16: Distance(2**-10, 2**-10, 2**-9)}
"""The least that own noise comes to: a rounding or two of the dtype."""


def numbers_in(groups: list[dict[str, Any]]) -> Iterator[tuple[str, float]]:
    """The plain numbers of param_groups, by place and key."""
    for place, group in enumerate(groups):
        for key, value in group.items():
            single = isinstance(value, torch.Tensor) and value.numel() == 1
            if single or (isinstance(value, int | float) and not isinstance(value, bool)):
                yield f"group {place}: {key}", float(value)


def _same(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Bit for bit; any NaN equals any NaN."""
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    if not one.is_floating_point():
        return torch.equal(one, other)
    nan = one.isnan()
    same_sign = torch.signbit(one) == torch.signbit(other)
    return bool((((one == other) & same_sign) | (nan & other.isnan())).all())


def _farthest(one: torch.Tensor, other: torch.Tensor) -> float:
    """Largest difference; infinite where one is finite and the other is not."""
    if one.shape != other.shape:
        return math.inf
    if one.numel() == 0:
        return 0.0
    one, other = one.double(), other.double()
    gap = (one - other).abs()
    gap[(one == other) | (one.isnan() & other.isnan())] = 0.0
    return gap.nan_to_num(nan=math.inf, posinf=math.inf).max().item()


def _relative(gap: float, size: float) -> float:
    return 0.0 if gap == 0.0 else gap / size if size > 0.0 else math.inf


def movement(trace: Trace) -> float:
    """The largest distance of any parameter from its start, over all steps."""
    gaps = [(point.double() - trace.start.double()).abs() for point in trace.path]
    return max((gap[gap.isfinite()].max().item() for gap in gaps if gap.isfinite().any()), default=0.0)


def distance(reference: Trace, other: Trace) -> Distance:
    """How far the other run went from the reference's."""
    steps = min(len(reference.path), len(other.path))
    moved = movement(reference)
    parameters = max((_farthest(reference.path[i], other.path[i]) for i in range(steps)), default=0.0)
    d = 0.0
    for here, there in zip(reference.estimates, other.estimates, strict=False):
        for one, another in zip(here, there, strict=False):
            same = one == another or (math.isnan(one) and math.isnan(another))
            d = max(d, 0.0 if same else _relative(abs(one - another), abs(one)))
    return Distance(_relative(parameters, moved), math.inf if math.isnan(d) else d, _state_distance(reference, other))


def _state_distance(reference: Trace, other: Trace) -> float:
    """Largest difference of a state tensor or a gradient, against the largest entry of that kind in any parameter's."""
    gaps: dict[str, float] = {}
    sizes: dict[str, float] = {}

    def add(kind: str, one: torch.Tensor, another: torch.Tensor) -> None:
        finite = one.double().abs()
        finite = finite[finite.isfinite()]
        sizes[kind] = max(sizes.get(kind, 0.0), finite.max().item() if finite.numel() else 0.0)
        gaps[kind] = max(gaps.get(kind, 0.0), _farthest(one, another))

    for key, values in reference.state.get("state", {}).items():
        theirs = other.state.get("state", {}).get(key, {})
        if not isinstance(values, Mapping) or not isinstance(theirs, Mapping):
            continue
        for name, value in values.items():
            if isinstance(value, torch.Tensor) and isinstance(theirs.get(name), torch.Tensor):
                add(name, value, theirs[name])
    for one, another in zip(reference.gradients, other.gradients, strict=False):
        if one is not None and another is not None:
            add("gradient", one, another)
    return max((_relative(gaps[kind], sizes[kind]) for kind in gaps), default=0.0)


def differences(reference: Trace, ours: Trace, bound: Distance | None) -> list[str]:
    """What is not as the reference has it, in words; empty where all is well.

    Args:
        reference: its run.
        ours: the run to judge.
        bound: how far apart they may lie; None asks for every bit.
    """
    if reference.error is not None and isinstance(reference.error[1], ACCIDENTS):
        nonsense = ours.error is None and bool(ours.path) and not ours.path[-1].isfinite().all()
        return ["the reference stumbled, ours went on with nonsense"] if nonsense else []
    found = [*_errors(reference, ours)]
    if found:
        return found
    found += _structure(reference, ours)
    if bound is None:
        return found + list(_first_bits(reference, ours))
    apart = distance(reference, ours)
    if not apart.within(bound):
        found.append(f"too far apart: {apart}, allowed {bound}, movement {movement(reference):.3g}; {_worst(reference, ours)}")
    return found


def _errors(reference: Trace, ours: Trace) -> Iterator[str]:
    if reference.error is None and ours.error is not None:
        yield f"ours raised {ours.error[1]!r} at step {ours.error[0]}, the reference nothing"
    elif reference.error is not None:
        if ours.error is None:
            yield f"the reference raised {reference.error[1]!r} at step {reference.error[0]}, ours nothing"
        elif ours.error[0] != reference.error[0] or not isinstance(ours.error[1], type(reference.error[1])):
            yield f"ours raised {ours.error!r}, the reference {reference.error!r}"


def _structure(reference: Trace, ours: Trace) -> Iterator[str]:
    """Keys, types, shapes and counters of what is saved; presence of gradients."""
    groups, other_groups = reference.state.get("param_groups", []), ours.state.get("param_groups", [])
    for place, (group, other) in enumerate(zip(groups, other_groups, strict=True)):
        if group.keys() != other.keys():
            yield f"group {place}: keys {sorted(group.keys() ^ other.keys())} are not in both"
        for key in group.keys() & other.keys():
            if isinstance(group[key], int | float) and not isinstance(other[key], int | float):
                yield f"group {place}: {key} is a {type(other[key]).__name__}, not a number"
            if isinstance(group[key], int | bool | str | None) and group[key] != other[key]:
                yield f"group {place}: {key} is {other[key]!r}, not {group[key]!r}"
    states, other_states = reference.state.get("state", {}), ours.state.get("state", {})
    if states.keys() != other_states.keys():
        yield f"state for {list(other_states)}, the reference for {list(states)}"
    for key in states.keys() & other_states.keys():
        yield from _entry(f"state of {key}", states[key], other_states[key])
    absent = [one is None for one in reference.gradients]
    if absent != [one is None for one in ours.gradients]:
        yield "gradients are None in other places"
    for name, value in reference.watched.items():
        if ours.watched.get(name) != value and not isinstance(value, float):
            yield f"{name} is {ours.watched.get(name)!r}, not {value!r}"


def _entry(where: str, value: Any, other: Any) -> Iterator[str]:
    """One entry of the state, down to its tensors' shapes; numbers of the loss (emo) to 1e-12."""
    if isinstance(value, torch.Tensor):
        if not isinstance(other, torch.Tensor) or (value.shape, value.dtype) != (other.shape, other.dtype):
            theirs = (other.shape, other.dtype) if isinstance(other, torch.Tensor) else type(other).__name__
            yield f"{where}: {theirs}, not {(value.shape, value.dtype)}"
    elif isinstance(value, Mapping):
        if not isinstance(other, Mapping) or value.keys() != other.keys():
            yield f"{where}: {list(other) if isinstance(other, Mapping) else other!r}, not {list(value)}"
        else:
            for name in value:
                yield from _entry(f"{where}, {name}", value[name], other[name])
    elif isinstance(value, deque | list | tuple):
        close = type(other) is type(value) and len(other) == len(value)
        if not close or any(not math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12) for a, b in zip(value, other, strict=True)):
            yield f"{where}: {other!r}, not {value!r}"
    elif isinstance(value, float):
        if not isinstance(other, int | float):
            yield f"{where}: a {type(other).__name__}, not a number"
    elif value != other:
        yield f"{where}: {other!r}, not {value!r}"


def _first_bits(reference: Trace, ours: Trace) -> Iterator[str]:
    """The first step at which a bit differs, then what differs at the end."""
    for step, (one, other) in enumerate(zip(reference.path, ours.path, strict=False)):
        if not _same(one, other):
            yield f"parameters differ from step {step} on, there by {_farthest(one, other):.3g}"
            break
    if len(reference.path) != len(ours.path):
        yield f"{len(ours.path)} steps, not {len(reference.path)}"
    for step, (here, there) in enumerate(zip(reference.estimates, ours.estimates, strict=False)):
        if len(here) != len(there) or any(
            a != b and not (math.isnan(a) and math.isnan(b)) for a, b in zip(here, there, strict=True)
        ):
            yield f"d differs from step {step} on: {there}, not {here}"
            break
    mine = dict(numbers_in(ours.state.get("param_groups", [])))
    for name, value in numbers_in(reference.state.get("param_groups", [])):
        other = mine.get(name, math.nan)
        if other != value and not (math.isnan(other) and math.isnan(value)):
            yield f"{name} is {other!r}, not {value!r}"
    for place, (one, another) in enumerate(zip(reference.gradients, ours.gradients, strict=False)):
        if one is not None and another is not None and not _same(one, another):
            yield f"gradient {place} was left different"
    for key, values in reference.state.get("state", {}).items():
        theirs = ours.state.get("state", {}).get(key, {})
        if isinstance(values, Mapping) and isinstance(theirs, Mapping):
            yield from (
                f"state of {key}, {name} differs" for name, value in values.items() if not _equal(value, theirs.get(name))
            )


def _equal(value: Any, other: Any) -> bool:
    if isinstance(value, torch.Tensor):
        return isinstance(other, torch.Tensor) and _same(value, other)
    if isinstance(value, Mapping):
        return (
            isinstance(other, Mapping) and value.keys() == other.keys() and all(_equal(value[key], other[key]) for key in value)
        )
    return value == other or (isinstance(value, float) and math.isnan(value))


def _worst(reference: Trace, ours: Trace) -> str:
    """Where the parameters lie farthest apart, and when."""
    gaps = [_farthest(one, other) for one, other in zip(reference.path, ours.path, strict=False)]
    if not gaps:
        return "no step was taken"
    step = max(range(len(gaps)), key=gaps.__getitem__)
    d = f", d {ours.estimates[step]} for {reference.estimates[step]}" if reference.estimates and reference.estimates[step] else ""
    return f"worst at step {step}: {gaps[step]:.3g}{d}"
