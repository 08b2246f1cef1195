"""What is known of the training that runs in this process, and its events as lines of JSON (docs/run-folder.md).

Standard library only, like `companion.py` beside it.
"""

# pyright: basic
# Everything in here handles objects of packages that are not there when Caddie's own types are checked.

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.runs.companion_wishes import Wishes
if TYPE_CHECKING or __package__:
    from core.runs import companion_values as values
    from core.runs.companion_step import EffectiveStep
else:  # in the interpreter that trains there is nothing of Caddie but what lies beside this file
    import companion_values as values
    from companion_step import EffectiveStep

_GROUP_LIMIT = 64


class Watch:
    """What is known of the training. The methods are called from hooks: `quietly` where they are not to be trusted."""

    def __init__(self, events: str | None, stop: str | None, script: str) -> None:
        self.pid, self.stop, self.stopping = os.getpid(), stop, False
        self.off = not events or os.environ.get("RANK", "0") != "0"
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        self.file, self.torn = -1, False  # torn: the last line is a part of one
        if not self.off:
            try:
                self.torn = ends_torn(str(events))
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
        self.moved = EffectiveStep()
        self.steps_per_epoch: float | None = None
        self.last: float | None = None
        self.memory: tuple[float, int | None] = (-math.inf, None)
        self.told: set[Any] = set()
        self.handing = os.environ.get("CADDIE_HAND_LOSS") == "1"
        self.heard: list[Any] = []  # the losses of all micro-batches of the step that is open or just done
        self.whole = True  # the last backward completed a step
        self.held_out: list[float] = []  # losses of the validation that was just made
        self.wishes: Wishes | None = None

    def write(self, event: str, **facts: Any) -> None:
        if self.file >= 0 and os.getpid() == self.pid:
            known = {key: value for key, value in facts.items() if value is not None}
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
            self.fail(error)

    def fail(self, error: Exception) -> None:
        """Ends the metrics."""
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
        if own is not None or not values.wants_loss(optimizer):
            return None
        if not self.heard:
            return self.not_handed("the script calls no Accelerator.backward with a loss of one number")
        loss = sum(self.heard) / len(self.heard)
        return (optimizer, lambda: loss), {}

    def asked(self) -> bool:
        """Whether somebody wants the end."""
        return bool(self.stop) and os.path.exists(str(self.stop))

    def boundary(self, *_: Any, **__: Any) -> None:
        """Nothing is half done here: the last step is written, wishes are heard, a wish to stop is obeyed."""
        self.quietly(self.flush)
        self.quietly(self.tell_validation)
        if self.wishes is not None:
            self.wishes.safely(self.wishes.begin_step)
        if not self.stopping and self.asked() and (self.wishes is None or self.wishes.ends_now()):
            self.stopping = True
            raise KeyboardInterrupt("a stop was requested")

    def tell_validation(self) -> None:
        """Writes the validation that came after the last step, once it is whole."""
        losses, self.held_out = self.held_out, []
        if losses:
            epoch = self.step / self.steps_per_epoch if self.steps_per_epoch else None
            self.write("validated", step=self.step, loss=values.plain(sum(losses) / len(losses)), epoch=epoch)

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
        numbers = [float(values.plain(loss)) for loss in self.losses]
        norms = [float(values.plain(norm)) for norm in self.norms]
        self.losses, self.norms = [], []
        loss = sum(numbers) / len(numbers) if numbers else None
        groups = [{key: values.plain(value) for key, value in group.items() if value is not None} for group in record["groups"]]
        record["groups"] = groups[:_GROUP_LIMIT] or None
        norm = values.plain(math.sqrt(sum(norm * norm for norm in norms))) if norms else None
        self.write("step", **record, loss=values.plain(loss), grad_norm=norm)
        if loss is not None and math.isnan(loss):
            self.warn("nan-loss", self.step)

    def opened(self) -> dict[str, Any]:
        """A record for the next step."""
        self.step += 1
        before, self.last = self.last, time.perf_counter()
        seconds = None if before is None else self.last - before
        epoch = self.step / self.steps_per_epoch if self.steps_per_epoch else None
        if self.last - self.memory[0] > 1:
            self.memory = (self.last, values.peak_memory())
        return {"step": self.step, "seconds": seconds, "epoch": epoch, "memory": self.memory[1], "groups": []}

    def before_backward(self, accelerator: Any, loss: Any) -> None:
        if accelerator.sync_gradients:
            self.awaiting = accelerator
        if hasattr(loss, "detach") and loss.numel() == 1:
            self.losses.append(loss.detach())  # read later, when the device is done anyway

    def clipped(self, norm: Any) -> None:
        self.norms += [] if (norm := values.keep(norm)) is None else [norm]

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
            self.clipped(values.gradient_norm(optimizer))
        groups = [values.before_group(optimizer, group) for group in optimizer.param_groups]
        names = self.names.get(id(optimizer), ())
        for index, group in enumerate(groups):
            group["name"] = names[index] if index < len(names) else f"group{index}"
        self.stepped[id(optimizer)] = (groups, getattr(optimizer, "lr", None))
        self.moved.before(optimizer)

    def after_step(self, optimizer: Any) -> None:
        self.depth = max(0, self.depth - 1)
        if self.depth == 0 and self.record is not None and id(optimizer) in self.stepped:
            groups, own_rate = self.stepped[id(optimizer)]
            moved = self.moved.after(optimizer)
            for index, group in enumerate(groups):
                group["effective_step"] = moved[index]
                group["effective_lr"] = values.effective_lr(optimizer, group, index, own_rate)
            self.record["groups"] += groups

    def begin(self, optimizer: Any) -> None:
        """Learns once, from the script's own variables, where it stands and what it calls its groups."""
        self.begun = True
        found = values.script_variables(self.folder)
        done, total = found.get("global_step"), getattr(found.get("args"), "max_train_steps", None)
        self.step = done if isinstance(done, int) else 0  # a resumed run goes on counting
        accumulation = getattr(found.get("args"), "gradient_accumulation_steps", None) or 1
        with contextlib.suppress(KeyError, TypeError):  # no loader, or a stream without a length
            self.steps_per_epoch = math.ceil(len(found["train_dataloader"]) / accumulation)
        self.names[id(optimizer)] = values.group_names(optimizer.param_groups, found)
        for name in values.VALIDATIONS:
            if hasattr(found.get(name), "add"):
                values.wrap(found[name], "add", None, lambda _, *, step, loss, **__: self.quietly(self.hold_out, step, loss))
        name = f"{type(optimizer).__module__}.{type(optimizer).__qualname__}"
        total = total if isinstance(total, int) else None
        handing = True if self.handing and values.wants_loss(optimizer) else None
        hears = self.wishes.able(found) if self.wishes is not None else None
        self.write("started", optimizer=name, total_steps=total, source="companion", hands_loss=handing, hears=hears or None)

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
        if self.wishes is not None:
            self.wishes.safely(self.wishes.settle)
        with contextlib.suppress(OSError):  # a full disk must not change how the script ends
            self.write("finished", step=self.step, how=how, error=error[:2000])


def ends_torn(path: str) -> bool:
    """Whether a file's last line is cut: a process that wrote it before was killed with the machine."""
    try:
        with open(path, "rb") as file:
            if file.seek(0, 2) == 0:
                return False
            file.seek(-1, 2)
            return file.read(1) != b"\n"
    except OSError:
        return False
