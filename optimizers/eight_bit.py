"""AdamW8bit and Lion8bit: bitsandbytes' own, with fewer launches and no waiting.

Paper: T. Dettmers et al., "8-bit Optimizers via Block-wise Quantization", arXiv:2110.02861.
Reference: bitsandbytes 0.50.2 (`bitsandbytes.optim.AdamW8bit`, `Lion8bit`), of which these are subclasses: arguments,
groups, state, `state_dict` and the kernels are its own.

bitsandbytes launches one kernel per parameter and waits for the device after each of them. Here the quantised states of
small parameters lie one behind the other, each parameter's beginning on a new block of quantisation, so that a kernel
over a stretch of them does to each what a kernel of its own would do. Parameters and gradients of a stretch are copied
into scratch memory before it, and parameters back after it. Nobody waits.

What takes bitsandbytes' own way, one launch each: large parameters (the copies would cost more than the launch),
parameters with a configuration of their own (`GlobalOptimManager`), paged states (these wait, as they do there),
tensors of other kinds than plain contiguous ones.

Importing this module needs bitsandbytes; `optimizers` imports it when one of the two is asked for.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor

from optimizers.machinery.backend import Backend, checked, default_backend
from optimizers.machinery.stretches import ARRAYS, LARGE, Chunk, Place, Stretch, copy

try:
    from bitsandbytes import functional
    from bitsandbytes.optim.adamw import AdamW8bit as _AdamW8bit
    from bitsandbytes.optim.lion import Lion8bit as _Lion8bit
    from bitsandbytes.optim.optimizer import GlobalOptimManager
    from bitsandbytes.utils import sync_gpu
except ImportError as error:
    raise ImportError(
        f"optimizers.AdamW8bit and Lion8bit run bitsandbytes' kernels, which cannot be imported: {error}"
    ) from error

_PLAIN = (Tensor, torch.nn.Parameter)
_DEVICES = frozenset({"cpu", "cuda"})
_KEPT = ("initialized", "name2qmap", "is_paged", "non_castable_tensor_keys", "args", "optimizer_name")


class Settings(NamedTuple):
    """The numbers of a group that a kernel takes."""

    betas: tuple[float, float, float]
    alpha: float
    eps: float
    lr: float
    weight_decay: float


class _Newcomer(NamedTuple):
    """A parameter that has no place yet."""

    p: Tensor
    grad: Tensor
    state: dict[str, Any]
    settings: Settings


@dataclass(slots=True)
class Run:
    """Neighbours that are stepped alike: the same numbers, and the same count of steps."""

    stretch: Stretch
    first: int
    settings: Settings
    step: int
    params: list[Tensor] = field(default_factory=list[Tensor])
    grads: list[Tensor] = field(default_factory=list[Tensor])


class FlatSteps:
    """What replaces the step of bitsandbytes' 8-bit optimizers; comes before them in a class's bases.

    Attributes:
        backend: "exact" steps every parameter alone, as bitsandbytes does (but for the waiting); all others are one.
    """

    # Attributes of bitsandbytes.optim.optimizer.Optimizer8bit that are used here.
    param_groups: list[dict[str, Any]]
    state: Any
    args: Any
    mng: Any
    is_paged: bool
    initialized: bool
    optimizer_name: str
    check_overrides: Callable[[], None]
    to_gpu: Callable[[], None]
    init_state: Callable[..., None]
    prefetch_state: Callable[[Tensor], None]
    update_step: Callable[..., None]

    _places: dict[int, Place] | None = None
    _backend: Backend | None = None

    @property
    def backend(self) -> Backend:
        return self._backend or default_backend()

    @backend.setter
    def backend(self, name: str) -> None:
        self._backend = checked(name)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
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
        if not self.initialized:
            self.check_overrides()
            self.to_gpu()
            self.initialized = True
        for run in self._runs():
            with _on_default_stream(run.stretch.device):
                self._step_run(run)
        return loss

    def _runs(self) -> list[Run]:
        """What is to be stepped by stretches, counted as stepped; everything else is stepped here."""
        if self._places is None:
            self._places = {}
        runs: list[Run] = []
        open_runs: dict[Stretch, Run] = {}
        new: dict[tuple[object, ...], list[_Newcomer]] = {}
        tables: dict[int, bytes] = {}
        special = self._special()
        for gindex, group in enumerate(self.param_groups):
            settings = _settings(group)
            for pindex, p in enumerate(group["params"]):
                grad = p.grad
                if grad is None:
                    continue
                if grad.layout is not torch.strided:
                    raise RuntimeError(f"{type(self).__name__} does not support sparse gradients")
                state, place = self.state[p], self._places.get(id(p))
                if place is not None and not special and place.holds(p, state):
                    _add(runs, open_runs, place, settings, grad)
                    continue
                if p.is_complex():
                    raise RuntimeError(f"{type(self).__name__} does not support complex parameters")
                if not state:
                    self.init_state(group, p, gindex, pindex)
                alone = special and special(gindex, pindex, p)
                kind = None if alone else _kind(p, state, tables)
                if kind is None:
                    self._places.pop(id(p), None)
                    self._step_alone(group, p, gindex, pindex)
                else:
                    new.setdefault(kind, []).append(_Newcomer(p, grad, state, settings))
        self._places = self._kept_places(self._places) if new else self._places
        for members in new.values():
            stretch = Stretch([one.p for one in members], [one.state for one in members])
            for index, (p, grad, state, settings) in enumerate(members):
                place = self._places[id(p)] = stretch.place(index, p, state)
                _add(runs, open_runs, place, settings, grad)
        return runs

    def _kept_places(self, places: dict[int, Place]) -> dict[int, Place]:
        """Without those of parameters that newcomers have replaced: nobody else holds their buffers."""
        there = {id(p) for group in self.param_groups for p in group["params"]}
        return {key: place for key, place in places.items() if key in there}

    def _special(self) -> Callable[[int, int, Tensor], bool] | None:
        """Says of which parameters something else than their group's numbers decides; None where of no one."""
        if self.is_paged or self.args.max_unorm > 0.0 or self.backend == "exact":
            return lambda gindex, pindex, p: True
        by_index, by_id = self.mng.index2config, self.mng.pid2config
        if by_index or by_id:
            return lambda gindex, pindex, p: (gindex, pindex) in by_index or id(p) in by_id
        return None

    def _step_alone(self, group: dict[str, Any], p: Tensor, gindex: int, pindex: int) -> None:
        with _on_default_stream(p.device):
            self.prefetch_state(p)
            self.update_step(group, p, gindex, pindex)
        if self.is_paged or p.device.type not in _DEVICES:
            sync_gpu(p)

    def _step_run(self, run: Run) -> None:
        for begin, end, chunk in run.stretch.chunks(run.first, run.first + len(run.params)):
            params, grads = run.params[begin - run.first : end - run.first], run.grads[begin - run.first : end - run.first]
            copy(chunk.p_views, params)
            copy(chunk.grad_views, grads)
            run.stretch.clear(chunk)
            self._launch(run, chunk)
            copy(params, chunk.p_views)

    def _launch(self, run: Run, chunk: Chunk) -> None:
        (beta1, beta2, beta3), alpha, eps, lr, decay = run.settings
        arrays, (qmap1, qmap2), skip = chunk.arrays, run.stretch.qmaps, self.args.skip_zeros
        name, grad, p = self.optimizer_name, chunk.grad, chunk.p
        state1, state2 = arrays["state1"], arrays.get("state2")
        if run.stretch.quantised:
            assert qmap1 is not None
            scales = (qmap1, qmap2, arrays["absmax1"], arrays.get("absmax2"))
            functional.optimizer_update_8bit_blockwise(
                name, grad, p, state1, state2, beta1, beta2, beta3, alpha, eps, run.step, lr, *scales, decay, 1.0, skip
            )
        else:
            functional.optimizer_update_32bit(
                name, grad, p, state1, beta1, eps, run.step, lr, state2, beta2, beta3, alpha, decay, 1.0, None, 0.0, skip
            )

    def __getstate__(self) -> dict[str, Any]:
        """What a copy needs; bitsandbytes' own leaves out what its step reads."""
        return {**super().__getstate__(), **{name: self.__dict__[name] for name in _KEPT}}  # type: ignore[misc]

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Part of copying, and of `load_state_dict`: the state's tensors are others now."""
        super().__setstate__(state)  # type: ignore[misc]
        self._places = None
        self.mng = GlobalOptimManager.get_instance()
        self.page_mng = functional.GlobalPageManager.get_instance()


