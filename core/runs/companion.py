"""Runs a training script in this process and writes down what its optimizer really does.

    python companion.py SCRIPT ARGUMENTS…

One file, standard library only: it runs in the interpreter that trains, where nothing of Caddie is installed. torch,
accelerate and safetensors are touched only when the script imports them, through torch's public optimizer hooks and
thin wrappers. It changes no result: no random number is drawn, no tensor of the script written. Any fault in here turns
the metrics off, says so in a `warned` event, and leaves the training alone.

Environment: `CADDIE_EVENTS` file that gets one JSON object a line (docs/run-folder.md); `CADDIE_STOP` file whose
presence ends the script at the next step; `CADDIE_HAND_LOSS=1` the one exception to "changes no result", on the user's
own wish: an optimizer of the emo series gets the loss that the script never tells it.
"""

# pyright: basic
# Everything in here handles objects of packages that are not there when Caddie's own types are checked.

from __future__ import annotations

import _thread
import contextlib
import functools
import importlib.util
import json
import math
import os
import runpy
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

_TEXT_MODELS = ("text_encoder", "text_encoders", "text_encoder1", "text_encoder2", "clip_l", "clip_g", "t5xxl")
_MODELS = ("unet", *_TEXT_MODELS, "mmdit", "flux", "dit", "transformer", "control_net", "controlnet")
_VALIDATIONS = ("val_step_loss_recorder", "val_epoch_loss_recorder")  # what sd-scripts adds losses of held-out images to
_VARIABLES = ("global_step", "lr_descriptions", "args", "train_dataloader", "network", *_MODELS, *_VALIDATIONS)
_NETWORK_PARTS = (("textencoder", "text_encoder_loras"), ("unet", "unet_loras"))
_GROUP_LIMIT = 64


def plain(value: Any) -> Any:
    """A number for JSON; a tensor is read from its device here, and nowhere else."""
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    return value


def keep(value: Any) -> Any:
    """A value as it is now: what lies on a device is copied there, without waiting for it."""
    if isinstance(value, (int, float)):
        return value
    return value.detach().clone() if hasattr(value, "detach") and value.numel() == 1 else None


def times(left: Any, right: Any) -> Any:
    """A product, where both are known."""
    return None if left is None or right is None else left * right


