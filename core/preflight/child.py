"""Runs in the interpreter that will train: builds the optimizer as the trainer will, and takes two steps.

Standard library only, Python 3.8 and later, like `core/environment/probe_script.py`, whose way of speaking it shares; torch
and the trainer's own code are imported when the request is under way. Before each thing that can crash or hang a `begin`
line goes out, so that whoever reads knows what it was.

For sd-scripts the functions `get_optimizer` and `get_scheduler_fix` are compiled out of the checkout's own
`library/train_util.py`: importing that file takes 7 to 20 seconds, and a copy here would not be what the user's version does.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import logging
import os
import platform
import sys
import time
import traceback
from typing import Any, Iterator  # noqa: UP035  (3.8 has no list[...] at run time)

HERE = os.path.dirname(os.path.abspath(__file__))
TRAIN_UTIL = os.path.join("library", "train_util.py")
_MAX_MORE_STEPS = 8
_MAX_TIMED, _TIMED_SECONDS = 6, 0.4


def load(path: str) -> Any:
    """A module by its file: nothing of Caddie is on the module path here."""
    spec = importlib.util.spec_from_file_location("caddie_" + os.path.basename(path)[:-3], path)
    assert spec is not None and spec.loader is not None, path
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


Functions: Any
NotUnderstood: Any
_made = load(os.path.join(HERE, "child_functions.py"))
Functions, NotUnderstood = _made.Functions, _made.NotUnderstood


# --- who builds ----------------------------------------------------------------------------------------------------


class Built:
    """An optimizer and what sets its rates."""

    def __init__(self, optimizer: Any, scheduler: Any, name: str, arguments: str, repeat: int = 1) -> None:
        self.optimizer = optimizer
        self.scheduler = scheduler
        self.name = name
        self.arguments = arguments
        self._repeat = repeat

    def step(self, loss: Any = None) -> None:
        """One step, with the loss in a closure where it is handed over."""
        if loss is None:
            self.optimizer.step()
        else:
            self.optimizer.step(lambda: loss)

    def schedule(self, times: int = 1) -> None:
        """Moves the learning rates on."""
        if self.scheduler is not None:
            for _ in range(times * self._repeat):
                self.scheduler.step()

    def rates(self) -> list[float | None]:
        """The learning rate of each group, as sd-scripts logs it: what the scheduler says, None where nobody does."""
        last = getattr(self.scheduler, "get_last_lr", None)
        found = last() if last is not None else [group.get("lr") for group in self.optimizer.param_groups]
        return [None if rate is None else float(rate) for rate in found]


class SdScripts:
    """Builds with the checkout's own functions."""

    form = "compiled"

    def __init__(self, request: dict[str, Any]) -> None:
        self._functions = Functions(os.path.join(request["folder"], TRAIN_UTIL))
        self._options: dict[str, Any] = request["options"]
        self._processes: int = request["processes"]
        self.warnings: list[str] = []
        self._functions.logger.addHandler(_Keeper(self.warnings))
        self._functions.logger.propagate = False
        self.get_optimizer = self._functions.get("get_optimizer")
        self.get_scheduler = self._functions.get("get_scheduler_fix")

    def build(self, groups: list[dict[str, Any]], steps: int, changes: dict[str, Any]) -> Built:
        """Optimizer and scheduler of a training of so many steps, with some options changed."""
        args = argparse.Namespace(**{**self._options, "max_train_steps": steps, **changes})
        name, arguments, optimizer = self.get_optimizer(args, groups)
        scheduler = self.get_scheduler(args, optimizer, self._processes)
        # accelerate's scheduler steps once for each process, after each step of the optimizer.
        return Built(optimizer, scheduler, name, arguments, self._processes)


class Builtin:
    """Builds with Caddie's own trainer, whose interpreter this is."""

    form = "builtin"

    def __init__(self, request: dict[str, Any]) -> None:
        sys.path.insert(0, os.path.dirname(os.path.dirname(HERE)))
        self._options: dict[str, Any] = request["options"]
        self.warnings: list[str] = []
        self._optimizer = importlib.import_module("core.training.optimizer")
        self._schedules = importlib.import_module("core.training.rates.schedules")
        self._settings = importlib.import_module("core.training.rates.settings")
        self._reader = importlib.import_module("core.training.options").OptionReader

    def build(self, groups: list[dict[str, Any]], steps: int, changes: dict[str, Any]) -> Built:
        """Optimizer and scheduler of a training of so many steps, with some options changed."""
        options = {name: value for name, value in {**self._options, **changes}.items() if value is not None}
        rates = self._settings.read_settings(self._reader(options))
        made = self._optimizer.build_optimizer(rates.optimizer, groups, rates.learning_rate)
        scheduler = self._schedules.build_schedule(rates, made.optimizer, steps)
        arguments = ",".join(f"{name}={value}" for name, value in made.arguments.items())
        built = _Hearing(made.optimizer, scheduler, made.name, arguments)
        built.hear = made.hear
        return built


