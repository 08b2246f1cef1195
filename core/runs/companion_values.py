"""What the companion reads of an optimizer and of the script's own variables, without changing any of it.

Standard library only, like `companion.py` beside it. Functions that read a device say so.
"""

# pyright: basic
# Everything in here handles objects of packages that are not there when Caddie's own types are checked.

from __future__ import annotations

import functools
import math
import os
import sys
from collections.abc import Callable
from typing import Any

_TEXT_MODELS = ("text_encoder", "text_encoders", "text_encoder1", "text_encoder2", "clip_l", "clip_g", "t5xxl")
_MODELS = ("unet", *_TEXT_MODELS, "mmdit", "flux", "dit", "transformer", "control_net", "controlnet")
VALIDATIONS = ("val_step_loss_recorder", "val_epoch_loss_recorder")  # what sd-scripts adds losses of held-out images to
_LOOP = ("global_step", "lr_descriptions", "args", "optimizer", "train_dataloader", "network")
_VARIABLES = (*_LOOP, *_MODELS, *VALIDATIONS)
_NETWORK_PARTS = (("textencoder", "text_encoder_loras"), ("unet", "unet_loras"))


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


def is_loop(frame: Any, folder: str) -> bool:
    """Whether a frame is the script's training loop."""
    code = frame.f_code
    return "global_step" in (*code.co_varnames, *code.co_cellvars) and os.path.realpath(code.co_filename).startswith(folder)


def script_variables(folder: str) -> dict[str, Any]:
    """The variables of the script's training loop, found by looking up the stack from its first step."""
    frame: Any = sys._getframe(1)
    if sys.gettrace() is not None or sys.getprofile() is not None:
        return {}  # a debugger shares the dictionary that is cleared below
    while frame is not None:
        if is_loop(frame, folder):
            variables = frame.f_locals
            found = {name: variables[name] for name in _VARIABLES if name in variables}
            if type(variables) is dict:
                variables.clear()  # before Python 3.13 a snapshot, which would keep the step's tensors alive
            return found
        frame = frame.f_back
    return {}


def called_by_loop(folder: str) -> bool:
    """Whether the script's training loop itself, and nothing that it called, calls one of the companion's wrappers."""
    frame: Any = sys._getframe(1)
    while frame is not None and os.path.basename(frame.f_code.co_filename).startswith("companion"):
        frame = frame.f_back
    return frame is not None and is_loop(frame, folder)


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
