"""Runs a training in this process and writes down when its steps ended, what it took and what it dispatched.

Started by trainer.py, with sd-scripts' Python or with Caddie's, so that both trainings are measured by the same code:

    PY trainer_child.py OUT.json FIRST LAST COUNTED (script | module) NAME ARGUMENTS...

Steps FIRST to LAST, 1-based, are timed; COUNTED is the step whose operations are counted, 0 for none. Nothing of Caddie is
imported here.
"""

from __future__ import annotations

import collections
import json
import os
import runpy
import sys
import time
import traceback
from typing import Any

STARTED = time.time()
LEAST_PARAMETERS = 20
"""An optimizer with fewer is not the training's: Caddie tries optimizers on toys before the model is loaded."""
READS = ("_local_scalar_dense", "item", "is_nonzero", "nonzero", "equal", "masked_select", "_unique2", "unique_dim")
"""What needs numbers of a tensor in the program, and so waits where they lie on a GPU."""


def resident() -> int | None:
    """Bytes that the process has in memory now; None where Linux does not say."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return None


def peak() -> int | None:
    """Greatest number of bytes that the process had in memory."""
    if sys.platform == "win32":
        return None
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def place() -> str:
    """The innermost line outside of torch and of this file, and torch's own line that it called."""
    inner = ""
    for frame in reversed(traceback.extract_stack()):
        if frame.filename == __file__:
            continue
        name = "/".join(frame.filename.replace("\\", "/").split("/")[-2:])
        if f"{os.sep}torch{os.sep}" in frame.filename:
            inner = inner or f" -> {name}:{frame.name}"
            continue
        return f"{name}:{frame.lineno}{inner}"
    return "?"


def counter(torch: Any) -> Any:
    """A dispatch mode that counts operations by name and reads by place."""
    from torch.utils._python_dispatch import TorchDispatchMode

    class Count(TorchDispatchMode):
        def __init__(self) -> None:
            super().__init__()
            self.ops: collections.Counter[str] = collections.Counter()
            self.reads: collections.Counter[str] = collections.Counter()

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            name = func.overloadpacket.__name__
            # A view launches nothing, and neither does room that is only set aside.
            if not func.is_view and name not in {"empty", "empty_like", "empty_strided", "detach", "_unsafe_view", "new_empty"}:
                self.ops[name] += 1
            if name in READS or (name == "index" and any(i is not None and i.dtype == torch.bool for i in args[1])):
                self.reads[f"{name} {place()}"] += 1
            return func(*args, **(kwargs or {}))

    found = Count()
    for name in ("tolist", "numpy"):  # these do not go through the dispatcher on a CPU
        setattr(torch.Tensor, name, noted(getattr(torch.Tensor, name), name, found))
    return found


def noted(method: Any, name: str, found: Any) -> Any:
    """A tensor's method that is also counted while the counter is on."""

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if getattr(found, "is_on", False):
            found.reads[f"{name} {place()}"] += 1
        return method(self, *args, **kwargs)

    return call


def main(arguments: list[str]) -> None:
    """Hooks itself into every optimizer and runs the training."""
    out, first, last, counted, kind, name, *rest = arguments
    first, last, counted = int(first), int(last), int(counted)
    import torch
    from torch.optim.optimizer import register_optimizer_step_post_hook

    cuda = torch.cuda.is_available()
    facts: dict[str, Any] = {"started": STARTED, "torch": torch.__version__, "device": "cpu"}
    if cuda:
        facts["device"] = torch.cuda.get_device_name()
    count = counter(torch) if counted else None
    steps = 0

    def stepped(optimizer: Any, *_: Any) -> None:
        nonlocal steps
        if sum(len(group["params"]) for group in optimizer.param_groups) < LEAST_PARAMETERS:
            return
        steps += 1
        if count is not None and steps == counted:
            count.__exit__(None, None, None)
            count.is_on = False
            facts["ops"], facts["reads"] = dict(count.ops.most_common()), dict(count.reads.most_common())
        if steps in {1, first - 1, last}:
            if cuda:
                torch.cuda.synchronize()
            facts[f"step {steps}"], facts[f"work {steps}"] = time.time(), time.process_time()
        if steps == last:
            facts.update(seconds=(facts[f"step {last}"] - facts[f"step {first - 1}"]) / (last - first + 1))
            facts.update(work=(facts[f"work {last}"] - facts[f"work {first - 1}"]) / (last - first + 1))
            facts.update(resident=resident(), peak=torch.cuda.max_memory_allocated() if cuda else peak())
        if count is not None and steps == counted - 1:
            count.is_on = True
            count.__enter__()

    register_optimizer_step_post_hook(stepped)
    sys.argv = [name, *rest]
    sys.path[0] = os.getcwd()
    try:
        (runpy.run_path if kind == "script" else runpy.run_module)(name, run_name="__main__")
    finally:
        facts["first_step"], facts["first_work"] = facts.get("step 1"), facts.get("work 1")
        with open(out, "w", encoding="utf-8") as file:
            json.dump(facts, file)


if __name__ == "__main__":
    main(sys.argv[1:])