class Watch:
    """What is known of the training. The methods are called from hooks: `quietly` where they are not to be trusted."""

    def __init__(self, events: str | None, stop: str | None, script: str) -> None:
        self.pid, self.stop, self.stopping = os.getpid(), stop, False
        self.off = not events or os.environ.get("RANK", "0") != "0"
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        self.file, self.torn = -1, False
        if not self.off:
            try:
                self.file = os.open(str(events), flags, 0o666)
            except OSError as error:  # no metrics are no reason not to train
                self.off = True
                sys.stderr.write(f"No metrics: {error}\n")
        self.folder = os.path.dirname(os.path.realpath(script))
        self.begun, self.step, self.depth = False, 0, 0
        self.losses: list[Any] = []  # of the micro-batches of the step that is open, on their device
        self.norms: list[Any] = []
        self.record: dict[str, Any] | None = None  # the step that is open, once an optimizer took it
        self.stepped: dict[int, Any] = {}  # the optimizers that took it: their groups, and their own rate before
        self.awaiting: Any = None  # the accelerator whose backward ended the micro-batches, until the step is written
        self.names: dict[int, list[str]] = {}
        self.steps_per_epoch: float | None = None
        self.last: float | None = None
        self.memory: tuple[float, int | None] = (-math.inf, None)
        self.told: set[Any] = set()
        self.handing = os.environ.get("CADDIE_HAND_LOSS") == "1"
        self.heard: list[Any] = []  # the losses of all micro-batches of the step that is open or just done
        self.whole = True  # the last backward completed a step
        self.held_out: list[float] = []  # losses of the validation that was just made

    def write(self, event: str, **values: Any) -> None:
        if self.file >= 0 and os.getpid() == self.pid:
            known = {key: value for key, value in values.items() if value is not None}
            line = json.dumps({"event": event, "time": time.time(), **known}, ensure_ascii=False) + "\n"
            data = (b"\n" if self.torn else b"") + line.encode("utf-8", "backslashreplace")
            # One call: a line is whole or not there; on a full disk a part, which the next one must not be glued to.
            self.torn = os.write(self.file, data) < len(data)

    def warn(self, key: str, step: int, detail: str = "") -> None:
        if key not in self.told:
            self.told.add(key)
            self.write("warned", step=step, key=key, detail=detail)

    def quietly(self, action: Callable[..., None], *arguments: Any) -> None:
        """Calls something of this file; a fault in it is not the training's, and ends the metrics only."""
        if self.off or os.getpid() != self.pid:
            return
        try:
            action(*arguments)
        except Exception as error:
            self.off = True
            with contextlib.suppress(OSError):  # a full disk: there is nowhere left to say it
                self.warn("companion-failed", self.step, f"{type(error).__name__}: {error}"[:500])

    def faithfully(self, action: Callable[..., Any], *arguments: Any) -> Any:
        """As `quietly`, for handing over the loss: it goes on where the metrics have ended, and the other way round."""
        if not self.handing or os.getpid() != self.pid:
            return None
        try:
            return action(*arguments)
        except Exception as error:
            self.not_handed(f"{type(error).__name__}: {error}"[:500])
            return None

    def not_handed(self, why: str) -> None:
        self.handing = False
        sys.stderr.write(f"The optimizer no longer gets the loss: {why}\n")
        with contextlib.suppress(OSError):
            self.warn("loss-not-handed", self.step, why)

    def hear(self, accelerator: Any, loss: Any) -> None:
        self.heard = [] if self.whole else self.heard
        self.whole = accelerator.sync_gradients
        self.heard += [loss.detach().float()] if hasattr(loss, "detach") and loss.numel() == 1 else []

    def with_loss(self, optimizer: Any, arguments: Any, keywords: Any) -> Any:
        """The arguments of a step whose closure tells the mean loss of its micro-batches; None leaves them as they are."""
        own = keywords.get("closure", arguments[1] if len(arguments) > 1 else None)
        if own is not None or not wants_loss(optimizer):
            return None
        if not self.heard:
            return self.not_handed("the script calls no Accelerator.backward with a loss of one number")
        loss = sum(self.heard) / len(self.heard)
        return (optimizer, lambda: loss), {}

    def boundary(self, *_: Any, **__: Any) -> None:
        """Nothing is half done here: a wish to stop is obeyed, the last step is written."""
        if not self.stopping and self.stop and os.path.exists(self.stop):
            self.stopping = True
            raise KeyboardInterrupt("a stop was requested")
        self.quietly(self.flush)
        self.quietly(self.tell_validation)

    def tell_validation(self) -> None:
        """Writes the validation that came after the last step, once it is whole."""
        losses, self.held_out = self.held_out, []
        if losses:
            epoch = self.step / self.steps_per_epoch if self.steps_per_epoch else None
            self.write("validated", step=self.step, loss=plain(sum(losses) / len(losses)), epoch=epoch)

    def hold_out(self, step: int, loss: float) -> None:
        self.held_out = [*(self.held_out if step else ()), loss]  # each validation counts from 0

    def flush(self) -> None:
        """Writes the step that is done. Called where the script has waited for the device itself."""
        if self.depth:
            return
        accelerator, self.awaiting = self.awaiting, None
        record, self.record, self.stepped = self.record, None, {}
        if record is None:
            if accelerator is None or not self.begun:
                return
            if getattr(accelerator, "scaler", None) is not None:  # float16 overflowed; the script counts the step too
                self.warn("step-skipped", self.step + 1, "the gradients were not finite")
            record = self.opened()
        numbers = [float(plain(loss)) for loss in self.losses]
        norms = [float(plain(norm)) for norm in self.norms]
        self.losses, self.norms = [], []
        loss = sum(numbers) / len(numbers) if numbers else None
        groups = [{key: plain(value) for key, value in group.items() if value is not None} for group in record["groups"]]
        record["groups"] = groups[:_GROUP_LIMIT] or None
        norm = plain(math.sqrt(sum(norm * norm for norm in norms))) if norms else None
        self.write("step", **record, loss=plain(loss), grad_norm=norm)
        if loss is not None and math.isnan(loss):
            self.warn("nan-loss", self.step)

    def opened(self) -> dict[str, Any]:
        """A record for the next step."""
        self.step += 1
        before, self.last = self.last, time.perf_counter()
        seconds = None if before is None else self.last - before
        epoch = self.step / self.steps_per_epoch if self.steps_per_epoch else None
        if self.last - self.memory[0] > 1:
            self.memory = (self.last, peak_memory())
        return {"step": self.step, "seconds": seconds, "epoch": epoch, "memory": self.memory[1], "groups": []}

    def before_backward(self, accelerator: Any, loss: Any) -> None:
        if accelerator.sync_gradients:
            self.awaiting = accelerator
        if hasattr(loss, "detach") and loss.numel() == 1:
            self.losses.append(loss.detach())  # read later, when the device is done anyway

    def clipped(self, norm: Any) -> None:
        self.norms += [] if (norm := keep(norm)) is None else [norm]

    def before_step(self, optimizer: Any) -> None:
        self.depth += 1
        if self.depth > 1:  # an optimizer within an optimizer: the outer one is the real one
            return
        if id(optimizer) in self.stepped:  # a script without accelerate: this is already the next step
            self.depth = 0
            self.flush()
            self.depth = 1
        if not self.begun:
            self.begin(optimizer)
        self.record = self.record or self.opened()
        if not self.norms:
            self.clipped(gradient_norm(optimizer))
        groups = [before_group(optimizer, group) for group in optimizer.param_groups]
        names = self.names.get(id(optimizer), ())
        for index, group in enumerate(groups):
            group["name"] = names[index] if index < len(names) else f"group{index}"
        self.stepped[id(optimizer)] = (groups, getattr(optimizer, "lr", None))

    def after_step(self, optimizer: Any) -> None:
        self.depth = max(0, self.depth - 1)
        if self.depth == 0 and self.record is not None and id(optimizer) in self.stepped:
            groups, own_rate = self.stepped[id(optimizer)]
            for index, group in enumerate(groups):
                group["effective_lr"] = effective_lr(optimizer, group, index, own_rate)
            self.record["groups"] += groups

    def begin(self, optimizer: Any) -> None:
        """Learns once, from the script's own variables, where it stands and what it calls its groups."""
        self.begun = True
        found = script_variables(self.folder)
        done, total = found.get("global_step"), getattr(found.get("args"), "max_train_steps", None)
        self.step = done if isinstance(done, int) else 0  # a resumed run goes on counting
        accumulation = getattr(found.get("args"), "gradient_accumulation_steps", None) or 1
        with contextlib.suppress(KeyError, TypeError):  # no loader, or a stream without a length
            self.steps_per_epoch = math.ceil(len(found["train_dataloader"]) / accumulation)
        self.names[id(optimizer)] = group_names(optimizer.param_groups, found)
        for name in _VALIDATIONS:
            if hasattr(found.get(name), "add"):
                wrap(found[name], "add", None, lambda _, *, step, loss, **__: self.quietly(self.hold_out, step, loss))
        name = f"{type(optimizer).__module__}.{type(optimizer).__qualname__}"
        total = total if isinstance(total, int) else None
        handing = True if self.handing and wants_loss(optimizer) else None
        self.write("started", optimizer=name, total_steps=total, source="companion", hands_loss=handing)

    def wrote(self, target: Any, kind: str) -> None:
        """The script wrote a file: weights, a part of a state folder, or a sample picture."""
        path = os.fsdecode(target) if isinstance(target, (str, os.PathLike)) else ""
        folder = os.path.dirname(os.path.abspath(path))
        if not path or (kind == "sample" and os.path.basename(folder) != "sample"):
            return
        path = os.path.abspath(path)
        if folder.endswith("-state"):
            path, kind = folder, "state"  # many files, one state
        if (path, self.step) not in self.told:
            self.told.add((path, self.step))
            self.flush()
            if kind == "sample":
                self.write("sample", step=self.step, path=path)
            else:
                self.write("saved", step=self.step, path=path, kind=kind)

    def finish(self, how: str, error: str = "") -> None:
        self.depth = 0
        self.quietly(self.flush)
        if how == "returned":  # else it may be cut short
            self.quietly(self.tell_validation)
        with contextlib.suppress(OSError):  # a full disk must not change how the script ends
            self.write("finished", step=self.step, how=how, error=error[:2000])


