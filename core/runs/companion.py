"""Runs a training script in this process and writes down what its optimizer really does.

    python companion.py SCRIPT ARGUMENTS…

Standard library only, with the files `companion_*.py` beside it: it runs in the interpreter that trains, where nothing
of Caddie is installed. torch, accelerate and safetensors are touched only when the script imports them, through torch's
public optimizer hooks and thin wrappers. It changes no result: no random number is drawn, no tensor of the script written. Any fault in here turns
the metrics off, says so in a `warned` event, and leaves the training alone.

Environment: `CADDIE_EVENTS` file that gets one JSON object a line (docs/run-folder.md); `CADDIE_STOP` file whose
presence ends the script at the next step, with further wishes in the folder `wishes` beside it; `CADDIE_HAND_LOSS=1` the one exception to "changes no result", on the user's
own wish: an optimizer of the emo series gets the loss that the script never tells it.
"""

# pyright: basic
# Everything in here handles objects of packages that are not there when Caddie's own types are checked.

from __future__ import annotations

import _thread
import importlib.util
import os
import runpy
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING or __package__:
    from core.runs.companion_values import (
        before_group,
        effective_lr,
        gradient_norm,
        group_names,
        peak_memory,
        plain,
        wants_loss,
        wrap,
    )
    from core.runs.companion_watch import Watch
    from core.runs.companion_wishes import Wishes
else:
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    try:
        from companion_values import before_group, effective_lr, gradient_norm, group_names, peak_memory, plain, wants_loss, wrap
        from companion_watch import Watch
        from companion_wishes import Wishes
    finally:
        del sys.path[0]

__all__ = ["Watch", "before_group", "effective_lr", "gradient_norm", "group_names", "peak_memory", "plain", "wants_loss"]


def hooks(watch: Watch, wishes: Wishes) -> dict[str, Callable[[Any], None]]:
    """What to do when the script has imported a module."""

    def optimizers(module: Any) -> None:
        def before(optimizer: Any, arguments: Any, keywords: Any) -> Any:
            watch.quietly(watch.before_step, optimizer)
            return watch.faithfully(watch.with_loss, optimizer, arguments, keywords)

        module.register_optimizer_step_pre_hook(before)
        module.register_optimizer_step_post_hook(lambda optimizer, *_: watch.quietly(watch.after_step, optimizer))

    def backward(accelerator: Any, loss: Any, *_: Any, **__: Any) -> None:
        if watch.awaiting is not None or watch.record is not None or wishes.whole:
            watch.boundary()
        watch.quietly(watch.before_backward, accelerator, loss)
        watch.faithfully(watch.hear, accelerator, loss)
        wishes.backward(accelerator)

    def state_saved(result: Any, _: Any, *args: Any, **kwargs: Any) -> None:
        wishes.safely(wishes.wrote, result or (args[0] if args else kwargs.get("output_dir")), "state")

    def accelerator(module: Any) -> None:
        wrap(module.Accelerator, "backward", backward)
        wrap(module.Accelerator, "accumulate", watch.boundary)
        wrap(module.Accelerator, "clip_grad_norm_", None, lambda norm, *_, **__: watch.quietly(watch.clipped, norm))
        wrap(module.Accelerator, "wait_for_everyone", lambda *_, **__: wishes.safely(wishes.waits))
        wrap(module.Accelerator, "end_training", lambda *_, **__: wishes.safely(wishes.settle))
        wrap(module.Accelerator, "save_state", None, state_saved)

    def writer(path: str, name: str, keyword: str, kind: str) -> Callable[[Any], None]:
        def tell(_result: Any, *args: Any, **kwargs: Any) -> None:
            target = args[1] if len(args) > 1 else kwargs.get(keyword)
            watch.quietly(watch.wrote, target, kind)
            wishes.safely(wishes.wrote, target, kind)

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

    def __init__(self, watch: Watch, wishes: Wishes) -> None:
        self.watch, self.hooks = watch, hooks(watch, wishes)

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
                try:
                    hook(module)
                except Exception as error:
                    self.watch.fail(error)

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
    watch.wishes = wishes = Wishes(watch)
    sys.meta_path.insert(0, Finder(watch, wishes))
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
