"""One optimizer step: gradients in, changed weights out, and what there is to tell of it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from diffusers.training_utils import EMAModel
from torch import Tensor

from core.runs.companion import before_group, effective_lr, gradient_norm, peak_memory
from core.runs.companion_step import EffectiveStep
from core.runs.events import Group, Step
from core.training.lora.casts import Casts
from core.training.machine import Machine
from core.training.optimizer import BuiltOptimizer
from core.training.readback import Readback
from core.training.settings import LoopSettings
from core.training.world import World

_FACTS = ("lr", "effective_lr", "d", "d_lr", "effective_step")


class Scheduler(Protocol):
    """What gives the learning rates."""

    def step(self) -> None: ...
    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state_dict: dict[str, Any]) -> None: ...


@dataclass(frozen=True, slots=True)
class _About:
    """What belongs to numbers that are still on the device."""

    step: int
    epoch: float
    seconds: float | None
    names: tuple[str, ...]
    groups: tuple[dict[str, Any], ...]
    arriving: tuple[tuple[int, str], ...]


class Stepper:
    """Steps an optimizer and reads afterwards what it did, without waiting for the device.

    Args:
        built: the optimizer.
        scheduler: of its learning rates; None where the optimizer wants none.
        group_names: of the optimizer's groups.
        machine: where.
        settings: clipping, accumulation, what to do about NaN.
        world: the processes that train together.
        casts: of the LoRA's weights, which the forward pass has taken; None for no autocast.
    """

    def __init__(
        self,
        built: BuiltOptimizer,
        scheduler: Scheduler | None,
        group_names: Sequence[str],
        machine: Machine,
        settings: LoopSettings,
        *,
        world: World | None = None,
        casts: Casts | None = None,
    ) -> None:
        self.built = built
        self.scheduler = scheduler
        self.scaler = torch.amp.GradScaler(machine.device.type) if machine.scales_gradients else None  # pyright: ignore[reportPrivateImportUsage]
        self._optimizer = built.optimizer
        self._names = tuple(group_names)
        self._settings = settings
        self._world = world or World()
        self._casts = casts
        self._trained = [p for group in built.optimizer.param_groups for p in group["params"]]
        self._average = _average_of(self._trained, settings.ema) if settings.ema else None
        self._readback: Readback[_About] = Readback(machine.device)
        self._losses: list[Tensor] = []
        self._moved = EffectiveStep()
        self._last_time: float | None = None
        self._has_stepped = False
        if self.scaler is not None:
            # Whether the scaler let a step happen: asking for its scale would wait for the device twice a step.
            built.optimizer.register_step_post_hook(self._note_step)

    def backward(self, loss: Tensor) -> None:
        """Adds a micro-batch's gradients.

        Args:
            loss: its mean loss, of shape ().
        """
        self._losses.append(loss.detach())
        share = loss / self._settings.accumulation
        (share if self.scaler is None else self.scaler.scale(share)).backward()
        if self._casts is not None:
            self._casts.give_back()

    def step(self, number: int, epoch: float) -> bool:
        """Changes the weights.

        Args:
            number: of the step, 1-based.
            epoch: that is reached, with a fraction.

        Returns:
            Whether the step was done; False where its gradients are no numbers and the job wants such steps left out.
        """
        loss = self._losses[0] if len(self._losses) == 1 else torch.stack(self._losses).mean()
        self._losses = []
        self._meet(loss)
        if self.scaler is not None:
            self.scaler.unscale_(self._optimizer)
        norm = self._clip()
        done = True
        # Only whoever wants bad steps left out waits for the device here: the decision has to be made now.
        if self._settings.nan == "skip" and not bool(torch.isfinite(loss) & torch.isfinite(norm)):
            done = False
        groups = [before_group(self._optimizer, group) for group in self._optimizer.param_groups]
        own_rate = getattr(self._optimizer, "lr", None)
        if done:
            self._moved.before(self._optimizer)
            done = self._do(loss)
        elif self.scaler is not None:
            self.scaler.update()
        moved = self._moved.after(self._optimizer)
        after = [
            {
                **known,
                "effective_lr": effective_lr(self._optimizer, known, index, own_rate),
                "effective_step": moved[index] if done else None,
            }
            for index, known in enumerate(groups)
        ]
        self._optimizer.zero_grad(set_to_none=True)
        self._send(number, epoch, loss, norm, after)
        return done

    def _meet(self, loss: Tensor) -> None:
        """Averages the loss and the gradients with those of the other processes.

        A weight that has no gradient here may have one elsewhere (module dropout), so all of them are exchanged, as
        torch's DistributedDataParallel does.
        """
        if self._world.is_alone:
            return
        for parameter in self._trained:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        self._world.average([loss, *(parameter.grad for parameter in self._trained if parameter.grad is not None)])

    def _clip(self) -> Tensor:
        parameters = [p for group in self._optimizer.param_groups for p in group["params"] if p.grad is not None]
        if self._settings.max_grad_norm:
            return torch.nn.utils.clip_grad_norm_(parameters, self._settings.max_grad_norm)
        norm = gradient_norm(self._optimizer)
        return norm if norm is not None else torch.zeros(())

    def _do(self, loss: Tensor) -> bool:
        self.built.hear(loss)
        if self.scaler is None:
            self._optimizer.step()
        else:
            self._has_stepped = False
            self.scaler.step(self._optimizer)
            self.scaler.update()
            if not self._has_stepped:
                return False
        if self.scheduler is not None:
            self.scheduler.step()
        if self._average is not None:
            self._average.step(self._trained)
        return True

    def _note_step(self, *_: object) -> None:
        self._has_stepped = True

    def _send(self, number: int, epoch: float, loss: Tensor, norm: Tensor, groups: list[dict[str, Any]]) -> None:
        now = time.perf_counter()
        seconds = None if self._last_time is None else now - self._last_time
        self._last_time = now
        arriving = [(place, name) for place, group in enumerate(groups) for name in _FACTS if isinstance(group[name], Tensor)]
        values = [groups[place][name].reshape(()).to(loss.device) for place, name in arriving]
        about = _About(number, epoch, seconds, self._names, tuple(groups), tuple(arriving))
        self._readback.send(about, [loss, norm.to(loss.device), *values])

    def events(self, *, wait: bool = False) -> list[Step]:
        """The steps whose numbers have arrived, in order.

        Args:
            wait: for all steps that were done.
        """
        return [_event(about, values) for about, values in self._readback.receive(wait=wait)]

    @contextlib.contextmanager
    def resting(self) -> Iterator[None]:
        """Within it the weights are those to be saved and sampled with: the schedule-free family trains on others.

        With a moving average it is that. Afterwards they are what they were, to the last bit: that family's way there and
        back rounds, and when a training saves must not change where it goes.
        """
        kept = [weights.detach().clone() for weights in self._trained] if self.built.has_modes else []
        self.built.eval()
        if self._average is not None:
            self._average.store(self._trained)
            self._average.copy_to(self._trained)
        try:
            yield
        finally:
            if self._average is not None:
                self._average.restore(self._trained)
            self.built.train()
            with torch.no_grad():
                for weights, before in zip(self._trained, kept, strict=False):
                    weights.copy_(before)

    def state_dict(self) -> dict[str, Any]:
        """What has to be saved to go on."""
        state: dict[str, Any] = {"optimizer": self._optimizer.state_dict(), "kind": type(self._optimizer).__name__}
        if self.scheduler is not None:
            state["scheduler"] = self.scheduler.state_dict()
        if self.scaler is not None:
            state["scaler"] = self.scaler.state_dict()
        if self._average is not None:
            state["average"] = self._average.state_dict()
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from a saved state.

        Raises:
            ValueError: it is that of another optimizer or scheduler, which torch would take and then train in some other way.
        """
        own = type(self._optimizer).__name__  # without its package: the fast ones take the states of the others
        if state.get("kind", own) != own:
            raise ValueError(f"{state['kind']} != {own}")
        schedule = {} if self.scheduler is None else self.scheduler.state_dict()
        if state.get("scheduler", {}).keys() != schedule.keys():
            raise ValueError("lr_scheduler")
        self._optimizer.load_state_dict(state["optimizer"])
        if self.scheduler is not None and "scheduler" in state:
            self.scheduler.load_state_dict(state["scheduler"])
        if self.scaler is not None and "scaler" in state:
            self.scaler.load_state_dict(state["scaler"])
        if self._average is not None and "average" in state:
            self._average.load_state_dict(state["average"])
            self._average.to(device=self._trained[0].device)


def _average_of(weights: Sequence[Tensor], decay: float) -> EMAModel:
    """A moving average in float32: 16 bits would round away nearly all that a step adds to it."""
    start = [torch.nn.Parameter(one.detach().float(), requires_grad=False) for one in weights]
    return EMAModel(start, decay=decay, foreach=True)


def _event(about: _About, values: list[float]) -> Step:
    loss, norm, *rest = values
    groups = [dict(group) for group in about.groups]
    for (place, name), value in zip(about.arriving, rest, strict=True):
        groups[place][name] = value
    return Step(
        time=time.time(),
        step=about.step,
        loss=loss,
        grad_norm=norm,
        seconds=about.seconds,
        epoch=about.epoch,
        memory=peak_memory(),
        groups=tuple(
            Group(name=name, **{fact: None if group[fact] is None else float(group[fact]) for fact in _FACTS})
            for name, group in zip(about.names, groups, strict=True)
        ),
    )
