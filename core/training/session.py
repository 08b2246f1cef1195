"""One training in this process from its plan to a word about its end, whatever happens. torch is imported when it begins."""

from __future__ import annotations

import contextlib
import gc
import os
import re
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, TextIO

from core.errors import CaddieError
from core.text import preferred_language
from core.training.control import Control
from core.training.plan import Plan
from core.training.reporting import Reporter

_LOST_CONTEXT = re.compile(
    r"device-side assert|illegal memory access|unspecified launch failure|illegal instruction|misaligned address"
)
"""CUDA errors after which nothing of that process runs on the GPU any more."""


@dataclass(frozen=True, slots=True)
class End:
    """How a training ended.

    Attributes:
        how: as the event `finished` has it.
        error: what ended it, in one line; "" where nothing did.
        context_lost: this process cannot use the GPU any more.
    """

    how: Literal["returned", "stopped", "raised"]
    error: str = ""
    context_lost: bool = False


def train(plan: Plan, reporter: Reporter, control: Control, log: TextIO) -> End:
    """Prepares and trains. Raises nothing; holds nothing of the training afterwards.

    Args:
        plan: of the job, with whole paths.
        reporter: hears of everything but the end.
        control: may ask for something.
        log: gets what went wrong, with its traceback where nobody expected it.
    """
    try:
        from core.training.prepare import prepare

        return End(prepare(plan, reporter, control).run())
    except KeyboardInterrupt:
        return End("stopped")
    except BaseException as error:  # noqa: BLE001 -- the run has to end with a word, whatever happened
        return failure(error, log)


def failure(error: BaseException, log: TextIO) -> End:
    """What to say of an error that ended a training.

    Args:
        error: torch's own for too little memory is told as the settings that help.
        log: gets it, with its traceback where nobody expected it.
    """
    if type(error).__name__ == "OutOfMemoryError":
        from core.training.loop import no_memory

        error = no_memory(error)  # pyright: ignore[reportArgumentType] -- torch's, which may not be imported here to ask
    if isinstance(error, CaddieError):
        said = error.text.in_language(preferred_language())
        trouble = said + "\n"
    else:
        said = f"{type(error).__name__}: {error}"
        trouble = "".join(traceback.format_exception(error))
    with contextlib.suppress(OSError):  # a full disk must not take the place of what happened
        log.write(trouble)
        log.flush()
    return End("raised", " ".join(said.split()), context_lost=_LOST_CONTEXT.search(said) is not None)


def free_memory() -> None:
    """Gives back what a training held, the GPU's memory too."""
    gc.collect()
    torch: Any = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return
    with contextlib.suppress(RuntimeError):  # a lost context gives nothing back
        torch.cuda.empty_cache()


@contextlib.contextmanager
def borrowed_process() -> Iterator[None]:
    """Within it a training may change what belongs to the whole process; afterwards that is as it was.

    The random states are not among it: nothing but trainings uses torch's.
    """
    import torch

    backends: Any = torch.backends
    flags = [
        (backends.cudnn, ("benchmark", "deterministic", "allow_tf32")),
        (backends.cuda.matmul, ("allow_tf32",)),
    ]
    kept = [(owner, name, getattr(owner, name)) for owner, names in flags for name in names]
    threads, kind = torch.get_num_threads(), torch.get_default_dtype()
    exact = torch.are_deterministic_algorithms_enabled()
    # One core is left to the host: where all of them compute, each of torch's waits for the one that the host takes.
    torch.set_num_threads(max(1, min(threads, (os.cpu_count() or 2) - 1)))
    try:
        yield
    finally:
        for owner, name, value in kept:
            setattr(owner, name, value)
        torch.set_default_dtype(kind)
        torch.use_deterministic_algorithms(exact)
        torch.set_num_threads(threads)
