"""What all optimizers here share: a step's outer form, and how it stays a torch optimizer like any other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import Optimizer

from optimizers.machinery.backend import Backend, checked, default_backend
from optimizers.machinery.batch import Batch, Group, Share, State
from optimizers.machinery.plans import Plans


class FastOptimizer(Optimizer):
    """A torch optimizer whose algorithm is written as programs (`optimizers.machinery.program`).

    Subclasses give `initial_state` and `update`. State holds mathematics only: what the machinery needs from step to
    step lies outside it, so a state moves freely to the reference implementation and between machines.
    """

    _backend: Backend | None = None
    _plans: Plans | None = None

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        default_backend()  # a wrong word in the environment is told here and not at the first step
        super().__init__(params, defaults)

    @property
    def backend(self) -> Backend:
        """How programs are run: see `optimizers.machinery.backend`."""
        return self._backend or default_backend()

    @backend.setter
    def backend(self, name: str) -> None:
        self._backend = checked(name)
        self._plans = None

    def initial_state(self, p: Tensor, group: Group) -> State:
        """The state of a parameter that is stepped for the first time (`p.grad` is there)."""
        raise NotImplementedError

    def update(self, batch: Batch) -> None:
        """One step on all parameters that have a gradient."""
        raise NotImplementedError

    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Performs one step.

        Args:
            closure: evaluates the model again and returns the loss; called once, with gradients enabled.

        Returns:
            What the closure returned, else None.

        Raises:
            RuntimeError: a gradient is sparse, or a parameter is complex.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        with torch.no_grad():
            batch = self._batch()
            self.update(batch)
        _tell_autograd(p for share in batch for p in share.params)
        return loss

    def one_learning_rate(self) -> float:
        """The learning rate of all groups.

        Raises:
            RuntimeError: groups differ in other ways than by 0.
        """
        lr = max(group["lr"] for group in self.param_groups)
        if any(group["lr"] not in {lr, 0.0} for group in self.param_groups):
            raise RuntimeError("Setting different lr values in different parameter groups is only supported for values of 0")
        return lr

    def _batch(self) -> Batch:
        if self._plans is None:
            self._plans = Plans()
        if self._plans.begin_step():
            self._leave_buffers()
        return Batch([self._share(group) for group in self.param_groups], self.backend, self._plans)

    def _leave_buffers(self) -> None:
        """Gives each array of the state memory of its own: a view would keep a whole buffer alive."""
        for state in self.state.values():
            for name, value in state.items():
                if isinstance(value, Tensor) and value.untyped_storage().nbytes() > value.numel() * value.element_size():
                    state[name] = value.clone()

    def _share(self, group: Group) -> Share:
        with_grad = [(p, grad) for p in group["params"] if (grad := p.grad) is not None]
        params, grads = [p for p, _ in with_grad], [grad for _, grad in with_grad]
        if any(grad.layout is not torch.strided for grad in grads):
            raise RuntimeError(f"{type(self).__name__} does not support sparse gradients")
        if any(map(Tensor.is_complex, grads)):
            raise RuntimeError(f"{type(self).__name__} does not support complex parameters")
        states = [self.state[p] for p in params]
        for p, state in zip(params, states, strict=True):
            if not state:
                state.update(self.initial_state(p, group))
        return Share(group, params, grads, states)

    def add_param_group(self, param_group: Group) -> None:
        """Adds parameters; as with every torch optimizer, also between two steps."""
        super().add_param_group(param_group)
        self._plans = None

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes over a state: one of this class or of the reference, whichever saved it."""
        super().load_state_dict(state_dict)
        self._plans = None


def _tell_autograd(params: Iterable[Tensor]) -> None:
    """Says that parameters have changed: kernels write to memory behind autograd's back.

    Early versions of torch have no word for it; there a graph that was made before the step is not refused.
    """
    increment = getattr(torch.autograd.graph, "increment_version", None)
    if increment is not None:
        for p in params:
            increment(p)
