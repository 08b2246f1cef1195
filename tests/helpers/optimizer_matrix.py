"""Problems on which an optimizer and its reference are run side by side, and the runner.

Every problem is a noisy quadratic in closed loop: gradients are computed from the optimizer's own parameters, so that
an error moves the next gradient and compounds. Start, target, curvature and noise depend on the seed alone.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

import torch

Layout = Literal["contiguous", "transposed", "channels_last", "strided"]
Gradients = Literal["always", "never", "sometimes", "at random", "zero"]


@dataclass(frozen=True)
class Leaf:
    """One parameter of a problem.

    Attributes:
        name: for reports.
        shape: its sizes.
        start: how it begins; the up matrix of a LoRA begins at zero.
        gradients: at which steps it has one; "at random" as where a network drops modules; "zero" is a gradient of zeros at
            each step.
        layout: how the parameter lies in memory.
        gradient_layout: how its gradients lie; None is as the parameter.
    """

    name: str
    shape: tuple[int, ...]
    start: Literal["random", "zero"] = "random"
    gradients: Gradients = "always"
    layout: Layout = "contiguous"
    gradient_layout: Layout | None = None

    def has_gradient(self, step: int) -> bool:
        if self.gradients == "at random":
            return zlib.crc32(f"{self.name} {step}".encode()) % 3 != 0
        return self.gradients != "never" and not (self.gradients == "sometimes" and step % 5 in (1, 2))


@dataclass(frozen=True)
class Grouping:
    """How the parameters are spread over groups: in turn, over those that are not empty.

    Attributes:
        name: for the test's id.
        options: the keywords of each group, beside params.
        empty: places of groups without any parameter.
    """

    name: str
    options: tuple[tuple[tuple[str, Any], ...], ...] = ((),)
    empty: tuple[int, ...] = ()

    def __str__(self) -> str:
        return self.name

    def groups(self, parameters: list[torch.nn.Parameter]) -> list[dict[str, Any]]:
        groups = [{"params": [], **dict(options)} for options in self.options]
        filled = [group for place, group in enumerate(groups) if place not in self.empty]
        for place, parameter in enumerate(parameters):
            filled[place % len(filled)]["params"].append(parameter)
        return groups


ONE_GROUP = Grouping("one group")
TWO_GROUPS = Grouping("two groups", ((), ()))
TWO_DECAYS = Grouping("two decays", ((("weight_decay", 0.1),), (("weight_decay", 0.0),)))
FROZEN_GROUP = Grouping("a group with lr 0", ((), (("lr", 0.0),)))
FROZEN_FIRST = Grouping("the first group with lr 0", ((("lr", 0.0),), ()))
EMPTY_GROUP = Grouping("an empty group", ((), (), ()), empty=(1,))
EMPTY_FIRST = Grouping("the first group empty", ((), ()), empty=(0,))
GROUPINGS = (ONE_GROUP, TWO_DECAYS, FROZEN_GROUP, FROZEN_FIRST, EMPTY_GROUP, EMPTY_FIRST)

SCHEDULES: Mapping[str, Callable[[int, int], float]] = {
    "constant": lambda step, steps: 1.0,
    "warm-up from 0": lambda step, steps: min(1.0, step / 10),
    "cosine to 0": lambda step, steps: 0.5 * (1 + math.cos(math.pi * step / (steps - 1))),
    "warm-up and cosine": lambda step, steps: min(1.0, step / 8) * 0.5 * (1 + math.cos(math.pi * step / (steps - 1))),
    "above 0": lambda step, steps: min(1.0, (step + 1) / 8) * (0.55 + 0.45 * math.cos(math.pi * step / (steps - 1))),
    "a zero in the middle": lambda step, steps: 0.0 if steps // 2 <= step < steps // 2 + 3 else 1.0,
}
"""Step, number of steps -> factor on the learning rate that each group was built with, as torch's LambdaLR does it."""

