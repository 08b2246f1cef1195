"""One step's parameters, and the ways to run a program over all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial, reduce
from itertools import chain
from typing import Any, NamedTuple, TypeAlias, TypeVar

import torch
from torch import Tensor

from optimizers.machinery.backend import Backend
from optimizers.machinery.exact import one_by_one
from optimizers.machinery.flat import FlatLot, most_that_pays
from optimizers.machinery.kernels import Kernels
from optimizers.machinery.matrix import Axes
from optimizers.machinery.plans import Plans
from optimizers.machinery.program import Numbers, Program, Totals, plain
from optimizers.machinery.stacks import Scratch, StackLot
from optimizers.machinery.trace_matrix import Form, form_of

Group: TypeAlias = dict[str, Any]
State: TypeAlias = dict[str, Any]
_PLAIN = frozenset((Tensor, torch.nn.Parameter))
"""Subclasses (DTensor, quantised tensors) do not lie in memory as they look."""

HyperOf: TypeAlias = Callable[..., "Numbers | None"]
_Key = TypeVar("_Key")


class Kind(NamedTuple):
    """What parameters need to have in common to be stepped together.

    Attributes:
        device, dtype: of the parameter.
        regular: parameter and gradient are plain tensors of one device, dtype and shape, which lie in memory as one piece
            without gaps and are in nobody else's place; anything else is left to torch, tensor by tensor.
    """

    device: torch.device
    dtype: torch.dtype
    regular: bool


@dataclass(slots=True)
class Share:
    """The parameters of one group that have a gradient in this step.

    Attributes:
        group: the entry of `param_groups`.
        params, grads, states: one entry per parameter, in the group's order.
    """

    group: Group
    params: list[Tensor]
    grads: list[Tensor]
    states: list[State]
    _parts: list[tuple[Kind, Share]] | None = None

    def slice(self, first: int, last: int | None) -> Share:
        """A run of the parameters."""
        return Share(self.group, self.params[first:last], self.grads[first:last], self.states[first:last])

    def by_entry(self, name: str) -> list[tuple[Share, tuple[Any]]]:
        """The share in parts with one value of this entry of the state each, in the order in which the values appear."""
        values = [state[name] for state in self.states]
        if values.count(values[0]) == len(values):
            return [(self, (values[0],))]
        return [(part, (value,)) for value, part in self._split(values).items()]

    def by_form(self, axes: Axes) -> list[tuple[Form | None, Share]]:
        """The share in parts of one form; None for what cannot be read as matrices where it lies."""
        parts: dict[Form | None, Share] = {}
        for p, grad, state in zip(self.params, self.grads, self.states, strict=True):
            form = form_of(p.shape, tuple(state), axes, p.dtype)
            part = parts.get(form)
            if part is None:
                part = parts[form] = Share(self.group, [], [], [])
            part.params.append(p)
            part.grads.append(grad)
            part.states.append(state)
        return list(parts.items())

    def by_size(self, most: int) -> list[tuple[bool, Share]]:
        """The share in parts with at most so many elements per parameter (False) and with more (True)."""
        large = [p.numel() > most for p in self.params]
        return list(self._split(large).items()) if any(large) else [(False, self)]

    def by_shape(self) -> list[Share]:
        """The share in parts of one shape and the same entries in the state, in the order in which they appear."""
        return list(self._split([(p.shape, *state) for p, state in zip(self.params, self.states, strict=True)]).values())

    def by_kind(self) -> list[tuple[Kind, Share]]:
        """The share in parts of one kind each, in the order in which the kinds appear."""
        if self._parts is None:
            kinds = self._kinds()
            if kinds.count(kinds[0]) == len(kinds):
                self._parts = [(kinds[0], self)]
            else:
                self._parts = list(self._split(kinds).items())
        return self._parts

    def by_single(self) -> list[Share]:
        """The share in parts with and without an array that is one number: Prodigy keeps no copy of zeros."""
        return list(
            self._split([_is_single(state.get("p0"), p) for p, state in zip(self.params, self.states, strict=True)]).values()
        )

    def _kinds(self) -> list[Kind]:
        """The kind of each parameter. A thousand of them are looked at in each step: what is one call for all is one."""
        device, dtype = self.params[0].device, self.params[0].dtype
        alone = len(set(map(id, self.params))) == len(self.params) == len(set(map(id, self.grads)))
        if (
            alone
            and _PLAIN.issuperset(map(type, self.params))
            and all(map(Tensor.is_contiguous, self.params))
            and all(map(Tensor.is_contiguous, self.grads))
            and not any(map(Tensor.is_neg, self.grads))
            and all(p.dtype is dtype and p.device == device for p in self.params)
            and all(map(_matches, self.params, self.grads))
        ):
            return [Kind(device, dtype, regular=True)]
        return [
            Kind(
                p.device,
                p.dtype,
                alone
                and type(p) in _PLAIN
                and p.is_contiguous()
                and grad.is_contiguous()
                and not grad.is_neg()
                and _matches(p, grad),
            )
            for p, grad in zip(self.params, self.grads, strict=True)
        ]

    def _split(self, keys: Iterable[_Key]) -> dict[_Key, Share]:
        parts: dict[_Key, Share] = {}
        for key, p, grad, state in zip(keys, self.params, self.grads, self.states, strict=True):
            part = parts.get(key)
            if part is None:
                part = parts[key] = Share(self.group, [], [], [])
            part.params.append(p)
            part.grads.append(grad)
            part.states.append(state)
        return parts


def _matches(p: Tensor, grad: Tensor) -> bool:
    return grad.dtype is p.dtype and grad.device == p.device and grad.shape == p.shape


def _is_single(p0: Tensor | None, p: Tensor) -> bool:
    return p0 is not None and p0.dim() == 0 and p.dim() != 0


class Batch:
    """The parameters of one step. Programs are run over them by `sweep`.

    Args:
        shares: the parameters with gradients, by group.
        backend: how programs are run.
        plans: kept from step to step by the optimizer.
    """

    def __init__(self, shares: list[Share], backend: Backend, plans: Plans) -> None:
        self.shares = shares
        self._backend: Backend = backend
        self._plans = plans
        self._kernels = Kernels(backend, plans)
        self._scratch = Scratch()

    def __iter__(self) -> Iterator[Share]:
        return iter(self.shares)

    def states(self) -> Iterator[State]:
        """The state of every parameter with a gradient."""
        return chain.from_iterable(share.states for share in self.shares)

    def part(self, shares: list[Share], backend: Backend | None = None) -> Batch:
        """Some of the shares as a batch of their own, on its own backend where one is given."""
        return Batch(shares, backend or self._backend, self._plans)

    def cut(self, count: int) -> tuple[Batch, Batch]:
        """The first parameters, and all others.

        Args:
            count: how many the first part has, at most.
        """
        first: list[Share] = []
        rest: list[Share] = []
        for share in self.shares:
            first.append(share.slice(0, count))
            rest.append(share.slice(count, None))
            count = max(count - len(share.params), 0)
        return self.part(first), self.part(rest)

    def __len__(self) -> int:
        return sum(len(share.params) for share in self.shares)

    def is_on_cpu(self) -> bool:
        """Whether all parameters lie in the computer's own memory."""
        return all(p.device.type == "cpu" for share in self.shares for p in share.params)

    def is_sharded(self) -> bool:
        """Whether a parameter is part of one that FSDP has spread over several processes."""
        return any(hasattr(p, "_fsdp_flattened") for share in self.shares for p in share.params)

    def sweep(self, program: Program, hyper: HyperOf, by: str | None = None, totals: Totals | None = None) -> Totals:
        """Runs a program on every parameter.

        Args:
            program: the arithmetic.
            hyper: the numbers of a group, or None where the group takes no part. `slice_p` among them is the distance
                of the elements that sliced arrays hold.
            by: an entry of the state that the numbers depend on ("step"): `hyper` is then given the group and its value.
            totals: what is added to; from 0 where None.

        Returns:
            What the program added up.
        """
        totals = Totals() if totals is None else totals
        parts = [
            (part, numbers)
            for share in self.shares
            if share.params
            for part, arguments in (share.by_entry(by) if by else [(share, ())])
            if (numbers := plain(hyper(share.group, *arguments))) is not None
        ]
        if self._backend == "exact":
            for share, numbers in parts:
                one_by_one(program, share, numbers, totals)
            return totals
        waiting: list[tuple[str, Tensor]] = []
        if program.axes is not None:
            for share, numbers in self._kernels.matrices(program, parts, totals, waiting):
                waiting += self._stacks(program, share, numbers, totals)
        else:
            for share, numbers in self._kernels.elementwise(program, parts, totals, waiting):
                waiting += self._flat(program, share, numbers, totals)
        _read(waiting, totals)
        return totals

    def sweep_each(self, program: Program, hyper: HyperOf) -> list[Totals]:
        """Runs a matrix program on every parameter, and keeps the sums of each share apart.

        Returns:
            The totals of each of the batch's shares; all of them are read in one wait.
        """
        each = [Totals() for _ in self.shares]
        waiting: list[tuple[str, Tensor]] = []
        for place, (share, totals) in enumerate(zip(self.shares, each, strict=True)):
            numbers = plain(hyper(share.group)) if share.params else None
            if numbers is None:
                continue
            if self._backend == "exact":
                one_by_one(program, share, numbers, totals)
                continue
            own: list[tuple[str, Tensor]] = []
            for rest, rest_numbers in self._kernels.matrices(program, [(share, numbers)], totals, own):
                own += self._stacks(program, rest, rest_numbers, totals)
            waiting += [(f"{place} {name}", value) for name, value in own]
        read = Totals()
        _read(waiting, read)
        for key, value in read.items():
            place, _, name = key.partition(" ")
            each[int(place)].add(name, value)
        return each

    def _flat(self, program: Program, share: Share, numbers: Numbers, totals: Totals) -> list[tuple[str, Tensor]]:
        sums: list[tuple[str, Tensor]] = []
        for kind, same_kind in share.by_kind():
            if not kind.regular:
                one_by_one(program, same_kind, numbers, totals)
                continue
            most = most_that_pays(program, numbers, kind)
            for is_large, sized in [(False, same_kind)] if most is None else same_kind.by_size(most):
                if is_large:
                    one_by_one(program, sized, numbers, totals)
                else:
                    sums += self._together(program, sized, numbers, totals)
        return sums

    def _together(self, program: Program, share: Share, numbers: Numbers, totals: Totals) -> list[tuple[str, Tensor]]:
        """Through torch, on many parameters of one kind at once where they were together before."""
        sums: list[tuple[str, Tensor]] = []
        for part in share.by_single():
            lot = self._plans.buffers(FlatLot, part.params, partial(FlatLot, part.params))
            if lot is None:
                one_by_one(program, part, numbers, totals)
            else:
                sums += lot.run(program, part.params, part.grads, part.states, numbers).items()
        return sums

    def _stacks(self, program: Program, share: Share, numbers: Numbers, totals: Totals) -> list[tuple[str, Tensor]]:
        sums: list[tuple[str, Tensor]] = []
        for kind, same_kind in share.by_kind():
            for part in same_kind.by_shape() if kind.regular else (same_kind,):
                stackable = kind.regular and part.params[0].numel() > 0  # without elements a shape says too little
                lot = self._plans.buffers(StackLot, part.params, partial(StackLot, part.params)) if stackable else None
                done = lot.run(program, part, numbers, self._scratch) if lot else None
                if done is None:
                    one_by_one(program, part, numbers, totals)
                else:
                    sums += done.items()
        return sums


def _read(sums: list[tuple[str, Tensor]], totals: Totals) -> None:
    """Reads sums from their devices: one wait per device."""
    devices: dict[torch.device, list[tuple[str, Tensor]]] = {}
    for name, value in sums:
        devices.setdefault(value.device, []).append((name, value))
    for members in devices.values():
        dtype = reduce(torch.promote_types, (value.dtype for _, value in members))
        values: list[float] = torch.stack([value.to(dtype) for _, value in members]).tolist()
        for (name, _), value in zip(members, values, strict=True):
            totals.add(name, value)