def wants_loss(optimizer: Any) -> bool:
    """The emo series, in whichever package it lies (`core.job.optimizer.wants_loss`)."""
    return type(optimizer).__name__.startswith("Emo")


def peak_memory() -> int | None:
    """Peak bytes on the GPU, else of the process."""
    cuda = sys.modules["torch"].cuda
    if cuda.is_available() and cuda.is_initialized():
        return int(cuda.max_memory_allocated())
    if sys.platform == "win32":
        return None
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def before_group(optimizer: Any, group: Any) -> dict[str, Any]:
    """Learning rate and d of a group, as the step that begins will use them."""
    lr, d, shared = keep(group.get("lr")), keep(group.get("d")), None
    # ProdigyPlus steps with the mean of all groups' d: an attribute in 1.x, a key in 2.x, not there in others.
    if getattr(optimizer, "split_groups", False):
        shared = keep(getattr(optimizer, "shared_d", None))
    elif group.get("split_groups") and group.get("split_groups_mean"):
        shared = keep(group.get("shared_d"))
    d = d if shared is None else shared
    return {"lr": lr, "d": d, "d_lr": times(d, lr)}


def effective_lr(optimizer: Any, known: dict[str, Any], index: int, own_rate: Any) -> Any:
    """What the step that just ended multiplied with."""
    group = optimizer.param_groups[index]
    if known["d_lr"] is not None:
        return known["d_lr"]
    if "scheduled_lr" in group:
        return keep(group["scheduled_lr"])
    if "relative_step" in group and "scale_parameter" in group:
        return adafactor_lr(optimizer, group)
    if type(optimizer).__module__.endswith("emonavi") and hasattr(optimizer, "lr_min") and isinstance(own_rate, float):
        # WORKAROUND pytorch-optimizer 3.9: one rate of its own, changed once for every group of a step. 4.x has no `lr_min`.
        ratio = (optimizer.lr / own_rate) ** (1 / len(optimizer.param_groups)) if own_rate else 1.0
        return max(optimizer.lr_min, min(optimizer.lr_max, own_rate * ratio ** (index + 1)))
    return known["lr"]