LORA = (
    Leaf("q.down", (4, 40)),
    Leaf("q.up", (40, 4), start="zero"),
    Leaf("k.down", (4, 40)),
    Leaf("k.up", (40, 4), start="zero"),
    Leaf("proj.down 1x1", (4, 36, 1, 1)),
    Leaf("proj.up 1x1", (36, 4, 1, 1), start="zero"),
    Leaf("conv.down 3x3", (4, 5, 3, 3)),
    Leaf("conv.up 1x1", (6, 4, 1, 1), start="zero"),
)
ODD = (
    Leaf("bias", (37,)),
    Leaf("scalar", ()),
    Leaf("one element", (1,)),
    Leaf("one by one", (1, 1)),
    Leaf("odd", (7, 13)),
    Leaf("3-D", (3, 1, 5)),
    Leaf("zeros without a slope", (3, 5), start="zero", gradients="zero"),
    Leaf("without a slope", (7, 13), gradients="zero"),
    Leaf("frozen", (4, 40), gradients="never"),
    Leaf("now and then", (4, 40), gradients="sometimes"),
    Leaf("now and then 1-D", (37,), gradients="sometimes"),
)
EVERY_SHAPE = LORA + ODD
SMALL = (
    Leaf("q.down", (3, 33)),
    Leaf("q.up", (33, 3), start="zero"),
    Leaf("k.up", (33, 3), start="zero"),
    Leaf("conv 3x3", (4, 2, 3, 3)),
    Leaf("bias", (17,)),
    Leaf("scalar", ()),
    Leaf("now and then", (3, 33), gradients="sometimes"),
    Leaf("frozen", (5,), gradients="never"),
    Leaf("without a slope", (3, 33), gradients="zero"),
)
TINY = (
    Leaf("down", (3, 33)),
    Leaf("up", (33, 3), start="zero"),
    Leaf("conv 3x3", (4, 2, 3, 3)),
    Leaf("bias", (17,)),
    Leaf("now and then", (3, 33), gradients="sometimes"),
    Leaf("without a slope", (5,), gradients="zero"),
)
LAYOUTS = (
    Leaf("transposed", (12, 34), layout="transposed"),
    Leaf("channels last", (6, 5, 3, 3), layout="channels_last"),
    Leaf("strided", (9, 35), layout="strided"),
    Leaf("strided 1-D", (41,), layout="strided"),
    Leaf("its gradient transposed", (12, 34), gradient_layout="transposed"),
    Leaf("transposed, its gradient not", (12, 34), layout="transposed", gradient_layout="contiguous"),
    Leaf("its gradient channels last", (6, 5, 3, 3), gradient_layout="channels_last"),
    Leaf("channels last, its gradient not", (6, 5, 3, 3), layout="channels_last", gradient_layout="contiguous"),
    Leaf("its gradient strided", (9, 35), gradient_layout="strided"),
)
DROPPED = tuple(Leaf(f"module {place}", (6, 17) if place % 3 else (33,), gradients="at random") for place in range(12))
"""Every step has another set of parameters with gradients."""
WIDE = (
    Leaf("down", (16, 640)),
    Leaf("up", (640, 16), start="zero"),
    Leaf("square", (150, 257)),
    Leaf("conv 3x3", (16, 16, 3, 3)),
    Leaf("long", (40_003,)),
)
"""Large enough that torch splits the work over threads, vectors and cascades of partial sums."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What is to be minimised, and how the training goes about it.

    Attributes:
        leaves: the parameters, in the order in which they are given to the optimizer.
        grouping: their groups.
        schedule: a name of SCHEDULES.
        dtype: of parameters and gradients.
        steps: how many.
        noise: standard deviation of what is added to each gradient.
        seed: decides every number.
    """

    leaves: tuple[Leaf, ...] = SMALL
    grouping: Grouping = ONE_GROUP
    schedule: str = "constant"
    dtype: torch.dtype = torch.float32
    steps: int = 60
    noise: float = 0.1
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How an optimizer is built and called.

    Attributes:
        arguments: its keywords; a class among the values is instantiated for each optimizer.
        loss: the numbers that a closure hands over, by step; None where step() is called without one.
        events: what is called on the optimizer before the step of that number.
        by_parameter: step_param() is called for each parameter, as a fused backward pass does.
        watched: attributes of the optimizer that have to agree, beside everything else.
    """

    arguments: tuple[tuple[str, Any], ...] = ()
    loss: Callable[[int], float] | None = None
    events: tuple[tuple[int, Callable[[Any], None]], ...] = ()
    by_parameter: bool = False
    watched: tuple[str, ...] = ()


@dataclass
class Trace:
    """What an optimizer did.

    Attributes:
        start: every parameter before the first step, one after the other.
        path: the same after each step.
        estimates: the d of each group after each step; empty where it has none.
        gradients: as the last step left them.
        state: state_dict() at the end.
        watched: the attributes that were asked for.
        error: the step at which it raised, and what.
    """

    start: torch.Tensor
    path: list[torch.Tensor] = field(default_factory=list)
    estimates: list[tuple[float, ...]] = field(default_factory=list)
    gradients: list[torch.Tensor | None] = field(default_factory=list)
    state: dict[str, Any] = field(default_factory=dict)
    watched: dict[str, Any] = field(default_factory=dict)
    error: tuple[int, Exception] | None = None


@dataclass(frozen=True)
class _Numbers:
    """The numbers of a problem, in its dtype."""

    starts: list[torch.Tensor]
    targets: list[torch.Tensor]
    curvatures: list[torch.Tensor]
    noise: list[list[torch.Tensor]]


@lru_cache(maxsize=12)
def _numbers(leaves: tuple[Leaf, ...], dtype: torch.dtype, steps: int, sigma: float, seed: int) -> _Numbers:
    generator = torch.Generator().manual_seed(seed)
    starts, targets, curvatures = [], [], []
    for leaf in leaves:
        width = max(1, math.prod(leaf.shape[1:]))
        begin = (2 * torch.rand(leaf.shape, generator=generator, dtype=torch.float64) - 1) / math.sqrt(width)
        begin = torch.zeros_like(begin) if leaf.start == "zero" else begin
        starts.append(begin.to(dtype))
        targets.append((begin + 0.5 * torch.randn(leaf.shape, generator=generator, dtype=torch.float64)).to(dtype))
        curvatures.append((0.5 + torch.rand(leaf.shape, generator=generator, dtype=torch.float64)).to(dtype))
    flat = sigma * torch.randn(steps, sum(one.numel() for one in starts), generator=generator, dtype=torch.float64)
    sizes = [one.numel() for one in starts]
    noise = [
        [part.reshape(leaf.shape).to(dtype) for part, leaf in zip(row.split(sizes), leaves, strict=True)] for row in flat.unbind()
    ]
    return _Numbers(starts, targets, curvatures, noise)


def laid_out(values: torch.Tensor, layout: Layout) -> torch.Tensor:
    """A copy of the values that lies in memory as asked."""
    if layout == "transposed":
        return values.t().clone(memory_format=torch.contiguous_format).t()
    if layout == "channels_last":
        return values.clone(memory_format=torch.channels_last)
    if layout == "strided":
        room = torch.zeros((*values.shape[:-1], 2 * values.shape[-1]), dtype=values.dtype)
        room[..., ::2] = values
        return room[..., ::2]
    return values.clone(memory_format=torch.contiguous_format)


class Training:
    """An optimizer on its own copy of a problem.

    Args:
        optimizer_class: what is built.
        setting: how it is built and called.
        problem: what it is run on.
        backend: set on the optimizer after it was built; None for a reference.
        nudge: every gradient is off by this share, up or down: one rounding is what a dtype cannot tell apart.
    """

    def __init__(
        self, optimizer_class: type[Any], setting: Setting, problem: Problem, *, backend: str | None = None, nudge: float = 0.0
    ) -> None:
        self.setting = setting
        self.problem = problem
        self.nudge = nudge
        self.now = 0
        self._numbers = _numbers(problem.leaves, problem.dtype, problem.steps, problem.noise, problem.seed)
        self.parameters = [
            torch.nn.Parameter(laid_out(start, leaf.layout))
            for start, leaf in zip(self._numbers.starts, problem.leaves, strict=True)
        ]
        self.trace = Trace(self.flat())
        torch.manual_seed(problem.seed)  # for optimizers that round at random
        self.optimizer = self.build(optimizer_class, backend)
        self.rates = [group.get("lr") for group in self.optimizer.param_groups]

    def build(self, optimizer_class: type[Any], backend: str | None) -> Any:
        """The optimizer over this training's parameters."""
        arguments = {name: value() if isinstance(value, type) else value for name, value in self.setting.arguments}
        optimizer = optimizer_class(self.problem.grouping.groups(self.parameters), **arguments)
        if backend is not None:
            optimizer.backend = backend
        return optimizer

    def hand_over(self, optimizer_class: type[Any], backend: str | None, carried: Callable[[Any], Any]) -> None:
        """Saves the optimizer's state, builds another one over the same parameters and loads it there.

        Args:
            optimizer_class: what is built.
            backend: set on it; None for a reference.
            carried: what happens to the state on the way.
        """
        state = carried(self.optimizer.state_dict())
        self.optimizer = self.build(optimizer_class, backend)
        self.optimizer.load_state_dict(state)

    def flat(self) -> torch.Tensor:
        return torch.cat([parameter.detach().reshape(-1) for parameter in self.parameters])

    def set_gradients(self) -> None:
        """Gradients of the quadratic at the optimizer's own parameters, set to None before as trainers do."""
        self.optimizer.zero_grad(set_to_none=True)
        numbers = self._numbers
        noise = numbers.noise[self.now % self.problem.steps]
        values = [parameter.detach() for parameter in self.parameters]
        slopes = torch._foreach_sub(values, numbers.targets)  # pyright: ignore[reportPrivateImportUsage]
        torch._foreach_mul_(slopes, numbers.curvatures)  # pyright: ignore[reportPrivateImportUsage]
        torch._foreach_add_(slopes, noise)  # pyright: ignore[reportPrivateImportUsage]
        for parameter, leaf, slope, noisy in zip(self.parameters, self.problem.leaves, slopes, noise, strict=True):
            if not leaf.has_gradient(self.now):
                continue
            if self.nudge:
                slope.mul_(1 + self.nudge * torch.sign(noisy))
            if leaf.gradients == "zero":
                slope.zero_()
            layout = leaf.gradient_layout or leaf.layout
            parameter.grad = slope if layout == "contiguous" else laid_out(slope, layout)

    def set_rates(self) -> None:
        """The schedule, written into the groups; nothing where the learning rate is the optimizer's own business."""
        if self.problem.schedule == "constant":
            return
        factor = SCHEDULES[self.problem.schedule](self.now, self.problem.steps)
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            if rate is not None:
                group["lr"] = rate * factor

    def step(self) -> None:
        self.set_rates()
        self.set_gradients()
        for when, event in self.setting.events:
            if when == self.now:
                event(self.optimizer)
        if self.setting.by_parameter:
            for group in self.optimizer.param_groups:
                for parameter in group["params"]:
                    self.optimizer.step_param(parameter, group)
            self.optimizer.step()
        elif self.setting.loss is not None:
            loss = torch.tensor(self.setting.loss(self.now), dtype=torch.float64)
            self.optimizer.step(lambda: loss)
        else:
            self.optimizer.step()
        self.now += 1
        self.trace.path.append(self.flat())
        groups = self.optimizer.param_groups
        self.trace.estimates.append(tuple(float(group["d"]) for group in groups if "d" in group))

    def run(self, until: int | None = None) -> Trace:
        """Goes on to that step, or to the problem's last; an exception ends it and is part of the trace."""
        until = self.problem.steps if until is None else until
        try:
            while self.now < until:
                self.step()
        except Exception as error:  # noqa: BLE001 - what is raised is compared
            self.trace.error = (self.now, error)
        self.trace.gradients = [None if one.grad is None else one.grad.detach().clone() for one in self.parameters]
        self.trace.state = self.optimizer.state_dict()
        self.trace.watched = {name: getattr(self.optimizer, name) for name in self.setting.watched}
        return self.trace


def trained(
    optimizer_class: type[Any], setting: Setting, problem: Problem, *, backend: str | None = None, nudge: float = 0.0
) -> Trace:
    """Builds and runs; a refusal to be built is part of the trace as step -1."""
    try:
        training = Training(optimizer_class, setting, problem, backend=backend, nudge=nudge)
    except Exception as error:  # noqa: BLE001 - what is raised is compared
        return Trace(torch.zeros(0), error=(-1, error))
    return training.run()


def reference_trace(optimizer_class: type[Any], setting: Setting, problem: Problem, nudge: float = 0.0) -> Trace:
    """The reference's run, computed once for all that are compared with it; it differs from itself with other threads."""
    return _reference_trace(optimizer_class, setting, problem, nudge, torch.get_num_threads())


@lru_cache(maxsize=64)
def _reference_trace(optimizer_class: type[Any], setting: Setting, problem: Problem, nudge: float, threads: int) -> Trace:
    return trained(optimizer_class, setting, problem, nudge=nudge)