def _settings(group: dict[str, Any]) -> Settings:
    betas = group["betas"]
    third = betas[2] if len(betas) >= 3 else 0.0
    return Settings((betas[0], betas[1], third), group.get("alpha", 0.0), group["eps"], group["lr"], group["weight_decay"])


def _add(runs: list[Run], open_runs: dict[Stretch, Run], place: Place, settings: Settings, grad: Tensor) -> None:
    """Counts a parameter's step and puts it into its stretch's last run, or into a new one where it does not go with that."""
    place.state["step"] += 1
    step, stretch = place.state["step"], place.stretch
    run = open_runs.get(stretch)
    if run is None or run.first + len(run.params) != place.index or run.step != step or run.settings != settings:
        run = open_runs[stretch] = Run(stretch, place.index, settings, step)
        runs.append(run)
    run.params.append(place.p)
    run.grads.append(grad)


def _kind(p: Tensor, state: dict[str, Any], tables: dict[int, bytes]) -> tuple[object, ...] | None:
    """What parameters need to have in common to share a stretch; None where one has to be stepped alone.

    Args:
        p, state: the parameter and its state.
        tables: the contents of the tables of codes that were read so far, by their `id`.
    """
    arrays = [state[name] for name in ARRAYS if name in state]
    if type(p) not in _PLAIN or not p.is_contiguous() or p.device.type not in _DEVICES or not 0 < p.numel() < LARGE:
        return None
    if any(array.device != p.device for array in arrays):
        return None
    if any(state[name].shape != p.shape or not state[name].is_contiguous() for name in ("state1", "state2") if name in state):
        return None  # blocks of quantisation follow the memory
    maps: list[Tensor] = [state[name] for name in ("qmap1", "qmap2") if name in state]
    for qmap in maps:  # a state that was loaded may bring a copy of its own, of the same codes
        if id(qmap) not in tables:
            tables[id(qmap)] = bytes(qmap.detach().cpu().numpy().tobytes())
    return (p.device, p.dtype, arrays[0].dtype, len(arrays), *(tables[id(qmap)] for qmap in maps))


@contextlib.contextmanager
def _on_default_stream(device: torch.device) -> Iterator[None]:
    """bitsandbytes launches on the device's default stream; where another is current, both are put in order."""
    if device.type != "cuda" or torch.cuda.current_stream(device) == torch.cuda.default_stream(device):
        yield
        return
    default, current = torch.cuda.default_stream(device), torch.cuda.current_stream(device)
    default.wait_stream(current)
    with torch.cuda.stream(default):
        yield
    current.wait_stream(default)


class AdamW8bit(FlatSteps, _AdamW8bit):
    __doc__ = _AdamW8bit.__init__.__doc__


class Lion8bit(FlatSteps, _Lion8bit):
    __doc__ = _Lion8bit.__init__.__doc__