def adafactor_lr(optimizer: Any, group: Any) -> Any:
    """Mean over a group's tensors of the rate that transformers' Adafactor used (`Adafactor._get_lr`)."""
    states = [optimizer.state[p] for p in group["params"] if "RMS" in optimizer.state.get(p, ())]
    rate = keep(group.get("lr"))
    if states and group["relative_step"]:
        step = states[0]["step"]
        rate = min(1e-6 * step if group["warmup_init"] else 1e-2, 1.0 / math.sqrt(step))
    if states and group["scale_parameter"]:
        torch = sys.modules["torch"]
        scales = torch.stack([torch.as_tensor(state["RMS"]).detach() for state in states])
        rate = times(rate, scales.clamp(min=group["eps"][1]).mean())
    return rate


def gradient_norm(optimizer: Any) -> Any:
    """Total norm of the gradients, on their device; None where they are still scaled, or sparse."""
    grads = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
    if not grads or getattr(optimizer, "grad_scale", None) is not None or any(grad.is_sparse for grad in grads):
        return None
    torch = sys.modules["torch"]
    with torch.no_grad():
        norms = torch._foreach_norm(grads)
        first = norms[0].device
        return torch.linalg.vector_norm(torch.stack([norm if norm.device == first else norm.to(first) for norm in norms]).float())


def script_variables(folder: str) -> dict[str, Any]:
    """The variables of the script's training loop, found by looking up the stack from its first step."""
    frame: Any = sys._getframe(1)
    if sys.gettrace() is not None or sys.getprofile() is not None:
        return {}  # a debugger shares the dictionary that is cleared below
    while frame is not None:
        code = frame.f_code
        if "global_step" in (*code.co_varnames, *code.co_cellvars) and os.path.realpath(code.co_filename).startswith(folder):
            variables = frame.f_locals
            found = {name: variables[name] for name in _VARIABLES if name in variables}
            if type(variables) is dict:
                variables.clear()  # before Python 3.13 a snapshot, which would keep the step's tensors alive
            return found
        frame = frame.f_back
    return {}


def group_names(groups: Any, found: dict[str, Any]) -> list[str]:
    """What the script calls its groups; else after the model that owns their parameters; else `group<i>`."""
    names = [str(name).strip() for name in found.get("lr_descriptions") or ()]
    if len(names) != len(groups):
        network = getattr(found.get("network"), "module", found.get("network"))
        named = [(name, found.get(name)) for name in _MODELS]
        named += [(name, getattr(network, part, None)) for name, part in _NETWORK_PARTS]  # last, so that they win
        lists: Any = [(name, value if isinstance(value, (list, tuple)) else [value]) for name, value in named]
        modules = [(name, module) for name, found in lists for module in found if hasattr(module, "parameters")]
        owner = {id(parameter): name for name, module in modules for parameter in module.parameters()}
        names = [owner.get(id(next(iter(group["params"]), None)), f"group{i}") for i, group in enumerate(groups)]
    return [name if name not in names[:i] else f"{name} ({names[:i].count(name) + 1})" for i, name in enumerate(names)]


def wrap(owner: Any, name: str, before: Callable[..., None] | None, after: Callable[..., None] | None = None) -> None:
    """Calls `before` with the arguments of a function, and `after` with its result and the arguments."""
    original = getattr(owner, name)

    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        if before is not None:
            before(*args, **kwargs)
        result = original(*args, **kwargs)
        if after is not None:
            after(result, *args, **kwargs)
        return result

    setattr(owner, name, call)