class _Hearing(Built):
    """The built-in trainer tells each optimizer that wants it the loss, through a hook of its own."""

    hear: Any = None

    def step(self, loss: Any = None) -> None:
        """One step, before which the optimizer hears a loss."""
        torch = sys.modules["torch"]
        if loss is None:
            loss = torch.full((), 0.1, device=self.optimizer.param_groups[0]["params"][0].device)
        self.hear(loss)
        self.optimizer.step()


class _Keeper(logging.Handler):
    """Keeps what sd-scripts warns of while it builds."""

    def __init__(self, kept: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._kept = kept

    def emit(self, record: logging.LogRecord) -> None:
        words = record.getMessage()
        if words not in self._kept:
            self._kept.append(words)


# --- tensors -------------------------------------------------------------------------------------------------------


def device_of(torch: Any, wanted: str) -> str:
    """The device that accelerate would choose."""
    if wanted != "auto":
        return wanted
    if torch.cuda.is_available():
        return "cuda"
    mps = getattr(torch.backends, "mps", None)
    return "mps" if mps is not None and mps.is_available() else "cpu"


def make_groups(torch: Any, request: dict[str, Any], device: str) -> list[dict[str, Any]]:
    """Groups of parameters shaped like the training's, started as a LoRA is: the up half at zero."""
    dtype = getattr(torch, request["dtype"])
    largest = max((_count(shape) for group in request["groups"] for shape, _, _ in group["shapes"]), default=1)
    noise = torch.rand(largest, generator=torch.Generator().manual_seed(1)) * 2 - 1
    made = []
    for group in request["groups"]:
        tensors = []
        for shape, number, starts_at_zero in group["shapes"]:
            inputs = _count(shape[1:]) or 1
            start = noise[: _count(shape)].reshape(shape) * (0.0 if starts_at_zero else inputs**-0.5)
            tensors += [start.to(device=device, dtype=dtype).clone().requires_grad_() for _ in range(number)]
        made.append({"params": tensors, **({} if group["lr"] is None else {"lr": group["lr"]})})
    return made


def _count(shape: list[int]) -> int:
    number = 1
    for size in shape:
        number *= size
    return number


def fill_gradients(torch: Any, groups: list[dict[str, Any]], seed: int, largest: float) -> None:
    """Random gradients of the size that a LoRA's have, clipped like the training's where `largest` is not 0."""
    weights = [weight for group in groups for weight in group["params"]]
    noise = torch.randn(max(weight.numel() for weight in weights), generator=torch.Generator().manual_seed(seed))
    for place, weight in enumerate(weights):
        grad = noise[: weight.numel()].reshape(weight.shape) * (1e-3 * (1 + place % 7))
        weight.grad = grad.to(device=weight.device, dtype=weight.dtype)
    if largest:
        torch.nn.utils.clip_grad_norm_(weights, largest)


def state_bytes(optimizer: Any) -> int:
    """Bytes of all tensors that the optimizer keeps, each once."""
    torch = sys.modules["torch"]
    seen: dict[int, int] = {}

    def look(value: Any) -> None:
        if isinstance(value, torch.Tensor):
            seen[value.data_ptr()] = max(seen.get(value.data_ptr(), 0), value.numel() * value.element_size())
        elif isinstance(value, dict):
            for item in value.values():
                look(item)
        elif isinstance(value, (list, tuple)):
            for item in value:
                look(item)

    for state in optimizer.state.values():
        look(state)
    return sum(seen.values())


# --- the trial -----------------------------------------------------------------------------------------------------


def try_steps(speaker: Any, request: dict[str, Any], builder: Any, torch: Any, device: str) -> None:
    """Builds it on tensors of the training's shapes, takes two steps and says what came of them."""
    speaker.say("begin", step="build")
    groups = make_groups(torch, request, device)
    given = [dict(group) for group in groups]
    built = builder.build(given, request["steps"], {})
    optimizer = built.optimizer
    speaker.say(
        "built",
        name=built.name,
        arguments=built.arguments,
        defaults=[[name, repr(value)[:200]] for name, value in sorted(getattr(optimizer, "defaults", {}).items())],
        scheduler=None if built.scheduler is None else type(built.scheduler).__name__,
        groups=[
            {"lr": group.get("initial_lr", group.get("lr")), "tensors": len(group["params"])} for group in optimizer.param_groups
        ],
        warnings=builder.warnings,
        form=builder.form,
    )
    before = [[weight.detach().clone() for weight in group["params"]] for group in groups]
    loss = torch.full((), 0.1, device=device) if request["hand_loss"] else None
    seconds, steps = [], 0
    for number in range(2 + _MAX_MORE_STEPS):
        if number >= 2 and _has_moved(torch, groups, before):
            break  # more than two only where a warm-up or a state in 8 bits hides the first ones
        speaker.say("begin", step="step")
        fill_gradients(torch, groups, number, request["max_grad_norm"])
        _wait(torch, device)
        started = time.perf_counter()
        built.step(loss)
        _wait(torch, device)
        seconds.append(time.perf_counter() - started)
        built.schedule()
        steps += 1
    moved = [sum(not torch.equal(old, new) for old, new in zip(*pair)) for pair in _pairs(groups, before)]  # noqa: B905  (3.8 has no strict)
    finite = [all(bool(torch.isfinite(weight).all()) for weight in group["params"]) for group in groups]
    until = time.perf_counter() + _TIMED_SECONDS
    while len(seconds) < 2 + _MAX_TIMED and time.perf_counter() < until:  # one time alone tells of other programs too
        _wait(torch, device)
        started = time.perf_counter()
        built.step(loss)
        _wait(torch, device)
        seconds.append(time.perf_counter() - started)
    speaker.say(
        "stepped",
        steps=steps,
        seconds=min(seconds[1:]),
        state_bytes=state_bytes(optimizer),
        moved=moved,
        finite=finite,
        tensors=[len(group["params"]) for group in groups],
        rates=built.rates(),
    )


def _pairs(groups: list[dict[str, Any]], before: list[list[Any]]) -> Iterator[tuple[list[Any], list[Any]]]:
    for group, old in zip(groups, before):  # noqa: B905  (3.8 has no strict)
        yield old, [weight.detach() for weight in group["params"]]


def _has_moved(torch: Any, groups: list[dict[str, Any]], before: list[list[Any]]) -> bool:
    return all(any(not torch.equal(old, new) for old, new in zip(*pair)) for pair in _pairs(groups, before))  # noqa: B905  (3.8 has no strict)


def _wait(torch: Any, device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def failure(error: BaseException) -> dict[str, str]:
    """An error as facts: its last line, and where it came from."""
    line = "".join(traceback.format_exception_only(type(error), error)).strip()
    both = getattr(getattr(error, "text", None), "ja", "")  # an error of Caddie's own is told in both languages
    return {
        "error": line[:600],
        "ja": both,
        "trace": "".join(traceback.format_exception(type(error), error, error.__traceback__))[-4000:],
    }


def main(marker: str, request: dict[str, Any]) -> None:
    """Answers one request: a trial, curves, or both."""
    speaker = load(os.path.join(os.path.dirname(HERE), "environment", "probe_script.py"))._Speaker(marker)
    speaker.say("hello", version=platform.python_version())
    # The order of a training: the script's folder first, then PYTHONPATH.
    sys.path[:0] = [folder for folder in (request["folder"], request["module_path"]) if folder]
    try:
        speaker.say("begin", step="torch")
        torch = importlib.import_module("torch")
        speaker.say("begin", step="gpu")
        device = device_of(torch, request["device"])
        name = torch.cuda.get_device_name(0) if device == "cuda" else platform.processor() or platform.machine()
        speaker.say("device", device=device, name=name, torch=str(torch.__version__))
        speaker.say("begin", step="trainer")
        builder = (Builtin if request["engine"] == "builtin" else SdScripts)(request)
        if request["trial"]:
            try_steps(speaker, request, builder, torch, device)
        if request["curves"] is not None:
            load(os.path.join(HERE, "child_curves.py")).run(speaker, request, builder, torch)
    except NotUnderstood as error:
        speaker.say("unknown-form", error=str(error))
    except BaseException as error:  # noqa: BLE001  (packages raise SystemExit and worse; every end is told)
        speaker.say("failed", **failure(error))
    speaker.say("done")
    sys.stderr.flush()
    os._exit(0)  # not sys.exit: exit handlers of half-broken packages hang or crash


if __name__ == "__main__":
    main(sys.argv[2], json.loads(sys.argv[3]))