def hooks(watch: Watch) -> dict[str, Callable[[Any], None]]:
    """What to do when the script has imported a module."""

    def optimizers(module: Any) -> None:
        def before(optimizer: Any, arguments: Any, keywords: Any) -> Any:
            watch.quietly(watch.before_step, optimizer)
            return watch.faithfully(watch.with_loss, optimizer, arguments, keywords)

        module.register_optimizer_step_pre_hook(before)
        module.register_optimizer_step_post_hook(lambda optimizer, *_: watch.quietly(watch.after_step, optimizer))

    def backward(accelerator: Any, loss: Any, *_: Any, **__: Any) -> None:
        if watch.awaiting is not None or watch.record is not None:
            watch.boundary()
        watch.quietly(watch.before_backward, accelerator, loss)
        watch.faithfully(watch.hear, accelerator, loss)

    def accelerator(module: Any) -> None:
        wrap(module.Accelerator, "backward", backward)
        wrap(module.Accelerator, "accumulate", watch.boundary)
        wrap(module.Accelerator, "clip_grad_norm_", None, lambda norm, *_, **__: watch.quietly(watch.clipped, norm))

    def writer(path: str, name: str, keyword: str, kind: str) -> Callable[[Any], None]:
        def tell(_result: Any, *args: Any, **kwargs: Any) -> None:
            watch.quietly(watch.wrote, args[1] if len(args) > 1 else kwargs.get(keyword), kind)

        return lambda module: wrap(getattr(module, path, module), name, None, tell)

    return {
        "torch.optim.optimizer": optimizers,
        "accelerate.accelerator": accelerator,
        "safetensors.torch": writer("", "save_file", "filename", "weights"),
        "torch.serialization": writer("", "save", "f", "weights"),
        "PIL.Image": writer("Image", "save", "fp", "sample"),
    }


class Finder:
    """Waits for modules to be imported; imports none itself, and changes nothing about how they are found."""

    def __init__(self, watch: Watch) -> None:
        self.watch, self.hooks = watch, hooks(watch)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        hook = self.hooks.pop(name, None)
        if hook is None:
            return None
        try:
            spec = importlib.util.find_spec(name)  # asks the other finders, since the hook is taken out meanwhile
        finally:
            self.hooks[name] = hook
        loader: Any = None if spec is None else spec.loader
        if hasattr(loader, "exec_module"):
            execute = loader.exec_module

            def exec_module(module: Any) -> None:
                execute(module)
                self.hooks.pop(name, None)
                (self.watch.faithfully if self.watch.off else self.watch.quietly)(hook, module)

            loader.exec_module = exec_module
        return spec


def obey_before_first_step(watch: Watch) -> None:
    """Loading a model takes minutes and meets no step: a stop interrupts it as Ctrl-C does."""
    while not watch.begun and not watch.stopping:
        time.sleep(0.3)
        if not watch.begun and watch.stop and os.path.exists(watch.stop):
            watch.stopping = True
            if hasattr(signal, "pthread_kill"):  # wakes a blocking call too
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            else:
                _thread.interrupt_main()


def main() -> None:
    """Runs the script as if it had been started itself."""
    if len(sys.argv) < 2:
        sys.exit("usage: companion.py SCRIPT [ARGUMENTS]")
    sys.argv = sys.argv[1:]
    script = os.path.abspath(sys.argv[0])
    if not getattr(sys.flags, "safe_path", False):
        sys.path[0] = os.path.dirname(os.path.realpath(script))
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # inherited from nohup or a shell's background
        signal.signal(signal.SIGINT, signal.default_int_handler)
    watch = Watch(os.environ.get("CADDIE_EVENTS"), os.environ.get("CADDIE_STOP"), script)
    if watch.handing and int(os.environ.get("WORLD_SIZE") or 1) > 1:
        sys.exit("The loss can be handed to the optimizer in a single process only: each knows another loss.")
    sys.meta_path.insert(0, Finder(watch))
    if watch.stop:
        threading.Thread(target=obey_before_first_step, args=(watch,), daemon=True).start()
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as error:
        well = error.code in (None, 0)
        watch.finish("returned" if well else "raised", "" if well else f"SystemExit: {error.code}")
        raise
    except KeyboardInterrupt:
        watch.finish("stopped")
        if not watch.stopping:
            raise
        sys.exit(130)
    except BaseException as error:
        watch.finish("raised", f"{type(error).__name__}: {error}")
        sys.excepthook(type(error), error, error.__traceback__)
        sys.exit(1)
    watch.finish("returned")


if __name__ == "__main__":
    main()
